import json
import shutil

import keras
import numpy as np
import pytest

from pneumo.errors import WeightsError
from pneumo.network.architecture import LAST_CONVOLUTION, Layout, build_classifier
from pneumo.network.card import read_card
from pneumo.network.classifier import RUNTIMES, load_classifier
from pneumo.network.compiling import assemble, fold_normalization
from pneumo.network.preprocess import to_model_input
from pneumo.network.weights_files import CARD_NAME, WEIGHTS_FOLDER, sha256_of


@pytest.fixture
def folder(tmp_path):
    shutil.copytree(WEIGHTS_FOLDER, tmp_path / "weights")
    return tmp_path / "weights"


def _weights_in(folder):
    return folder / read_card(WEIGHTS_FOLDER / CARD_NAME).weights_file


def _edit_card(folder, change):
    path = folder / CARD_NAME
    document = json.loads(path.read_text())
    change(document)
    path.write_text(json.dumps(document))


FAULTS = {
    "weights missing": (lambda f: _weights_in(f).unlink(), "missing"),
    "weights truncated": (
        lambda f: _weights_in(f).write_bytes(_weights_in(f).read_bytes()[:1000]),
        "not the file that the model card was written for",
    ),
    "lfs pointer": (
        lambda f: _weights_in(f).write_text("version https://git-lfs.github.com/spec/v1\n"),
        "git lfs pull",
    ),
    "one byte changed": (
        lambda f: _weights_in(f).write_bytes(_weights_in(f).read_bytes()[:-1] + b"\x07"),
        "expected SHA-256",
    ),
    "card missing": (lambda f: (f / CARD_NAME).unlink(), "model card .* is missing"),
    "card no json": (lambda f: (f / CARD_NAME).write_text("{"), "cannot be read"),
    "card incomplete": (lambda f: _edit_card(f, lambda d: d.pop("weights")), "incomplete"),
    "card of another format": (lambda f: _edit_card(f, lambda d: d.update(format=99)), "format 99"),
    "card names a file elsewhere": (
        lambda f: _edit_card(f, lambda d: d["weights"].update(file="../x.weights.h5")),
        "a file name with folders",
    ),
    "card with a threshold beyond 1": (
        lambda f: _edit_card(f, lambda d: d["operating_points"]["rule-in"].update(threshold=1.5)),
        "1.5 of rule-in is out of bounds",
    ),
    "card without an operating point": (
        lambda f: _edit_card(f, lambda d: d["operating_points"].pop("rule-out")),
        "rule-out",
    ),
}


@pytest.mark.parametrize("runtime", RUNTIMES)
@pytest.mark.parametrize("fault", FAULTS)
def test_faulty_weights_folder_refused(folder, fault, runtime):
    damage, words = FAULTS[fault]
    damage(folder)
    with pytest.raises(WeightsError, match=words):
        load_classifier(folder, runtime)


@pytest.mark.parametrize("runtime", RUNTIMES)
def test_weights_of_another_network_refused(folder, runtime):
    other = keras.Sequential([keras.Input((4,)), keras.layers.Dense(2)])
    other.save_weights(_weights_in(folder))
    digest = sha256_of(_weights_in(folder))
    _edit_card(folder, lambda document: document["weights"].update(sha256=digest))
    with pytest.raises(WeightsError, match="not a set of weights for this version"):
        load_classifier(folder, runtime)


def test_classifier_is_flat_xception_with_two_nodes():
    model = build_classifier()
    assert model.input_shape == (None, 299, 299, 3)
    assert model.output_shape == (None, 2)
    assert model.get_layer(LAST_CONVOLUTION).output.shape == (None, 10, 10, 2048)
    assert not any(isinstance(layer, keras.Model) for layer in model.layers)
    assert model.count_params() == 20_861_480 + 2048 * 2 + 2
    assert model.layers[-1].activation is keras.activations.softmax


def test_folded_network_equals_the_unfolded_at_every_depth():
    model = build_classifier(Layout(71))
    rng = np.random.default_rng(0)
    for layer in model.layers:  # as drawn, every batch normalisation would do nothing
        if isinstance(layer, keras.layers.BatchNormalization):
            shape = layer.gamma.shape
            layer.set_weights(
                [rng.uniform(0.5, 1.5, shape), rng.normal(0, 0.2, shape)]
                + [rng.normal(0, 0.2, shape), rng.uniform(0.5, 1.5, shape)]
            )
    folded = assemble(*fold_normalization(model))
    assert not any(isinstance(layer, keras.layers.BatchNormalization) for layer in folded.layers)
    assert [layer.name for layer in folded.layers] == [layer.name for layer in model.layers]
    image = rng.uniform(-1, 1, (2, 71, 71, 3)).astype(np.float32)
    for name in ("block1_conv1_act", "block4_sepconv2_act", LAST_CONVOLUTION, "probability"):
        expected, received = (
            keras.Model(net.input, net.get_layer(name).output)(image, training=False).numpy()
            for net in (model, folded)
        )
        np.testing.assert_allclose(received, expected, rtol=1e-3, atol=1e-4 * expected.max())


def test_forward_equals_keras_and_head_equals_forward(classifier):
    model = build_classifier(classifier.card.layout)
    model.load_weights(_weights_in(WEIGHTS_FOLDER))
    batch = np.random.default_rng(0).uniform(-1, 1, (3, 299, 299, 3)).astype(np.float32)
    maps, probabilities = classifier.forward(batch)
    assert maps.shape == (3, 10, 10, 2048)
    np.testing.assert_allclose(probabilities, model(batch, training=False), atol=1e-4)
    np.testing.assert_allclose(
        classifier.load_differentiable().head(maps), probabilities, atol=1e-5
    )
    np.testing.assert_allclose(probabilities.sum(axis=1), 1, atol=1e-6)


def test_forward_takes_grids_as_it_takes_what_is_made_of_them(classifier):
    grids = np.random.default_rng(0).integers(0, 256, (1, 299, 299), np.uint8)
    for short, long in zip(
        classifier.forward(grids), classifier.forward(to_model_input(grids)), strict=True
    ):
        np.testing.assert_array_equal(short, long)
