"""What is done to the radiographs of a batch, as arrays: pixels are made of them elsewhere.

Needs no Keras, like all that prepares batches; `pneumo.training.on_device` takes the arrays.
"""

from collections.abc import Sequence

import numpy as np
from PIL import Image

from pneumo.training.augment import draw_marks
from pneumo.training.changes import MOST_PATCHES, Changes, Looks
from pneumo.training.framing import BORDERS, Placing, Sources

BLOCK = 8
"""Side of the blocks that JPEG transforms."""
_LUMINANCE = np.array(
    [
        [16, 11, 10, 16, 24, 40, 51, 61],
        [12, 12, 14, 19, 26, 58, 60, 55],
        [14, 13, 16, 24, 40, 57, 69, 56],
        [14, 17, 22, 29, 51, 87, 80, 62],
        [18, 22, 37, 56, 68, 109, 103, 77],
        [24, 35, 55, 64, 81, 104, 113, 92],
        [49, 64, 78, 87, 103, 121, 120, 101],
        [72, 92, 95, 98, 112, 100, 103, 99],
    ]
)
"""Steps to which coefficients are rounded at quality 50 (ITU-T T.81, table K.1)."""
Arrays = dict[str, np.ndarray]
"""Input of the layer, by name: what belongs to one batch, the batch first."""


def describe_batch(
    sources: Sources,
    pairs: Sequence[tuple[int, int]],
    placings: Sequence[tuple[Placing, Placing]],
    changes: Sequence[Changes],
    size: int,
) -> Arrays:
    """Writes down what the layer needs to know of a batch.

    Args:
        sources: With lungs.
        pairs: Of each radiograph its index and its donor's.
        placings: Where each of both is cut.
        changes: What is done to the radiograph.
        size: Side of the picture that the network is shown.
    """
    own, donor = np.array(pairs).T
    (own_distance, own_lungs), (donor_distance, _) = map(sources.lungs_of, (own, donor))
    arrays = {
        "own_grid": sources.grids[own],
        "donor_grid": sources.grids[donor],
        "own_distance": own_distance,
        "donor_distance": donor_distance,
        "own_lungs": own_lungs,
        "marks": np.stack([_draw_on_both(one, size) for one in changes]),
        "waves": np.stack([one.outline.waves for one in changes]),
        "table": np.stack([one.looks.levels.table for one in changes]),
        "steps": np.stack([_jpeg_steps(one.looks.quality) for one in changes]),
        "boxes": np.stack([_boxes_of(one) for one in changes]),
    }
    for name, some in zip(("own", "donor"), zip(*placings, strict=True), strict=True):
        arrays[f"{name}_place"] = np.array(
            [[*p.matrix.ravel(), *p.offset] for p in some], np.float32
        )
        arrays[f"{name}_border"] = np.array([BORDERS.index(p.border) for p in some], np.int32)
    numbers = [_numbers_of(one) for one in changes]
    for name in numbers[0]:
        arrays[name] = np.array([each[name] for each in numbers], np.float32)
    return arrays


def _numbers_of(changes: Changes) -> dict[str, float]:
    """Returns the single numbers among the changes; those of a change left out change nothing."""
    looks, patches = changes.looks, changes.patches
    return {
        "levels": changes.levels,
        "texture": changes.texture,
        "painted": changes.painted,
        "paint": changes.paint,
        "exchanged": changes.exchanged,
        "smaller": looks.smaller,
        "blur": looks.blur,
        "kept": _kept_of(looks),
        "contrast": looks.contrast,
        "contrast_radius": looks.contrast_radius,
        "equalised": looks.levels.equalised,
        "noise": looks.noise,
        "row": looks.grain[0],
        "column": looks.grain[1],
        "compressed": looks.quality > 0,
        "blurred": bool(patches and patches.blurred),
        "other_outline": changes.outline.exchanged,
        "reach": changes.outline.reach,
        "softness": changes.outline.softness,
    }


def _kept_of(looks: Looks) -> float:
    """Returns the factor of what `blur` or `smaller` takes away."""
    if looks.sharpened:
        return 1 + looks.sharpened
    return 0.0 if looks.blur or looks.smaller else 1.0


def _draw_on_both(changes: Changes, size: int) -> np.ndarray:
    """Draws the marks on black and on white, `(2, size, size)` uint8.

    Between the two lies what they do to any grey.
    """
    sheets = [Image.new("L", (size, size), shade) for shade in (0, 255)]
    if changes.marks:
        for sheet in sheets:
            draw_marks(sheet, changes.marks)
    return np.stack([np.asarray(sheet) for sheet in sheets])


def _boxes_of(changes: Changes) -> np.ndarray:
    boxes = np.zeros((MOST_PATCHES, 4), np.int32)
    if changes.patches:
        boxes[: len(changes.patches.boxes)] = changes.patches.boxes
    return boxes


def _jpeg_steps(quality: int) -> np.ndarray:
    """Returns the steps of a quality as libjpeg scales them, `(8, 8)` float32; 1 for quality 0."""
    if not quality:
        return np.ones((BLOCK, BLOCK), np.float32)
    percent = 5000 // quality if quality < 50 else 200 - 2 * quality
    return np.clip((_LUMINANCE * percent + 50) // 100, 1, 255).astype(np.float32)
