"""The scores of patients kept out of training: what any threshold would have done to them."""

import math
from dataclasses import dataclass

import numpy as np

from pneumo import NORMAL, PNEUMONIA
from pneumo.evaluation.bootstrap import draw_resamples, interval_of_rate
from pneumo.network.card import ModelCard
from pneumo.network.operating_points import (
    THRESHOLDS,
    count_outcomes,
    rates_of,
    share_called,
)


@dataclass(frozen=True)
class HeldOutScores:
    """One score a radiograph, no names.

    Attributes:
        labels: `(n,)` integers, 1 for PNEUMONIA.
        patients: `(n,)` integers; radiographs of one patient share one.
        probabilities: `(n,)` P(PNEUMONIA).
        of: Whose radiographs they are and which network scored them, in words.
    """

    labels: np.ndarray
    patients: np.ndarray
    probabilities: np.ndarray
    of: str


@dataclass(frozen=True)
class Rates:
    """What one threshold does; a rate of a class without radiographs is NaN.

    Attributes:
        threshold: From which P(PNEUMONIA) on radiographs are called PNEUMONIA.
        sensitivity: Share of PNEUMONIA called PNEUMONIA.
        specificity: Share of NORMAL called NORMAL.
        sensitivity_ci95: 95 % interval, low and high.
        specificity_ci95: 95 % interval, low and high.
        confusion: Counts `tn`, `fp`, `fn`, `tp`.
    """

    threshold: float
    sensitivity: float
    specificity: float
    sensitivity_ci95: tuple[float, float]
    specificity_ci95: tuple[float, float]
    confusion: dict[str, int]


def read_scores(card: ModelCard) -> HeldOutScores:
    """Takes the scores out of a model card."""
    entry = card.document["out_of_fold"]
    return HeldOutScores(
        np.array(entry["label"]),
        np.array(entry["patient"]),
        np.array(entry["p_pneumonia"], float),
        entry["of"],
    )


def rates_at(scores: HeldOutScores, threshold: float) -> Rates:
    """Measures a threshold; intervals are those of `bootstrap`, as in `metrics`."""
    called = scores.probabilities >= threshold
    confusion = count_outcomes(scores.labels, scores.probabilities, threshold)
    rates = rates_of(**confusion)
    resamples = draw_resamples(scores.labels, scores.patients)
    return Rates(
        threshold,
        _or_nan(rates["sensitivity"]),
        _or_nan(rates["specificity"]),
        interval_of_rate(resamples, scores.labels == PNEUMONIA, called) or (math.nan, math.nan),
        interval_of_rate(resamples, scores.labels == NORMAL, ~called) or (math.nan, math.nan),
        confusion,
    )


def _or_nan(rate: float | None) -> float:
    return math.nan if rate is None else rate


def predictive_values(
    sensitivity: float, specificity: float, prevalence: float
) -> tuple[float | None, float | None]:
    """Applies Bayes' rule.

    Args:
        sensitivity: In [0, 1].
        specificity: In [0, 1].
        prevalence: Share of PNEUMONIA among those examined, in [0, 1].

    Returns:
        The positive and the negative predictive value; None where nobody is called so.
    """
    true_alarms = sensitivity * prevalence
    false_alarms = (1 - specificity) * (1 - prevalence)
    true_calm = specificity * (1 - prevalence)
    missed = (1 - sensitivity) * prevalence
    return (
        true_alarms / (true_alarms + false_alarms) if true_alarms + false_alarms else None,
        true_calm / (true_calm + missed) if true_calm + missed else None,
    )


def sweep(scores: HeldOutScores) -> tuple[np.ndarray, np.ndarray]:
    """Returns sensitivity and specificity at each of `THRESHOLDS`, two `(999,)` arrays."""
    positive = scores.labels == PNEUMONIA
    sensitivity = share_called(scores.probabilities[positive])
    return sensitivity, 1 - share_called(scores.probabilities[~positive])


def least_cost_threshold(scores: HeldOutScores, prevalence: float, cost_ratio: float) -> float:
    """Finds the threshold at which mistakes cost least.

    Args:
        scores: To try thresholds on.
        prevalence: Share of PNEUMONIA among those examined.
        cost_ratio: What a missed pneumonia costs, in false alarms.

    Returns:
        One of `THRESHOLDS`; of equals the middle.
    """
    sensitivity, specificity = sweep(scores)
    cost = prevalence * (1 - sensitivity) * cost_ratio + (1 - prevalence) * (1 - specificity)
    equals = np.flatnonzero(np.isclose(cost, cost.min(), atol=1e-12))
    return float(THRESHOLDS[equals[len(equals) // 2]])
