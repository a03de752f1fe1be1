import keras
import numpy as np
import pytest
from PIL import Image

from pneumo.network.lung_field import FIELD
from pneumo.training.augment import Redrawn
from pneumo.training.batches import RIPENING, EpochBatches, Processes
from pneumo.training.evidence import ANSWER, CELLS, cells_loss, misplaced_evidence
from pneumo.training.framing import Sources
from pneumo.training.patchwork import make_patchwork
from pneumo.training.recipe import parse_arguments


def cells_of(odds):
    """Log odds `(n, h, w)` -> what a network with the output CELLS says."""
    odds = np.asarray(odds, np.float32)
    return np.stack([1 / (1 + np.exp(odds)), 1 / (1 + np.exp(-odds))], axis=-1)


@pytest.mark.parametrize("seed", range(40))
def test_a_patchwork_is_own_other_or_hidden_and_says_how_much(seed):
    rng = np.random.default_rng(seed)
    grid, other = np.full((60, 60), 50, np.uint8), np.full((60, 60), 200, np.uint8)
    grid[::2] = 70  # a pattern that neither blur nor grey leaves
    made = make_patchwork(grid, other, rng, cells=6)
    own = Image.fromarray((made.grid == grid).astype(np.float32))
    taken = Image.fromarray((made.grid == other).astype(np.float32))
    own, taken = (np.asarray(part.resize((6, 6), Image.Resampling.BOX)) for part in (own, taken))
    assert 0.01 < own.mean() < 0.99
    np.testing.assert_allclose(made.own, own, atol=0.02)
    if made.other.any():
        np.testing.assert_allclose(made.other, taken, atol=1e-6)
        np.testing.assert_allclose(made.own + made.other, 1, atol=1e-6)


def test_half_of_the_patchworks_hide_and_half_exchange():
    grid = np.random.default_rng(0).integers(0, 256, (60, 60), np.uint8)
    made = [make_patchwork(grid, grid, np.random.default_rng(seed), 6) for seed in range(200)]
    assert 70 < sum(one.other.any() for one in made) < 130
    gone = [1 - one.own.mean() for one in made]
    assert min(gone) < 0.15 and max(gone) > 0.6 and 0.25 < np.mean(gone) < 0.5


def test_cells_that_say_what_stands_there_cost_nothing():
    pictures = np.float32([[[4, 2], [0, -2]], [[-1, -1], [3, 3]]])
    own = np.float32([[[1, 0.5], [0, 1]], [[1, 0], [0, 1]]])
    other = np.float32([[[0, 0.5], [1, 0]], [[0, 0], [0, 0]]])  # the second's patch is hidden
    said = own * pictures + other * pictures[::-1]
    parts = np.stack([np.concatenate([np.ones_like(own), own]),
                      np.concatenate([np.zeros_like(own), other])], axis=-1)  # fmt: skip
    loss = misplaced_evidence(parts, cells_of(np.concatenate([pictures, said])))
    np.testing.assert_allclose(keras.ops.convert_to_numpy(loss), 0, atol=1e-5)
    # Cells that go on saying what their own picture says, whatever stands there:
    loss = misplaced_evidence(parts, cells_of(np.concatenate([pictures, pictures])))
    wrong, total = np.abs(pictures - said).mean((1, 2)), np.abs(said).mean((1, 2))
    np.testing.assert_allclose(
        keras.ops.convert_to_numpy(loss), [0, 0, *(wrong / (total + 0.5))], atol=1e-4
    )


def test_weights_of_the_two_losses_multiply_them():
    cells = cells_of([[[2.0]], [[1.0]]])
    targets = np.float32([[[[0, 1, 0]]], [[[0, 1, 0]]]])
    elsewhere = np.asarray(cells_loss(1.0, 0.0)(targets, cells))
    np.testing.assert_allclose(elsewhere, [2 / 2.5, 1 / 1.5], atol=1e-4)
    both = np.asarray(cells_loss(0.5, 3.0)(targets, cells))
    np.testing.assert_allclose(both, [0.5 * 2 / 2.5, 0.5 / 1.5 + 6 * 1 / 2.5], atol=1e-4)


def redraw(batches, grids):
    batches._redraw = lambda index, place: Redrawn(
        grids[index], np.full((60, 60), float(index)), index != 2
    )


def test_patchworks_follow_their_radiographs_and_ask_for_no_answer():
    grids = np.random.default_rng(0).integers(0, 256, (4, 60, 60), np.uint8)
    own_cells = other_cells = 0
    for epoch in range(8):
        batches = EpochBatches(
            Sources(grids), 60, np.array([0, 1, 1, 0]), 4, epoch, 0, cells=6, patchworks=True
        )
        redraw(batches, grids)
        images, targets, counts = batches[0]
        assert images.shape == (8, 60, 60, 3)
        np.testing.assert_allclose(images[:4, ..., 0], grids[batches.order] / 127.5 - 1, atol=1e-6)
        np.testing.assert_array_equal(targets[ANSWER][:4], targets[ANSWER][4:])
        np.testing.assert_array_equal(counts[ANSWER], [2, 2, 2, 2, 0, 0, 0, 0])
        cells = targets[CELLS]
        np.testing.assert_array_equal(cells[:4, ..., 1], 1)
        np.testing.assert_array_equal(cells[:4, ..., 2], 0)
        seen = np.clip(2 * batches.order.astype(float), 0, 1)
        for place in range(4):  # what is not its own is the next one's, of this very batch
            own, other = (cells[4 + place, ..., part].ravel() for part in (1, 2))
            following = (place + 1) % 4
            for cells_of_one, of in ((own, place), (other, following)):
                for cell in np.flatnonzero(cells_of_one == 1):
                    row, column = divmod(int(cell), 6)
                    spot = slice(10 * row, 10 * row + 10), slice(10 * column, 10 * column + 10)
                    np.testing.assert_array_equal(images[4 + place][spot], images[of][spot])
            expected = own * seen[place] + other * seen[following]
            np.testing.assert_allclose(cells[4 + place, ..., 0].ravel(), expected, atol=1e-6)
            own_cells, other_cells = own_cells + (own == 1).sum(), other_cells + (other == 1).sum()
    assert own_cells > 100 and other_cells > 20


def test_agreement_counts_in_full_when_there_is_something_to_agree_with():
    grids = np.zeros((4, 60, 60), np.uint8)

    def weight(epoch, index):
        batches = EpochBatches(
            Sources(grids), 60, np.arange(4) % 2, 2, epoch, 0, cells=3, patchworks=True
        )
        redraw(batches, grids)
        return set(batches[index][2][CELLS].tolist())

    assert weight(0, 0) == {0.0}
    assert weight(0, 1) == {0.5 / RIPENING}
    assert weight(RIPENING, 0) == weight(7, 1) == {1.0}


def test_processes_give_the_batches_that_threads_give():
    rng = np.random.default_rng(0)
    sources = Sources(
        rng.integers(0, 256, (6, 96, 96), np.uint8),
        np.zeros((6, 128, 128), np.float16),
        np.full((6, 128, 128), 255, np.uint8),
    )
    groups = ("geometry", "levels", "patches", "surroundings")

    def epoch(pool):
        return EpochBatches(
            *(sources, 71, np.arange(6) % 2, 2, 1, 5, groups, True, 0.0, 2, FIELD, 3, True, pool)
        )

    pool = Processes(sources, 2)
    try:
        theirs = list(epoch(pool))
    finally:
        pool.close()
    ours = list(epoch(None))
    assert len(theirs) == len(ours) == 3
    for their, our in zip(theirs, ours, strict=True):
        np.testing.assert_array_equal(their[0], our[0])
        for name in (ANSWER, CELLS):
            np.testing.assert_array_equal(their[1][name], our[1][name])
            np.testing.assert_array_equal(their[2][name], our[2][name])


@pytest.mark.parametrize("flags", [["--mixup", "0.2"], ["--batch-size", "1"]])
def test_patchworks_without_a_second_radiograph_refused(flags, capsys):
    with pytest.raises(SystemExit):
        parse_arguments("", ["--data", ".", "--locality", "1", *flags])
    assert "--locality" in capsys.readouterr().err
