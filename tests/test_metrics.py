"""Operating points, calibration and evaluation, against values worked out by hand."""

import numpy as np
import pytest

from pneumo.calibration import expected_calibration_error
from pneumo.evaluate import compute_metrics
from pneumo.operating_point import count_outcomes, rates_of, verdict_of

LABELS = np.array([0, 0, 0, 0, 1, 1, 1, 1, 1, 1])
SCORES = np.array([0.1, 0.2, 0.6, 0.4, 0.9, 0.8, 0.7, 0.3, 0.6, 0.95])


@pytest.mark.parametrize(
    ("probability", "threshold", "verdict"),
    [(0.5, 0.5, "PNEUMONIA"), (0.49, 0.5, "NORMAL"), (0.9, 0.95, "NORMAL"), (0, 0, "PNEUMONIA")],
)
def test_verdict_at_and_around_threshold(probability, threshold, verdict):
    assert verdict_of(probability, threshold) == verdict


def test_counts_and_rates():
    confusion = count_outcomes(LABELS, SCORES, 0.5)
    assert confusion == {"tn": 3, "fp": 1, "fn": 1, "tp": 5}
    rates = rates_of(**confusion)
    assert rates == {
        "accuracy": 0.8,
        "balanced_accuracy": pytest.approx((5 / 6 + 3 / 4) / 2),
        "sensitivity": pytest.approx(5 / 6),
        "specificity": 0.75,
        "ppv": pytest.approx(5 / 6),
        "npv": 0.75,
    }


def test_rate_over_nothing_is_none():
    rates = rates_of(tn=0, fp=0, fn=2, tp=3)
    assert rates["specificity"] is None
    assert rates["balanced_accuracy"] is None
    assert rates["sensitivity"] == 0.6


@pytest.mark.parametrize(
    ("labels", "probabilities", "expected"),
    [
        ([0, 1], [0.0, 1.0], 0.0),
        ([1, 0], [0.0, 1.0], 1.0),
        ([0, 1, 1, 1], [0.75, 0.75, 0.75, 0.75], 0.0),
        ([1, 1, 0, 0], [0.62, 0.68, 0.62, 0.12], (abs(1.92 - 2) + 0.12) / 4),
    ],
)
def test_calibration_error(labels, probabilities, expected):
    assert expected_calibration_error(labels, probabilities) == pytest.approx(expected)


def test_metrics_of_a_small_set():
    metrics = compute_metrics(LABELS, SCORES, np.arange(10), 0.5)
    # 24 pairs; PNEUMONIA ranks higher in 20 of them, and once they are equal.
    pairs = SCORES[LABELS == 1][:, None] - SCORES[LABELS == 0]
    auc = ((pairs > 0).sum() + 0.5 * (pairs == 0).sum()) / 24
    assert metrics["auc"] == pytest.approx(auc)
    assert metrics["n"] == 10
    assert metrics["confusion"] == {"tn": 3, "fp": 1, "fn": 1, "tp": 5}
    assert metrics["brier"] == pytest.approx(np.mean((SCORES - LABELS) ** 2))
    low, high = metrics["auc_ci95"]
    assert low < auc <= high <= 1
    assert compute_metrics(LABELS, SCORES, np.arange(10), 0.5) == metrics


def test_intervals_widen_when_files_share_patients():
    rng = np.random.default_rng(0)
    labels = np.repeat([0, 1], 200)
    scores = np.repeat(rng.normal(size=40), 10) + 1.2 * labels
    scores = 1 / (1 + np.exp(-scores))
    each = compute_metrics(labels, scores, np.arange(400), 0.5)
    grouped = compute_metrics(labels, scores, np.repeat(np.arange(40), 10), 0.5)

    def width(metrics):
        return np.ptp(metrics["auc_ci95"])

    assert width(grouped) > 2 * width(each)


def test_single_class_reports_what_it_can():
    metrics = compute_metrics(np.ones(4), np.array([0.9, 0.8, 0.2, 0.7]), np.arange(4), 0.5)
    assert metrics["auc"] is None
    assert metrics["auc_ci95"] is None
    assert metrics["specificity"] is None
    assert metrics["sensitivity"] == 0.75
    assert metrics["brier"] == pytest.approx((0.01 + 0.04 + 0.64 + 0.09) / 4)


def test_interval_of_a_perfect_rate_is_exact_not_empty():
    # Clopper and Pearson for 4 of 4 and 0 of 6, as in any table of the binomial distribution.
    metrics = compute_metrics(LABELS, np.full(10, 0.1), np.arange(10), 0.5)
    assert metrics["specificity_ci95"] == pytest.approx([0.3976, 1], abs=1e-4)
    assert metrics["sensitivity_ci95"] == pytest.approx([0, 0.4593], abs=1e-4)
