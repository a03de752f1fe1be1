import numpy as np
import pytest

from pneumo.explaining.faithfulness import (
    CONTROLS,
    STEPS,
    Erasure,
    compare_maps,
    erase,
    erase_hottest,
    hot_share,
    hottest,
    move_within,
    share_in_lungs,
    trace_curves,
)
from pneumo.explaining.faithfulness_words import (
    describe_erasures,
    describe_gap,
    describe_meaning,
    describe_shares,
)

SIZE = 60


def spot(row: int, column: int, cells: int = 10) -> np.ndarray:
    heatmap = np.zeros((cells, cells), np.float32)
    heatmap[row, column] = 1
    return heatmap


def hill(row: int, column: int, cells: int = 10) -> np.ndarray:
    """Hottest in one cell, and with some heat everywhere."""
    rows, columns = np.mgrid[:cells, :cells]
    return np.exp(-((rows - row) ** 2 + (columns - column) ** 2) / 20).astype(np.float32)


EMPTY = np.zeros((10, 10), np.float32)
EVERYWHERE = np.full((10, 10), 0.5, np.float32)


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
    right = list(erase_hottest(grid, hill(2, 7), score))
    assert [(e.fraction, e.fill) for e in right] == [
        (fraction, fill) for fraction in (0.05, 0.1, 0.2) for fill in ("blur", "mean")
    ]
    assert all(entry.matters for entry in right)
    assert all(len(entry.random) == CONTROLS for entry in right)
    assert right[0].before == pytest.approx(240 / 255)
    assert right[1].hottest == pytest.approx(round(float(grid.mean())) / 255)
    wrong = list(erase_hottest(grid, hill(8, 1), score, (0.05,)))
    assert not any(entry.matters for entry in wrong)
    assert wrong[0].hottest == wrong[0].before


def erasure(matters: bool) -> Erasure:
    return Erasure(0.1, "blur", 0.6, 0.2 if matters else 0.6, np.full(CONTROLS, 0.5))


@pytest.mark.parametrize(
    ("name", "verdict", "outcomes", "start"),
    [
        ("PNEUMONIA", "PNEUMONIA", [True, True], "The answer rests on what the heatmap marks."),
        ("NORMAL", "NORMAL", [True, True], "The answer rests on what the heatmap marks."),
        ("NORMAL", "NORMAL", [True, True, False], "The answer rests in part on what"),
        ("NORMAL", "NORMAL", [True, False], "What the heatmap marks matters no more to the answer"),
        ("PNEUMONIA", "NORMAL", [True, True], "P(PNEUMONIA) rests on what the heatmap marks."),
        ("NORMAL", "PNEUMONIA", [True, True, False], "P(NORMAL) rests in part on what"),
        ("PNEUMONIA", "NORMAL", [False], "What the heatmap marks matters no more to P(PNEUMONIA)"),
    ],
)
def test_meaning_is_of_the_class_explained_and_the_verdict_given(name, verdict, outcomes, start):
    text = describe_meaning([erasure(outcome) for outcome in outcomes], name, verdict)
    assert text.startswith(start)
    assert (f"The verdict is {verdict}" in text) == (name != verdict)
    if name != verdict:
        assert "the answer rests on is for the heatmap of " + verdict in text


def test_sentences_on_erasing_give_the_figures_and_the_verdict_once():
    own = describe_erasures([erasure(True), erasure(False)], "NORMAL", "NORMAL")
    assert len(own) == 2
    assert "hottest 10 % blurred, P(NORMAL) is 0.200 instead of 0.600; with a random" in own[0]
    assert own[0].endswith("The answer rests on what the heatmap marks.")
    assert own[1].endswith("matters no more to the answer than other places: doubt it.")
    other = describe_erasures([erasure(True)], "PNEUMONIA", "NORMAL")
    assert "The answer rests" not in "".join(other)
    assert other[1].startswith("The verdict is NORMAL")
    assert describe_erasures([], "PNEUMONIA", "NORMAL") == []


@pytest.mark.parametrize("heatmap", [EMPTY, EVERYWHERE], ids=["empty", "even"])
def test_without_heat_there_is_nothing_to_erase_or_compare(grid, heatmap):
    assert hot_share(heatmap, grid.shape) == 0
    assert list(erase_hottest(grid, heatmap, score)) == []
    assert describe_gap(heatmap, grid.shape).endswith("there is nothing to check.")
    for other in (heatmap, hill(2, 7)):
        agreement = compare_maps(heatmap, other)
        assert np.isnan(agreement.rank_correlation)
        assert np.isnan(agreement.overlap)


def test_erasing_stops_where_the_heat_stops(grid):
    sparse = spot(8, 1) + spot(8, 2)
    share = hot_share(sparse, grid.shape)
    assert 0.05 < share < 0.1
    erasures = list(erase_hottest(grid, sparse, score))
    assert {entry.fraction for entry in erasures} == {0.05}
    assert describe_gap(sparse, grid.shape) == (
        f"Only {100 * share:.1f} % of the picture has heat: there is no hottest 10 % or 20 % to "
        "erase."
    )
    assert describe_gap(spot(8, 1, 20), grid.shape).endswith("erasing there is nothing to check.")
    assert describe_gap(hill(8, 1), grid.shape) == ""


def test_overlap_of_a_tenth_needs_a_tenth(grid):
    agreement = compare_maps(spot(8, 1), spot(8, 1))
    assert agreement.rank_correlation == pytest.approx(1)
    assert np.isnan(agreement.overlap)


def test_curves_tell_no_order_where_no_heat_is(grid):
    low = np.zeros((10, 10), np.float32)
    low[6:9, 1:4] = 1
    curves = trace_curves(grid, low, score)
    share = hot_share(low, grid.shape)
    assert curves.fractions[[0, -2, -1]] == pytest.approx([0, share, 1])
    # What the score looks at has no heat: until the last step it is neither blurred nor sharpened.
    assert curves.deletion[:-1] == pytest.approx(curves.deletion[0])
    assert curves.insertion[:-1] == pytest.approx(curves.insertion[0])


def test_random_regions_are_the_same_for_the_same_seed(grid):
    first, again = (list(erase_hottest(grid, hill(8, 1), score, (0.2,))) for _ in range(2))
    np.testing.assert_array_equal(first[0].random, again[0].random)


def test_curves_begin_and_end_at_the_sharp_and_the_blurred_picture(grid):
    curves = trace_curves(grid, hill(2, 7), score)
    assert len(curves.fractions) == STEPS + 1
    assert curves.deletion[0] == curves.insertion[-1] == score([grid])[0]
    assert curves.deletion[-1] == curves.insertion[0] < score([grid])[0]
    wrong = trace_curves(grid, hill(8, 1), score)
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


FIELD = np.zeros((SIZE, SIZE), bool)
FIELD[6:54, 6:54] = True
LUNGS = np.zeros((SIZE, SIZE), bool)
LUNGS[12:48, 12:24] = LUNGS[12:48, 36:48] = True


def test_shares_of_an_even_map_are_the_shares_of_the_area():
    for size in (10, 60):  # outside the field as well, where no heat is drawn
        shares = share_in_lungs(np.ones((size, size), np.float32), LUNGS, FIELD)
        assert shares.heat == pytest.approx(shares.even)
        assert shares.even == pytest.approx(2 * 36 * 12 / 48**2)


@pytest.mark.parametrize(
    ("row", "column", "share"), [(4, 2, 1), (4, 7, 1), (5, 4, 0), (0, 0, 0), (9, 5, 0)]
)
def test_shares_see_where_the_heat_is(row, column, share):
    shares = share_in_lungs(spot(row, column), LUNGS, FIELD)
    assert shares.heat == pytest.approx(share, abs=0.3)
    assert ("doubt it" in describe_shares(shares)) == (share < 0.5)


def test_empty_map_has_no_shares():
    shares = share_in_lungs(EMPTY, LUNGS, FIELD)
    assert np.isnan(shares.heat)
    assert describe_shares(shares).startswith("The heatmap is empty")


def test_hottest_share_is_of_the_field():
    mask = hottest(np.arange(SIZE**2).reshape(SIZE, SIZE), 0.25, FIELD)
    np.testing.assert_array_equal(np.flatnonzero(mask.any(axis=1)), range(42, 54))
    assert mask.sum() == FIELD.sum() / 4
    assert not mask[~FIELD].any()


def test_random_places_lie_within_the_field_and_are_as_large_as_the_hottest():
    mask = np.zeros((SIZE, SIZE), bool)
    mask[6:18, 6:18] = True
    places = move_within(mask, FIELD, np.random.default_rng(0))
    assert len(places) == CONTROLS
    assert not any(place[~FIELD].any() for place in places)
    assert {int(place.sum()) for place in places} == {144}
    assert len({place.tobytes() for place in places}) == CONTROLS


def test_random_places_are_found_in_a_field_that_is_full_as_well():
    narrow = np.zeros((SIZE, SIZE), bool)
    narrow[28:32, 6:54] = True
    mask = hottest(np.tile(np.arange(SIZE), (SIZE, 1)), 0.9, narrow)
    places = move_within(mask, narrow, np.random.default_rng(0))
    assert [int(place.sum()) for place in places] == [int(mask.sum())] * CONTROLS


def test_what_lies_outside_the_field_is_never_erased_nor_sharpened(grid):
    pictures = []

    def watch(some):
        pictures.extend(some)
        return score(some)

    list(erase_hottest(grid, hill(2, 7), watch, (0.1, 0.3), inside=FIELD))
    assert trace_curves(grid, hill(2, 7), watch, FIELD).insertion[0] < score([grid])[0]
    assert len(pictures) == 1 + 2 * 2 * (1 + CONTROLS) + 2 * (STEPS + 1)
    assert all((picture[~FIELD] == grid[~FIELD]).all() for picture in pictures)


def test_heat_in_a_field_is_not_compared_with_places_that_are_hidden(grid):
    """All places of the field count alike here, so none may cost more than the others."""
    even = lambda pictures: np.array([picture[FIELD].mean() / 255 for picture in pictures])  # noqa: E731
    picture = np.where(FIELD, 200, 90).astype(np.uint8)
    whole = list(erase_hottest(picture, hill(5, 5), even, (0.1,), ("mean",)))
    field = list(erase_hottest(picture, hill(5, 5), even, (0.1,), ("mean",), inside=FIELD))
    assert whole[0].matters
    assert not field[0].matters


def test_costs_are_in_log_odds():
    entry = Erasure(0.1, "blur", 0.9, 0.5, np.array([0.9, 0.75]))
    assert entry.cost == pytest.approx(np.log(9))
    assert entry.random_cost == pytest.approx(np.log(3) / 2)
