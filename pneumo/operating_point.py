"""Thresholds on P(PNEUMONIA), and what is known about them."""

from dataclasses import dataclass

import numpy as np

from pneumo import CLASSES, NORMAL, PNEUMONIA


def verdict_of(probability: float, threshold: float) -> str:
    """Returns `PNEUMONIA` if P(PNEUMONIA) reaches the threshold, else `NORMAL`."""
    return CLASSES[PNEUMONIA if probability >= threshold else NORMAL]


@dataclass(frozen=True)
class OperatingPoint:
    """A threshold that was validated, with its sensitivity and specificity there.

    Attributes:
        name: For example `default`.
        threshold: Least P(PNEUMONIA) that is called PNEUMONIA, in [0, 1].
        sensitivity: Share of PNEUMONIA radiographs called PNEUMONIA.
        specificity: Share of NORMAL radiographs called NORMAL.
        sensitivity_ci95: 95 % interval, low and high.
        specificity_ci95: 95 % interval, low and high.
        chosen_by: How the threshold was chosen, in a sentence.
    """

    name: str
    threshold: float
    sensitivity: float
    specificity: float
    sensitivity_ci95: tuple[float, float]
    specificity_ci95: tuple[float, float]
    chosen_by: str


def count_outcomes(
    labels: np.ndarray, probabilities: np.ndarray, threshold: float
) -> dict[str, int]:
    """Counts true and false negatives and positives, PNEUMONIA being the positive class.

    Args:
        labels: `(n,)` integers, 1 for PNEUMONIA.
        probabilities: `(n,)` P(PNEUMONIA).
        threshold: See `OperatingPoint`.

    Returns:
        The counts `tn`, `fp`, `fn`, `tp`.
    """
    positive = np.asarray(labels) == PNEUMONIA
    called = np.asarray(probabilities) >= threshold
    return {
        "tn": int(np.sum(~positive & ~called)),
        "fp": int(np.sum(~positive & called)),
        "fn": int(np.sum(positive & ~called)),
        "tp": int(np.sum(positive & called)),
    }


def rates_of(tn: int, fp: int, fn: int, tp: int) -> dict[str, float | None]:
    """Derives the usual rates from the four counts; a rate over nothing is None.

    Returns:
        `accuracy`, `balanced_accuracy`, `sensitivity`, `specificity`, `ppv`, `npv`.
    """
    sensitivity, specificity = _ratio(tp, tp + fn), _ratio(tn, tn + fp)
    both = sensitivity is not None and specificity is not None
    return {
        "accuracy": _ratio(tn + tp, tn + fp + fn + tp),
        "balanced_accuracy": (sensitivity + specificity) / 2 if both else None,
        "sensitivity": sensitivity,
        "specificity": specificity,
        "ppv": _ratio(tp, tp + fp),
        "npv": _ratio(tn, tn + fn),
    }


def _ratio(part: int, whole: int) -> float | None:
    return part / whole if whole else None
