"""Borrowing another picture's looks: what changes, and what must stay."""

import numpy as np
import pytest

from pneumo.evaluation.appearance import borrow_levels, borrow_texture
from pneumo.training.phantom import draw_phantom


@pytest.fixture
def pair():
    rng = np.random.default_rng(0)
    return draw_phantom(0, rng, 200), 40 + draw_phantom(1, rng, 200) // 3


def test_levels_become_the_donors_and_keep_their_order(pair):
    grid, donor = pair
    changed = borrow_levels(grid, donor)
    for share in (5, 25, 50, 75, 95):
        assert np.percentile(changed, share) == pytest.approx(np.percentile(donor, share), abs=3)
    darker = grid.ravel()[:-1] < grid.ravel()[1:]
    assert (changed.ravel()[:-1] <= changed.ravel()[1:])[darker].all()


def test_levels_by_hand():
    grid = np.array([[0, 0, 10, 10]], np.uint8)
    donor = np.array([[100, 100, 200, 200]], np.uint8)
    assert borrow_levels(grid, donor).tolist() == [[100, 100, 200, 200]]
    assert borrow_levels(grid, donor, 0.5).tolist() == [[50, 50, 105, 105]]


@pytest.mark.parametrize("borrow", [borrow_levels, borrow_texture])
def test_nothing_borrowed_from_itself_or_by_an_amount_of_zero(borrow, pair):
    grid, donor = pair
    np.testing.assert_array_equal(borrow(grid, donor, 0.0), grid)
    assert np.abs(borrow(grid, grid).astype(int) - grid).max() <= 1


def sharpness(grid):
    return np.abs(np.diff(grid[40:-40, 40:-40].astype(float), axis=1)).mean()


def test_texture_becomes_the_donors_and_anatomy_stays(pair):
    rng = np.random.default_rng(1)
    smooth, _ = pair
    grainy = np.clip(smooth + rng.normal(0, 12, smooth.shape), 0, 255).astype(np.uint8)
    assert sharpness(grainy) > 2 * sharpness(smooth)
    smoothed = borrow_texture(grainy, smooth)
    assert sharpness(smoothed) == pytest.approx(sharpness(smooth), rel=0.35)
    assert sharpness(borrow_texture(smooth, grainy)) == pytest.approx(sharpness(grainy), rel=0.35)
    # Coarse structure: the mean of 25 x 25 blocks.
    blocks = [picture.reshape(8, 25, 8, 25).mean(axis=(1, 3)) for picture in (grainy, smoothed)]
    assert np.abs(blocks[0] - blocks[1]).max() < 6
