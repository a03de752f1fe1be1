"""Gives one radiograph the look of another: its grey levels, its sharpness and grain.

The shortcut of this data set is how its classes were exported. Lending a radiograph the export of
one of the other class takes the shortcut away while the chest stays what it is: in training that
leaves a network nothing but the chest to learn from, in measuring it shows what is left of an
answer once the shortcut points the other way.
"""

import functools

import numpy as np
import scipy  # its parts load when they are first used
from PIL import Image, ImageFilter

LOWEST_FREQUENCY = 8
"""Cycles across the picture below which texture ends and anatomy begins."""

HIGHEST_GAIN = 4.0
"""Bound of the change at any frequency, so that grain is not made out of nothing."""


def scale_local_contrast(image: Image.Image, amount: float, radius: float) -> np.ndarray:
    """Weakens or strengthens what is finer than some length.

    The processing of digital units does so, each maker's by another amount; no curve over the
    grey levels can do it, nor undo it.

    Args:
        image: Of one channel, 8 bits.
        amount: 1 leaves the picture as it is, less weakens.
        radius: Standard deviation of the blur that everything coarser survives, in pixels.

    Returns:
        `(height, width)` uint8.
    """
    ground = np.asarray(image.filter(ImageFilter.GaussianBlur(radius)), np.float32)
    changed = ground + np.float32(amount) * (np.asarray(image, np.float32) - ground)
    return np.clip(np.rint(changed), 0, 255).astype(np.uint8)


def borrow_levels(pixels: np.ndarray, donor: np.ndarray, amount: float = 1.0) -> np.ndarray:
    """Maps grey levels so that their distribution becomes that of the donor.

    Args:
        pixels: `(height, width)` uint8.
        donor: `(h, w)` uint8.
        amount: 0 leaves the picture as it is, 1 matches the histogram.

    Returns:
        `(height, width)` uint8; brighter stays brighter.
    """
    own = np.cumsum(np.bincount(pixels.ravel(), minlength=256)) / pixels.size
    counts = np.bincount(donor.ravel(), minlength=256)
    present = np.flatnonzero(counts)
    matched = np.interp(own, np.cumsum(counts)[present] / donor.size, present)
    levels = np.arange(256)
    table = levels + amount * (matched - levels)
    return np.clip(np.rint(table), 0, 255).astype(np.uint8)[pixels]


def borrow_texture(pixels: np.ndarray, donor: np.ndarray, amount: float = 1.0) -> np.ndarray:
    """Scales each spatial frequency so that the power at every fineness becomes the donor's.

    The amplitude spectrum holds the look and the phase the content (Oppenheim and Lim 1981, as
    used for generalisation by Xu et al. 2021, https://arxiv.org/abs/2105.11120); here only its
    mean over directions is borrowed, above `LOWEST_FREQUENCY`.

    Args:
        pixels: `(size, size)` uint8.
        donor: `(size, size)` uint8.
        amount: 0 leaves the picture as it is, 1 matches the donor.

    Returns:
        `(size, size)` uint8.
    """
    size = len(pixels)
    ring, taper = _rings(size)
    own = scipy.fft.rfft2(pixels.astype(np.float32))
    ratio = _mean_power(donor, ring) / _mean_power(pixels, ring)
    gain = np.clip(np.sqrt(ratio), 1 / HIGHEST_GAIN, HIGHEST_GAIN) ** amount
    gain = 1 + taper * (gain[ring] - 1)
    changed = scipy.fft.irfft2(own * gain.astype(np.float32), s=pixels.shape)
    return np.clip(np.rint(changed), 0, 255).astype(np.uint8)


def _mean_power(pixels: np.ndarray, ring: np.ndarray) -> np.ndarray:
    """Returns the mean power of each ring; a window keeps the picture's own edges out of it."""
    window = np.hanning(len(pixels)).astype(np.float32)
    values = pixels - np.float32(pixels.mean())
    power = np.abs(scipy.fft.rfft2(values * window * window[:, np.newaxis])) ** 2
    count = np.bincount(ring.ravel())
    return np.bincount(ring.ravel(), weights=power.ravel()) / np.maximum(count, 1) + 1e-3


@functools.lru_cache(maxsize=4)
def _rings(size: int) -> tuple[np.ndarray, np.ndarray]:
    """Returns the ring (whole cycles across the picture) of each frequency, and where to act."""
    across, down = np.arange(size // 2 + 1), scipy.fft.fftfreq(size, 1 / size)
    radius = np.hypot(across, down[:, np.newaxis])
    taper = np.clip((radius - LOWEST_FREQUENCY) / LOWEST_FREQUENCY, 0, 1)
    return radius.astype(int), taper
