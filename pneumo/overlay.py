"""Radiograph + heatmap -> picture, at the radiograph's own size and aspect."""

import io

import matplotlib
import numpy as np
from PIL import Image

COLOUR_MAPS = ("inferno", "plasma", "viridis", "cividis", "turbo")
"""Perceptual colour maps of Matplotlib; cividis is made for colour-blind eyes."""


def stretch_heatmap(heatmap: np.ndarray, shape: tuple[int, int]) -> np.ndarray:
    """Lays a coarse map over a radiograph.

    The network saw the radiograph stretched to a square, so the map is stretched back, with the
    centres of its cells at the centres of the cells (half-pixel centres), linear in between.

    Args:
        heatmap: `(h, w)` float32 in [0, 1].
        shape: `(height, width)` of the radiograph.

    Returns:
        `(height, width)` float32 in [0, 1].
    """
    height, width = shape
    image = Image.fromarray(np.ascontiguousarray(heatmap, np.float32))
    return np.asarray(image.resize((width, height), Image.Resampling.BILINEAR))


def blend(
    pixels: np.ndarray, heatmap: np.ndarray, opacity: float = 0.45, colour_map: str = "inferno"
) -> np.ndarray:
    """Colours a radiograph by its heatmap; where there is no heat it stays as it was.

    Args:
        pixels: `(height, width)` uint8.
        heatmap: `(height, width)` float32 in [0, 1].
        opacity: Of the hottest place, in [0, 1]; cooler ones are that much more transparent.
        colour_map: One of `COLOUR_MAPS`.

    Returns:
        `(height, width, 3)` uint8.
    """
    table = colour_table(colour_map).astype(np.float32)
    colours = table[np.rint(heatmap * 255).astype(np.uint8)]
    alpha = (np.float32(opacity) * heatmap)[..., np.newaxis]
    grey = pixels.astype(np.float32)[..., np.newaxis]
    return np.rint(grey + (colours - grey) * alpha).astype(np.uint8)


def colour_table(name: str) -> np.ndarray:
    """Returns the `(256, 3)` uint8 colours of a colour map, from cold to hot."""
    return matplotlib.colormaps[name](np.arange(256), bytes=True)[:, :3]


def fit_within(pixels: np.ndarray, side: int) -> np.ndarray:
    """Shrinks `(height, width)` uint8 pixels so that the longer side is at most `side`."""
    height, width = pixels.shape
    if max(height, width) <= side:
        return pixels
    image = Image.fromarray(pixels)
    image.thumbnail((side, side), Image.Resampling.LANCZOS)
    return np.asarray(image)


def encode_png(pixels: np.ndarray) -> bytes:
    """Encodes `(height, width)` or `(height, width, 3)` uint8 pixels as PNG."""
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, "PNG", compress_level=3)
    return buffer.getvalue()
