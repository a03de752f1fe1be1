"""Pixels -> smaller pixels, and the bytes of a picture."""

import io

import numpy as np
from PIL import Image


def fit_within(pixels: np.ndarray, side: int) -> np.ndarray:
    """Shrinks `(height, width)` uint8 pixels so that the longer side is at most `side`."""
    height, width = pixels.shape
    if max(height, width) <= side:
        return pixels
    image = Image.fromarray(pixels)
    image.thumbnail((side, side), Image.Resampling.LANCZOS)
    return np.asarray(image)


def encode_jpeg(pixels: np.ndarray) -> bytes:
    """Encodes `(height, width)` or `(height, width, 3)` uint8 pixels as JPEG, for the screen."""
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, "JPEG", quality=92, subsampling=0)
    return buffer.getvalue()


def encode_png(pixels: np.ndarray) -> bytes:
    """Encodes `(height, width)` or `(height, width, 3)` uint8 pixels as PNG."""
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, "PNG", compress_level=3)
    return buffer.getvalue()
