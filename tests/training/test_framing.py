"""Training's cuts: those of serving when nothing is random, never twice the same otherwise."""

import numpy as np
import pytest

from pneumo.network.lung_field import (
    CUT,
    EQUALISED,
    FIELD,
    MARGIN,
    crop_outline,
    cut_out,
    field_of,
    present,
)
from pneumo.network.lung_finder import FinderPass, build_finder
from pneumo.training.augment import augment_cut
from pneumo.training.batches import EpochBatches, Presentation
from pneumo.training.changes import Changes, draw_changes
from pneumo.training.framing import (
    SOURCE_SIZE,
    Cut,
    Sources,
    add_lungs,
    cut_at_random,
    cut_exactly,
    draw_outline,
    vary_outline,
)
from pneumo.training.inputs import finder_of
from pneumo.training.recipe import parse_arguments
from tests.network.test_lung_field import TWO, draw_lungs

OTHER = draw_lungs((10, 20, 40, 110), (60, 30, 100, 90))


def find(batch: np.ndarray) -> FinderPass:
    return FinderPass(np.stack([TWO, OTHER, TWO, OTHER][: len(batch)]), np.zeros((len(batch), 4)))


@pytest.fixture(scope="module")
def sources() -> Sources:
    rng = np.random.default_rng(0)
    y, x = np.mgrid[:SOURCE_SIZE, :SOURCE_SIZE] / SOURCE_SIZE
    grids = [
        np.clip(128 + 60 * np.sin(rng.uniform(9, 20) * x) * np.cos(rng.uniform(9, 20) * y), 0, 255)
        for _ in range(4)
    ]
    return add_lungs(np.stack(grids).astype(np.uint8), find)


def test_an_exact_cut_is_what_serving_cuts(sources):
    for index, lungs in enumerate((TWO, OTHER)):
        field, own = field_of(lungs), cut_exactly(sources, index, 299)
        served = cut_out(sources.grids[index], field, 299)
        outline = draw_outline(own, own)
        for view, mean, most in (("equalised", 2, 9), ("field", 1, 6)):
            ours = present(served, crop_outline(field, 299), view).astype(int)
            theirs = present(own.grid, outline, view)
            assert np.abs(ours - theirs).mean() < mean
            assert np.percentile(np.abs(ours - theirs), 99) <= most


def test_random_cuts_hold_the_whole_field_nearly_always(sources):
    """A field that was moved out of the picture would teach the network to guess."""
    for seed in range(40):
        own = cut_at_random(sources, seed % 4, 120, np.random.default_rng(seed))
        core = own.distance < 0
        share = core.mean()
        assert 0.35 < share < 0.98
        assert (own.lungs >= 0.5).mean() > 0.25
        edges = np.concatenate([core[0], core[-1], core[:, 0], core[:, -1]])
        assert edges.mean() < 0.4


def test_cuts_repeat_with_the_seed_and_differ_without(sources):
    first, again, other = (
        cut_at_random(sources, 0, 90, np.random.default_rng(seed)) for seed in (5, 5, 6)
    )
    np.testing.assert_array_equal(first.grid, again.grid)
    assert (first.grid != other.grid).mean() > 0.5


def test_varied_outlines_reach_from_the_lungs_edge_to_twice_the_margin(sources):
    own, donor = (cut_exactly(sources, index, 200) for index in (0, 1))
    outlines = [vary_outline(np.random.default_rng(seed)) for seed in range(60)]
    areas = [draw_outline(own, donor, outline).mean() for outline in outlines]
    plain = draw_outline(own, donor).mean()
    assert plain == pytest.approx((own.distance < MARGIN).mean(), abs=0.01)
    assert min(areas) < plain - 0.03
    assert max(areas) > plain + 0.01


def test_outside_the_outline_nothing_is_left_whatever_was_drawn(sources):
    """Marks, donors and noise included: beyond the widest outline the grey is even."""
    for seed in range(20):
        rng = np.random.default_rng(seed)
        own, donor = (cut_at_random(sources, index, 150, rng) for index in (0, 1))
        changes = draw_changes(rng, ("style", "marks", "texture", "levels"), 150)
        grid = augment_cut(own, donor, changes, FIELD).grid
        outside = own.distance > MARGIN + 0.03
        if outside.any():
            assert np.ptp(grid[outside]) == 0


def test_painted_lungs_have_no_right_answer_and_lent_surroundings_keep_theirs(sources):
    lost = kept = 0
    for seed in range(80):
        rng = np.random.default_rng(seed)
        own, donor = cut_exactly(sources, 0, 80), cut_exactly(sources, 1, 80)
        changes = draw_changes(rng, ("surroundings",), 80)
        grid, lungs, answerable = augment_cut(own, donor, changes, CUT, tell_lungs=True)
        assert lungs.any() == answerable
        inside = own.lungs > 0.8
        if answerable:
            kept += 1
            assert np.abs(grid[inside].astype(int) - own.grid[inside]).mean() < 15
        else:
            lost += 1
            assert grid[inside].std() < 5 < own.grid[inside].std()
    assert 2 <= lost <= 18 and kept == 80 - lost


def test_a_radiograph_without_lungs_is_neither_painted_over_nor_put_into_another_chest():
    """Its answer would be one half, or the picture a stranger's."""
    nothing = FinderPass(0 * TWO[None], np.zeros((1, 4)))
    none = add_lungs(np.zeros((1, 96, 96), np.uint8), lambda batch: nothing)
    assert not none.has_lungs(0)
    drawn = [
        draw_changes(np.random.default_rng(seed), ("surroundings",), 80, lungs=lungs)
        for lungs in (False, True)
        for seed in range(40)
    ]
    changed = [bool(one.painted or one.exchanged) for one in drawn]
    assert sum(changed[:40]) == 0 < sum(changed[40:])


def test_a_cut_makes_no_more_than_is_asked_for(sources, monkeypatch):
    made = []
    cut = Cut._cut
    monkeypatch.setattr(Cut, "_cut", lambda own, *a: made.append(own) or cut(own, *a))
    own, donor = cut_exactly(sources, 0, 80), cut_exactly(sources, 1, 80)
    augment_cut(own, donor, Changes(), EQUALISED)
    assert made == [own, own]  # picture and distance; its lungs and the donor for nothing
    augment_cut(own, donor, Changes(exchanged=True, levels=0.5), EQUALISED)
    assert made[2:] == [donor, own]


def test_batches_of_cuts_give_no_class_to_painted_lungs(sources):
    presentation = Presentation(80, 4, 1, ("geometry", "surroundings", "outline"))
    batches = EpochBatches(sources, np.array([0, 1, 0, 1]), presentation, 0)
    targets = []
    for epoch in range(12):
        batches.epoch = epoch
        images, some = batches[0]
        assert images.shape == (4, 80, 80, 3)
        targets.append(some)
    rows = np.concatenate(targets)
    np.testing.assert_allclose(rows.sum(axis=1), 1)
    unsure = (rows == 0.5).all(axis=1)
    assert 0 < unsure.sum() < 15


def test_lung_finder_is_loaded_once_and_anew_for_another_file(tmp_path):
    recipe = parse_arguments("", ["--data", "."])
    assert finder_of(recipe) is finder_of(parse_arguments("", ["--data", "other"]))
    model = build_finder()
    model.save_weights(tmp_path / "another.weights.h5")
    another = parse_arguments("", ["--data", ".", "--finder", str(tmp_path / "another.weights.h5")])
    assert finder_of(another) is not finder_of(recipe)
