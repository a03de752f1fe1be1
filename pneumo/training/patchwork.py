"""A picture of which a part is hidden, or is another's: so is to be the evidence that stood there.

Radiographs are mixed as in CutMix (Yun et al. 2019, https://arxiv.org/abs/1905.04899), but what is
asked for is no mixed label; see `pneumo.training.evidence.misplaced_evidence`.
"""

from typing import NamedTuple

import numpy as np
from PIL import Image, ImageFilter


class Patchwork(NamedTuple):
    """A picture with a part that is not its own.

    Attributes:
        grid: `(size, size)` uint8.
        own: `(cells, cells)` float32, how much of each cell is as it was.
        other: `(cells, cells)` float32, how much of each is the other's; the rest is hidden.
    """

    grid: np.ndarray
    own: np.ndarray
    other: np.ndarray


def make_patchwork(
    grid: np.ndarray, other: np.ndarray, rng: np.random.Generator, cells: int
) -> Patchwork:
    """Exchanges a part of a picture for another's, or hides it, as often the one as the other.

    Args:
        grid: `(size, size)` uint8.
        other: `(size, size)` uint8, of any other radiograph.
        rng: Source of all randomness.
        cells: Side of the network's last feature maps.
    """
    part = _draw_part(len(grid), rng)
    exchanged = rng.random() < 0.5
    made = np.where(part, other if exchanged else _hide(grid, rng), grid)
    share = Image.fromarray(part.astype(np.float32)).resize((cells, cells), Image.Resampling.BOX)
    gone = np.asarray(share)
    return Patchwork(made, 1 - gone, gone if exchanged else np.zeros_like(gone))


def _draw_part(size: int, rng: np.random.Generator) -> np.ndarray:
    """Returns `(size, size)` bool: one to three rectangles, or blobs of a tenth to two thirds."""
    part = np.zeros((size, size), bool)
    if rng.random() < 0.5:
        for _ in range(rng.integers(1, 4)):
            height, width = (size * rng.uniform(0.12, 0.55, 2)).astype(int)
            top, left = rng.integers(0, size - height), rng.integers(0, size - width)
            part[top : top + height, left : left + width] = True
        return part
    coarse = int(rng.integers(4, 9))
    waves = rng.standard_normal((coarse, coarse)).astype(np.float32)
    smooth = np.asarray(Image.fromarray(waves).resize((size, size), Image.Resampling.BICUBIC))
    return smooth > np.quantile(smooth, rng.uniform(0.33, 0.9))


def _hide(grid: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Returns `(size, size)` uint8 that tells nothing: blurred, or of one grey, the mean or any."""
    kind = rng.random()
    if kind < 0.4:
        blur = ImageFilter.GaussianBlur(len(grid) * rng.uniform(0.05, 0.09))
        return np.asarray(Image.fromarray(grid).filter(blur))
    level = grid.mean() if kind < 0.8 else rng.uniform(40, 216)
    return np.full_like(grid, round(float(level)))
