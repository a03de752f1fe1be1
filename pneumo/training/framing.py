"""A training radiograph, cut to its lung field in a way that is never twice the same.

Serving cuts along the lungs that the finder draws. A network that always saw just that would learn
the outline's shape and place along with the lungs, and the outline knows something of the class.
So every cut is turned, moved, widened and edged at random, the same for both classes.
"""

from dataclasses import dataclass
from typing import Literal

import numpy as np
from PIL import Image

from pneumo.network.lung_field import MARGIN, SOFTNESS, bounds_of, distance_to_field, soften
from pneumo.network.lung_finder import FINDER_SIZE, Finder, find_lungs

SOURCE_SIZE = 384
"""Side of the pictures that are cut from: the field is rarely wider than three quarters of it."""
Border = Literal["constant", "edge", "reflect"]
_BORDERS: tuple[Border, ...] = ("constant", "edge", "reflect")
_PAD = 32
"""Cells by which the maps are continued, so that a turned cut finds something beyond the edge."""


@dataclass(frozen=True)
class Sources:
    """Radiographs in memory, with their lungs.

    Attributes:
        grids: `(n, side, side)` uint8.
        distance: `(n, 128, 128)` float16, see `distance_to_field`; None for a network
            that looks at whole radiographs and has no use for lungs.
        lungs: `(n, 128, 128)` uint8, 255 times the probability of lung; None likewise.
    """

    grids: np.ndarray
    distance: np.ndarray | None = None
    lungs: np.ndarray | None = None

    def lungs_of(self, index: int) -> tuple[np.ndarray, np.ndarray]:
        """Returns one radiograph's `distance` as float32, and its `lungs`.

        Raises:
            ValueError: These sources have no lungs.
        """
        if self.distance is None or self.lungs is None:
            raise ValueError("No radiograph is cut to its field without lungs; see add_lungs.")
        return self.distance[index].astype(np.float32), self.lungs[index]


@dataclass(frozen=True)
class Cut:
    """A piece of a radiograph and what is known of it, all `(size, size)`.

    Attributes:
        grid: uint8.
        distance: float32, from the field, as a share of the lungs' longer side.
        lungs: float32, how probable lung is.
    """

    grid: np.ndarray
    distance: np.ndarray
    lungs: np.ndarray


def add_lungs(grids: np.ndarray, find: Finder) -> Sources:
    """Finds the lungs of `(n, side, side)` uint8 radiographs, as serving does."""
    distance = np.empty((len(grids), FINDER_SIZE, FINDER_SIZE), np.float16)
    lungs = np.empty((len(grids), FINDER_SIZE, FINDER_SIZE), np.uint8)
    for place, drawn in enumerate(find_lungs(find, list(grids)).lungs):
        distance[place], kept = distance_to_field(drawn)
        lungs[place] = np.rint(255 * kept)
    return Sources(grids, distance, lungs)


def cut_at_random(
    sources: Sources, index: int, size: int, rng: np.random.Generator, mirror: bool = False
) -> Cut:
    """Cuts one radiograph to its field, turned by up to 10 degrees, sheared, moved and widened.

    Args:
        sources: With lungs.
        index: Which radiograph.
        size: Side of the cut.
        rng: Source of all randomness; equal states give equal cuts.
        mirror: Whether to mirror one in two.
    """
    angle = np.deg2rad(rng.uniform(-10, 10))
    turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    matrix = turn @ np.array([[1, rng.uniform(-0.08, 0.08)], [0, 1]])
    distance, probable = sources.lungs_of(index)
    # The box of the turned field: serving would have found it there.
    rows, columns = np.nonzero(distance < MARGIN + SOFTNESS / 2)
    points = (np.stack([columns, rows]) + 0.5) / FINDER_SIZE
    turned = np.linalg.solve(matrix, points)
    low, high = turned.min(axis=1), turned.max(axis=1)
    sides = high - low
    low = low - rng.uniform(-0.05, 0.06, 2) * sides
    high = high + rng.uniform(-0.05, 0.06, 2) * sides
    if mirror and rng.random() < 0.5:
        low[0], high[0] = high[0], low[0]
    offset, matrix = matrix @ low, matrix @ np.diag(high - low)  # from the cut's unit square
    border = _BORDERS[rng.choice(len(_BORDERS), p=[0.4, 0.3, 0.3])]
    grid = _transform(sources.grids[index], matrix, offset, size, border)
    far = _transform(distance, matrix, offset, size, "edge")
    lungs = _transform(probable, matrix, offset, size, "constant")
    return Cut(grid, far, lungs.astype(np.float32) / 255)


def cut_exactly(sources: Sources, index: int, size: int) -> Cut:
    """Cuts one radiograph as serving does, nothing at random."""
    distance, probable = sources.lungs_of(index)
    left, top, right, bottom = bounds_of(distance < MARGIN + SOFTNESS / 2)
    matrix, offset = np.diag([right - left, bottom - top]), np.array([left, top])
    arrays = sources.grids[index], distance, probable
    grid, far, lungs = (_transform(a, matrix, offset, size, "edge") for a in arrays)
    return Cut(grid, far, lungs.astype(np.float32) / 255)


def _transform(
    values: np.ndarray, matrix: np.ndarray, offset: np.ndarray, size: int, border: Border
) -> np.ndarray:
    """Returns `(size, size)` of a square array, by a map between unit squares."""
    side = len(values)
    pad = side * _PAD // FINDER_SIZE
    padded = Image.fromarray(np.pad(values, pad, mode=border))
    scaled, shift = matrix * (side / size), offset * side + pad
    kernel = Image.Resampling.BICUBIC if side >= size else Image.Resampling.BILINEAR
    moved = padded.transform(
        (size, size),
        Image.Transform.AFFINE,
        (*scaled[0], shift[0], *scaled[1], shift[1]),
        kernel,
    )
    return np.asarray(moved)


def draw_outline(
    own: Cut, donor: Cut | None, rng: np.random.Generator, vary: bool = True
) -> np.ndarray:
    """Draws the outline outside of which the picture is hidden.

    Args:
        own: The cut.
        donor: Another radiograph's, whose outline may take the place of the own.
        rng: Source of all randomness.
        vary: Whether to widen, narrow, bend or exchange it.

    Returns:
        `(size, size)` float32, 1 inside.
    """
    distance, reach, softness = own.distance, MARGIN, SOFTNESS
    if vary:
        if donor is not None and rng.random() < 0.25:
            distance = donor.distance
        reach = rng.uniform(0, 2 * MARGIN)
        softness = SOFTNESS * rng.uniform(0.5, 3)
        waves = rng.standard_normal((6, 6)).astype(np.float32) * rng.uniform(0, 0.02)
        size = distance.shape[::-1]
        distance = distance + np.asarray(
            Image.fromarray(waves).resize(size, Image.Resampling.BICUBIC)
        )
    return soften(distance, reach, softness)
