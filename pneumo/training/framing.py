"""A training radiograph, cut to its lung field in a way that is never twice the same.

Serving cuts along the lungs that the finder draws. A network that always saw just that would learn
the outline's shape and place along with the lungs, and the outline knows something of the class.
So every cut is turned, moved, widened and edged at random, the same for both classes.
"""

from dataclasses import dataclass
from functools import cached_property
from typing import Literal, NamedTuple

import numpy as np
from PIL import Image

from pneumo.network.lung_field import MARGIN, SOFTNESS, bounds_of, distance_to_field, soften
from pneumo.network.lung_finder import FINDER_SIZE, Finder, find_lungs

SOURCE_SIZE = 384
"""Side of the pictures that are cut from: the field is rarely wider than three quarters of it."""
Border = Literal["constant", "edge", "reflect"]
BORDERS: tuple[Border, ...] = ("constant", "edge", "reflect")
PAD = 32
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

    def lungs_of(self, index: int | np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Returns the `distance` of one radiograph, or of several, as float32, and the `lungs`.

        Raises:
            ValueError: These sources have no lungs.
        """
        if self.distance is None or self.lungs is None:
            raise ValueError("No radiograph is cut to its field without lungs; see add_lungs.")
        return self.distance[index].astype(np.float32), self.lungs[index]

    def has_lungs(self, index: int) -> bool:
        """Tells whether lungs were found in one radiograph."""
        return bool(self.lungs_of(index)[1].max() > 127)


class Placing(NamedTuple):
    """Where in a radiograph a cut lies.

    Attributes:
        matrix: `(2, 2)`, from the cut's unit square to the radiograph's, x first.
        offset: `(2,)`, the place of the cut's upper left corner on the radiograph's unit square.
        border: How the radiograph goes on beyond its edge.
        lungs_border: How its lungs do.
    """

    matrix: np.ndarray
    offset: np.ndarray
    border: Border
    lungs_border: Border


class Cut:
    """A piece of a radiograph and what is known of it; each part is made when first asked for."""

    def __init__(self, sources: Sources, index: int, size: int, placing: Placing) -> None:
        """Takes what to cut.

        Args:
            sources: With lungs.
            index: Which radiograph.
            size: Side of the cut.
            placing: Where it lies.
        """
        self._sources, self._index, self._size = sources, index, size
        self._placing = placing

    @cached_property
    def grid(self) -> np.ndarray:
        """`(size, size)` uint8."""
        grid = self._sources.grids[self._index]
        return self._cut(grid, self._placing.border, Image.Resampling.BICUBIC)

    @cached_property
    def distance(self) -> np.ndarray:
        """`(size, size)` float32, from the field, as a share of the lungs' longer side."""
        return self._cut(self._sources.lungs_of(self._index)[0], "edge")

    @cached_property
    def lungs(self) -> np.ndarray:
        """`(size, size)` float32, how probable lung is."""
        probable = self._sources.lungs_of(self._index)[1]
        return self._cut(probable, self._placing.lungs_border).astype(np.float32) / 255

    def _cut(
        self,
        values: np.ndarray,
        border: Border,
        kernel: Image.Resampling = Image.Resampling.BILINEAR,
    ) -> np.ndarray:
        matrix, offset = self._placing.matrix, self._placing.offset
        return _transform(values, matrix, offset, self._size, border=border, kernel=kernel)


def add_lungs(grids: np.ndarray, find: Finder) -> Sources:
    """Finds the lungs of `(n, side, side)` uint8 radiographs, as serving does."""
    distance = np.empty((len(grids), FINDER_SIZE, FINDER_SIZE), np.float16)
    lungs = np.empty((len(grids), FINDER_SIZE, FINDER_SIZE), np.uint8)
    for place, drawn in enumerate(find_lungs(find, list(grids)).lungs):
        distance[place], kept = distance_to_field(drawn)
        lungs[place] = np.rint(255 * kept)
    return Sources(grids, distance, lungs)


def place_at_random(
    sources: Sources, index: int, rng: np.random.Generator, mirror: bool = False
) -> Placing:
    """Draws where a radiograph is cut: to its field, turned by up to 10 degrees, sheared, widened.

    Args:
        sources: With lungs.
        index: Which radiograph.
        rng: Source of all randomness; equal states give equal cuts.
        mirror: Whether to mirror one in two.
    """
    angle = np.deg2rad(rng.uniform(-10, 10))
    turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    matrix = turn @ np.array([[1, rng.uniform(-0.08, 0.08)], [0, 1]])
    distance, _ = sources.lungs_of(index)
    # The box of the turned field: serving would have found it there. Its corners are ends of rows.
    field = distance < MARGIN + SOFTNESS / 2
    rows = np.flatnonzero(field.any(axis=1))
    ends = field[rows].argmax(axis=1), FINDER_SIZE - 1 - field[rows, ::-1].argmax(axis=1)
    points = (np.stack([np.concatenate(ends), np.tile(rows, 2)]) + 0.5) / FINDER_SIZE
    turned = np.linalg.solve(matrix, points)
    low, high = turned.min(axis=1), turned.max(axis=1)
    sides = high - low
    low = low - rng.uniform(-0.05, 0.06, 2) * sides
    high = high + rng.uniform(-0.05, 0.06, 2) * sides
    if mirror and rng.random() < 0.5:
        low[0], high[0] = high[0], low[0]
    border = BORDERS[rng.choice(len(BORDERS), p=[0.4, 0.3, 0.3])]
    return Placing(matrix @ np.diag(high - low), matrix @ low, border, "constant")


def place_exactly(sources: Sources, index: int) -> Placing:
    """Tells where serving cuts a radiograph, nothing at random."""
    distance, _ = sources.lungs_of(index)
    left, top, right, bottom = bounds_of(distance < MARGIN + SOFTNESS / 2)
    return Placing(
        np.diag([right - left, bottom - top]),
        np.array([left, top]),
        border="edge",
        lungs_border="edge",
    )


def cut_at_random(
    sources: Sources, index: int, size: int, rng: np.random.Generator, mirror: bool = False
) -> Cut:
    """Cuts one radiograph as `place_at_random` says, to a square of `size`."""
    return Cut(sources, index, size, place_at_random(sources, index, rng, mirror))


def cut_exactly(sources: Sources, index: int, size: int) -> Cut:
    """Cuts one radiograph as serving does, to a square of `size`."""
    return Cut(sources, index, size, place_exactly(sources, index))


def _transform(
    values: np.ndarray,
    matrix: np.ndarray,
    offset: np.ndarray,
    size: int,
    *,
    border: Border,
    kernel: Image.Resampling,
) -> np.ndarray:
    """Returns `(size, size)` of a square array, by a map between unit squares."""
    side = len(values)
    pad = side * PAD // FINDER_SIZE
    padded = Image.fromarray(np.pad(values, pad, mode=border))
    scaled, shift = matrix * (side / size), offset * side + pad
    moved = padded.transform(
        (size, size),
        Image.Transform.AFFINE,
        (*scaled[0], shift[0], *scaled[1], shift[1]),
        kernel,
    )
    return np.asarray(moved)


class Outline(NamedTuple):
    """How the outline is drawn outside of which the picture is hidden.

    Attributes:
        exchanged: Whether another radiograph's takes the place of the own.
        reach: How far it reaches beyond the lungs, as a share of the longer side of their box.
        softness: Width of its edge, in the same measure.
        waves: `(6, 6)` float32, by how much it is bent, in the same measure.
    """

    exchanged: bool
    reach: float
    softness: float
    waves: np.ndarray


AS_SERVED = Outline(False, MARGIN, SOFTNESS, np.zeros((6, 6), np.float32))
"""The outline that serving draws."""


def vary_outline(rng: np.random.Generator) -> Outline:
    """Draws at random how to widen or narrow, bend and perhaps exchange an outline."""
    return Outline(
        exchanged=rng.random() < 0.25,
        reach=rng.uniform(0, 2 * MARGIN),
        softness=SOFTNESS * rng.uniform(0.5, 3),
        waves=rng.standard_normal((6, 6)).astype(np.float32) * np.float32(rng.uniform(0, 0.02)),
    )


def draw_outline(own: Cut, donor: Cut, outline: Outline = AS_SERVED) -> np.ndarray:
    """Draws the outline outside of which the picture is hidden.

    Args:
        own: The cut.
        donor: Another radiograph's, whose outline may take the place of the own.
        outline: How to draw it.

    Returns:
        `(size, size)` float32, 1 inside.
    """
    distance = (donor if outline.exchanged else own).distance
    if outline.waves.any():
        waves = Image.fromarray(outline.waves)
        distance = distance + np.asarray(waves.resize(distance.shape, Image.Resampling.BICUBIC))
    return soften(distance, outline.reach, outline.softness)
