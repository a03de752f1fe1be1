"""How far the probabilities can be taken at their word."""

import numpy as np


def expected_calibration_error(
    labels: np.ndarray, probabilities: np.ndarray, bins: int = 10
) -> float:
    """Expected calibration error of P(PNEUMONIA) over bins of equal width.

    The mean distance between the mean probability and the observed share of PNEUMONIA in each
    bin, weighted by the bin's size (Naeini et al. 2015; Guo et al. 2017,
    https://arxiv.org/abs/1706.04599, in the form for the positive class).

    Args:
        labels: `(n,)`, 1 for PNEUMONIA and 0 for NORMAL.
        probabilities: `(n,)` in [0, 1].
        bins: Number of bins.

    Returns:
        A value in [0, 1], 0 for perfect calibration.
    """
    labels = np.asarray(labels, float)
    probabilities = np.asarray(probabilities, float)
    index = np.minimum((probabilities * bins).astype(int), bins - 1)
    surplus = np.bincount(index, weights=probabilities - labels, minlength=bins)
    return float(np.abs(surplus).sum() / len(labels))
