"""Thresholds on P(PNEUMONIA), and what is known about them."""

from dataclasses import dataclass

import numpy as np

from pneumo import CLASSES, NORMAL, PNEUMONIA


def verdict_of(probability: float, threshold: float) -> str:
    """Returns `PNEUMONIA` if P(PNEUMONIA) reaches the threshold, else `NORMAL`."""
    return CLASSES[PNEUMONIA if probability >= threshold else NORMAL]


def exact_interval(patients: int, all_right: bool) -> tuple[float, float]:
    """Returns the 95 % interval of a rate of exactly 1 or 0 (Clopper and Pearson 1934).

    No resample of such a rate differs, so a bootstrap would give an interval of no width.
    """
    bound = 0.025 ** (1 / patients)
    return (bound, 1.0) if all_right else (0.0, 1 - bound)


RULE_OUT, BALANCED, RULE_IN = "rule-out", "balanced", "rule-in"
LEAST_RATE = 0.98
"""Sensitivity that rule-out keeps, and specificity that rule-in keeps."""

EQUALLY_GOOD = 0.01
"""Balanced accuracies no further apart count as equal: two hundred radiographs tell no more."""


@dataclass(frozen=True)
class OperatingPoint:
    """A threshold that was validated, with its sensitivity and specificity there.

    Attributes:
        name: `rule-out`, `balanced` or `rule-in`.
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
    both = None
    if sensitivity is not None and specificity is not None:
        both = (sensitivity + specificity) / 2
    return {
        "accuracy": _ratio(tn + tp, tn + fp + fn + tp),
        "balanced_accuracy": both,
        "sensitivity": sensitivity,
        "specificity": specificity,
        "ppv": _ratio(tp, tp + fp),
        "npv": _ratio(tn, tn + fn),
    }


THRESHOLDS = np.arange(1, 1000) / 1000
"""The thresholds that are tried."""


def share_called(probabilities: np.ndarray) -> np.ndarray:
    """Returns `(999,)`: which share of `(n,)` P(PNEUMONIA) reaches each of `THRESHOLDS`."""
    ordered = np.sort(probabilities)
    return 1 - np.searchsorted(ordered, THRESHOLDS) / len(ordered)


def choose_thresholds(
    labels: np.ndarray, scores: dict[str, np.ndarray]
) -> dict[str, tuple[float, str]]:
    """Chooses the three operating points so that they hold under every change of the pictures.

    A threshold picked on easy radiographs alone fails on the first that look different. So each
    condition is asked of the worst of the sets of scores, not of the mean.

    Args:
        labels: `(n,)` integers, 1 for PNEUMONIA.
        scores: Name of a change -> `(n,)` P(PNEUMONIA) under it; the radiographs as they are
            belong in it too. NaN where a radiograph was not scored.

    Returns:
        Name -> threshold, a multiple of 0.001, and how it was chosen, in words. Balanced has the
        highest least balanced accuracy (Youden 1950: J = 2 * balanced accuracy - 1) or one within
        `EQUALLY_GOOD` of it, and of those is nearest to 0.5, the best cut of a calibrated
        probability between equally frequent classes. Rule-out is the highest threshold up to
        balanced with sensitivity of at least `LEAST_RATE` under every change, rule-in the lowest
        from balanced on with specificity of at least `LEAST_RATE`. Where no threshold keeps a
        rate the nearest is given, and the words say so.
    """
    sensitivity = _class_called(labels, scores, PNEUMONIA)
    specificity = 1 - _class_called(labels, scores, NORMAL)
    worst = ((sensitivity + specificity) / 2).min(axis=0)
    equals = np.flatnonzero(worst >= worst.max() - EQUALLY_GOOD)
    best = equals[np.abs(THRESHOLDS[equals] - 0.5).argmin()]
    # Far beyond rounding: 0.98 of 50 is 49 whatever the floating point says.
    keeps_out = np.flatnonzero(sensitivity.min(axis=0) >= LEAST_RATE - 1e-9)
    keeps_in = np.flatnonzero(specificity.min(axis=0) >= LEAST_RATE - 1e-9)
    # Where the classes lie far apart, one threshold may keep both: rule-out stays the lower.
    out = min(keeps_out[-1], best) if len(keeps_out) else 0
    into = max(keeps_in[0], best) if len(keeps_in) else len(THRESHOLDS) - 1
    rules = _describe_rules(len(scores))
    missed = "No threshold keeps this rate; the nearest is given. "
    return {
        RULE_OUT: (float(THRESHOLDS[out]), ("" if len(keeps_out) else missed) + rules[RULE_OUT]),
        BALANCED: (float(THRESHOLDS[best]), rules[BALANCED]),
        RULE_IN: (float(THRESHOLDS[into]), ("" if len(keeps_in) else missed) + rules[RULE_IN]),
    }


def _class_called(labels: np.ndarray, scores: dict[str, np.ndarray], label: int) -> np.ndarray:
    """Returns `(sets, 999)`: `share_called` of one class, in each of the sets of scores."""
    is_member = np.asarray(labels) == label
    return np.stack(
        [share_called(np.asarray(p)[is_member & np.isfinite(p)]) for p in scores.values()]
    )


def _describe_rules(sets: int) -> dict[str, str]:
    """Says by which rule each operating point is chosen, from so many sets of scores."""
    where = "on the radiographs as they are"
    if sets > 1:
        where += " and under every change of the robustness suite"
    return {
        RULE_OUT: "The highest threshold, up to balanced, with sensitivity of at least "
        f"{LEAST_RATE} {where}.",
        BALANCED: f"Of the thresholds whose least balanced accuracy {where} is within "
        f"{EQUALLY_GOOD} of the highest, the one nearest to 0.5, where a calibrated probability "
        "is best cut if both classes are as frequent.",
        RULE_IN: "The lowest threshold, from balanced on, with specificity of at least "
        f"{LEAST_RATE} {where}.",
    }


def _ratio(part: int, whole: int) -> float | None:
    return part / whole if whole else None
