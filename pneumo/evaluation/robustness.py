"""The robustness suite: harmless changes that a radiograph meets on its way from another hospital.

None of them changes what a radiologist would say. A model that answers differently reads the
exporting software, not the lung. All are deterministic, and applied to the radiograph as read,
before the model's own resize; lengths are shares of the picture, so that they mean the same at
any size.

`LOOKS` go further: they give a radiograph the export of one of the other class, so that whoever
reads the export is led astray. They are the nearest that a single hospital's data comes to
another hospital's. `SURROUNDINGS` exchange what lies around the lungs, and `RESTS` leave but a part
of the radiograph: see `pneumo.evaluation.surroundings`.
"""

import io
from collections.abc import Callable, Collection

import numpy as np
from PIL import Image, ImageFilter

from pneumo.evaluation.appearance import borrow_levels, borrow_texture, scale_local_contrast
from pneumo.evaluation.surroundings import (
    Chest,
    keep_lungs_alone,
    lend_marks,
    lend_surroundings,
    paint_chest,
    paint_lungs,
    remove_marks,
)
from pneumo.network.lung_field import field_of
from pneumo.network.lung_finder import Finder, find_lungs
from pneumo.network.preprocess import IMAGE_SIZE, resize_to_grid

Shift = Callable[[np.ndarray], np.ndarray]
"""`(height, width)` uint8 -> `(height, width)` uint8, the size may change."""


def change_levels(change: Callable[[np.ndarray], np.ndarray]) -> Shift:
    """Makes a shift of a map from grey level to grey level, both in 0..1."""
    table = np.rint(255 * np.clip(change(np.linspace(0, 1, 256)), 0, 1)).astype(np.uint8)
    return lambda pixels: table[pixels]


def _jpeg(quality: int) -> Shift:
    def shift(pixels: np.ndarray) -> np.ndarray:
        buffer = io.BytesIO()
        Image.fromarray(pixels).save(buffer, "JPEG", quality=quality)
        buffer.seek(0)
        return np.asarray(Image.open(buffer))

    return shift


def _resolution(side: int) -> Shift:
    def shift(pixels: np.ndarray) -> np.ndarray:
        small = Image.fromarray(pixels).resize((side, side), Image.Resampling.BILINEAR)
        return np.asarray(small)

    return shift


def _blur(pixels: np.ndarray) -> np.ndarray:
    """Gaussian blur with a standard deviation of 1.2 pixels at 299."""
    radius = 1.2 / 299 * max(pixels.shape)
    return np.asarray(Image.fromarray(pixels).filter(ImageFilter.GaussianBlur(radius)))


def _local_contrast(amount: float) -> Shift:
    """Scales all that is finer than a twentieth of the picture."""
    return lambda pixels: scale_local_contrast(
        Image.fromarray(pixels), amount, max(pixels.shape) / 20
    )


def _noise(pixels: np.ndarray) -> np.ndarray:
    """Gaussian noise of 8 grey levels at 299, the same for every radiograph of one size."""
    grain = np.random.default_rng(0).normal(0, 8, (299, 299)).astype(np.float32)
    height, width = pixels.shape
    wide = Image.fromarray(grain).resize((width, height), Image.Resampling.NEAREST)
    return np.clip(np.rint(pixels + np.asarray(wide)), 0, 255).astype(np.uint8)


def _window(pixels: np.ndarray) -> np.ndarray:
    """An 8-bit export of the 2nd to 98th percentile."""
    low, high = np.percentile(pixels, [2, 98])
    scaled = (pixels - low) * (255 / max(high - low, 1))
    return np.clip(np.rint(scaled), 0, 255).astype(np.uint8)


def crop(keep_height: float, keep_width: float) -> Shift:
    """Keeps the middle; the later resize to a square then changes the aspect."""

    def shift(pixels: np.ndarray) -> np.ndarray:
        height, width = pixels.shape
        top = round(height * (1 - keep_height) / 2)
        left = round(width * (1 - keep_width) / 2)
        return pixels[top : height - top, left : width - left]

    return shift


def _border(pixels: np.ndarray) -> np.ndarray:
    """A black frame of 5 % of the picture on each side."""
    margins = [(round(0.05 * side),) * 2 for side in pixels.shape]
    return np.pad(pixels, margins)


def _see_more(pixels: np.ndarray) -> np.ndarray:
    """A field of view 20 % wider: what lies beyond the edges goes on as it is there."""
    return np.pad(pixels, [(round(0.1 * side),) * 2 for side in pixels.shape], mode="edge")


SUITE_VERSION = 3
"""Raised whenever a shift changes, so that remembered scores are not taken for new ones."""

SHIFTS: dict[str, Shift] = {
    "jpeg quality 30": _jpeg(30),
    "jpeg quality 50": _jpeg(50),
    "jpeg quality 75": _jpeg(75),
    "black level +15 %": change_levels(lambda level: 0.15 + 0.85 * level),
    "gamma 0.7": change_levels(lambda level: level**0.7),
    "gamma 1.4": change_levels(lambda level: level**1.4),
    "contrast 0.6": change_levels(lambda level: 0.5 + 0.6 * (level - 0.5)),
    "washed out": change_levels(lambda level: 1 - (1 - level) ** 2.5),
    "local contrast 0.6": _local_contrast(0.6),
    "local contrast 1.6": _local_contrast(1.6),
    "blur": _blur,
    "noise": _noise,
    "224 pixels": _resolution(224),
    "128 pixels": _resolution(128),
    "15 % taller": crop(1 / 1.15, 1),
    "15 % wider": crop(1, 1 / 1.15),
    "window 2..98 %": _window,
    "crop 10 %": crop(0.9, 0.9),
    "border 5 %": _border,
    "view 20 % wider": _see_more,
    "view 20 % narrower": crop(1 / 1.2, 1 / 1.2),
}
"""Name -> shift, in the order of reports."""


def _borrow_texture(pixels: np.ndarray, donor: np.ndarray) -> np.ndarray:
    """Borrows at 299 pixels: textures compare only between pictures of one size.

    For a network with a larger input this takes detail away as well.
    """
    return borrow_texture(resize_to_grid(pixels, IMAGE_SIZE), resize_to_grid(donor, IMAGE_SIZE))


LOOKS: dict[str, Callable[[np.ndarray, np.ndarray], np.ndarray]] = {
    "other class's levels": borrow_levels,
    "other class's texture": _borrow_texture,
    "other class's levels and texture": lambda pixels, donor: _borrow_texture(
        borrow_levels(pixels, donor), donor
    ),
}
"""Name -> function of a radiograph and one of the other class, both `(height, width)` uint8."""


def draw_donors(labels: np.ndarray, seed: int = 0) -> np.ndarray | None:
    """Draws for each radiograph one of the other class.

    Returns:
        `(n,)` indices, the same for the same seed; None if there is but one class.
    """
    rng = np.random.default_rng(seed)
    labels = np.asarray(labels)
    others = {label: np.flatnonzero(labels != label) for label in np.unique(labels)}
    if len(others) < 2:
        return None
    return np.array([rng.choice(others[label]) for label in labels])


SURROUNDINGS: dict[str, Callable[[Chest, Chest], np.ndarray]] = {
    "other class's surroundings": lend_surroundings,
    "other class's letters": lend_marks,
    "letters removed": lambda own, donor: remove_marks(own),
}
"""Name -> function of a radiograph with its lungs and one of the other class with its own."""

RESTS: dict[str, Callable[[Chest], np.ndarray]] = {
    "lungs painted over": paint_lungs,
    "surroundings alone": paint_chest,
    "lungs alone": keep_lungs_alone,
}
"""What an answer rests on: name -> function that leaves a part of the radiograph.

No shifts: without lungs no answer is right, so no threshold is to hold under them.
"""


def apply_suite(
    pixels: np.ndarray,
    donor: np.ndarray | None = None,
    names: Collection[str] | None = None,
    find: Finder | None = None,
) -> dict[str, np.ndarray]:
    """Makes the variants of one radiograph.

    Args:
        pixels: `(height, width)` uint8.
        donor: A radiograph of the other class for `LOOKS` and `SURROUNDINGS`; without one they
            are left out.
        names: Of the variants wanted, all by default; `none` is always there.
        find: Draws the lungs for `SURROUNDINGS` and `RESTS`; without it they are left out.

    Returns:
        Name -> picture, the first of them `none`, the radiograph as it is.
    """
    wanted = {*SHIFTS, *LOOKS, *SURROUNDINGS, *RESTS} if names is None else set(names)
    variants = {"none": pixels}
    variants |= {name: shift(pixels) for name, shift in SHIFTS.items() if name in wanted}
    if donor is not None:
        variants |= {name: look(pixels, donor) for name, look in LOOKS.items() if name in wanted}
    if find is None or wanted.isdisjoint({*SURROUNDINGS, *RESTS}):
        return variants
    pictures = [pixels] if donor is None else [pixels, donor]
    drawn = [field_of(probability).lungs for probability in find_lungs(find, pictures).lungs]
    own, *other = map(Chest, pictures, drawn)
    for name, exchange in SURROUNDINGS.items() if other else ():
        if name in wanted:
            variants[name] = exchange(own, other[0])
    variants |= {name: leave(own) for name, leave in RESTS.items() if name in wanted}
    return variants
