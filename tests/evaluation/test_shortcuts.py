import numpy as np
import pytest

from pneumo.evaluation.metrics import area_under_roc
from pneumo.evaluation.shortcuts import (
    LEAST_PATIENTS,
    MARK_CELLS,
    OUTLINE_CELLS,
    aucs_of,
    global_statistics,
    least_typical,
    look_around,
)
from pneumo.network.lung_finder import FinderPass
from pneumo.training.phantom import draw_phantom
from tests.evaluation.test_robustness import find_two_boxes
from tests.network.test_lung_field import CELLS, TWO


def find_nothing(batch: np.ndarray) -> FinderPass:
    empty = np.zeros((len(batch), CELLS, CELLS), np.float32)
    return FinderPass(empty, np.zeros((len(batch), 4), np.float32))


def test_looks_are_found_when_classes_differ_in_brightness_only():
    rng = np.random.default_rng(0)
    labels, patients = np.repeat([0, 1], 40), np.arange(80)
    alike = np.stack([draw_phantom(0, rng, 128) for _ in labels])
    brighter = alike + (labels * 40).astype(np.uint8)[:, None, None]
    found = aucs_of(
        {
            name: [global_statistics(grid) for grid in grids]
            for name, grids in (("brighter", brighter), ("alike", alike))
        },
        labels,
        patients,
    )
    assert found["brighter"] > 0.95
    assert 0.25 < found["alike"] < 0.75


def test_no_figure_for_a_handful_of_patients():
    labels = np.repeat([0, 1], 30)
    patients = np.arange(60) % (LEAST_PATIENTS - 1) + 100 * labels
    assert aucs_of({"looks": list(np.eye(60))}, labels, patients) == {"looks": None}


def test_patients_stay_together():
    """Each patient's number tells his class, but only to who has seen him."""
    rng = np.random.default_rng(0)
    labels = np.repeat(rng.permutation(np.repeat([0, 1], 30)), 6)
    patients = np.repeat(np.arange(60), 6)
    features = list(rng.standard_normal((60, 8)).repeat(6, axis=0))
    assert aucs_of({"own": features}, labels, patients)["own"] < 0.75


def test_a_letter_is_a_mark_at_its_place_and_moves_neither_framing_nor_outline():
    plain = np.full((300, 500), 60, np.uint8)
    marked = plain.copy()
    marked[27:35, 440:450] = 255
    before, after = (look_around(pixels, find_two_boxes) for pixels in (plain, marked))
    marks = after["marks"].reshape(MARK_CELLS, MARK_CELLS)
    assert not before["marks"].any()
    row, column = np.unravel_index(marks.argmax(), marks.shape)
    assert (row, column) == (int(31 / 300 * MARK_CELLS), int(445 / 500 * MARK_CELLS))
    np.testing.assert_array_equal(before["framing"], after["framing"])
    np.testing.assert_array_equal(before["outline"], after["outline"])


def test_framing_is_aspect_box_and_share_of_the_lungs():
    aspect, left, top, right, bottom, share = look_around(
        np.zeros((300, 450), np.uint8), find_two_boxes
    )["framing"]
    rows, columns = np.nonzero(TWO >= 0.5)
    assert aspect == 1.5
    expected = np.array([columns.min(), rows.min(), columns.max() + 1, rows.max() + 1]) / CELLS
    assert (left, top, right, bottom) == pytest.approx(expected)
    assert share == pytest.approx((TWO >= 0.5).mean())


def test_without_lungs_there_is_something_to_say_all_the_same():
    found = look_around(np.full((200, 200), 90, np.uint8), find_nothing)
    assert found["framing"].tolist() == [1, 0, 0, 1, 1, 0]
    assert found["outline"].shape == (OUTLINE_CELLS**2,)


def test_least_typical_are_those_whose_looks_speak_for_the_other_class():
    labels = np.array([1, 0, 1, 0, 1, 0, 1, 1])
    looks = np.array([0.9, 0.2, 0.1, 0.8, 0.4, 0.8, 0.6, 0.4])
    assert least_typical(labels, looks, 1 / 3).tolist() == [3, 2, 4]
    assert least_typical(labels, looks, 0.6).tolist() == [3, 5, 2, 4, 7]
    assert least_typical(labels, looks, 0.01).tolist() == [3, 2]
    assert sorted(least_typical(labels, looks, 1)) == list(range(8))


def test_who_follows_looks_fails_where_they_mislead_and_who_does_not_stays():
    rng = np.random.default_rng(0)
    labels = np.repeat([0, 1], 300)
    looks = np.clip(0.25 + 0.5 * labels + rng.normal(0, 0.25, 600), 0, 1)
    lungs = np.clip(0.25 + 0.5 * labels + rng.normal(0, 0.25, 600), 0, 1)
    chosen = least_typical(labels, looks, 0.1)
    assert area_under_roc(labels[chosen], looks[chosen]) < 0.05
    assert area_under_roc(labels[chosen], lungs[chosen]) == pytest.approx(
        area_under_roc(labels, lungs), abs=0.06
    )
