"""Labels and probabilities -> the metrics that are reported, with 95 % intervals."""

from collections import defaultdict
from collections.abc import Callable, Collection, Iterable

import numpy as np
from sklearn.metrics import brier_score_loss, roc_auc_score

from pneumo import CLASSES
from pneumo.calibration import class_weights, expected_calibration_error
from pneumo.dataset import Example, labels_of
from pneumo.operating_point import count_outcomes, exact_interval, rates_of
from pneumo.radiograph import read_radiograph
from pneumo.shifts import LOOKS, apply_suite, draw_donors

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
        `ppv`, `npv`, `confusion` (`tn`, `fp`, `fn`, `tp`), `ece` of the set as it is,
        `ece_equal_classes` with each class weighted by one half (see `pneumo.calibration`),
        `brier`, `threshold`, and `*_ci95` pairs for AUC, sensitivity and specificity. What
        cannot be computed from the classes present is None.
    """
    labels = np.asarray(labels)
    probabilities = np.asarray(probabilities, float)
    confusion = count_outcomes(labels, probabilities, threshold)
    unique, index = np.unique(np.asarray(patients), return_inverse=True)
    return {
        "n": len(labels),
        "patients": len(unique),
        "auc": area_under_roc(labels, probabilities),
        **rates_of(**confusion),
        "confusion": confusion,
        "ece": expected_calibration_error(labels, probabilities) if len(labels) else None,
        "ece_equal_classes": expected_calibration_error(
            labels, probabilities, class_weights(labels)
        )
        if len(np.unique(labels)) == 2
        else None,
        "brier": float(brier_score_loss(labels, probabilities, pos_label=1))
        if len(labels)
        else None,
        "threshold": threshold,
        **_intervals(labels, probabilities, index, threshold, seed),
    }


def score_suite(
    examples: list[Example],
    score: Callable[[list[np.ndarray]], np.ndarray],
    places: Iterable[int] | None = None,
    names: Collection[str] | None = None,
) -> dict[str, np.ndarray]:
    """Scores every variant of the shift suite of every example.

    Args:
        examples: Readable radiographs; each is read as often as it is needed, none is kept.
        score: `(height, width)` uint8 pictures -> `(n,)` P(PNEUMONIA).
        places: The indices of all examples, wrapped by whoever shows the progress.
        names: Of the shifts wanted; all of them by default.

    Returns:
        Name -> `(n,)` P(PNEUMONIA); see `pneumo.shifts.apply_suite`.
    """
    lend = names is None or not LOOKS.keys().isdisjoint(names)
    donors = draw_donors(labels_of(examples)) if lend else None
    answers: dict[str, list[float]] = defaultdict(list)
    for place in places or range(len(examples)):
        donor = None if donors is None else read_radiograph(examples[donors[place]].path).pixels
        variants = apply_suite(read_radiograph(examples[place].path).pixels, donor, names)
        for name, probability in zip(variants, score([*variants.values()]), strict=True):
            answers[name].append(float(probability))
    return {name: np.array(column) for name, column in answers.items()}


def compare_shifted(
    labels: np.ndarray, scores: dict[str, np.ndarray], threshold: float
) -> dict[str, dict]:
    """Measures how far harmless changes move the answers; see `pneumo.shifts`.

    Args:
        labels: `(n,)` integers, 1 for PNEUMONIA.
        scores: Name of a shift -> `(n,)` P(PNEUMONIA) under it; `none` is the radiographs as
            they are.
        threshold: The same for all, fixed beforehand.

    Returns:
        Name -> `auc`, `sensitivity`, `specificity`, `balanced_accuracy`, and the mean of
        |P - P as it is| over all (`mean_change`) and over each class (`mean_change_NORMAL` ...),
        None where a class is absent.
    """
    labels, report = np.asarray(labels), {}
    for name, probabilities in scores.items():
        rates = rates_of(**count_outcomes(labels, probabilities, threshold))
        change = np.abs(np.asarray(probabilities, float) - scores["none"])
        report[name] = {
            "auc": area_under_roc(labels, probabilities),
            **{key: rates[key] for key in ("sensitivity", "specificity", "balanced_accuracy")},
            "mean_change": float(change.mean()),
            **{
                f"mean_change_{own}": float(change[labels == label].mean())
                if (labels == label).any()
                else None
                for label, own in enumerate(CLASSES)
            },
        }
    return report


def area_under_roc(labels: np.ndarray, probabilities: np.ndarray) -> float | None:
    """Returns the area under the ROC curve, or None if there is but one class."""
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
        rates["auc"] = area_under_roc(labels[chosen], probabilities[chosen])
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
            all_right = intervals[f"{name}_ci95"] == [1, 1]
            intervals[f"{name}_ci95"] = list(exact_interval(len(stratum), all_right))
    return intervals
