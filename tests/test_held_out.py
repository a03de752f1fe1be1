"""What a threshold does to the card's scores, against values worked out by hand."""

import numpy as np
import pytest

from pneumo.evaluate import compute_metrics
from pneumo.held_out import (
    HeldOutScores,
    least_cost_threshold,
    predictive_values,
    rates_at,
    read_scores,
    sweep,
)
from pneumo.operating_point import THRESHOLDS

SCORES = HeldOutScores(
    np.array([0, 0, 0, 0, 1, 1, 1, 1, 1, 1]),
    np.arange(10),
    np.array([0.1, 0.2, 0.6, 0.4, 0.9, 0.8, 0.7, 0.3, 0.6, 0.95]),
    "ten",
)


def test_rates_by_hand():
    rates = rates_at(SCORES, 0.5)
    assert rates.confusion == {"tn": 3, "fp": 1, "fn": 1, "tp": 5}
    assert rates.sensitivity == pytest.approx(5 / 6)
    assert rates.specificity == 0.75
    perfect = rates_at(SCORES, 0.99)
    assert perfect.specificity_ci95 == pytest.approx((0.3976, 1), abs=1e-4)


def test_intervals_agree_with_the_evaluation():
    rng = np.random.default_rng(0)
    labels = np.repeat([0, 1], 300)
    patients = np.repeat(np.arange(120), 5)
    scores = 1 / (1 + np.exp(-(rng.normal(size=120)[patients] + 2 * labels - 1)))
    metrics = compute_metrics(labels, scores, patients, 0.5)
    rates = rates_at(HeldOutScores(labels, patients, scores, ""), 0.5)
    assert rates.sensitivity_ci95 == pytest.approx(metrics["sensitivity_ci95"], abs=0.02)
    assert rates.specificity_ci95 == pytest.approx(metrics["specificity_ci95"], abs=0.02)
    assert rates_at(HeldOutScores(labels, patients, scores, ""), 0.5) == rates


@pytest.mark.parametrize(
    ("sensitivity", "specificity", "prevalence", "ppv", "npv"),
    [
        (0.9, 0.8, 0.5, 0.45 / 0.55, 0.4 / 0.45),
        (0.9, 0.8, 0.01, 0.009 / 0.207, 0.792 / 0.793),
        (1.0, 0.0, 0.3, 0.3, None),
        (0.0, 1.0, 0.3, None, 0.7),
    ],
)
def test_predictive_values_by_hand(sensitivity, specificity, prevalence, ppv, npv):
    expected = [None if value is None else pytest.approx(value) for value in (ppv, npv)]
    assert list(predictive_values(sensitivity, specificity, prevalence)) == expected


def test_sweep_equals_counting():
    sensitivity, specificity = sweep(SCORES)
    for threshold in (0.1, 0.3, 0.301, 0.6, 0.95, 0.951):
        place = round(threshold * 1000) - 1
        rates = rates_at(SCORES, THRESHOLDS[place])
        assert sensitivity[place] == pytest.approx(rates.sensitivity)
        assert specificity[place] == pytest.approx(rates.specificity)


def test_dear_misses_lower_the_threshold_and_dear_alarms_raise_it():
    # Misses cost nothing much: call only what no NORMAL reaches. And the reverse.
    assert 0.6 < least_cost_threshold(SCORES, 0.5, 0.01) <= 0.7
    assert 0.2 < least_cost_threshold(SCORES, 0.5, 100) <= 0.3
    rare, common = (least_cost_threshold(SCORES, share, 1) for share in (0.02, 0.98))
    assert rare > common


def test_shipped_card_has_scores_that_give_its_own_rates(classifier):
    scores = read_scores(classifier.card)
    for point in classifier.card.points.values():
        rates = rates_at(scores, point.threshold)
        # The card rounds scores to four places: one radiograph may fall on the other side.
        assert rates.sensitivity == pytest.approx(point.sensitivity, abs=0.003)
        assert rates.specificity == pytest.approx(point.specificity, abs=0.006)
        assert rates.sensitivity_ci95 == pytest.approx(point.sensitivity_ci95, abs=0.01)
