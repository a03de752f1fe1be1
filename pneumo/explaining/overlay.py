"""Radiograph + heatmap -> picture, at the radiograph's own size and aspect."""

from dataclasses import dataclass

import numpy as np
from PIL import Image

from pneumo.network.lung_field import LungField, outline_of, put_back

COLOUR_MAPS = ("inferno", "plasma", "viridis", "cividis", "turbo")
"""Perceptual colour maps of Matplotlib; cividis is made for colour-blind eyes."""

CONTOUR_LEVELS = (0.3, 0.5, 0.7, 0.9)
"""Heat at which lines are drawn."""

OUTLINE_COLOUR = (120, 190, 255)
"""Of the lung field's outline: a blue that no warm colour map has."""

BLEND_ROWS = 64
"""Rows that are coloured at a time."""


@dataclass(frozen=True)
class Look:
    """How a heatmap is drawn; see `blend` and `draw_contours`."""

    opacity: float = 0.45
    colour_map: str = COLOUR_MAPS[0]
    contours: bool = False
    above: float = 0

    def draw(self, pixels: np.ndarray, heatmap: np.ndarray, field: LungField | None) -> np.ndarray:
        """Draws a coarse map over a radiograph, and the outline of where the network looked.

        Args:
            pixels: `(height, width)` uint8.
            heatmap: As for `stretch_heatmap`.
            field: Likewise.

        Returns:
            `(height, width, 3)` uint8.
        """
        if field is None:
            return self._colour(pixels, stretch_heatmap(heatmap, pixels.shape))
        outline = outline_of(field, pixels.shape)
        heat = put_back(heatmap, field, pixels.shape) * outline
        return trace_outline(self._colour(pixels, heat), outline)

    def _colour(self, pixels: np.ndarray, heat: np.ndarray) -> np.ndarray:
        if self.contours:
            return draw_contours(pixels, heat, self.colour_map, self.above)
        return blend(pixels, heat, self.opacity, self.colour_map, self.above)


def stretch_heatmap(
    heatmap: np.ndarray, shape: tuple[int, int], field: LungField | None = None
) -> np.ndarray:
    """Lays a coarse map over a radiograph.

    The network saw the radiograph, or the field cut out of it, stretched to a square, so the map
    is stretched back, with the centres of its cells at the centres of the cells (half-pixel
    centres), linear in between.

    Args:
        heatmap: `(h, w)` float32 in [0, 1].
        shape: `(height, width)` of the radiograph.
        field: Where the network looked; None if at the whole radiograph. There is no heat
            outside the field's outline, of which the network was shown nothing.

    Returns:
        `(height, width)` float32 in [0, 1].
    """
    height, width = shape
    if field is not None:
        return put_back(heatmap, field, shape) * outline_of(field, shape)
    image = Image.fromarray(np.ascontiguousarray(heatmap, np.float32))
    return np.asarray(image.resize((width, height), Image.Resampling.BILINEAR))


def blend(
    pixels: np.ndarray,
    heatmap: np.ndarray,
    opacity: float = 0.45,
    colour_map: str = "inferno",
    above: float = 0,
) -> np.ndarray:
    """Colours a radiograph by its heatmap; where there is no heat it stays as it was.

    Args:
        pixels: `(height, width)` uint8.
        heatmap: `(height, width)` float32 in [0, 1].
        opacity: Of the hottest place, in [0, 1]; cooler ones are that much more transparent.
        colour_map: One of `COLOUR_MAPS`.
        above: Least heat that is drawn, in [0, 1].

    Returns:
        `(height, width, 3)` uint8.
    """
    # Heat in 256 steps, as the colours are, so that each pair of heat and grey is mixed but once.
    steps = np.arange(256, dtype=np.float32)
    grey, colours = steps[:, np.newaxis], colour_table(colour_map).astype(np.float32)
    alpha = (np.float32(opacity) * steps / 255)[:, np.newaxis, np.newaxis]
    mixed = np.rint(grey + (colours[:, np.newaxis] - grey) * alpha).astype(np.uint8).reshape(-1, 3)
    picture = np.empty((*pixels.shape, 3), np.uint8)
    # In bands: the steps between would take several times the memory of the radiograph.
    for top in range(0, len(pixels), BLEND_ROWS):
        rows = slice(top, top + BLEND_ROWS)
        heat = heatmap[rows]
        shown = np.where(heat >= above, heat, 0) if above else heat
        pairs = np.rint(shown * np.float32(255)).astype(np.uint16) * np.uint16(256) + pixels[rows]
        picture[rows] = mixed.take(pairs, axis=0)
    return picture


def draw_contours(
    pixels: np.ndarray, heatmap: np.ndarray, colour_map: str = "inferno", above: float = 0
) -> np.ndarray:
    """Draws lines of equal heat, which leave the radiograph itself untouched between them.

    Args:
        pixels: `(height, width)` uint8.
        heatmap: `(height, width)` float32 in [0, 1].
        colour_map: One of `COLOUR_MAPS`; each line has the colour of its level.
        above: Least heat of a line that is drawn, in [0, 1].

    Returns:
        `(height, width, 3)` uint8.
    """
    picture = np.repeat(pixels[..., np.newaxis], 3, axis=-1)
    table = colour_table(colour_map)
    thickness = max(1, round(max(pixels.shape) / 500))
    for level in (level for level in CONTOUR_LEVELS if level >= above):
        picture[_edge_around(heatmap >= level, thickness)] = table[round(255 * level)]
    return picture


def trace_outline(picture: np.ndarray, outline: np.ndarray) -> np.ndarray:
    """Draws a line along the edge of the field, beyond which the network is shown nothing.

    Args:
        picture: `(height, width, 3)` uint8; changed in place.
        outline: `(height, width)` float32; see `outline_of`.

    Returns:
        The picture.
    """
    thickness = max(1, round(max(picture.shape) / 700))
    picture[_edge_around(outline >= 0.5, thickness)] = OUTLINE_COLOUR
    return picture


def _edge_around(inside: np.ndarray, thickness: int) -> np.ndarray:
    """Returns `(h, w)` bool: what lies outside, by up to so many pixels along either axis."""
    grown = inside
    for axis in (0, 1):  # one after the other is the square of both, at a tenth of its cost
        before = np.moveaxis(grown, axis, 0)
        after = before.copy()
        for step in range(1, thickness + 1):
            after[step:] |= before[:-step]
            after[:-step] |= before[step:]
        grown = np.moveaxis(after, 0, axis)
    return grown & ~inside


def colour_table(name: str) -> np.ndarray:
    """Returns the `(256, 3)` uint8 colours of a colour map, from cold to hot."""
    import matplotlib  # takes a moment, for which no page is to wait

    return matplotlib.colormaps[name](np.arange(256), bytes=True)[:, :3]
