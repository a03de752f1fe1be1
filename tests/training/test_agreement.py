"""The same chest in other looks: shown in pairs, and asked to be answered alike."""

import keras
import numpy as np
import pytest

from pneumo.training.agreement import answer_and_agree, disagreement
from pneumo.training.batches import EpochBatches, Presentation
from pneumo.training.framing import Sources
from pneumo.training.recipe import parse_arguments

SICK, WELL, UNTOLD = [0, 1], [1, 0], [0.5, 0.5]


def answers(*odds):
    p = 1 / (1 + np.exp(-np.float32(odds)))
    return np.stack([1 - p, p], axis=-1)


def test_disagreement_is_the_squared_difference_of_log_odds_within_each_pair():
    targets = np.float32([SICK, SICK, WELL, WELL, SICK, SICK])
    found = disagreement(targets, answers(2, 0.5, -1, -1, 5, -5))
    # Bounded in the third pair, and nothing is compared across pairs.
    np.testing.assert_allclose(np.asarray(found), [2.25, 2.25, 0, 0, 9, 9], rtol=1e-4)


@pytest.mark.parametrize("targets", [[SICK, UNTOLD], [UNTOLD, WELL], [UNTOLD, UNTOLD]])
def test_a_pair_with_a_drawing_without_lungs_is_not_compared(targets):
    np.testing.assert_array_equal(disagreement(np.float32(targets), answers(3, -1)), [0, 0])


def test_certain_answers_still_give_a_number():
    found = np.asarray(disagreement(np.float32([SICK, SICK]), np.float32([[0, 1], [1, 0]])))
    np.testing.assert_allclose(found, [9, 9])


def test_loss_is_cross_entropy_and_the_disagreement_by_its_weight():
    targets, given = np.float32([SICK, SICK]), answers(2, 0.5)
    found = np.asarray(answer_and_agree(0.1, 0.2)(targets, given))
    smooth = 0.9 * targets + 0.05
    np.testing.assert_allclose(found, -(smooth * np.log(given)).sum(-1) + 0.2 * 2.25, rtol=1e-4)


def test_training_draws_answers_to_one_chest_together():
    def spread_after(weight):
        keras.utils.set_random_seed(0)
        model = keras.Sequential([keras.Input((1,)), keras.layers.Dense(2, activation="softmax")])
        model.compile(keras.optimizers.SGD(0.1), answer_and_agree(0.0, weight))
        looks = np.float32([[1], [-1]])  # all that tells the two drawings apart
        for _ in range(50):
            model.train_on_batch(looks, np.float32([SICK, SICK]))
        first, second = keras.ops.convert_to_numpy(model(looks))[:, 1]
        return abs(first - second)

    assert spread_after(1.0) < 0.1 * spread_after(0.0)


@pytest.mark.parametrize("seed", range(4))  # with one alone any donors may happen to fit
def test_pairs_are_one_radiograph_with_a_donor_of_the_other_class(monkeypatch, seed):
    labels = np.array([0, 0, 1, 1, 1, 0, 1, 0])
    grids = np.arange(8, dtype=np.uint8)[:, None, None] * np.ones((71, 71), np.uint8)
    presentation = Presentation(71, 4, seed, augment=("style",), paired=True)
    batches = EpochBatches(Sources(grids), labels, presentation, 0)
    drawn = []

    def lend(grid, donor, rng, groups):
        drawn.append((int(grid[0, 0]), int(donor[0, 0])))
        return grid

    monkeypatch.setattr("pneumo.training.batches.augment_grid", lend)
    assert len(list(batches)) == 2
    drawn.clear()
    for index in range(2):  # by one thread, or the second of a pair could not be told
        batches.prepare(index)
    assert [each for each, _ in drawn] == [each for each in batches.order[:4] for _ in range(2)]
    seconds = [(labels[each], labels[donor]) for each, donor in drawn[1::2]]
    assert all(own != lent for own, lent in seconds)


@pytest.mark.parametrize(
    "flags", [["--mixup", "0.2"], ["--evidence", "1"], ["--batch-size", "15"]], ids=str
)
def test_agreement_without_pairs_is_refused(flags, capsys):
    with pytest.raises(SystemExit):
        parse_arguments("", ["--data", "x", "--agreement", "0.05", *flags])
    assert "--agreement takes an even --batch-size" in capsys.readouterr().err
