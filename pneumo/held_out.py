"""The scores of patients kept out of training: what any threshold would have done to them."""

from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from pneumo import NORMAL, PNEUMONIA
from pneumo.card import ModelCard
from pneumo.operating_point import (
    THRESHOLDS,
    count_outcomes,
    exact_interval,
    rates_of,
    share_called,
)

RESAMPLES = 1000


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
    """What one threshold does.

    Attributes:
        sensitivity: Share of PNEUMONIA called PNEUMONIA.
        specificity: Share of NORMAL called NORMAL.
        sensitivity_ci95: 95 % interval, low and high.
        specificity_ci95: 95 % interval, low and high.
        confusion: Counts `tn`, `fp`, `fn`, `tp`.
    """

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
    """Measures a threshold; intervals come from a bootstrap over patients, the same each time."""
    called = scores.probabilities >= threshold
    confusion = count_outcomes(scores.labels, scores.probabilities, threshold)
    rates = rates_of(**confusion)
    intervals = []
    for label, right in ((PNEUMONIA, called), (NORMAL, ~called)):
        own = scores.labels == label
        _, patient = np.unique(scores.patients[own], return_inverse=True)
        total = np.bincount(patient)
        hits = np.bincount(patient, weights=right[own])
        if hits.sum() in (0, total.sum()):
            intervals.append(exact_interval(len(total), all_right=hits.sum() > 0))
            continue
        draws = _resamples(len(total))
        low, high = np.percentile((draws @ hits) / (draws @ total), [2.5, 97.5])
        intervals.append((float(low), float(high)))
    return Rates(rates["sensitivity"], rates["specificity"], *intervals, confusion)


@lru_cache(maxsize=8)
def _resamples(patients: int) -> np.ndarray:
    """Returns `(RESAMPLES, patients)`: how often each patient is drawn."""
    rng = np.random.default_rng(0)
    even = np.full(patients, 1 / patients)
    return rng.multinomial(patients, even, RESAMPLES).astype(np.float32)


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
