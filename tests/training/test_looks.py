from dataclasses import replace

import numpy as np
import pytest

from pneumo import CLASSES
from pneumo.dataset.examples import Example
from pneumo.errors import TrainingError
from pneumo.network.lung_field import FIELD, WHOLE
from pneumo.training.framing import Sources
from pneumo.training.looks import odds_against_looks

ODD_ONES = [3, 44]


def draw_set(tmp_path, count=40):
    """NORMAL is dark and PNEUMONIA bright, but for one of each."""
    rng = np.random.default_rng(0)
    labels = np.repeat([0, 1], count)
    bright = labels.copy()
    bright[ODD_ONES] = 1 - bright[ODD_ONES]
    grids = rng.integers(0, 60, (2 * count, 64, 64)) + 120 * bright[:, None, None]
    examples = [
        Example(tmp_path / f"{n}.png", int(label), str(n), CLASSES[label])
        for n, label in enumerate(labels)
    ]
    return grids.astype(np.uint8), examples


def test_those_that_look_like_the_other_class_are_shown_more_often(tmp_path):
    grids, examples = draw_set(tmp_path)
    odds = odds_against_looks(Sources(grids), examples, WHOLE, 4)
    assert (odds[ODD_ONES] == 4).all()
    others = np.delete(odds, ODD_ONES)
    assert others.min() >= 1
    assert others.max() < 4
    assert np.median(others) < 1.1


def test_of_a_lung_field_what_the_network_is_shown_of_it_counts(tmp_path):
    """Around the field the classes differ, within it they do not."""
    grids, examples = draw_set(tmp_path)
    rng = np.random.default_rng(1)
    grids[:, 16:48, 16:48] = rng.integers(60, 180, (len(grids), 32, 32))
    distance = np.full((len(grids), 128, 128), 2, np.float16)
    distance[:, 40:88, 40:88] = -1
    lungs = np.where(distance < 0, 255, 0).astype(np.uint8)
    seen = odds_against_looks(Sources(grids, distance, lungs), examples, FIELD, 100)
    whole = odds_against_looks(Sources(grids), examples, WHOLE, 100)
    assert (whole[ODD_ONES] > 10).all()
    assert np.median(seen) > 1.3 * np.median(whole)  # looks say little there, of anybody


def test_looks_are_not_learned_from_a_handful_of_patients(tmp_path):
    grids, examples = draw_set(tmp_path)
    few = [replace(each, patient=str(n % 3)) for n, each in enumerate(examples)]
    with pytest.raises(TrainingError, match="needs 10 patients of either class"):
        odds_against_looks(Sources(grids), few, WHOLE, 4)
