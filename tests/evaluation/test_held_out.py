"""What a threshold does to the card's scores, against values worked out by hand."""

from pathlib import Path

import numpy as np
import pytest

from pneumo.evaluation.held_out import (
    HeldOutScores,
    least_cost_threshold,
    predictive_values,
    rates_at,
    read_scores,
    sweep,
)
from pneumo.evaluation.metrics import compute_metrics
from pneumo.network.card import read_card
from pneumo.network.operating_points import THRESHOLDS

CARD = Path(__file__).resolve().parents[2] / "weights" / "model_card.json"
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
    # At the threshold is called: 0.6 of the normal and of the ill.
    tied = rates_at(HeldOutScores(np.array([1, 1]), np.arange(2), np.array([0.6, 0.6]), ""), 0.6)
    assert tied.sensitivity_ci95[1] == 1
    perfect = rates_at(SCORES, 0.99)
    assert perfect.specificity_ci95 == pytest.approx((0.3976, 1), abs=1e-4)


def test_intervals_are_those_of_the_evaluation():
    rng = np.random.default_rng(0)
    labels = np.repeat([0, 1], 300)
    patients = np.concatenate([rng.integers(0, 80, 300), rng.integers(60, 140, 300)])
    scores = 1 / (1 + np.exp(-(rng.normal(size=140)[patients] + 2 * labels - 1)))
    metrics = compute_metrics(labels, scores, patients, 0.5)
    order = np.argsort(scores)  # as the card has them
    rates = rates_at(HeldOutScores(labels[order], patients[order], scores[order], ""), 0.5)
    assert list(rates.sensitivity_ci95) == metrics["sensitivity_ci95"]
    assert list(rates.specificity_ci95) == metrics["specificity_ci95"]


@pytest.mark.parametrize(
    ("sensitivity", "specificity", "prevalence", "ppv", "npv"),
    [
        (0.9, 0.8, 0.5, 0.45 / 0.55, 0.4 / 0.45),
        (0.9, 0.8, 0.01, 0.009 / 0.207, 0.792 / 0.793),
        (1.0, 0.0, 0.3, 0.3, None),
        (0.5, 0.5, 0.5, 0.5, 0.5),
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
    # Of the equals 0.601 to 0.7 and 0.201 to 0.3 the middle.
    assert least_cost_threshold(SCORES, 0.5, 0.01) == pytest.approx(0.651)
    assert least_cost_threshold(SCORES, 0.5, 100) == pytest.approx(0.251)
    rare, common = (least_cost_threshold(SCORES, share, 1) for share in (0.02, 0.98))
    assert rare > common


def test_shipped_card_has_scores_that_give_its_own_rates():
    card = read_card(CARD)
    scores = read_scores(card)
    assert len(scores.labels) == card.document["metrics"]["held_out_patients"]["n"]
    for point in card.points.values():
        rates = rates_at(scores, point.threshold)
        assert rates.sensitivity == pytest.approx(point.sensitivity)
        assert rates.specificity == pytest.approx(point.specificity)
        # One bootstrap; docs/refresh_intervals.py takes it to a card that was made before.
        assert rates.sensitivity_ci95 == pytest.approx(point.sensitivity_ci95)
        assert rates.specificity_ci95 == pytest.approx(point.specificity_ci95)
