"""Labels and probabilities -> the metrics that are reported, with 95 % intervals."""

from collections import defaultdict
from collections.abc import Callable, Collection, Sequence

import numpy as np
from sklearn.metrics import brier_score_loss, roc_auc_score

from pneumo import CLASSES, NORMAL, PNEUMONIA
from pneumo.dataset.examples import Example, labels_of
from pneumo.evaluation.bootstrap import Resamples, draw_resamples, interval_of_auc, interval_of_rate
from pneumo.evaluation.calibration import class_weights, expected_calibration_error
from pneumo.evaluation.robustness import LOOKS, SURROUNDINGS, apply_suite, draw_donors
from pneumo.files import JsonObject
from pneumo.network.lung_finder import Finder
from pneumo.network.operating_points import count_outcomes, rates_of
from pneumo.progress import Progress, follow, unseen
from pneumo.reading.radiograph import read_radiograph


def compute_metrics(
    labels: np.ndarray,
    probabilities: np.ndarray,
    patients: np.ndarray,
    threshold: float,
    seed: int = 0,
) -> JsonObject:
    """Computes the whole report of one labelled set.

    Intervals are those of `pneumo.evaluation.bootstrap`, over patients.

    Args:
        labels: `(n,)` integers, 1 for PNEUMONIA.
        probabilities: `(n,)` P(PNEUMONIA).
        patients: `(n,)` any hashable identity of the patient.
        threshold: Least P(PNEUMONIA) called PNEUMONIA.
        seed: Of the bootstrap.

    Returns:
        `n`, `patients`, `auc`, `accuracy`, `balanced_accuracy`, `sensitivity`, `specificity`,
        `ppv`, `npv`, `confusion` (`tn`, `fp`, `fn`, `tp`), `ece` of the set as it is,
        `ece_equal_classes` with each class weighted by one half (see `calibration`),
        `brier`, `threshold`, and `*_ci95` pairs for AUC, sensitivity and specificity. What
        cannot be computed from the classes present is None.
    """
    labels = np.asarray(labels)
    probabilities = np.asarray(probabilities, float)
    confusion = count_outcomes(labels, probabilities, threshold)
    return {
        "n": len(labels),
        "patients": len(np.unique(patients)),
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
        **_intervals(labels, probabilities, threshold, draw_resamples(labels, patients, seed)),
    }


def score_suite(
    examples: list[Example],
    score: Callable[[list[np.ndarray]], np.ndarray],
    names: Sequence[Collection[str] | None] | None = None,
    find: Finder | None = None,
    progress: Progress = unseen,
) -> dict[str, np.ndarray]:
    """Scores every variant of the robustness suite of every example.

    Args:
        examples: Readable radiographs; each is read as often as it is needed, none is kept.
        score: `(height, width)` uint8 pictures -> `(n,)` P(PNEUMONIA).
        names: For each example those of the variants that are wanted, None for all, which is
            the default.
        find: Draws the lungs; without it surroundings are not exchanged.
        progress: Called before each example, and after the last.

    Returns:
        Name -> `(n,)` P(PNEUMONIA), NaN where it was not wanted; see `robustness.apply_suite`.
    """
    wanted = names or [None] * len(examples)
    donors = draw_donors(labels_of(examples))
    answers: dict[str, np.ndarray] = defaultdict(lambda: np.full(len(examples), np.nan))
    for place, own in enumerate(follow(wanted, progress)):
        lend = own is None or not {*LOOKS, *SURROUNDINGS}.isdisjoint(own)
        donor = None
        if lend and donors is not None:
            donor = read_radiograph(examples[donors[place]].path).pixels
        variants = apply_suite(read_radiograph(examples[place].path).pixels, donor, own, find)
        for name, probability in zip(variants, score([*variants.values()]), strict=True):
            answers[name][place] = probability
    return dict(answers)


def compare_shifted(
    labels: np.ndarray, scores: dict[str, np.ndarray], threshold: float
) -> dict[str, JsonObject]:
    """Measures how far harmless changes move the answers; see `pneumo.evaluation.robustness`.

    Args:
        labels: `(n,)` integers, 1 for PNEUMONIA.
        scores: Name of a shift -> `(n,)` P(PNEUMONIA) under it; `none` is the radiographs as
            they are.
        threshold: The same for all, fixed beforehand.

    Returns:
        Name -> `n`, `auc`, `sensitivity`, `specificity`, `balanced_accuracy`, `p_range` (5th and
        95th percentile of P), and the mean of
        |P - P as it is| over all (`mean_change`) and over each class (`mean_change_NORMAL` ...),
        None where a class is absent.
    """
    report = {}
    for name, values in scores.items():
        held = np.isfinite(values)
        true, probabilities = np.asarray(labels)[held], np.asarray(values, float)[held]
        rates = rates_of(**count_outcomes(true, probabilities, threshold))
        change = np.abs(probabilities - scores["none"][held])
        report[name] = {
            "n": int(held.sum()),
            "auc": area_under_roc(true, probabilities),
            **{key: rates[key] for key in ("sensitivity", "specificity", "balanced_accuracy")},
            "p_range": [float(bound) for bound in np.percentile(probabilities, [5, 95])],
            "mean_change": float(change.mean()),
            **{
                f"mean_change_{own}": float(change[true == label].mean())
                if (true == label).any()
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


def _intervals(
    labels: np.ndarray, probabilities: np.ndarray, threshold: float, resamples: Resamples
) -> dict[str, list[float] | None]:
    called = probabilities >= threshold
    intervals = {
        "auc_ci95": interval_of_auc(resamples, labels, probabilities),
        "sensitivity_ci95": interval_of_rate(resamples, labels == PNEUMONIA, called),
        "specificity_ci95": interval_of_rate(resamples, labels == NORMAL, ~called),
    }
    return {name: bounds and list(bounds) for name, bounds in intervals.items()}
