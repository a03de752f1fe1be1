"""How far the probabilities can be taken at their word.

The network is shown both classes equally often, so P(PNEUMONIA) is meant for a room where half of
the radiographs show it. Where calibration is measured on a set with another share, weighting each
class by one half asks the probability for what it claims.
"""

import numpy as np
from scipy.optimize import minimize_scalar

from pneumo.network.forward import log_odds


def class_weights(labels: np.ndarray) -> np.ndarray:
    """Returns `(n,)` weights that sum to one half over each class, to 1 if there is but one."""
    labels = np.asarray(labels)
    counts = np.bincount(labels.astype(int), minlength=2)
    return 1 / counts[labels.astype(int)] / np.sum(counts > 0)


def apply_temperature(probabilities: np.ndarray, temperature: float) -> np.ndarray:
    """Returns `(n,)` probabilities whose log odds are divided by the temperature."""
    return 1 / (1 + np.exp(-log_odds(probabilities) / temperature))


def fit_temperature(labels: np.ndarray, probabilities: np.ndarray) -> float:
    """Finds the temperature with the least log loss, each class weighted by one half.

    Temperature scaling (Guo et al. 2017, https://arxiv.org/abs/1706.04599): one number, which
    changes no ranking and leaves 0.5 where it is.

    Args:
        labels: `(n,)`, 1 for PNEUMONIA and 0 for NORMAL.
        probabilities: `(n,)`, of radiographs that the network was not trained on.

    Returns:
        A value between 0.1 and 10; above 1 if the probabilities were too sure of themselves.
    """
    labels, weights = np.asarray(labels), class_weights(labels)
    signed = log_odds(probabilities) * np.where(labels == 1, 1, -1)

    def loss(log_temperature: float) -> float:
        return float(weights @ np.logaddexp(0, -signed / np.exp(log_temperature)))

    found = minimize_scalar(loss, bounds=(np.log(0.1), np.log(10)), method="bounded")
    return float(np.exp(found.x))


def reliability_curve(
    labels: np.ndarray,
    probabilities: np.ndarray,
    weights: np.ndarray | None = None,
    bins: int = 10,
) -> dict[str, list[float]]:
    """Compares promised with observed shares of PNEUMONIA in bins of equal width.

    Args:
        labels: `(n,)`, 1 for PNEUMONIA and 0 for NORMAL.
        probabilities: `(n,)` in [0, 1].
        weights: `(n,)`, or None to count every radiograph once.
        bins: Number of bins.

    Returns:
        For the bins that hold anything: `probability`, the mean promised; `observed`, the share
        of PNEUMONIA; `weight`, the bin's part of the whole.
    """
    labels, probabilities = np.asarray(labels, float), np.asarray(probabilities, float)
    weights = np.ones(len(labels)) if weights is None else weights
    index = np.minimum((probabilities * bins).astype(int), bins - 1)
    total = np.bincount(index, weights, bins)
    held = total > 0
    promised = np.bincount(index, weights * probabilities, bins)[held] / total[held]
    observed = np.bincount(index, weights * labels, bins)[held] / total[held]
    return {
        "probability": promised.tolist(),
        "observed": observed.tolist(),
        "weight": (total[held] / total.sum()).tolist(),
    }


def expected_calibration_error(
    labels: np.ndarray,
    probabilities: np.ndarray,
    weights: np.ndarray | None = None,
    bins: int = 10,
) -> float:
    """Expected calibration error of P(PNEUMONIA) over bins of equal width.

    The mean distance between the mean probability and the observed share of PNEUMONIA in each
    bin, weighted by the bin's size (Naeini et al. 2015; Guo et al. 2017, in the form for the
    positive class). Arguments as for `reliability_curve`.

    Returns:
        A value in [0, 1], 0 for perfect calibration.
    """
    curve = {
        key: np.array(value)
        for key, value in reliability_curve(labels, probabilities, weights, bins).items()
    }
    return float(curve["weight"] @ np.abs(curve["probability"] - curve["observed"]))
