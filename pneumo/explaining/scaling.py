"""Map -> heat in [0, 1], on a scale for all radiographs or on its own."""

import numpy as np

from pneumo.explaining.methods import METHODS
from pneumo.network.card import ModelCard


def scale_heatmap(method: str, cam: np.ndarray, card: ModelCard, relative: bool) -> np.ndarray:
    """Scales a map for drawing.

    Args:
        method: A key of `METHODS`.
        cam: `(h, w)`, at least 0.
        card: Of the weights; it holds one scale for all radiographs for some methods.
        relative: Whether to scale by this map's own maximum all the same.

    Returns:
        `(h, w)` float32 in [0, 1].
    """
    scale = card.heat_scales.get(method)
    if relative or not scale:
        return normalize_heatmap(cam, METHODS[method].percentile)
    return np.minimum(cam / np.float32(scale), 1).astype(np.float32)


def normalize_heatmap(cam: np.ndarray, percentile: float = 100) -> np.ndarray:
    """Scales each map by its own maximum, or by a percentile of its values.

    The minimum is not moved: 0 keeps meaning "no evidence for this class", and a map without
    any stays empty.

    Args:
        cam: `(..., h, w)`, at least 0.
        percentile: Of the values, that becomes 1; what lies above is cut off.

    Returns:
        Same shape, float32, in [0, 1].
    """
    peak = np.percentile(cam, percentile, axis=(-2, -1), keepdims=True)
    return np.where(peak > 0, np.minimum(cam / np.where(peak > 0, peak, 1), 1), 0).astype("f4")
