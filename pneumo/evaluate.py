"""Labels and probabilities -> the metrics that are reported, with 95 % intervals."""

import numpy as np
from sklearn.metrics import brier_score_loss, roc_auc_score

from pneumo.calibration import expected_calibration_error
from pneumo.operating_point import count_outcomes, rates_of

RESAMPLES = 1000


def compute_metrics(
    labels: np.ndarray,
    probabilities: np.ndarray,
    patients: np.ndarray,
    threshold: float,
    seed: int = 0,
) -> dict:
    """Computes the whole report of one labelled set.

    Intervals are percentiles of a bootstrap over patients, not over files: the radiographs of
    one patient resemble each other, and counting them as independent would flatter the model.
    A rate of exactly 0 or 1, where no resample can differ, gets the exact binomial interval over
    patients instead (Clopper and Pearson 1934).

    Args:
        labels: `(n,)` integers, 1 for PNEUMONIA.
        probabilities: `(n,)` P(PNEUMONIA).
        patients: `(n,)` any hashable identity of the patient.
        threshold: Least P(PNEUMONIA) called PNEUMONIA.
        seed: Of the bootstrap.

    Returns:
        `n`, `patients`, `auc`, `accuracy`, `balanced_accuracy`, `sensitivity`, `specificity`,
        `ppv`, `npv`, `confusion` (`tn`, `fp`, `fn`, `tp`), `ece`, `brier`, `threshold`, and
        `*_ci95` pairs for AUC, sensitivity and specificity. What cannot be computed from the
        classes present is None.
    """
    labels = np.asarray(labels)
    probabilities = np.asarray(probabilities, float)
    confusion = count_outcomes(labels, probabilities, threshold)
    unique, index = np.unique(np.asarray(patients), return_inverse=True)
    return {
        "n": len(labels),
        "patients": len(unique),
        "auc": _auc(labels, probabilities),
        **rates_of(**confusion),
        "confusion": confusion,
        "ece": expected_calibration_error(labels, probabilities) if len(labels) else None,
        "brier": float(brier_score_loss(labels, probabilities, pos_label=1))
        if len(labels)
        else None,
        "threshold": threshold,
        **_intervals(labels, probabilities, index, threshold, seed),
    }


def compare_shifted(
    labels: np.ndarray, base: np.ndarray, shifted: dict[str, np.ndarray], threshold: float
) -> dict[str, dict]:
    """Measures how far harmless changes move the answers; see `pneumo.shifts`.

    Args:
        labels: `(n,)` integers, 1 for PNEUMONIA.
        base: `(n,)` P(PNEUMONIA) of the radiographs as they are.
        shifted: Name of a shift -> `(n,)` P(PNEUMONIA) under it.
        threshold: The same for all, fixed beforehand.

    Returns:
        Name -> `auc`, `sensitivity`, `specificity`, `balanced_accuracy` and `mean_change`, the
        mean of |P - P as it is|. The first entry, `none`, is the radiographs as they are.
    """
    report = {}
    for name, probabilities in {"none": base, **shifted}.items():
        rates = rates_of(**count_outcomes(labels, probabilities, threshold))
        report[name] = {
            "auc": _auc(labels, probabilities),
            **{key: rates[key] for key in ("sensitivity", "specificity", "balanced_accuracy")},
            "mean_change": float(np.mean(np.abs(probabilities - base))),
        }
    return report


def _auc(labels: np.ndarray, probabilities: np.ndarray) -> float | None:
    if len(np.unique(labels)) < 2:
        return None
    return float(roc_auc_score(labels, probabilities))


def _intervals(labels, probabilities, patient_index, threshold, seed) -> dict:
    """Bootstraps over patients, each class by itself so that no resample loses one."""
    names = ("auc", "sensitivity", "specificity")
    rng = np.random.default_rng(seed)
    order = np.argsort(patient_index, kind="stable")
    bounds = np.cumsum(np.bincount(patient_index))[:-1] if len(labels) else []
    groups = np.split(order, bounds)
    strata = [
        [group for group in groups if len(group) and labels[group[0]] == label] for label in (0, 1)
    ]
    draws: dict[str, list[float]] = {name: [] for name in names}
    for _ in range(RESAMPLES if len(labels) else 0):
        chosen = np.concatenate(
            [stratum[i] for stratum in strata for i in rng.integers(0, len(stratum), len(stratum))]
        )
        rates = rates_of(**count_outcomes(labels[chosen], probabilities[chosen], threshold))
        rates["auc"] = _auc(labels[chosen], probabilities[chosen])
        for name in names:
            if rates[name] is not None:
                draws[name].append(rates[name])
    intervals = {
        f"{name}_ci95": [float(bound) for bound in np.percentile(values, [2.5, 97.5])]
        if values
        else None
        for name, values in draws.items()
    }
    for name, stratum in (("specificity", strata[0]), ("sensitivity", strata[1])):
        if stratum and intervals[f"{name}_ci95"] in ([0, 0], [1, 1]):
            bound = 0.025 ** (1 / len(stratum))
            all_right = intervals[f"{name}_ci95"] == [1, 1]
            intervals[f"{name}_ci95"] = [bound, 1.0] if all_right else [0.0, 1 - bound]
    return intervals
