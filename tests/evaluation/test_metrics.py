"""Operating points, calibration and evaluation, against values worked out by hand."""

import numpy as np
import pytest

from pneumo.dataset.examples import index_folder
from pneumo.evaluation.calibration import (
    apply_temperature,
    class_weights,
    expected_calibration_error,
    fit_temperature,
    reliability_curve,
)
from pneumo.evaluation.metrics import compare_shifted, compute_metrics, score_suite
from pneumo.evaluation.robustness import LOOKS, SHIFTS
from pneumo.network.forward import log_odds
from pneumo.network.operating_points import (
    THRESHOLDS,
    choose_thresholds,
    count_outcomes,
    rates_of,
    verdict_of,
)
from pneumo.reading.radiograph import read_radiograph
from pneumo.training.phantom import write_phantom_dataset

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
    assert metrics["ece"] == pytest.approx(expected_calibration_error(LABELS, SCORES))
    weights = np.where(LABELS == 1, 1 / 12, 1 / 8)
    expected = expected_calibration_error(LABELS, SCORES, weights)
    assert metrics["ece_equal_classes"] == pytest.approx(expected)
    assert metrics["ece"] != pytest.approx(expected)
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

    assert metrics["ece"] == pytest.approx(0.35)
    assert metrics["ece_equal_classes"] is None
    report = compare_shifted(np.ones(2, int), {"none": np.array([0.5, 0.7])}, 0.5)["none"]
    assert report["mean_change_PNEUMONIA"] == 0
    assert report["mean_change_NORMAL"] is None


def test_nothing_has_no_metrics():
    none = np.array([], int)
    metrics = compute_metrics(none, none, none, 0.5)
    assert (metrics["n"], metrics["patients"]) == (0, 0)
    names = ("auc", "accuracy", "ece", "ece_equal_classes", "brier", "sensitivity_ci95")
    assert [metrics[name] for name in names] == [None] * 6


def test_probability_at_the_threshold_is_called():
    metrics = compute_metrics([0, 1, 1], [0.4, 0.5, 0.5], np.arange(3), 0.5)
    assert metrics["sensitivity"] == 1
    assert metrics["sensitivity_ci95"][1] == 1


def test_suite_is_scored_picture_by_picture(tmp_path):
    examples = index_folder(write_phantom_dataset(tmp_path, patients=2))
    means = [read_radiograph(example.path).pixels.mean() for example in examples]

    def score(pictures):
        return np.array([picture.mean() for picture in pictures])

    every = score_suite(examples, score)
    assert list(every) == ["none", *SHIFTS, *LOOKS]
    assert every["none"].tolist() == pytest.approx(means)
    # Levels are borrowed from the other class, so that the mean comes near its own.
    assert (np.abs(every["other class's levels"] - every["none"]) > 0.5).all()
    wanted = [("blur",), (), ("other class's levels",), *[()] * 5]
    shares = []
    some = score_suite(examples, score, wanted, progress=shares.append)
    assert shares == [place / 8 for place in range(9)]
    assert some["none"].tolist() == pytest.approx(means)
    for name, place in (("blur", 0), ("other class's levels", 2)):
        assert np.flatnonzero(np.isfinite(some[name])).tolist() == [place]
        assert some[name][place] == every[name][place]
    healthy = [example for example in examples if example.label == 0]
    assert list(score_suite(healthy, score)) == ["none", *SHIFTS], "nobody lends another's looks"
    with pytest.raises(ValueError, match="shorter"):
        score_suite(examples, lambda pictures: score(pictures)[:-1])


def test_interval_of_a_perfect_rate_is_exact_not_empty():
    # Clopper and Pearson for 4 of 4 and 0 of 6, as in any table of the binomial distribution.
    metrics = compute_metrics(LABELS, np.full(10, 0.1), np.arange(10), 0.5)
    assert metrics["specificity_ci95"] == pytest.approx([0.3976, 1], abs=1e-4)
    assert metrics["sensitivity_ci95"] == pytest.approx([0, 0.4593], abs=1e-4)


def test_class_weights_make_a_rare_class_count_as_much():
    weights = class_weights([0, 1, 1, 1])
    assert weights.tolist() == pytest.approx([1 / 2, 1 / 6, 1 / 6, 1 / 6])
    # 3 of 4 are PNEUMONIA; a network that claims one half is right about equal classes.
    assert expected_calibration_error([0, 1, 1, 1], np.full(4, 0.5)) == pytest.approx(0.25)
    assert expected_calibration_error([0, 1, 1, 1], np.full(4, 0.5), weights) == pytest.approx(0)


def test_class_weights_of_one_class_sum_to_one():
    assert class_weights([1, 1]).tolist() == [0.5, 0.5]
    assert class_weights([0, 0, 0, 0]).tolist() == [0.25] * 4


def test_log_odds_stay_finite_where_probabilities_are_rounded():
    assert log_odds([0.0, 0.5, 1.0]) == pytest.approx([-16.118, 0, 16.118], abs=1e-3)


def test_reliability_curve_by_hand():
    curve = reliability_curve([0, 1], [0.85, 0.95])
    assert curve["observed"] == [0, 1]
    curve = reliability_curve([0, 1, 1, 0], [0.11, 0.15, 0.9, 1.0])
    assert curve["probability"] == pytest.approx([0.13, 0.95])
    assert curve["observed"] == [0.5, 0.5]
    assert curve["weight"] == [0.5, 0.5]


@pytest.mark.parametrize("sharpened", [0.5, 1.0, 2.5])
def test_temperature_undoes_what_made_the_probabilities_too_sure(sharpened):
    rng = np.random.default_rng(0)
    true = rng.uniform(0.01, 0.99, 40_000)
    labels = (rng.random(len(true)) < true).astype(int)
    claimed = apply_temperature(true, 1 / sharpened)
    assert fit_temperature(labels, claimed) == pytest.approx(sharpened, rel=0.03)
    np.testing.assert_allclose(apply_temperature(claimed, sharpened), true, atol=1e-4)


def test_temperature_stays_within_its_bounds():
    right = np.array([0.4, 0.45, 0.55, 0.6])
    assert fit_temperature(np.array([0, 0, 1, 1]), right) == pytest.approx(0.1, rel=1e-3)
    assert fit_temperature(np.array([1, 1, 0, 0]), right) == pytest.approx(10, rel=1e-3)


def test_operating_points_hold_under_the_worst_shift():
    labels = np.repeat([0, 1], 50)
    ladder = np.arange(50) / 100 + 0.0005  # between two of the thresholds that are tried
    scores = {
        "none": np.concatenate([ladder, 0.4 + ladder]),  # NORMAL 0..0.49, PNEUMONIA 0.4..0.89
        "brighter": np.concatenate([ladder + 0.1, 0.5 + ladder]),
    }
    chosen = {name: value for name, (value, _) in choose_thresholds(labels, scores).items()}
    assert all("every change" in words for _, words in choose_thresholds(labels, scores).values())
    # 49 of 50 PNEUMONIA as they are reach 0.4105, all under the shift.
    assert chosen["rule-out"] == 0.41
    # 49 of 50 brightened NORMAL lie below 0.5805; as they are, all below 0.4905.
    assert chosen["rule-in"] == 0.581
    # As they are the best is at 0.4..0.5, shifted 0.5..0.6; 0.5 serves both alike.
    assert chosen["balanced"] == pytest.approx(0.495, abs=0.006)
    # Brighter alone is best anywhere from 0.5 to 0.6; of equals the nearest to one half is taken.
    alone = choose_thresholds(labels, {"brighter": scores["brighter"]})
    assert alone["balanced"][0] == pytest.approx(0.5, abs=0.002)
    assert not any("change" in words for _, words in alone.values())


def test_operating_points_keep_their_order_where_classes_lie_far_apart():
    labels = np.repeat([0, 1], 50)
    scores = {"none": np.concatenate([np.full(50, 0.2), np.full(50, 0.8)])}
    chosen = choose_thresholds(labels, scores)
    assert [value for value, _ in chosen.values()] == pytest.approx([0.5] * 3, abs=0.01)
    assert not any("shift" in words for _, words in chosen.values())


def test_balanced_gives_up_a_hundredth_to_lie_nearer_to_one_half():
    labels = np.repeat([0, 1], 200)
    ill = np.concatenate([np.full(2, 0.305), np.full(4, 0.405), np.full(194, 0.9)])
    scores = {"none": np.concatenate([np.full(200, 0.1), ill])}
    # Balanced accuracy: 1 up to 0.305, 0.995 up to 0.405, then 0.985.
    assert choose_thresholds(labels, scores)["balanced"][0] == pytest.approx(0.405)


def test_thresholds_are_those_between_zero_and_one():
    assert (len(THRESHOLDS), THRESHOLDS[0], THRESHOLDS[-1]) == (999, 0.001, 0.999)


def test_operating_point_out_of_reach_says_so():
    labels = np.array([0, 0, 1, 1])
    chosen = choose_thresholds(labels, {"none": np.array([0, 1, 0, 1])})
    assert chosen["rule-out"][0] == 0.001
    assert chosen["rule-in"][0] == 0.999
    words = {name: words for name, (_, words) in chosen.items()}
    assert words["rule-out"].startswith("No threshold keeps this rate")
    assert words["rule-in"].startswith("No threshold keeps this rate")
