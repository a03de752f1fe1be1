"""The one bootstrap over patients that every 95 % interval comes from.

The radiographs of one patient resemble each other; drawing files as if they were independent would
flatter the model. So patients are drawn, with all their radiographs: those with NORMAL radiographs
only, those with PNEUMONIA only and those with both each by themselves, so that no resample loses
a class. A rate of exactly 0 or 1, where no resample can differ, gets the exact binomial interval
over patients instead (Clopper and Pearson 1934).
"""

from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from pneumo import NORMAL, PNEUMONIA
from pneumo.network.operating_points import exact_interval

RESAMPLES = 1000
BOUNDS = (2.5, 97.5)
_CHUNK = 50
"""Resamples whose AUC is worked out at once."""

Interval = tuple[float, float]


@dataclass(frozen=True)
class Resamples:
    """How often each patient was drawn.

    Attributes:
        patient: `(n,)` place of each radiograph's patient.
        drawn: `(RESAMPLES, patients)` float32 counts.
    """

    patient: np.ndarray
    drawn: np.ndarray


def draw_resamples(labels: np.ndarray, patients: np.ndarray, seed: int = 0) -> Resamples:
    """Draws patients with replacement, the same each time.

    Args:
        labels: `(n,)` integers, 1 for PNEUMONIA.
        patients: `(n,)` identities; only equality and order of them matter.
        seed: Of the draw.
    """
    unique, patient = np.unique(np.asarray(patients), return_inverse=True)
    has = np.zeros((2, len(unique)), bool)
    for label in (NORMAL, PNEUMONIA):
        has[label, patient[np.asarray(labels) == label]] = True
    kinds = (has[NORMAL] + 2 * has[PNEUMONIA]).astype(np.uint8)
    return Resamples(patient, _draw(kinds.tobytes(), seed))


@lru_cache(maxsize=4)
def _draw(kinds: bytes, seed: int) -> np.ndarray:
    """Draws patients of each kind among themselves; a moved threshold draws none anew."""
    rng = np.random.default_rng(seed)
    strata = [np.flatnonzero(np.frombuffer(kinds, np.uint8) == kind) for kind in (1, 2, 3)]
    drawn = np.zeros((RESAMPLES, len(kinds)), np.float32)
    for row in drawn:
        for own in strata:
            if len(own):
                row[own] = rng.multinomial(len(own), np.full(len(own), 1 / len(own)))
    drawn.flags.writeable = False  # it is shared
    return drawn


def interval_of_rate(resamples: Resamples, of: np.ndarray, right: np.ndarray) -> Interval | None:
    """Returns the 95 % interval of a share.

    Args:
        resamples: Of the same radiographs.
        of: `(n,)` bool, whose share it is: those with PNEUMONIA, for a sensitivity.
        right: `(n,)` bool, which count.

    Returns:
        Low and high; None if there is nothing to take a share of.
    """
    total = np.bincount(resamples.patient[of], minlength=resamples.drawn.shape[1])
    hits = np.bincount(resamples.patient[of & right], minlength=len(total))
    if not total.any():
        return None
    if hits.sum() in (0, total.sum()):
        return exact_interval(int(np.count_nonzero(total)), all_right=bool(hits.any()))
    drawn = resamples.drawn
    return _bounds((drawn @ hits.astype(np.float32)) / (drawn @ total.astype(np.float32)))


def interval_of_auc(
    resamples: Resamples, labels: np.ndarray, probabilities: np.ndarray
) -> Interval | None:
    """Returns the 95 % interval of the area under the ROC curve; None of one class alone."""
    labels = np.asarray(labels)
    if len(np.unique(labels)) < 2:
        return None
    areas = [
        _areas(resamples.drawn[first : first + _CHUNK, resamples.patient], labels, probabilities)
        for first in range(0, RESAMPLES, _CHUNK)
    ]
    return _bounds(np.concatenate(areas))


def _areas(weights: np.ndarray, labels: np.ndarray, probabilities: np.ndarray) -> np.ndarray:
    """Returns the area for each row of `(rows, n)` weights; equal probabilities count one half."""
    order = np.argsort(probabilities)
    _, starts = np.unique(np.asarray(probabilities)[order], return_index=True)
    weights, ill = weights[:, order].astype(float), labels[order] == PNEUMONIA
    above = np.add.reduceat(weights * ill, starts, axis=1)
    below = np.add.reduceat(weights * ~ill, starts, axis=1)
    beaten = np.cumsum(below, axis=1) - below / 2
    return (above * beaten).sum(axis=1) / (above.sum(axis=1) * below.sum(axis=1))


def _bounds(values: np.ndarray) -> Interval:
    low, high = np.percentile(values.astype(float), BOUNDS)
    return float(low), float(high)
