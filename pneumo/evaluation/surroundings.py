"""What lies around the lungs, taken away, exchanged or left alone.

Letters, framing and wires tell the classes of the training data apart without a lung. So a network
that reads radiographs must answer alike in a stranger's surroundings, and know nothing once the
lungs are painted over. All functions here take radiographs `(height, width)` uint8 and lungs
`(cells, cells)` float32 in [0, 1] over the whole picture, as `lung_finder` finds them.
"""

from typing import NamedTuple

import numpy as np
import scipy  # its parts load when they are first used
from PIL import Image

from pneumo.network.lung_field import Box, bounds_of, distance_to_field, soften

CHEST_SIDE = 384
"""Marks are looked for in the picture stretched to this side: a size in pixels then means one."""
MARK_WIDTH = 15
"""Widest stroke of a letter, in pixels of that picture."""
MARK_CONTRAST = 60
"""Grey levels by which a mark stands out from what is around it."""

CLEARANCE = 0.08
"""How far from the lungs, in sides of their box, marks begin: nearer by they are ribs."""


class Chest(NamedTuple):
    """A radiograph and its lungs, both `(height, width)` uint8 and `(cells, cells)` float32."""

    pixels: np.ndarray
    lungs: np.ndarray


def _widen(cells: np.ndarray, shape: tuple[int, int]) -> np.ndarray:
    """Resizes a map over the whole picture to `(height, width)` float32."""
    image = Image.fromarray(cells.astype(np.float32))
    return np.asarray(image.resize(shape[::-1], Image.Resampling.BILINEAR))


def lay_over(below: np.ndarray, above: np.ndarray | float, share: np.ndarray) -> np.ndarray:
    """Lays a picture or a grey level over a picture, by a share in [0, 1] of each pixel."""
    return np.rint(below + share * (np.float32(above) - below)).astype(np.uint8)


def paint_lungs(own: Chest) -> np.ndarray:
    """Covers the lungs with the mean grey of the picture; everything else stays."""
    share = _widen(np.minimum(2 * own.lungs, 1), own.pixels.shape)
    return lay_over(own.pixels, own.pixels.mean(), share)


def keep_lungs_alone(own: Chest) -> np.ndarray:
    """Covers everything but the lungs with the mean grey of the picture."""
    share = _widen(np.minimum(2 * own.lungs, 1), own.pixels.shape)
    return lay_over(own.pixels, own.pixels.mean(), 1 - share)


def paint_chest(own: Chest) -> np.ndarray:
    """Covers lungs, what lies between them, and a broad margin: surroundings alone are left."""
    distance, _ = distance_to_field(own.lungs)
    return lay_over(own.pixels, own.pixels.mean(), _widen(soften(distance, 0.08), own.pixels.shape))


def lend_surroundings(own: Chest, donor: Chest) -> np.ndarray:
    """Puts the lungs into another chest, at the place and in the size of the lungs there.

    Returns:
        `(CHEST_SIDE, CHEST_SIDE)` uint8: the donor's framing, letters and wires around the own
        lungs.
    """
    around = np.asarray(Image.fromarray(donor.pixels).resize((CHEST_SIDE, CHEST_SIDE)))
    if not (own.lungs.max() >= 0.5 <= donor.lungs.max()):
        return around if own.lungs.max() < 0.5 else own.pixels
    box, place = bounds_of(own.lungs >= 0.5), bounds_of(donor.lungs >= 0.5)
    share = _move(np.minimum(2 * own.lungs, 1).astype(np.float32), box, place)
    return lay_over(around, _move(own.pixels.astype(np.float32), box, place), np.clip(share, 0, 1))


def _move(values: np.ndarray, box: Box, place: Box) -> np.ndarray:
    """Draws what is in one box of the unit square at another.

    Returns:
        `(CHEST_SIDE, CHEST_SIDE)` float32.
    """
    height, width = values.shape
    across = (box[2] - box[0]) / (place[2] - place[0])
    down = (box[3] - box[1]) / (place[3] - place[1])
    return np.asarray(
        Image.fromarray(values).transform(
            (CHEST_SIDE, CHEST_SIDE),
            Image.Transform.AFFINE,
            (
                *(across * width / CHEST_SIDE, 0, (box[0] - across * place[0]) * width),
                *(0, down * height / CHEST_SIDE, (box[1] - down * place[1]) * height),
            ),
            Image.Resampling.BILINEAR,
        )
    )


def find_marks(own: Chest) -> np.ndarray:
    """Finds letters and other bright marks at some distance from the lungs.

    Returns:
        `(CHEST_SIDE, CHEST_SIDE)` bool over the whole picture.
    """
    grid = np.asarray(Image.fromarray(own.pixels).resize((CHEST_SIDE, CHEST_SIDE)))
    bright = scipy.ndimage.white_tophat(grid, MARK_WIDTH) > MARK_CONTRAST
    distance, _ = distance_to_field(own.lungs)
    outside = _widen(distance, (CHEST_SIDE, CHEST_SIDE)) > CLEARANCE
    return scipy.ndimage.binary_dilation(bright & outside, iterations=2)


def remove_marks(own: Chest) -> np.ndarray:
    """Replaces marks by what is around them.

    Returns:
        `(CHEST_SIDE, CHEST_SIDE)` uint8.
    """
    grid = np.asarray(Image.fromarray(own.pixels).resize((CHEST_SIDE, CHEST_SIDE)))
    ground = scipy.ndimage.gaussian_filter(scipy.ndimage.grey_opening(grid, MARK_WIDTH), 3)
    return np.where(find_marks(own), ground, grid)


def lend_marks(own: Chest, donor: Chest) -> np.ndarray:
    """Replaces the marks by those of another radiograph, wherever they lie outside the lungs.

    Returns:
        `(CHEST_SIDE, CHEST_SIDE)` uint8.
    """
    grid = remove_marks(own)
    lent = np.asarray(Image.fromarray(donor.pixels).resize((CHEST_SIDE, CHEST_SIDE)))
    free = _widen(own.lungs, grid.shape) < 0.5
    return np.where(find_marks(donor) & free, lent, grid)
