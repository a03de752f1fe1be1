"""The lung field: found from drawn lungs, cut out, hidden around, and put back in its place."""

import numpy as np
import pytest

from pneumo.network.lung_field import (
    MARGIN,
    bounds_of,
    crop_outline,
    cut_out,
    distance_to_field,
    equalise,
    field_of,
    hide_outside,
    keep_lungs,
    present,
    put_back,
)

CELLS = 128


def draw_lungs(*boxes: tuple[int, int, int, int]) -> np.ndarray:
    """Returns probabilities of lung, 0.9 within boxes of left, top, right, bottom in cells."""
    drawn = np.full((CELLS, CELLS), 0.05, np.float32)
    for left, top, right, bottom in boxes:
        drawn[top:bottom, left:right] = 0.9
    return drawn


TWO = draw_lungs((24, 30, 54, 100), (74, 30, 104, 100))


def test_a_crumb_beside_lungs_that_touch_is_no_second_lung():
    touching = draw_lungs((24, 30, 64, 100), (64, 30, 104, 100))
    crumb = draw_lungs((24, 30, 64, 100), (64, 30, 104, 100), (105, 60, 106, 61))
    alone = draw_lungs((24, 30, 54, 100), (55, 60, 56, 61))
    assert field_of(touching).smaller_lung() == field_of(crumb).smaller_lung() == 0.5
    assert field_of(alone).smaller_lung() < 0.01
    assert field_of(TWO).smaller_lung() == pytest.approx(0.5, abs=0.01)


def test_field_is_both_lungs_and_what_lies_between_them_with_a_margin():
    field = field_of(TWO)
    side = 80  # from column 24 to 104, the longer one; rows are 70
    reach = (MARGIN + 0.01) * side  # margin and half of the soft edge: 3.6 cells
    assert field.box == pytest.approx(
        [(24 - reach) / CELLS, (30 - reach) / CELLS, (104 + reach) / CELLS, (100 + reach) / CELLS],
        abs=1 / CELLS,
    )
    assert field.found
    assert field.inside[65, 64] == 1  # between the lungs
    assert field.inside[10, 64] == field.inside[115, 64] == field.inside[65, 5] == 0
    assert field.lungs[65, 64] < 0.1 and field.lungs[65, 30] == pytest.approx(0.9)


def test_rows_with_one_lung_are_not_filled_to_the_other_side():
    deep = draw_lungs((24, 30, 54, 100), (74, 30, 104, 60))
    inside = field_of(deep).inside
    assert inside[40, 64] == 1 and inside[90, 64] == 0 and inside[90, 40] == 1


@pytest.mark.parametrize(
    ("boxes", "kept"),
    [
        ([(24, 30, 54, 100), (74, 30, 104, 100), (5, 5, 9, 9)], 2),  # a speck
        ([(24, 30, 54, 100), (74, 30, 104, 100), (4, 110, 40, 127)], 2),  # a third large part
        ([(24, 30, 54, 100)], 1),
        ([(60, 60, 63, 63)], 0),  # too small for lungs
        ([], 0),
    ],
)
def test_keeps_the_two_largest_parts(boxes, kept):
    found = keep_lungs(draw_lungs(*boxes))
    expected = np.zeros((CELLS, CELLS), bool)
    for left, top, right, bottom in sorted(
        boxes, key=lambda b: (b[2] - b[0]) * (b[3] - b[1]), reverse=True
    )[:kept]:
        expected[top:bottom, left:right] = True
    np.testing.assert_array_equal(found, expected)


def test_without_lungs_the_field_is_an_oval_and_says_so():
    field = field_of(draw_lungs())
    assert not field.found
    assert field.inside[64, 64] == 1 and field.inside[3, 3] == 0
    assert field.box == pytest.approx((0.09, 0.09, 0.91, 0.91), abs=0.01)


def test_distances_are_signed_and_counted_from_the_edge_in_sides_of_the_lungs():
    distance, _ = distance_to_field(TWO)
    # The middle of cell 104, the first outside, is half a cell from the edge; the side is 80.
    assert distance[65, 104] == pytest.approx(0.5 / 80)
    assert distance[65, 103] == pytest.approx(-0.5 / 80)
    assert distance[65, 113] == pytest.approx(9.5 / 80)


def test_nothing_outside_the_outline_reaches_the_network(rng=None):
    """The heart of it: whatever surrounds the field, the model input is the same to the bit."""
    rng = np.random.default_rng(0)
    field = field_of(TWO)
    first = rng.integers(0, 256, (640, 512), dtype=np.uint8)
    wide = np.kron(field.inside > 0, np.ones((5, 4), bool))  # 640 x 512
    # A cell's breadth more: the outline is interpolated between the cells' centres.
    grown = np.zeros_like(wide)
    for down in (-5, 0, 5):
        for across in (-4, 0, 4):
            grown |= np.roll(wide, (down, across), (0, 1))
    second = np.where(grown, first, 255 - first)
    assert (first != second).mean() > 0.3
    # The cut ends at the field's box, so a picture pixel beyond it may touch the first column.
    cuts = [cut_out(pixels, field, 299) for pixels in (first, second)]
    for view, least, most in (("equalised", 0, 3), ("field", 0, 1), ("cut", 100, 255)):
        shown = [present(cut, crop_outline(field, 299), view).astype(int) for cut in cuts]
        assert least <= np.abs(shown[0] - shown[1]).max() <= most, view


def test_what_is_hidden_is_as_grey_as_the_inside_on_average():
    grid = np.full((4, 4), 200, np.uint8)
    grid[:, :2] = 40
    inside = np.zeros((4, 4), np.float32)
    inside[:, :2] = 1
    inside[0, 0] = 0.5
    hidden = hide_outside(grid, inside)
    np.testing.assert_array_equal(hidden, np.full((4, 4), 40))


def test_each_level_becomes_the_share_of_the_field_that_is_darker():
    grid = np.array([[10, 10, 200], [10, 50, 90]], np.uint8)
    inside = np.array([[1, 1, 0], [1, 1, 0.5]], np.float32)
    # Of 4.5 pixels 3 are at 10, 1 at 50, half of one at 90; what lies outside counts nothing.
    expected = np.rint(255 * np.array([1.5, 1.5, 4.5, 1.5, 3.5, 4.25]) / 4.5)
    np.testing.assert_array_equal(equalise(grid, inside).ravel(), expected)


@pytest.mark.parametrize(
    "curve",
    [
        lambda level: level**0.5,
        lambda level: level**2,
        lambda level: 1 - (1 - level) ** 2,
        lambda level: 0.2 + 0.7 * level,
    ],
)
def test_no_rising_curve_over_the_levels_changes_what_the_network_sees(curve):
    grid = np.random.default_rng(0).choice(np.arange(20, 240, 8, np.uint8), (100, 100))
    table = np.rint(255 * curve(np.linspace(0, 1, 256))).astype(np.uint8)
    inside = np.ones(grid.shape, np.float32)
    assert len(np.unique(table[grid])) > 15
    change = np.abs(equalise(table[grid], inside).astype(int) - equalise(grid, inside))
    assert change.mean() < 4  # where the curve merges two levels
    assert np.abs(table[grid].astype(int) - grid).mean() > 10


def test_an_even_field_stays_even():
    grid = np.full((9, 9), 30, np.uint8)
    assert np.ptp(equalise(grid, np.ones(grid.shape, np.float32))) == 0
    assert np.ptp(present(grid, np.zeros(grid.shape, np.float32), "equalised")) == 0


@pytest.mark.parametrize("shape", [(400, 500), (1000, 731), (299, 299)])
def test_a_mark_in_the_model_input_is_put_back_where_it_was_cut_from(shape):
    """A bright spot of the radiograph, found in the cut, lies at its own place again."""
    field = field_of(TWO)
    height, width = shape
    for x, y in ((0.3, 0.4), (0.5, 0.55), (0.75, 0.7)):
        pixels = np.zeros(shape, np.uint8)
        rows, columns = np.indices(shape)
        far = np.hypot((columns + 0.5) / width - x, (rows + 0.5) / height - y)
        pixels[far < 0.02] = 255
        cut = cut_out(pixels, field, 299).astype(np.float32)
        back = put_back(np.where(cut > cut.min() + 100, 1.0, 0.0), field, shape)
        weight = back / back.sum()
        assert (weight * (columns + 0.5)).sum() == pytest.approx(x * width, abs=0.5)
        assert (weight * (rows + 0.5)).sum() == pytest.approx(y * height, abs=0.5)


def test_put_back_is_nothing_outside_the_box_and_golden_inside():
    field = field_of(TWO)
    left, top, right, bottom = field.box
    cells = np.arange(100, dtype=np.float32).reshape(10, 10)
    placed = put_back(cells, field, (1000, 800))
    assert placed.shape == (1000, 800)
    assert (placed[: int(top * 1000)] == 0).all() and (placed[:, : int(left * 800)] == 0).all()
    # The middle between the centres of cells (4, 4), (4, 5), (5, 4), (5, 5): value 49.5.
    row, column = (top + bottom) / 2 * 1000, (left + right) / 2 * 800
    near = placed[int(row) - 1 : int(row) + 2, int(column) - 1 : int(column) + 2]
    assert near.min() <= 49.5 <= near.max() and np.ptp(near) < 0.5


def test_bounds_are_the_outer_edges():
    mask = np.zeros((4, 8), bool)
    mask[1:3, 2:5] = True
    assert bounds_of(mask) == (0.25, 0.25, 0.625, 0.75)
