"""The evidence map adds up to the answer, and where it lies is told from the lungs."""

from dataclasses import replace

import numpy as np
import pytest

from pneumo import NORMAL, PNEUMONIA
from pneumo.explaining.explainer import Explainer
from pneumo.explaining.localisation import (
    describe_other,
    describe_whereabouts,
    evidence_for,
    locate,
)
from pneumo.inference import prepare
from pneumo.network.lung_field import field_of
from pneumo.reading.radiograph import read_radiograph
from tests.network.test_lung_field import TWO, draw_lungs
from tests.network.test_triage import SAMPLES


def test_the_cells_add_up_to_the_log_odds(classifier):
    """Golden: for pooling and one Dense layer the sum is exact but for the biases."""
    pictures = [read_radiograph(path).pixels for path in (SAMPLES[0], SAMPLES[-1])]
    maps, probabilities = classifier.forward(prepare(classifier, pictures))
    cells = Explainer(classifier).evidence(maps)
    assert cells.shape == (2, 10, 10)
    kernel, bias = classifier.head
    log_odds = np.log(probabilities[:, PNEUMONIA]) - np.log(probabilities[:, NORMAL])
    constant = bias[PNEUMONIA] - bias[NORMAL]
    np.testing.assert_allclose(cells.sum(axis=(1, 2)) + constant, log_odds, rtol=0, atol=2e-4)
    expected = maps @ (kernel[:, PNEUMONIA] - kernel[:, NORMAL]) / 100
    np.testing.assert_allclose(cells, expected, rtol=0, atol=1e-5)


def test_evidence_has_two_sides():
    cells = np.array([[1.0, -2.0], [0.0, 3.0]])
    np.testing.assert_array_equal(evidence_for(cells, PNEUMONIA), [[1, 0], [0, 3]])
    np.testing.assert_array_equal(evidence_for(cells, NORMAL), [[0, 2], [0, 0]])


def one_cell(row: int, column: int, value: float = 2.0) -> np.ndarray:
    cells = np.zeros((10, 10), np.float32)
    cells[row, column] = value
    return cells


@pytest.mark.parametrize(
    ("row", "column", "in_lung", "words"),
    [
        (2, 2, True, "upper part of the lung at the left of the picture"),
        (5, 7, True, "middle part of the lung at the right of the picture"),
        (7, 7, True, "lower part of the lung at the right of the picture"),
        (5, 5, False, "between the lungs"),
    ],
)
def test_the_strongest_place_is_named(row, column, in_lung, words):
    # Wide apart, so that the middle cells lie clearly between the lungs.
    field = field_of(draw_lungs((14, 24, 50, 104), (82, 24, 118, 104)))
    found = locate(one_cell(row, column), PNEUMONIA, field)
    assert (found.near_lung, found.words) == (in_lung, words)
    assert found.doubt == ("" if in_lung else "the strongest place is outside the lungs")
    told = describe_whereabouts(found, PNEUMONIA)
    assert ("Doubt this answer: the strongest place is outside" in told) is not in_lung
    left, top, right, bottom = field.box
    assert found.place[0] == pytest.approx(left + (column + 0.5) / 10 * (right - left), abs=0.01)
    assert found.place[1] == pytest.approx(top + (row + 0.5) / 10 * (bottom - top), abs=0.01)


def test_thirds_are_those_of_the_lung_on_that_side():
    """A lung half as high as the other: its middle lies in the field's lower half."""
    field = field_of(draw_lungs((14, 24, 50, 104), (82, 64, 118, 104)))
    words = {row: locate(one_cell(row, 7), PNEUMONIA, field).words for row in (5, 7, 9)}
    assert [told.split()[0] for told in words.values()] == ["upper", "middle", "lower"]
    assert locate(one_cell(7, 2), PNEUMONIA, field).words.startswith("lower part of the lung")


def test_the_share_inside_the_lungs_is_that_of_the_area_for_even_evidence():
    field = field_of(TWO)
    even = np.full((10, 10), 0.1, np.float32)
    found = locate(even, PNEUMONIA, field)
    lungs = 2 * 30 * 70 / (field.inside >= 0.5).sum()
    assert found.inside == pytest.approx(found.even) == pytest.approx(lungs, abs=0.02)


def test_what_lies_beyond_the_outline_does_not_count():
    """Nothing is drawn there, and the checks do not count it either."""
    field = field_of(draw_lungs((14, 24, 50, 64), (82, 24, 118, 104)))
    beyond = locate(one_cell(3, 7) + one_cell(9, 1, 20), PNEUMONIA, field)
    assert beyond.words.endswith("lung at the right of the picture") and beyond.inside > 0.9


def test_evidence_that_is_in_the_lungs_less_than_by_chance_is_doubtful():
    field = field_of(draw_lungs((24, 30, 59, 100), (69, 30, 104, 100)))
    cells = one_cell(5, 2, 1.0)
    cells[:, 4:6] = 0.8  # between the lungs, all the way down
    found = locate(cells, PNEUMONIA, field)
    assert found.near_lung and not found.on_edge and found.inside < found.even
    told = describe_whereabouts(found, PNEUMONIA)
    assert f"less than the {100 * found.even:.0f} % of an even spread" in told
    assert f"Doubt this answer: {100 * found.inside:.0f} % of it lies inside" in told
    assert "speaks for PNEUMONIA instead" in describe_other(found) and found.doubt in told


def test_a_narrow_gap_between_the_lungs_is_no_reason_for_doubt():
    """A cell a tenth of the field wide, between lungs that it sees both, tells no finer."""
    field = field_of(draw_lungs((24, 30, 59, 100), (69, 30, 104, 100)))
    cells = one_cell(5, 4) + one_cell(5, 5)
    cells[2:8, [1, 2, 3, 6, 7, 8]] = 0.4
    found = locate(cells, PNEUMONIA, field)
    assert found.words == "between the lungs" and found.near_lung and not found.doubt


def test_a_place_on_the_edge_of_the_field_is_doubtful():
    field = field_of(draw_lungs((0, 0, 60, 128), (68, 0, 128, 128)))
    found = locate(one_cell(5, 0), PNEUMONIA, field)
    assert found.near_lung and found.on_edge and found.doubt
    assert "edge of what the network was shown" in describe_whereabouts(found, PNEUMONIA)


def test_nothing_is_located_where_there_is_no_evidence_or_no_lung():
    assert locate(np.zeros((10, 10), np.float32), PNEUMONIA, field_of(TWO)) is None
    assert locate(one_cell(5, 2), NORMAL, field_of(TWO)) is None
    assert locate(one_cell(5, 2), PNEUMONIA, field_of(draw_lungs())) is None
    assert locate(one_cell(5, 2), PNEUMONIA, None) is None
    assert describe_whereabouts(None, NORMAL).startswith("Hardly anything")
    # All of it beyond the outline; and lungs that are too faint to be compared with.
    apart = field_of(draw_lungs((14, 24, 50, 64), (82, 24, 118, 104)))
    assert locate(one_cell(9, 0), PNEUMONIA, apart) is None
    faint = replace(field_of(TWO), lungs=0.4 * (TWO > 0.5))
    assert locate(one_cell(5, 2), PNEUMONIA, faint) is None
