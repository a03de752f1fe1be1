"""From scores to a model card: what is told of calibration, points and scores, by hand."""

from pathlib import Path

import keras
import numpy as np
import pytest

from pneumo.dataset.examples import Example
from pneumo.dataset.splits import split_patients
from pneumo.evaluation.calibration import apply_temperature, fit_temperature
from pneumo.network.lung_field import WHOLE
from pneumo.network.operating_points import choose_thresholds
from pneumo.training import finish
from pneumo.training.finish import (
    Suite,
    average_weights,
    describe_calibration,
    describe_points,
    describe_scores,
    make_predictor,
    measure_heat,
    predict_grids,
    scale_head,
    score_examples,
    scores_path,
)
from pneumo.training.phantom import write_phantom_dataset


@pytest.fixture
def model():
    keras.utils.set_random_seed(0)
    image = keras.Input((8, 8, 3))
    pooled = keras.layers.GlobalAveragePooling2D()(image)
    head = keras.layers.Dense(2, "softmax", bias_initializer="random_normal", name="probability")
    return keras.Model(image, head(pooled))


@pytest.fixture
def grids():
    return np.random.default_rng(0).integers(0, 256, (7, 8, 8), np.uint8)


def test_scaled_head_answers_as_the_temperature_says(model, grids):
    raw = predict_grids(model, grids)
    scale_head(model, 2.5)
    scaled = predict_grids(model, grids)
    np.testing.assert_allclose(scaled, apply_temperature(raw, 2.5), atol=1e-6)
    # Too sure before, less sure now: nearer to one half.
    assert (np.abs(scaled - 0.5) < np.abs(raw - 0.5)).all()
    # What one logit gains the other loses, so that the heat for one class is that of the answer.
    for values in model.get_layer("probability").get_weights():
        np.testing.assert_allclose(values[..., 0], -values[..., 1], atol=1e-7)


def test_grids_are_answered_in_order_whatever_batch_and_devices(model, grids):
    answers = model.predict(finish.to_model_input(grids), verbose=0)[:, 1]
    for batch_size, devices in ((3, 1), (2, 2), (7, 4), (32, 3)):
        found = predict_grids(model, grids, devices, batch_size)
        np.testing.assert_allclose(found, answers, atol=1e-6)


def test_batches_are_filled_up_for_the_devices_and_pictures_scaled(model, grids, monkeypatch):
    seen = []
    plain = model.predict_on_batch
    monkeypatch.setattr(model, "predict_on_batch", lambda x: seen.append(len(x)) or plain(x))
    predict_grids(model, grids, 4, 5)
    predict_grids(model, np.repeat(grids, 5, axis=0))
    assert seen == [8, 4, 32, 3]
    wide = [np.full((20, 30), 90, np.uint8)]
    expected = predict_grids(model, np.full((1, 8, 8), 90, np.uint8))
    # A picture of another shape is put into the network's square.
    np.testing.assert_allclose(make_predictor(model, None, WHOLE)(wide), expected, atol=1e-6)


def test_weights_are_averaged_one_by_one():
    one, two = [np.array([1.0, 2.0]), np.array([[4.0]])], [np.array([3.0, 6.0]), np.array([[0.0]])]
    mean = average_weights([one, two])
    assert [values.tolist() for values in mean] == [[2.0, 4.0], [[2.0]]]
    mean = average_weights([one, two], [0.25, 0.75])
    assert [values.tolist() for values in mean] == [[2.5, 5.0], [[1.0]]]
    with pytest.raises(ValueError, match="shorter"):
        average_weights([one, two[:1]])
    # Summed in 64 bits: 16 would lose the small one beside the large.
    halves = [[np.full(1, value, np.float16)] for value in (2048, 1, 1, 1)]
    assert average_weights(halves)[0].tolist() == [2051 / 4]


def drawn_labels(count=4000, seed=0):
    """Labels, and the probabilities that they were drawn by."""
    rng = np.random.default_rng(seed)
    true = rng.uniform(0.01, 0.99, count)
    labels = (rng.random(count) < true).astype(int)
    return labels, true


def test_each_half_gets_the_temperature_of_the_other(monkeypatch):
    labels, true = drawn_labels()
    patients = np.arange(len(labels)) // 2
    patients = patients * 2 + labels  # of one class each
    asked = []

    def fit(given_labels, given):
        asked.append(given)
        return float(len(asked) * 2)

    monkeypatch.setattr(finish, "fit_temperature", fit)
    errors = []
    monkeypatch.setattr(
        finish,
        "expected_calibration_error",
        lambda labels, scores, weights: errors.append(scores) or 0.0,
    )
    describe_calibration(labels, true, patients, 1.0, 0)
    raw, crossed = errors
    np.testing.assert_array_equal(raw, true)
    # The first temperature, 2, was fitted to one half and given to the other, and the reverse.
    got = [np.isclose(crossed, apply_temperature(true, t)) for t in (2.0, 4.0)]
    assert (got[0] ^ got[1]).all()
    for mine, given in zip(got, asked, strict=True):
        assert set(given) == set(true[~mine])
    assert len(asked[0]) + len(asked[1]) == len(true)


def test_halves_are_of_patients_and_of_either_class(monkeypatch):
    labels = np.repeat([0, 1], [300, 900])
    patients = np.concatenate([np.arange(300) // 3, 1000 + np.arange(900) // 3])
    raw = np.linspace(0.1, 0.9, 1200)
    parts = []
    monkeypatch.setattr(
        finish, "fit_temperature", lambda own, given: parts.append((own, given)) or 1.0
    )
    for seed in (0, 1):
        describe_calibration(labels, raw, patients, 1.0, seed)
    owners = [set(patients[np.isin(raw, given)]) for _, given in parts]
    for one, other in (owners[:2], owners[2:]):
        assert not one & other
        assert len(one) == len(other) == 200
    for own, _ in parts:
        assert np.bincount(own).tolist() == [150, 450]
    assert owners[0] != owners[2], "another seed, other halves"


def test_patient_of_both_classes_is_in_one_half(monkeypatch):
    labels, patients = np.tile([0, 1], 100), np.arange(200) // 2
    raw = np.linspace(0.1, 0.9, 200)
    parts = []
    monkeypatch.setattr(finish, "fit_temperature", lambda own, given: parts.append(given) or 1.0)
    describe_calibration(labels, raw, patients, 1.0, 0)
    one, other = (set(patients[np.isin(raw, given)]) for given in parts)
    assert not one & other


def test_calibration_reports_what_it_was_given():
    labels, true = drawn_labels()
    claimed = apply_temperature(true, 0.5)
    report = describe_calibration(labels, claimed, np.arange(len(labels)), 1.7, 0)
    assert report["temperature"] == 1.7
    assert report["ece_before"] > 3 * report["ece_cross_fitted"]
    assert fit_temperature(labels, claimed) == pytest.approx(2, rel=0.1)
    # Both classes weighted alike: a set of a tenth PNEUMONIA whose P was learned on equal classes.
    rare = np.flatnonzero((labels == 0) | (np.arange(len(labels)) % 10 == 0))
    report = describe_calibration(labels[rare], true[rare], rare, 1.0, 0)
    assert report["ece_before"] < 0.05
    assert report["ece_cross_fitted"] < 0.05


def test_points_tell_the_least_rates_under_shifts():
    labels = np.array([0, 0, 1, 1])
    scores = {
        "none": np.array([0.1, 0.2, 0.8, 0.9]),
        "dark": np.array([0.1, 0.2, 0.4, 0.9]),
        "light": np.array([0.1, 0.7, 0.8, 0.9]),
    }
    points = describe_points({"balanced": (0.5, "by hand")}, labels, scores, np.arange(4))
    point = points["balanced"]
    assert {key: point[key] for key in point if "ci95" not in key} == {
        "threshold": 0.5,
        "sensitivity": 1.0,
        "specificity": 1.0,
        "least_sensitivity_under_shifts": 0.5,
        "least_specificity_under_shifts": 0.5,
        "least_balanced_accuracy_under_shifts": 0.75,
        "chosen_by": "by hand",
    }
    # Clopper and Pearson for 2 of 2.
    assert point["sensitivity_ci95"] == pytest.approx([0.1581, 1], abs=1e-4)
    two = {name: scores[name] for name in ("none", "dark")}
    points = describe_points({"balanced": (0.5, "")}, labels, two, np.arange(4))
    assert points["balanced"]["least_sensitivity_under_shifts"] == 0.5
    plain = {"none": scores["none"]}
    points = describe_points({"balanced": (0.5, "")}, labels, plain, np.arange(4))
    assert not any("shifts" in key for key in points["balanced"])


def test_scores_are_told_in_order_of_score_and_without_names():
    examples = [
        Example(Path(f"{i}.png"), label, patient, "")
        for i, (label, patient) in enumerate([(1, "jane"), (0, "bob"), (1, "jane"), (0, "al")])
    ]
    told = describe_scores(examples, np.array([0.75, 0.123456789, 0.5, 0.9]), "four")
    assert told == {
        "of": "four",
        "label": [0, 1, 1, 0],
        "patient": [1, 2, 2, 0],
        "p_pneumonia": [0.123457, 0.5, 0.75, 0.9],
    }


def test_share_of_the_patients_is_chosen_for_the_suite():
    examples = [
        Example(Path(f"{label}-{patient}-{i}.png"), label, f"{label}-{patient}", "")
        for label in (0, 1)
        for patient in range(8)
        for i in range(2)
    ]
    assert Suite(0, None, 0).choose(examples) == []
    assert Suite(0.5, None, 0).choose([]) == []
    assert Suite(1, None, 0).choose(examples) == examples
    half = Suite(0.5, None, 0).choose(examples)
    assert half == split_patients(examples, 0.5, 0)[1]
    assert len(half) == 16
    assert Suite(0.5, None, 1).choose(examples) != half


def test_heat_is_measured_as_half_of_the_ill_reach_it(monkeypatch):
    """A backbone that gives its picture's red as one map and its double as another."""
    image = keras.Input((4, 4, 3))
    maps = keras.layers.Conv2D(2, 1, use_bias=False, name="maps")(image)
    pooled = keras.layers.GlobalAveragePooling2D()(maps)
    answers = keras.layers.Dense(2, "softmax", name="probability")(pooled)
    model = keras.Model(image, answers)
    model.get_layer("maps").set_weights([np.array([[[[1.0, 2], [0, 0], [0, 0]]]])])
    kernel = np.array([[0.5, 3.0], [-1.0, 1.0]])  # of NORMAL and PNEUMONIA, by map
    model.get_layer("probability").set_weights([kernel, np.zeros(2)])
    monkeypatch.setattr(finish, "backbone_of", lambda model: keras.Model(image, maps))
    monkeypatch.setattr(finish, "to_model_input", lambda grids: grids[..., np.newaxis] * np.ones(3))
    rng = np.random.default_rng(0)
    grids = rng.uniform(1, 100, (40, 4, 4)).astype(np.float32)
    labels = np.arange(40) % 2
    peaks = grids[labels == 1].max(axis=(1, 2))
    # A red of r stands for r (3 + 2) for PNEUMONIA and r (0.5 - 2) for NORMAL, over 16 cells.
    heat = measure_heat(model, grids, labels)
    assert heat == {
        "gradcam": pytest.approx(np.median(peaks) * 5 / 16),
        "evidence": pytest.approx(np.median(peaks) * 6.5 / 16),
    }


def test_scores_are_remembered_for_the_same_weights_examples_and_suite(tmp_path):
    from pneumo.dataset.examples import index_folder

    examples = index_folder(write_phantom_dataset(tmp_path / "data", patients=2))
    weights = tmp_path / "some.weights.h5"
    weights.write_bytes(b"one")
    calls = []

    def predict(pictures):
        calls.append(len(pictures))
        return np.linspace(0.1, 0.2, len(pictures))

    def score(examples, share=0.0):
        calls.clear()
        suite = Suite(share, None, 0)
        return score_examples(predict, examples, weights, suite, lambda share: None)

    first = score(examples)
    assert list(first) == ["none"]
    assert len(calls) == len(first["none"]) == 8
    assert scores_path(weights) == tmp_path / "some.scores.npz"
    with np.load(scores_path(weights)) as found:
        assert found["label"].tolist() == [e.label for e in examples]
    again = score(examples)
    assert not calls
    assert again["none"].tolist() == first["none"].tolist()
    assert set(again) == {"none"}
    score(examples[1:])
    assert len(calls) == 7
    weights.write_bytes(b"two")
    score(examples[1:])
    assert len(calls) == 7
    shifted = score(examples[1:], 1.0)
    assert len(shifted) > 5
    assert min(calls) > 5
    assert set(score(examples[1:], 1.0)) == set(shifted)
    assert not calls
    assert list(score(examples[1:])) == ["none"]
    # Half of the patients under every change; the others have no number there, but their own.
    examples = index_folder(write_phantom_dataset(tmp_path / "more", patients=6))
    half = score(examples, 0.5)
    scored = np.isfinite(half["blur"])
    assert 0 < scored.sum() < len(examples)
    owners = [
        {
            (e.label, e.patient)
            for e, own in zip(examples, scored, strict=True)
            if bool(own) is there
        }
        for there in (True, False)
    ]
    assert not owners[0] & owners[1]
    assert np.isfinite(half["none"]).all()


def test_calibration_is_reported_by_temperatures_of_the_other_half():
    rng = np.random.default_rng(0)
    true = rng.uniform(0.01, 0.99, 4000)
    labels = (rng.random(len(true)) < true).astype(int)
    report = describe_calibration(labels, apply_temperature(true, 0.3), np.arange(4000), 3.3, 0)
    assert report["ece_before"] > 0.1
    assert report["ece_cross_fitted"] < 0.03


def test_points_are_measured_where_they_were_chosen():
    labels = np.repeat([0, 1], 50)
    ladder = np.arange(50) / 100 + 0.0005
    scores = {
        "none": np.concatenate([ladder, 0.4 + ladder]),
        "brighter": np.concatenate([ladder + 0.1, 0.5 + ladder]),
    }
    points = describe_points(choose_thresholds(labels, scores), labels, scores, np.arange(100))
    assert points["rule-out"]["sensitivity"] == 0.98
    assert points["rule-in"]["least_specificity_under_shifts"] == 0.98
    assert points["rule-in"]["specificity"] == 1
    assert points["balanced"]["least_balanced_accuracy_under_shifts"] == pytest.approx(0.9)
