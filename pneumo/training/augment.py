"""Random changes to training radiographs that no diagnosis should depend on.

The two classes of the training data were exported differently (sharpness, compression, black
level, aspect), so a network can tell them apart without looking at a lung. Every radiograph of
either class is therefore redrawn with a geometry, resolution, brightness and compression of its
own, the same distributions for both, and often with the looks of another radiograph.
"""

import io
from typing import NamedTuple

import numpy as np
from PIL import Image, ImageDraw, ImageFilter, ImageFont, ImageOps

from pneumo.evaluation.appearance import borrow_levels, borrow_texture, scale_local_contrast
from pneumo.network.lung_field import CUT, present
from pneumo.training.framing import Cut, draw_outline

GROUPS = (
    *("style", "mirror", "geometry", "texture", "levels", "cover"),
    *("outline", "surroundings", "marks", "patches", "local-contrast"),
)
"""What can be redrawn; texture is resolution, noise, compression, cover is patches and frames.
Of a lung field also its outline, what surrounds the lungs within it, and marks upon it; patches
of the lungs can be hidden.
"""

PAINTED_OVER = 0.1
"""Share of the radiographs whose lungs are painted over when surroundings are exchanged."""


class Borrowing(NamedTuple):
    """How often, and how much, a radiograph takes after its donor.

    Attributes:
        levels: Probability of taking its grey levels.
        texture: Probability of taking its texture.
        surroundings: Probability of standing in its surroundings.
        amount: Least and most of the donor's looks that are taken, 1 being all.
    """

    levels: float
    texture: float
    surroundings: float
    amount: tuple[float, float]


AT_TIMES = Borrowing(levels=0.5, texture=0.5, surroundings=0.35, amount=(0.4, 1.0))
MOSTLY = Borrowing(levels=0.7, texture=0.8, surroundings=0.6, amount=(0.5, 1.1))
"""For the second drawing of a pair, whose donor is of the other class (`--agreement`)."""


class Redrawn(NamedTuple):
    """A training radiograph as the network is shown it.

    Attributes:
        grid: `(size, size)` uint8.
        lungs: `(size, size)` float32, how probable it is that lung is to be seen at each place.
        answerable: Whether its lungs are still there; without them no answer is the right one.
    """

    grid: np.ndarray
    lungs: np.ndarray
    answerable: bool


def augment_grid(
    grid: np.ndarray, donor: np.ndarray, rng: np.random.Generator, groups: tuple[str, ...]
) -> np.ndarray:
    """Redraws one whole training radiograph.

    Args:
        grid: `(size, size)` uint8.
        donor: `(size, size)` uint8, any radiograph, whose looks may be borrowed.
        rng: Source of all randomness; equal states give equal pictures.
        groups: Which of `GROUPS` to apply.

    Returns:
        `(size, size)` uint8.
    """
    if "style" in groups:
        grid = _borrow_looks(grid, donor, rng, AT_TIMES)
    image = Image.fromarray(grid)
    if "mirror" in groups and rng.random() < 0.5:
        image = ImageOps.mirror(image)
    if "geometry" in groups:
        image = _move(image, rng)
    grid = _change_looks(image, rng, groups)
    return _frame(_erase_corners(grid, rng), rng) if "cover" in groups else grid


def augment_cut(
    own: Cut,
    donor: Cut,
    rng: np.random.Generator,
    groups: tuple[str, ...],
    view: str,
    *,
    borrowing: Borrowing = AT_TIMES,
) -> Redrawn:
    """Redraws one training radiograph that was cut to its lung field.

    Args:
        own: Of the radiograph.
        donor: Of any other, which may lend its looks, surroundings and outline.
        rng: Source of all randomness; equal states give equal pictures.
        groups: Which of `GROUPS` to apply.
        view: What the network is shown of it, one of `lung_field.VIEWS`.
        borrowing: How much it takes after the donor.
    """
    grid, lungs, answerable = own.grid, own.lungs, True
    if "style" in groups:
        grid = _borrow_looks(grid, donor.grid, rng, borrowing)
    if "surroundings" in groups:
        chance = rng.random()
        if chance < PAINTED_OVER and own.lungs.max() > 0.5:
            level = rng.choice([float(grid.mean()), rng.uniform(90, 170)])
            cover = np.clip(own.lungs * rng.uniform(1, 2), 0, 1)
            grid = np.rint(grid + cover * (level - grid)).astype(np.uint8)
            lungs, answerable = np.zeros_like(lungs), False
        elif chance < PAINTED_OVER + borrowing.surroundings:
            grid = np.rint(donor.grid + own.lungs * (grid.astype(np.float32) - donor.grid))
            grid = grid.astype(np.uint8)
    image = Image.fromarray(grid)
    if "marks" in groups and rng.random() < 0.3:
        draw_marks(image, rng)
    grid = _change_looks(image, rng, groups)
    if "patches" in groups and rng.random() < 0.3:
        grid, hidden = _hide_patches(grid, rng)
        lungs = np.where(hidden, 0, lungs)
    if view != CUT:
        outline = draw_outline(own, donor, rng, "outline" in groups)
        grid, lungs = present(grid, outline, view), lungs * outline
    return Redrawn(grid, lungs, answerable)


def _change_looks(
    image: Image.Image, rng: np.random.Generator, groups: tuple[str, ...]
) -> np.ndarray:
    """Changes resolution, local contrast, brightness, noise and compression."""
    if "texture" in groups:
        image = _change_resolution(image, rng)
    if "local-contrast" in groups:
        image = _change_local_contrast(image, rng)
    if "levels" in groups:
        image = change_brightness(image, rng)
    if "texture" in groups:
        image = _add_noise(image, rng)
        if rng.random() < 0.6:
            image = compress(image, quality=int(rng.integers(25, 91)))
    return np.array(image)


def draw_marks(image: Image.Image, rng: np.random.Generator) -> None:
    """Draws letters and wires anywhere on a picture, as they are burned in or lie on a chest."""
    draw, size = ImageDraw.Draw(image), image.width
    for _ in range(rng.integers(1, 3)):
        x, y = map(float, rng.uniform(-0.03, 0.97, 2) * size)
        height = size * rng.uniform(0.03, 0.14)
        text = str(rng.choice(["R", "L", "R", "A-P", "PA", "65 kV", "AP", "12:40", "SUPINE"]))
        shade = int(rng.integers(170, 256)) if rng.random() < 0.8 else int(rng.integers(0, 60))
        draw.text((x, y), text, fill=shade, font=ImageFont.load_default(height))
    if rng.random() < 0.5:
        bends = rng.uniform(-0.1, 1.1, (4, 2)) * size
        line = [tuple(map(float, bend)) for bend in bends]
        draw.line(line, fill=int(rng.integers(130, 256)), width=int(rng.integers(1, 5)))


def _hide_patches(grid: np.ndarray, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Blurs or greys one to three rectangles (hide-and-seek, Singh and Lee 2017).

    https://arxiv.org/abs/1704.04232: what is left must do, so that no single place decides.
    """
    size = len(grid)
    blurred = np.asarray(Image.fromarray(grid).filter(ImageFilter.GaussianBlur(size / 15)))
    fill = blurred if rng.random() < 0.5 else np.full_like(grid, int(grid.mean()))
    grid, hidden = grid.copy(), np.zeros(grid.shape, bool)
    for _ in range(rng.integers(1, 4)):
        height, width = (size * rng.uniform(0.1, 0.35, 2)).astype(int)
        top, left = rng.integers(0, size - height), rng.integers(0, size - width)
        place = slice(top, top + height), slice(left, left + width)
        grid[place] = fill[place]
        hidden[place] = True
    return grid, hidden


def _borrow_looks(
    grid: np.ndarray, donor: np.ndarray, rng: np.random.Generator, borrowing: Borrowing
) -> np.ndarray:
    """Takes the donor's grey levels, or texture, or both, in part or in full."""
    if rng.random() < borrowing.levels:
        grid = borrow_levels(grid, donor, rng.uniform(*borrowing.amount))
    if rng.random() < borrowing.texture:
        grid = borrow_texture(grid, donor, rng.uniform(*borrowing.amount))
    return grid


def _move(image: Image.Image, rng: np.random.Generator) -> Image.Image:
    """Rotates by up to 10 degrees, scales each axis by 0.8..1.25, shears and shifts a little.

    What comes into view at the border is dark, or continues or mirrors the picture, and some
    pictures stay where they are: a network that has only seen dark wedges there answers
    differently as soon as a chest fills the frame.
    """
    if rng.random() < 0.15:
        return image
    size = image.width
    angle = np.deg2rad(rng.uniform(-10, 10))
    scale = np.diag(1 / rng.uniform(0.8, 1.25, 2))
    shear = np.array([[1, rng.uniform(-0.08, 0.08)], [0, 1]])
    turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    matrix = turn @ shear @ scale
    centre = np.full(2, size / 2)
    offset = centre - matrix @ (centre + rng.uniform(-0.06, 0.06, 2) * size)
    border = rng.choice(["dark", "edge", "reflect"], p=[0.4, 0.3, 0.3])
    if border != "dark":
        margin = size // 3
        image = Image.fromarray(np.pad(np.asarray(image), margin, mode=border))
        offset = offset + margin
    return image.transform(
        (size, size),
        Image.Transform.AFFINE,
        (*matrix[0], offset[0], *matrix[1], offset[1]),
        Image.Resampling.BICUBIC,
        fillcolor=int(rng.choice([0, 0, 0, int(rng.integers(0, 60))])),
    )


def _change_resolution(image: Image.Image, rng: np.random.Generator) -> Image.Image:
    """Leaves it, loses detail by a smaller size or a blur, or sharpens."""
    kind = rng.choice(["none", "smaller", "blur", "sharpen"], p=[0.2, 0.35, 0.2, 0.25])
    size = image.width
    if kind == "smaller":
        side = max(8, int(size * rng.uniform(0.3, 0.9)))
        small = image.resize((side, side), Image.Resampling.BILINEAR)
        return small.resize((size, size), Image.Resampling.BILINEAR)
    if kind == "blur":
        return image.filter(ImageFilter.GaussianBlur(rng.uniform(0.3, 1.8)))
    if kind == "sharpen":
        return image.filter(
            ImageFilter.UnsharpMask(rng.uniform(0.8, 3.0), int(rng.integers(40, 251)), 0)
        )
    return image


def _change_local_contrast(image: Image.Image, rng: np.random.Generator) -> Image.Image:
    """Weakens or strengthens what is finer than a lobe in two of three pictures."""
    if rng.random() < 1 / 3:
        return image
    amount = np.exp(rng.uniform(np.log(0.5), np.log(2)))
    radius = image.width * rng.uniform(0.015, 0.1)
    return Image.fromarray(scale_local_contrast(image, amount, radius))


def change_brightness(image: Image.Image, rng: np.random.Generator) -> Image.Image:
    """Gamma, contrast, brightness, black level, sometimes equalisation."""
    if rng.random() < 0.15:
        image = Image.blend(image, ImageOps.equalize(image), rng.uniform(0.3, 1))
    levels = np.linspace(0, 1, 256)
    levels = levels ** np.exp(rng.uniform(np.log(0.6), np.log(1.6)))
    levels = (levels - 0.5) * rng.uniform(0.6, 1.3) + 0.5 + rng.uniform(-0.15, 0.15)
    if rng.random() < 0.5:
        lift = rng.uniform(0, 0.25)
        levels = lift + (1 - lift) * levels
    table = np.clip(np.rint(255 * levels), 0, 255).astype(np.uint8)
    return Image.fromarray(table[np.asarray(image)])


def _add_noise(image: Image.Image, rng: np.random.Generator) -> Image.Image:
    """Adds Gaussian noise of up to 12 grey levels to every other picture."""
    if rng.random() < 0.5:
        return image
    grain = rng.standard_normal((image.height, image.width), np.float32)
    values = np.asarray(image) + grain * np.float32(rng.uniform(0, 12))
    return Image.fromarray(np.clip(np.rint(values), 0, 255).astype(np.uint8))


def compress(image: Image.Image, quality: int) -> Image.Image:
    """Saves as JPEG and reads it again."""
    buffer = io.BytesIO()
    image.save(buffer, "JPEG", quality=quality)
    buffer.seek(0)
    return Image.open(buffer)


def _erase_corners(grid: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Covers up to three patches near the border, where letters are burned in."""
    if rng.random() < 0.5:
        size = len(grid)
        for _ in range(rng.integers(1, 4)):
            height, width = (size * rng.uniform(0.06, 0.25, 2)).astype(int)
            along, across = rng.uniform(0, 1), rng.choice([0.0, 1.0])
            y, x = (along, across) if rng.random() < 0.6 else (across, along)
            top, left = int(y * (size - height)), int(x * (size - width))
            shade = rng.integers(0, 256) if rng.random() < 0.5 else int(grid.mean())
            grid[top : top + height, left : left + width] = shade
    return grid


def _frame(grid: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Darkens a margin of up to 5 % on each side, as scanners and viewers leave one."""
    if rng.random() < 0.25:
        size = len(grid)
        top, bottom, left, right = (size * rng.uniform(0, 0.05, 4)).astype(int)
        framed = np.full_like(grid, rng.choice([0, 0, int(rng.integers(0, 60))]))
        inside = slice(top, size - bottom), slice(left, size - right)
        framed[inside] = grid[inside]
        return framed
    return grid
