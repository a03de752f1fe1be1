"""Radiograph -> model input. The only resize on the model's side, for training and inference alike.

A resize kernel is part of a model: a network trained behind one and served behind another
answers differently. So training, evaluation, the command line and the app all come through here.
"""

import numpy as np
from PIL import Image

IMAGE_SIZE = 299
"""Side of Xception's input in pixels (Chollet 2017, https://arxiv.org/abs/1610.02357)."""


def resize_to_grid(pixels: np.ndarray, size: int = IMAGE_SIZE) -> np.ndarray:
    """Stretches a radiograph to the square grid that the network looks at.

    The radiograph is stretched, not padded: padding would tell the network the original aspect
    ratio, which differs between the classes of the training data for reasons that are no medicine.

    Args:
        pixels: `(height, width)` uint8.
        size: Side of the grid in pixels.

    Returns:
        `(size, size)` uint8, triangle-filtered (Pillow's antialiased bilinear).
    """
    if pixels.shape == (size, size):
        return pixels
    resized = Image.fromarray(pixels).resize((size, size), Image.Resampling.BILINEAR)
    return np.asarray(resized)


def to_model_input(grids: np.ndarray) -> np.ndarray:
    """Scales grids to what Xception was trained on.

    Args:
        grids: `(n, size, size)` uint8.

    Returns:
        `(n, size, size, 3)` float32 in [-1, 1], the grey value repeated in three channels.
    """
    scaled = grids.astype(np.float32) / np.float32(127.5) - np.float32(1)
    return np.repeat(scaled[..., np.newaxis], 3, axis=-1)
