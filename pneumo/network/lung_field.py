"""Lungs -> lung field -> what the network sees, and back again.

The surroundings of the lungs (letters, framing, wires, arms) tell the classes of the training data
apart all by themselves, so the network is not shown them: the radiograph is cut to both lungs and
what lies between them, and what is left outside their outline is made one even grey. (Surroundings
as a shortcut: Maguolo and Nanni 2021, https://arxiv.org/abs/2004.12823; cutting out the lungs:
Teixeira et al. 2021, https://arxiv.org/abs/2009.09780.)

What is left can be equalised: every grey level within the outline becomes as frequent as any other.
How bright a picture was exported, and with which curve, is then gone by construction. (Histogram
equalisation: Pizer et al. 1987, https://doi.org/10.1016/S0734-189X(87)80186-X.)

All places are told on the picture stretched to a unit square, so they hold at any size: x to the
right and y down, 0 and 1 the outer edges.
"""

from dataclasses import dataclass

import numpy as np
import scipy  # its parts load when they are first used
from PIL import Image

EQUALISED, FIELD, CUT, WHOLE = VIEWS = ("equalised", "field", "cut", "whole")
"""What a network is shown: the lung field with the rest hidden, its grey levels equalised or as
they are; the radiograph cut to the field; or the whole radiograph."""

LEAST_AREA = 0.02
"""Share of the picture that lungs take at least; anything smaller is no pair of lungs."""
LEAST_PART = 0.1
"""A part of the drawing that is smaller than this share of the largest is a speck, no lung."""
NARROW = 0.6
"""Width of one lung alone over its height, at the most, on the stretched square."""
MARGIN = 0.035
"""How far the field reaches beyond the lungs, as a share of the longer side of their box."""
SOFTNESS = 0.02
"""Width of the field's soft edge, in the same measure."""

Box = tuple[float, float, float, float]
"""Left, top, right and bottom on the unit square."""


@dataclass(frozen=True)
class LungField:
    """Where in a radiograph the network looks.

    Attributes:
        box: Left, top, right and bottom of the part that is cut out, on the unit square.
        inside: `(cells, cells)` float32 over the whole picture: 1 within the outline, 0 outside,
            between them on the soft edge.
        lungs: `(cells, cells)` float32 over the whole picture: how probable lung is.
        found: Whether there are lungs; otherwise the field is an oval in the middle.
    """

    box: Box
    inside: np.ndarray
    lungs: np.ndarray
    found: bool = True

    def smaller_lung(self) -> float:
        """Returns which share of all lung the smaller of the two is, in [0, 0.5].

        Lungs that touch are one part, but as broad as two; a part as narrow as one lung is one.
        """
        drawn = self.lungs >= 0.5
        parts, count = scipy.ndimage.label(drawn)
        if count > 1:
            second, first = np.sort(np.bincount(parts.ravel())[1:])[-2:]
            if second >= LEAST_PART * first:  # a crumb beside them is no lung
                return float(second / (first + second))
        left, top, right, bottom = bounds_of(drawn)
        return 0.5 if right - left > NARROW * (bottom - top) else 0.0

    def cut_off(self) -> float:
        """Returns the largest share of a side of the lungs' box that lies on the picture's edge."""
        drawn = self.lungs >= 0.5
        left, top, right, bottom = bounds_of(drawn)
        tall, wide = (bottom - top) * len(drawn), (right - left) * len(drawn)
        edges = (drawn[:, 0], tall), (drawn[:, -1], tall), (drawn[0], wide), (drawn[-1], wide)
        return max(float(edge.sum() / side) for edge, side in edges)


def keep_lungs(probability: np.ndarray) -> np.ndarray:
    """Returns `(h, w)` bool: the two largest parts of `(h, w)` probabilities of lung."""
    parts, count = scipy.ndimage.label(probability >= 0.5)
    areas = np.bincount(parts.ravel(), minlength=count + 1)[1:]
    if not count or areas.sum() < LEAST_AREA * probability.size:
        return np.zeros(probability.shape, bool)
    order = np.argsort(areas)[::-1][:2]
    kept = [part + 1 for part in order if areas[part] >= LEAST_PART * areas[order[0]]]
    return np.isin(parts, kept)


def distance_to_field(probability: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Measures how far each cell lies outside both lungs and what is between them.

    Args:
        probability: `(cells, cells)` float32, how probable lung is.

    Returns:
        Distances, negative inside, as shares of the longer side of the lungs' box, and the
        probabilities with specks and strangers set to 0; both `(cells, cells)` float32. Without
        lungs the distances are those from an oval in the middle, where lungs would be.
    """
    lungs = keep_lungs(probability)
    if not lungs.any():
        y, x = (np.indices(probability.shape) + 0.5) / len(probability) - 0.5
        oval = np.hypot(x, y) - 0.4 + MARGIN
        return oval.astype(np.float32), np.zeros(probability.shape, np.float32)
    between = np.logical_or.accumulate(lungs, axis=1)
    between &= np.logical_or.accumulate(lungs[:, ::-1], axis=1)[:, ::-1]
    outwards = scipy.ndimage.distance_transform_edt(~between)
    inwards = scipy.ndimage.distance_transform_edt(between)
    # The edge runs between two cells, half a cell from the middle of either.
    distance = np.where(between, 0.5 - inwards, outwards - 0.5)
    left, top, right, bottom = bounds_of(lungs)
    side = len(probability) * max(right - left, bottom - top)
    near = scipy.ndimage.binary_dilation(lungs, iterations=2)
    kept = np.where(near, probability, 0)
    return (distance / side).astype(np.float32), kept.astype(np.float32)


def soften(distance: np.ndarray, reach: float, softness: float = SOFTNESS) -> np.ndarray:
    """Returns 1 where distances are below the reach, 0 above, and a ramp between, float32."""
    return np.clip(0.5 + (reach - distance) / softness, 0, 1).astype(np.float32)


def field_of(probability: np.ndarray) -> LungField:
    """Makes the field of the lungs that the finder drew.

    Args:
        probability: `(cells, cells)` float32, how probable lung is.

    Returns:
        The field. Both lungs count, and each row from the outer edge of one to that of the other;
        `MARGIN` is added all around.
    """
    distance, lungs = distance_to_field(probability)
    inside = soften(distance, MARGIN)
    return LungField(bounds_of(inside > 0), inside, lungs, bool(lungs.any()))


def bounds_of(mask: np.ndarray) -> Box:
    """Returns the box of what is set in `(h, w)`."""
    rows, columns = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
    height, width = mask.shape
    return (
        float(columns[0] / width),
        float(rows[0] / height),
        float((columns[-1] + 1) / width),
        float((rows[-1] + 1) / height),
    )


def cut_out(pixels: np.ndarray, field: LungField, size: int) -> np.ndarray:
    """Cuts a radiograph to the field and stretches that to the network's square.

    Args:
        pixels: `(height, width)` uint8.
        field: Of this radiograph.
        size: Side of the result.

    Returns:
        `(size, size)` uint8, triangle-filtered; what lies outside the outline is still there.
    """
    return _crop(Image.fromarray(pixels), field.box, size)


def crop_outline(field: LungField, size: int) -> np.ndarray:
    """Returns how far each pixel of a cut lies inside the outline, `(size, size)` 0 to 1."""
    return np.clip(crop_cells(field.inside, field, size), 0, 1)


def present(grid: np.ndarray, inside: np.ndarray, view: str) -> np.ndarray:
    """Makes of a cut what the network is shown.

    Args:
        grid: `(size, size)` uint8.
        inside: `(size, size)` float32 in [0, 1], 1 within the outline.
        view: One of `VIEWS`, not the whole.

    Returns:
        `(size, size)` uint8.
    """
    if view == CUT:
        return grid
    return hide_outside(equalise(grid, inside) if view == EQUALISED else grid, inside)


def equalise(grid: np.ndarray, inside: np.ndarray) -> np.ndarray:
    """Makes each grey level within the outline as frequent as any other.

    Each level becomes the share of the field that is darker, and half of what is just as dark. So
    any rising curve over the levels changes nothing but rounding, and an even grey stays even.

    Args:
        grid: `(size, size)` uint8.
        inside: `(size, size)` float32 in [0, 1], how much a pixel counts.

    Returns:
        `(size, size)` uint8.
    """
    counts = np.bincount(grid.ravel(), weights=inside.ravel(), minlength=256)
    darker = np.cumsum(counts) - counts / 2
    return np.rint(darker * (255 / max(counts.sum(), 1))).astype(np.uint8)[grid]


def hide_outside(grid: np.ndarray, inside: np.ndarray) -> np.ndarray:
    """Makes everything outside the outline as grey as the inside is on average.

    Args:
        grid: `(size, size)` uint8.
        inside: `(size, size)` float32 in [0, 1].

    Returns:
        `(size, size)` uint8.
    """
    level = float((grid * inside).sum() / max(inside.sum(), 1))
    return np.rint(level + inside * (grid - level)).astype(np.uint8)


def crop_cells(cells: np.ndarray, field: LungField, size: int) -> np.ndarray:
    """Returns `(size, size)` float32 of the field's box in a map over the whole radiograph."""
    return _crop(Image.fromarray(cells.astype(np.float32)), field.box, size)


def _crop(image: Image.Image, box: Box, size: int) -> np.ndarray:
    """Returns `(size, size)` of the part within a box on the unit square."""
    width, height = image.size
    part = (box[0] * width, box[1] * height, box[2] * width, box[3] * height)
    return np.asarray(image.resize((size, size), Image.Resampling.BILINEAR, box=part))


def outline_of(field: LungField, shape: tuple[int, int]) -> np.ndarray:
    """Returns how far each pixel of a radiograph lies inside the field, `shape` float32 0 to 1."""
    image = Image.fromarray(field.inside).resize(shape[::-1], Image.Resampling.BILINEAR)
    outline = np.array(image)
    return np.clip(outline, 0, 1, out=outline)


def put_back(cells: np.ndarray, field: LungField, shape: tuple[int, int]) -> np.ndarray:
    """Lays a map of the network's square over the radiograph, at the place it was cut from.

    Args:
        cells: `(h, w)` float32, such as a heatmap of the last layer.
        field: Of the radiograph.
        shape: Height and width of the radiograph.

    Returns:
        `shape` float32: bilinear with half-pixel centres inside the box, 0 outside it.
    """
    height, width = shape
    left, top, right, bottom = field.box
    rows, down = _places(height, top, bottom, cells.shape[0])
    columns, across = _places(width, left, right, cells.shape[1])
    placed = np.zeros(shape, np.float32)
    placed[rows, columns] = _interpolate(_interpolate(cells.astype(np.float32), down).T, across).T
    return placed


def _places(length: int, low: float, high: float, cells: int) -> tuple[slice, np.ndarray]:
    """Returns which pixels have their centre inside a box, and where among the cells these lie."""
    places = ((np.arange(length) + 0.5) / length - low) / (high - low)
    held = np.flatnonzero((places >= 0) & (places <= 1))
    inside = slice(held[0], held[-1] + 1) if len(held) else slice(0)
    return inside, np.clip(places[inside] * cells - 0.5, 0, cells - 1)


def _interpolate(values: np.ndarray, places: np.ndarray) -> np.ndarray:
    """Returns `(len(places), columns)`: rows of `values` between whole numbers."""
    lower = np.minimum(places.astype(int), max(len(values) - 2, 0))
    upper = np.minimum(lower + 1, len(values) - 1)
    share = (places - lower).astype(np.float32)[:, np.newaxis]
    # No product of matrices: its threads would fight those of the network for the cores.
    return values[lower] * (1 - share) + values[upper] * share
