import keras
import numpy as np
import pytest

from pneumo.network.architecture import Layout, build_classifier
from pneumo.network.lung_field import FIELD, MARGIN
from pneumo.training.augment import augment_cut
from pneumo.training.batches import EpochBatches, Presentation
from pneumo.training.changes import Changes, draw_changes
from pneumo.training.evidence import ANSWER, CELLS, evidence_elsewhere, seen_cells, with_evidence
from pneumo.training.framing import Cut, Placing, Sources
from pneumo.training.recipe import parse_arguments


def test_a_cell_half_of_which_is_lung_counts_as_seen():
    lungs = np.zeros((8, 8), np.float32)
    lungs[:, :2] = 1  # half of the first column of cells
    lungs[0, 4] = 1  # a sixteenth of another
    np.testing.assert_allclose(seen_cells(lungs, 2), [[1, 0.125], [1, 0]])


def test_cells_answer_by_themselves_and_average_to_the_answer():
    classifier = build_classifier(Layout(71))
    both = with_evidence(classifier)
    images = np.random.default_rng(0).uniform(-1, 1, (2, 71, 71, 3)).astype(np.float32)
    found = {name: values.numpy() for name, values in both(images, training=False).items()}
    np.testing.assert_allclose(found[ANSWER], classifier(images, training=False), atol=1e-6)
    shares = np.log(found[CELLS][..., 1]) - np.log(found[CELLS][..., 0])
    odds = np.log(found[ANSWER][:, 1]) - np.log(found[ANSWER][:, 0])
    np.testing.assert_allclose(shares.mean(axis=(1, 2)), odds, atol=1e-4)


def test_evidence_elsewhere_is_the_share_of_both_signs_beyond_the_lungs():
    odds = np.zeros((3, 2, 2), np.float32)
    odds[0] = [[6, -2], [0, 0]]  # three quarters in the first cell
    odds[1] = [[6, -2], [0, 0]]
    cells = np.stack([1 / (1 + np.exp(odds)), 1 / (1 + np.exp(-odds))], axis=-1)
    seen = np.zeros((3, 2, 2), np.float32)
    seen[0, 0, 0] = 1
    seen[1] = 1
    loss = np.asarray(evidence_elsewhere(seen, cells))
    # 2 of 8, and half a unit a cell that counts for neither, so that nothing is not told to move.
    np.testing.assert_allclose(loss, [2 / (8 + 4 * 0.5), 0, 0], atol=1e-5)


def test_a_cell_that_is_all_but_sure_still_gives_a_number():
    cells = np.float32([[[[0, 1]]]])
    loss = keras.ops.convert_to_numpy(evidence_elsewhere(np.zeros((1, 1, 1), np.float32), cells))
    assert 0.9 < loss[0] < 1


def a_cut(size=60):
    grid = np.random.default_rng(0).integers(0, 256, (1, size, size), np.uint8)
    distance = np.zeros((1, 128, 128), np.float16)
    distance[:, :, : 128 // 3] = 10 * MARGIN
    whole = Placing(np.eye(2), np.zeros(2), border="edge", lungs_border="edge")
    return Cut(Sources(grid, distance, np.full((1, 128, 128), 255, np.uint8)), 0, size, whole)


def test_what_is_hidden_is_no_lung_to_be_seen():
    cut, hidden = a_cut(), 0
    for seed in range(40):
        changes = draw_changes(np.random.default_rng(seed), ("patches",), 60)
        redrawn = augment_cut(cut, cut, changes, FIELD, tell_lungs=True)
        assert redrawn.answerable
        assert not redrawn.lungs[:, :18].any()  # beyond the outline
        changed = (redrawn.grid != cut.grid)[:, 24:]
        np.testing.assert_array_equal(redrawn.lungs[:, 24:][changed], 0)
        hidden += changed.any()
    assert 5 < hidden < 25


def test_batches_tell_where_lung_is_to_be_seen(monkeypatch):
    batches = EpochBatches(None, np.array([0, 1]), Presentation(60, 2, 0, cells=3), 0)
    redrawn = augment_cut(a_cut(), a_cut(), Changes(), FIELD, tell_lungs=True)
    monkeypatch.setattr(batches, "_redraw", lambda index, place: redrawn)
    images, targets = batches[0]
    assert images.shape == (2, 60, 60, 3) and targets[ANSWER].shape == (2, 2)
    np.testing.assert_allclose(targets[CELLS][0], np.tile([0, 1, 1], (3, 1)), atol=0.15)


@pytest.mark.parametrize("flags", [["--view", "whole"], ["--mixup", "0.2"]])
def test_evidence_without_knowing_where_the_lungs_are_refused(flags, capsys):
    with pytest.raises(SystemExit):
        parse_arguments("", ["--data", "x", "--evidence", "1", *flags])
    assert "where the lungs are" in capsys.readouterr().err
