import numpy as np
import pytest

from pneumo.checks import (
    CONTROLS,
    EVEN,
    STEPS,
    compare_maps,
    describe_erasures,
    describe_shares,
    erase,
    erase_hottest,
    hottest,
    share_outside,
    trace_curves,
)

SIZE = 60


def spot(row: int, column: int, cells: int = 10) -> np.ndarray:
    heatmap = np.zeros((cells, cells), np.float32)
    heatmap[row, column] = 1
    return heatmap


@pytest.fixture
def grid() -> np.ndarray:
    """Bright in one cell of 10 x 10, which is all that the score below looks at."""
    grid = np.full((SIZE, SIZE), 40, np.uint8)
    grid[12:18, 42:48] = 240
    return grid


def score(pictures):
    return np.array([picture[12:18, 42:48].mean() / 255 for picture in pictures])


def test_hottest_takes_exactly_the_share_wanted_even_of_ties():
    assert hottest(np.ones((20, 20)), 0.1).sum() == 40
    ramp = np.arange(100.0).reshape(10, 10)
    np.testing.assert_array_equal(np.flatnonzero(hottest(ramp, 0.05)), [95, 96, 97, 98, 99])


def test_erasing_changes_the_masked_part_alone(grid):
    mask = np.zeros(grid.shape, bool)
    mask[12:18, 42:48] = True
    grey = erase(grid, mask, "mean")
    assert (grey[mask] == round(float(grid.mean()))).all()
    np.testing.assert_array_equal(grey[~mask], grid[~mask])
    blurred = erase(grid, mask, "blur")
    np.testing.assert_array_equal(blurred[~mask], grid[~mask])
    assert 40 < blurred[mask].mean() < 160


def test_erasing_what_the_answer_rests_on_matters_and_elsewhere_does_not(grid):
    right = list(erase_hottest(grid, spot(2, 7), score))
    assert [(e.fraction, e.fill) for e in right] == [
        (fraction, fill) for fraction in (0.05, 0.1, 0.2) for fill in ("blur", "mean")
    ]
    assert all(entry.matters for entry in right)
    assert all(len(entry.random) == CONTROLS for entry in right)
    assert right[0].before == pytest.approx(240 / 255)
    assert right[1].hottest == pytest.approx(round(float(grid.mean())) / 255)
    wrong = list(erase_hottest(grid, spot(8, 1), score, (0.05,)))
    assert not any(entry.matters for entry in wrong)
    assert wrong[0].hottest == wrong[0].before
    words = describe_erasures([right[0], wrong[0]], "PNEUMONIA")
    assert "0.941" in words[0] and "rests on" in words[0]
    assert "nothing that matters" in words[1]


def test_random_regions_are_the_same_for_the_same_seed(grid):
    first, again = (list(erase_hottest(grid, spot(8, 1), score, (0.2,))) for _ in range(2))
    np.testing.assert_array_equal(first[0].random, again[0].random)


def test_curves_begin_and_end_at_the_sharp_and_the_blurred_picture(grid):
    curves = trace_curves(grid, spot(2, 7), score)
    assert len(curves.fractions) == STEPS + 1
    assert curves.deletion[0] == curves.insertion[-1] == score([grid])[0]
    assert curves.deletion[-1] == curves.insertion[0] < score([grid])[0]
    wrong = trace_curves(grid, spot(8, 1), score)
    assert curves.deletion_area < wrong.deletion_area
    assert curves.insertion_area > wrong.insertion_area


def test_map_agrees_with_itself_and_not_with_its_opposite():
    ramp = np.arange(100, dtype=np.float32).reshape(10, 10)
    same = compare_maps(ramp, 3 * ramp)
    assert same.rank_correlation == pytest.approx(1, abs=1e-5)
    assert same.overlap == 1
    other = compare_maps(ramp, ramp[::-1, ::-1])
    assert other.rank_correlation == pytest.approx(-1, abs=1e-5)
    assert other.overlap == 0
    assert compare_maps(ramp, np.zeros((10, 10), np.float32)).rank_correlation == 0


def test_shares_of_an_even_map_are_the_shares_of_the_area():
    shares = share_outside(np.ones((10, 10), np.float32))
    assert (shares.border, shares.corners) == pytest.approx((EVEN.border, EVEN.corners), abs=1e-6)
    assert EVEN.border == pytest.approx(0.36)
    assert EVEN.corners == pytest.approx(0.09)


@pytest.mark.parametrize(
    ("row", "column", "border", "corners"), [(5, 5, 0, 0), (0, 5, 0.9, 0), (0, 0, 1, 1)]
)
def test_shares_see_where_the_heat_is(row, column, border, corners):
    shares = share_outside(spot(row, column))
    assert shares.border == pytest.approx(border, abs=0.15)
    assert shares.corners == pytest.approx(corners, abs=0.15)
    assert ("doubt it" in describe_shares(shares)) == (border > 0.5)


def test_empty_map_has_no_shares():
    assert share_outside(np.zeros((10, 10), np.float32)).border == 0
