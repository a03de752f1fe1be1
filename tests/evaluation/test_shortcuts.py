import numpy as np
import pytest

from pneumo.evaluation.shortcuts import (
    LEAST_PATIENTS,
    MARK_CELLS,
    OUTLINE_CELLS,
    aucs_of,
    global_statistics,
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
