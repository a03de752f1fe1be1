from dataclasses import replace

import keras
import numpy as np
import pytest

from pneumo.errors import TrainingError
from pneumo.evaluation.metrics import area_under_roc
from pneumo.network.lung_finder import FINDER_NAME, load_finder
from pneumo.network.weights_files import WEIGHTS_FOLDER
from pneumo.training.batches import EpochBatches, Presentation
from pneumo.training.forgetting import _are_answerable, _choose, _paint, forget, forget_surroundings
from pneumo.training.framing import add_lungs
from pneumo.training.phantom import draw_phantom
from pneumo.training.recipe import parse_arguments

N = 400
LABELS = np.repeat([0, 1], N)


def draw_features(rng, haze):
    """The first tells of lungs, the second of haze in them, the third of the spine, and noise."""
    sign = 2 * LABELS - 1
    return np.stack(
        [
            rng.normal(3 if haze else 0, 0.1, 2 * N),
            rng.normal(2 * sign if haze else 0, 1, 2 * N),
            rng.normal(0.5 * sign, 1),
            rng.normal(0, 1, 2 * N),
        ],
        axis=1,
    ) + [0, 0, 2, 0]


@pytest.fixture
def features():
    rng = np.random.default_rng(0)
    return draw_features(rng, haze=True), draw_features(rng, haze=False)


HEAD = np.array([0.1, 1.0, 0.8, 0.3]), -1.0


def test_without_lungs_no_class_ranks_higher_and_the_mean_is_one_half(features):
    redrawn, painted = features
    weights, offset = HEAD
    assert area_under_roc(LABELS, painted @ weights) > 0.64, "or there is nothing to forget"
    moved, shifted = forget(weights, offset, painted, LABELS, redrawn)
    odds = painted @ moved + shifted
    assert area_under_roc(LABELS, odds) == pytest.approx(0.5, abs=1e-3)
    assert odds.mean() == pytest.approx(0, abs=1e-9)


def test_with_lungs_the_mean_stays_and_the_lungs_still_rank(features):
    redrawn, painted = features
    weights, offset = HEAD
    moved, shifted = forget(weights, offset, painted, LABELS, redrawn)
    before, after = redrawn @ weights + offset, redrawn @ moved + shifted
    assert after.mean() == pytest.approx(before.mean())
    lungs_alone = area_under_roc(LABELS, redrawn[:, 1])
    assert area_under_roc(LABELS, after) == pytest.approx(lungs_alone, abs=0.01)
    assert abs(moved[2]) < 0.1, "what the spine says is forgotten"
    np.testing.assert_allclose(moved[[1, 3]], weights[[1, 3]], atol=0.1)


def test_it_holds_for_other_radiographs_too(features):
    moved, shifted = forget(*HEAD, features[1], LABELS, features[0])
    others = draw_features(np.random.default_rng(1), haze=False)
    assert area_under_roc(LABELS, others @ moved) == pytest.approx(0.5, abs=0.06)
    assert (others @ moved + shifted).mean() == pytest.approx(0, abs=0.1)


def test_a_head_that_ranks_the_wrong_way_round_is_moved_the_other_way(features):
    redrawn, painted = features
    moved, _ = forget(np.array([0.1, 1.0, -0.8, 0.3]), 0.0, painted, LABELS, redrawn)
    assert area_under_roc(LABELS, painted @ moved) == pytest.approx(0.5, abs=1e-3)
    assert abs(moved[2]) < 0.1


SIZE = 71


@pytest.fixture(scope="module")
def radiographs():
    rng = np.random.default_rng(0)
    labels = np.array([0, 1] * 5 + [0] * 4)
    grids = np.stack([draw_phantom(int(label), rng, size=384) for label in labels])
    return add_lungs(grids, load_finder(WEIGHTS_FOLDER / FINDER_NAME)), labels


@pytest.fixture(scope="module")
def recipe():
    arguments = f"--data x --image-size {SIZE} --batch-size 4 --forget-surroundings"
    return parse_arguments("", arguments.split())


def test_as_many_of_each_class_are_painted_as_serving_would_show_them(radiographs, recipe):
    sources, labels = radiographs
    chosen = _choose(sources, labels, 0)
    assert np.bincount(labels[chosen]).tolist() == [5, 5]
    assert len(set(chosen)) == 10
    batches = list(_paint(recipe, sources, chosen))
    assert [batch.shape for batch in batches] == [(4, SIZE, SIZE, 3)] * 3
    np.testing.assert_array_equal(batches[2][2:], batches[0][:2])
    bare = replace(sources, lungs=np.zeros_like(sources.lungs))
    unpainted = next(iter(_paint(recipe, bare, chosen)))
    assert np.abs(batches[0] - unpainted).mean() > 0.05


def test_radiographs_without_an_answer_do_not_stand_for_those_with_lungs():
    targets = np.array([[1, 0], [0.5, 0.5], [0, 1]], np.float32)
    assert _are_answerable(targets).tolist() == [True, False, True]


def test_the_last_layer_alone_is_moved_and_its_logits_stay_centred(radiographs, recipe):
    sources, labels = radiographs
    keras.utils.set_random_seed(0)
    image = keras.Input((SIZE, SIZE, 3))
    maps = keras.layers.Conv2D(12, 5, 4, activation="relu")(image)
    pooled = keras.layers.GlobalAveragePooling2D(name="avg_pool")(maps)
    model = keras.Model(
        image, keras.layers.Dense(2, activation="softmax", name="probability")(pooled)
    )
    presentation = Presentation(SIZE, 4, 0, tuple(recipe.augment), balanced=True)
    epoch = EpochBatches(sources, labels, presentation, 0)
    before = model.get_weights()
    forget_surroundings(model, recipe, sources, labels, epoch)
    *below, kernel, bias = model.get_weights()
    for old, new in zip(before, below, strict=False):
        np.testing.assert_array_equal(old, new)
    assert np.abs(kernel - before[-2]).max() > 1e-3
    np.testing.assert_allclose(kernel.sum(axis=1), 0, atol=1e-6)
    assert bias.sum() == pytest.approx(0, abs=1e-6)
    chosen = _choose(sources, labels, recipe.seed)
    answers = np.concatenate([model.predict_on_batch(x) for x in _paint(recipe, sources, chosen)])
    odds = np.log(answers[:, 1] / answers[:, 0])[: len(chosen)]
    assert odds.mean() == pytest.approx(0, abs=1e-4)
    assert area_under_roc(labels[chosen], odds) == pytest.approx(0.5, abs=0.1)


def test_without_lungs_in_one_class_there_is_nothing_to_paint(radiographs):
    sources, labels = radiographs
    lungs = sources.lungs.copy()
    lungs[labels == 1] = 0
    with pytest.raises(TrainingError, match="in the radiographs of one class none were found"):
        _choose(replace(sources, lungs=lungs), labels, 0)
