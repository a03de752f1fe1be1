"""What becomes of a training radiograph, drawn at random before anything is done to it.

First the numbers, then the pixels: what is not going to be needed, such as a stranger's lungs, need
not be made, and the same numbers redraw a radiograph on the cores (`pneumo.training.augment`) or
on the device that trains (`pneumo.training.on_device`).
"""

from typing import NamedTuple

import numpy as np

from pneumo.training.framing import AS_SERVED, Outline, vary_outline

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
MOST_PATCHES = 3
GRAIN = 3
"""Side of the sheet of noise from which each radiograph gets a piece, in sides of a picture."""


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


class Levels(NamedTuple):
    """How brightness changes.

    Attributes:
        equalised: How much of the picture is its own equalisation, in [0, 1].
        table: `(256,)` uint8, what then becomes of each grey level.
    """

    equalised: float = 0.0
    table: np.ndarray = np.arange(256, dtype=np.uint8)


class Looks(NamedTuple):
    """How resolution, local contrast, brightness, noise and compression change.

    Attributes:
        smaller: Side of the picture that it is reduced to and enlarged from, in pixels; 0 for none.
        blur: Standard deviation of a blur, in pixels; 0 for none.
        sharpened: How much of what the blur takes away is added instead, 1 being once; 0 for none.
        contrast: Factor of what is finer than `contrast_radius` pixels; 1 for no change.
        contrast_radius: Standard deviation of a blur.
        levels: See there.
        noise: Its standard deviation in grey levels; 0 for none.
        grain: Row and column of the sheet of noise at which its piece begins.
        quality: Of JPEG; 0 for no compression.
    """

    smaller: int = 0
    blur: float = 0.0
    sharpened: float = 0.0
    contrast: float = 1.0
    contrast_radius: float = 1.0
    levels: Levels = Levels()
    noise: float = 0.0
    grain: tuple[int, int] = (0, 0)
    quality: int = 0


class Letters(NamedTuple):
    """Letters that are burned in: left, top and height in pixels, and a grey level."""

    left: float
    top: float
    height: float
    text: str
    shade: int


class Wire(NamedTuple):
    """A wire that lies on the chest: its bends and width in pixels, and a grey level."""

    bends: list[tuple[float, float]]
    width: int
    shade: int


class Marks(NamedTuple):
    """What is drawn across a picture."""

    letters: list[Letters]
    wire: Wire | None


class Patches(NamedTuple):
    """Rectangles that hide what lies under them.

    Attributes:
        boxes: `(n, 4)` integers: top, left, bottom and right in pixels.
        blurred: Whether they show it blurred; otherwise they are grey.
    """

    boxes: np.ndarray
    blurred: bool


class Changes(NamedTuple):
    """Everything that is done to one radiograph once it is cut.

    Attributes:
        levels: How much of the donor's grey levels it takes, 1 being all; 0 for none.
        texture: How much of its texture.
        painted: Strength of the paint that covers its lungs, 1 or more; 0 for none.
        paint: Grey level of the paint; negative for the picture's mean.
        exchanged: Whether its lungs stand in the donor's surroundings.
        marks: What is drawn across it; None for nothing.
        looks: See there.
        patches: What is hidden; None for nothing.
        outline: How its outline is drawn.
    """

    levels: float = 0.0
    texture: float = 0.0
    painted: float = 0.0
    paint: float = -1.0
    exchanged: bool = False
    marks: Marks | None = None
    looks: Looks = Looks()
    patches: Patches | None = None
    outline: Outline = AS_SERVED


def draw_changes(
    rng: np.random.Generator,
    groups: tuple[str, ...],
    size: int,
    borrowing: Borrowing = AT_TIMES,
    lungs: bool = True,
) -> Changes:
    """Draws what is done to one radiograph.

    Args:
        rng: Source of all randomness; equal states give equal changes.
        groups: Which of `GROUPS` to draw from.
        size: Side of the picture, in pixels.
        borrowing: How much it takes after its donor.
        lungs: Whether it has lungs, which could be painted over or put into another chest.
    """
    levels = texture = painted = 0.0
    paint, exchanged = -1.0, False
    if "style" in groups:
        levels, texture = (
            rng.uniform(*borrowing.amount) if rng.random() < chance else 0.0
            for chance in (borrowing.levels, borrowing.texture)
        )
    if "surroundings" in groups and lungs:  # without, a stranger's chest would be all there is
        chance = rng.random()
        if chance < PAINTED_OVER:
            paint = rng.uniform(90, 170) if rng.random() < 0.5 else -1.0
            painted = rng.uniform(1, 2)
        else:
            exchanged = chance < PAINTED_OVER + borrowing.surroundings
    return Changes(
        levels,
        texture,
        painted,
        paint,
        exchanged,
        _draw_marks(rng, size) if "marks" in groups and rng.random() < 0.3 else None,
        _draw_looks(rng, groups, size),
        _draw_patches(rng, size) if "patches" in groups and rng.random() < 0.3 else None,
        vary_outline(rng) if "outline" in groups else AS_SERVED,
    )


def _draw_marks(rng: np.random.Generator, size: int) -> Marks:
    """Draws letters, and often a wire, anywhere on a picture of `size` by `size` pixels."""
    letters = []
    for _ in range(rng.integers(1, 3)):
        left, top = map(float, rng.uniform(-0.03, 0.97, 2) * size)
        height = size * rng.uniform(0.03, 0.14)
        text = str(rng.choice(["R", "L", "R", "A-P", "PA", "65 kV", "AP", "12:40", "SUPINE"]))
        shade = int(rng.integers(170, 256)) if rng.random() < 0.8 else int(rng.integers(0, 60))
        letters.append(Letters(left, top, height, text, shade))
    if rng.random() >= 0.5:
        return Marks(letters, None)
    bends = [(float(x), float(y)) for x, y in rng.uniform(-0.1, 1.1, (4, 2)) * size]
    return Marks(letters, Wire(bends, int(rng.integers(1, 5)), int(rng.integers(130, 256))))


def _draw_looks(rng: np.random.Generator, groups: tuple[str, ...], size: int) -> Looks:
    """Draws how a picture of `size` by `size` pixels looks; other arguments as `draw_changes`."""
    looks = Looks()
    if "texture" in groups:
        looks = _draw_resolution(rng, size)
    if "local-contrast" in groups and rng.random() < 2 / 3:
        looks = looks._replace(
            contrast=np.exp(rng.uniform(np.log(0.5), np.log(2))),
            contrast_radius=size * rng.uniform(0.015, 0.1),
        )
    if "levels" in groups:
        looks = looks._replace(levels=draw_levels(rng))
    if "texture" in groups:
        if rng.random() < 0.5:
            row, column = rng.integers(0, (GRAIN - 1) * size + 1, 2)
            looks = looks._replace(noise=rng.uniform(0, 12), grain=(int(row), int(column)))
        if rng.random() < 0.6:
            looks = looks._replace(quality=int(rng.integers(25, 91)))
    return looks


def _draw_resolution(rng: np.random.Generator, size: int) -> Looks:
    """Leaves the resolution, loses detail by a smaller size or a blur, or sharpens."""
    kind = rng.choice(["none", "smaller", "blur", "sharpen"], p=[0.2, 0.35, 0.2, 0.25])
    if kind == "smaller":
        return Looks(smaller=max(8, int(size * rng.uniform(0.3, 0.9))))
    if kind == "blur":
        return Looks(blur=rng.uniform(0.3, 1.8))
    if kind == "sharpen":
        return Looks(blur=rng.uniform(0.8, 3.0), sharpened=int(rng.integers(40, 251)) / 100)
    return Looks()


def draw_levels(rng: np.random.Generator) -> Levels:
    """Draws gamma, contrast, brightness, black level, sometimes equalisation."""
    equalised = rng.uniform(0.3, 1) if rng.random() < 0.15 else 0.0
    levels = np.linspace(0, 1, 256)
    levels = levels ** np.exp(rng.uniform(np.log(0.6), np.log(1.6)))
    levels = (levels - 0.5) * rng.uniform(0.6, 1.3) + 0.5 + rng.uniform(-0.15, 0.15)
    if rng.random() < 0.5:
        lift = rng.uniform(0, 0.25)
        levels = lift + (1 - lift) * levels
    return Levels(equalised, np.clip(np.rint(255 * levels), 0, 255).astype(np.uint8))


def _draw_patches(rng: np.random.Generator, size: int) -> Patches:
    """Draws one to `MOST_PATCHES` rectangles, each a tenth to a third of either side."""
    blurred = rng.random() < 0.5
    boxes = []
    for _ in range(rng.integers(1, MOST_PATCHES + 1)):
        height, width = (size * rng.uniform(0.1, 0.35, 2)).astype(int)
        top, left = rng.integers(0, size - height), rng.integers(0, size - width)
        boxes.append((top, left, top + height, left + width))
    return Patches(np.array(boxes), blurred)
