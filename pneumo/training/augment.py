"""Random changes to training radiographs that no diagnosis should depend on, made on the cores.

The two classes of the training data were exported differently (sharpness, compression, black
level, aspect), so a network can tell them apart without looking at a lung. Every radiograph of
either class is therefore redrawn with a geometry, resolution, brightness and compression of its
own, the same distributions for both, and often with the looks of another radiograph.
"""

import io
from collections.abc import Callable
from functools import lru_cache
from typing import NamedTuple

import numpy as np
from PIL import Image, ImageDraw, ImageFilter, ImageFont, ImageOps

from pneumo.evaluation.appearance import borrow_levels, borrow_texture, scale_local_contrast
from pneumo.network.lung_field import CUT, present
from pneumo.training.changes import GRAIN, Changes, Levels, Looks, Marks, Patches, draw_changes
from pneumo.training.framing import Cut, draw_outline

HIDING_BLUR = 1 / 15
"""Standard deviation of the blur under which patches hide the lungs, in sides of the picture."""


class Redrawn(NamedTuple):
    """A training radiograph as the network is shown it.

    Attributes:
        grid: `(size, size)` uint8.
        lungs: `(size, size)` float32, how probable it is that lung is to be seen at each place;
            None if nobody asked.
        answerable: Whether its lungs are still there; without them no answer is the right one.
    """

    grid: np.ndarray
    lungs: np.ndarray | None
    answerable: bool


def augment_grid(
    grid: np.ndarray, donor: np.ndarray, rng: np.random.Generator, groups: tuple[str, ...]
) -> np.ndarray:
    """Redraws one whole training radiograph.

    Args:
        grid: `(size, size)` uint8.
        donor: `(size, size)` uint8, any radiograph, whose looks may be borrowed.
        rng: Source of all randomness; equal states give equal pictures.
        groups: Which of `changes.GROUPS` to apply.

    Returns:
        `(size, size)` uint8.
    """
    around = ("surroundings", "marks", "patches", "outline")  # what a lung field has
    changes = draw_changes(rng, tuple(g for g in groups if g not in around), len(grid))
    grid = _borrow_looks(grid, lambda: donor, changes)
    image = Image.fromarray(grid)
    if "mirror" in groups and rng.random() < 0.5:
        image = ImageOps.mirror(image)
    if "geometry" in groups:
        image = _move(image, rng)
    grid = _change_looks(image, changes.looks)
    return _frame(_erase_corners(grid, rng), rng) if "cover" in groups else grid


def augment_cut(
    own: Cut, donor: Cut, changes: Changes, view: str, tell_lungs: bool = False
) -> Redrawn:
    """Redraws one training radiograph that was cut to its lung field.

    Args:
        own: Of the radiograph.
        donor: Of any other, which may lend its looks, surroundings and outline.
        changes: What to do, from `changes.draw_changes`.
        view: What the network is shown of it, one of `lung_field.VIEWS`.
        tell_lungs: Whether to tell where lung is to be seen.
    """
    grid = _borrow_looks(own.grid, lambda: donor.grid, changes)
    if changes.painted:
        level = float(grid.mean()) if changes.paint < 0 else changes.paint
        cover = np.clip(own.lungs * np.float32(changes.painted), 0, 1)
        grid = np.rint(grid + cover * (np.float32(level) - grid)).astype(np.uint8)
    elif changes.exchanged:
        grid = np.rint(donor.grid + own.lungs * (grid.astype(np.float32) - donor.grid))
        grid = grid.astype(np.uint8)
    image = Image.fromarray(grid)
    if changes.marks:
        draw_marks(image, changes.marks)
    grid = _change_looks(image, changes.looks)
    hidden = np.zeros(grid.shape, bool)
    if changes.patches:
        grid, hidden = _hide_patches(grid, changes.patches)
    inside = None
    if view != CUT:
        inside = draw_outline(own, donor, changes.outline)
        grid = present(grid, inside, view)
    lungs = None
    if tell_lungs:
        lungs = np.zeros_like(own.lungs) if changes.painted else np.where(hidden, 0, own.lungs)
        lungs = lungs if inside is None else lungs * inside
    return Redrawn(grid, lungs, answerable=not changes.painted)


def draw_marks(image: Image.Image, marks: Marks) -> None:
    """Draws letters and wires across a picture, as they are burned in or lie on a chest."""
    draw = ImageDraw.Draw(image)
    for left, top, height, text, shade in marks.letters:
        draw.text((left, top), text, fill=shade, font=ImageFont.load_default(height))
    if marks.wire:
        draw.line(marks.wire.bends, fill=marks.wire.shade, width=marks.wire.width)


def change_brightness(image: Image.Image, levels: Levels) -> Image.Image:
    """Equalises a picture in part, then exchanges its grey levels."""
    if levels.equalised:
        image = Image.blend(image, ImageOps.equalize(image), levels.equalised)
    return Image.fromarray(levels.table[np.asarray(image)])


@lru_cache(maxsize=2)
def sheet_of_noise(size: int) -> np.ndarray:
    """Returns `(GRAIN * size, GRAIN * size)` float32, Gaussian, of standard deviation 1.

    Each radiograph gets a piece of it, so that no noise is drawn anew.
    """
    return np.random.default_rng(0).standard_normal((GRAIN * size, GRAIN * size), np.float32)


def compress(image: Image.Image, quality: int) -> Image.Image:
    """Saves as JPEG and reads it again."""
    buffer = io.BytesIO()
    image.save(buffer, "JPEG", quality=quality)
    buffer.seek(0)
    return Image.open(buffer)


def _borrow_looks(
    grid: np.ndarray, donor: Callable[[], np.ndarray], changes: Changes
) -> np.ndarray:
    """Takes the donor's grey levels, or texture, or both, in part or in full."""
    if changes.levels:
        grid = borrow_levels(grid, donor(), changes.levels)
    if changes.texture:
        grid = borrow_texture(grid, donor(), changes.texture)
    return grid


def _change_looks(image: Image.Image, looks: Looks) -> np.ndarray:
    """Changes resolution, local contrast, brightness, noise and compression."""
    image = _change_resolution(image, looks)
    if looks.contrast != 1:
        image = Image.fromarray(scale_local_contrast(image, looks.contrast, looks.contrast_radius))
    image = _add_noise(change_brightness(image, looks.levels), looks)
    return np.array(compress(image, looks.quality) if looks.quality else image)


def _change_resolution(image: Image.Image, looks: Looks) -> Image.Image:
    if looks.smaller:
        small = image.resize((looks.smaller, looks.smaller), Image.Resampling.BILINEAR)
        return small.resize(image.size, Image.Resampling.BILINEAR)
    if looks.sharpened:
        return image.filter(ImageFilter.UnsharpMask(looks.blur, round(100 * looks.sharpened), 0))
    return image.filter(ImageFilter.GaussianBlur(looks.blur)) if looks.blur else image


def _add_noise(image: Image.Image, looks: Looks) -> Image.Image:
    if not looks.noise:
        return image
    row, column = looks.grain
    sheet = sheet_of_noise(image.width)
    grain = sheet[row : row + image.height, column : column + image.width]
    values = np.asarray(image) + grain * np.float32(looks.noise)
    return Image.fromarray(np.clip(np.rint(values), 0, 255).astype(np.uint8))


def _hide_patches(grid: np.ndarray, patches: Patches) -> tuple[np.ndarray, np.ndarray]:
    """Blurs or greys rectangles, and tells which pixels lie in them.

    Hide-and-seek (Singh and Lee 2017, https://arxiv.org/abs/1704.04232): what is left must do, so
    that no single place decides.
    """
    hidden = np.zeros(grid.shape, bool)
    for top, left, bottom, right in patches.boxes:
        hidden[top:bottom, left:right] = True
    if not patches.blurred:
        return np.where(hidden, np.uint8(grid.mean()), grid), hidden
    blur = ImageFilter.GaussianBlur(len(grid) * HIDING_BLUR)
    return np.where(hidden, np.asarray(Image.fromarray(grid).filter(blur)), grid), hidden


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
