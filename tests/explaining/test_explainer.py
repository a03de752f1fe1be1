import threading
from dataclasses import replace

import numpy as np
import pytest
import tensorflow as tf
from scipy.ndimage import gaussian_filter
from tf_keras_vis.gradcam import Gradcam
from tf_keras_vis.gradcam_plus_plus import GradcamPlusPlus
from tf_keras_vis.layercam import Layercam
from tf_keras_vis.saliency import Saliency
from tf_keras_vis.scorecam import Scorecam
from tf_keras_vis.utils.scores import CategoricalScore

from pneumo import NORMAL, PNEUMONIA
from pneumo.explaining import explainer as explainer_module
from pneumo.explaining.explainer import Explainer
from pneumo.explaining.methods import LAYERS, METHODS, SCORE_MAPS
from pneumo.explaining.scaling import normalize_heatmap
from pneumo.network.architecture import (
    LAST_CONVOLUTION,
    Layout,
    backbone_of,
    build_classifier,
    head_of,
    logit_network,
)
from pneumo.network.card import read_card
from pneumo.network.classifier import Classifier, Differentiable, Head, Once
from pneumo.network.compiling import assemble, fold_normalization
from pneumo.network.forward import PICTURES_A_PASS
from pneumo.network.openvino_runtime import load_forward
from pneumo.network.queue import run_exclusively
from pneumo.network.weights_files import CARD_NAME, WEIGHTS_FOLDER

LAYOUT = Layout(84, tiles=3)
"""Padded and cut into tiles as the shipped network, of a twelfth of its pixels."""


@pytest.fixture(scope="module")
def pictures():
    rng = np.random.default_rng(1)
    smooth = rng.uniform(-1, 1, (2, 12, 12, 1)).repeat(7, axis=1).repeat(7, axis=2)
    return np.repeat(smooth, 3, axis=-1).astype(np.float32)


@pytest.fixture(scope="module")
def trained(pictures):
    """The shipped weights in a small layout: the methods run them some hundred times.

    In pictures as small as these all places speak for PNEUMONIA. The head is made blind to what
    they have in common; then some speak for it, and some against it.
    """
    model = build_classifier(LAYOUT)
    model.load_weights(WEIGHTS_FOLDER / "pneumo_xception.weights.h5")
    common = backbone_of(model)(pictures, training=False).numpy().mean(axis=(0, 1, 2))
    head = model.get_layer("probability")
    kernel, bias = head.get_weights()
    head.set_weights([kernel - np.outer(common, common @ kernel) / (common @ common), bias])
    return model


@pytest.fixture(scope="module")
def classifier(trained, tmp_path_factory):
    path = tmp_path_factory.mktemp("weights") / "a.weights.h5"
    trained.save_weights(path)
    card = replace(read_card(WEIGHTS_FOLDER / CARD_NAME), layout=LAYOUT)
    forward, drawn = load_forward(path, LAYOUT)
    model = assemble(*fold_normalization(trained))
    differentiable = Once(lambda: Differentiable(head_of(model), logit_network(model)))
    return Classifier(forward, Head(drawn.kernel, drawn.bias), card, differentiable)


@pytest.fixture(scope="module")
def whole(trained):
    """The whole network as a user of tf-keras-vis would build it, and the library's arguments.

    Folded as the app's is: unfolded it rounds differently, and on the way back a ReLU is open or
    shut, so that a channel whose value is nearly 0 counts fully or not at all.
    """
    from tf_keras_vis.utils.model_modifiers import ReplaceToLinear

    model = assemble(*fold_normalization(trained))
    ReplaceToLinear()(model)
    return tf.keras.Model([model.input], model.outputs)


def plain_cam(method, network, pictures, labels, layer, **options):
    return method(network)(
        CategoricalScore(labels),
        pictures,
        penultimate_layer=layer,
        seek_penultimate_conv_layer=False,
        expand_cam=False,
        normalize_cam=False,
        **options,
    )


@pytest.mark.parametrize("label", [NORMAL, PNEUMONIA])
def test_gradcam_equals_that_of_the_library_on_the_whole_network(
    classifier, pictures, whole, label
):
    expected = plain_cam(Gradcam, whole, pictures, [label, label], LAST_CONVOLUTION)
    cams = Explainer(classifier).gradcam(classifier.forward(pictures).maps)[:, label]
    assert np.max(expected) > 0
    np.testing.assert_allclose(cams, expected, atol=1e-4 * np.max(expected))


def test_evidence_equals_the_librarys_gradcam_of_the_log_odds_without_its_relu(
    classifier, pictures, whole
):
    expected = Gradcam(whole)(
        lambda logits: logits[:, PNEUMONIA] - logits[:, NORMAL],
        pictures,
        penultimate_layer=LAST_CONVOLUTION,
        seek_penultimate_conv_layer=False,
        activation_modifier=None,
        expand_cam=False,
        normalize_cam=False,
    )
    cells = Explainer(classifier).evidence(classifier.forward(pictures).maps)
    assert np.min(expected) < 0 < np.max(expected)
    np.testing.assert_allclose(cells, expected, atol=1e-4 * np.abs(expected).max())


@pytest.mark.parametrize(
    ("name", "method"), [("gradcam++", GradcamPlusPlus), ("layercam", Layercam)]
)
def test_last_layer_map_equals_that_of_the_whole_network(classifier, pictures, whole, name, method):
    expected = plain_cam(method, whole, pictures, [PNEUMONIA, NORMAL], LAST_CONVOLUTION)
    maps, _ = classifier.forward(pictures)
    cams = Explainer(classifier).cam(name, maps, np.array([PNEUMONIA, NORMAL]))
    assert np.max(expected) > 0
    np.testing.assert_allclose(cams, expected, atol=1e-4 * np.max(expected))
    one = Explainer(classifier).explain(name, pictures[1:], NORMAL)
    np.testing.assert_allclose(one, expected[1], atol=1e-4 * np.max(expected))


@pytest.mark.parametrize(("layer", "side"), list(zip(LAYERS, (3, 6, 11), strict=True)))
def test_layercam_of_an_earlier_layer_equals_the_library(classifier, pictures, whole, layer, side):
    expected = plain_cam(Layercam, whole, pictures[:1], [PNEUMONIA], layer)[0]
    heatmap = Explainer(classifier).explain("layercam", pictures[:1], PNEUMONIA, layer)
    assert heatmap.shape == (side, side)
    np.testing.assert_allclose(heatmap, expected, atol=1e-4 * np.max(expected))


def test_scorecam_a_few_pictures_at_a_time_equals_the_library(classifier, pictures, whole):
    whole.predict = lambda x, batch_size: whole([x[0]], training=False).numpy()  # without its bar
    expected = plain_cam(
        Scorecam, whole, pictures[:1], [PNEUMONIA], LAST_CONVOLUTION, max_N=SCORE_MAPS
    )[0]
    shares = []
    explainer = Explainer(classifier)
    heatmap = explainer.explain("scorecam", pictures[:1], PNEUMONIA, progress=shares.append)
    np.testing.assert_allclose(heatmap, expected, atol=1e-3 * np.max(expected))
    assert shares == [n / SCORE_MAPS for n in range(0, SCORE_MAPS, PICTURES_A_PASS)]


def test_every_method_runs_the_network_in_turn_and_a_few_pictures_at_a_time(
    classifier, pictures, monkeypatch
):
    monkeypatch.setattr(explainer_module, "SMOOTH_SAMPLES", 2)
    monkeypatch.setattr(explainer_module, "OCCLUSION_CELLS", 3)
    ran, tiles_of_a_picture = [], max(1, classifier.card.layout.tiles) ** 2
    layer_call = tf.keras.layers.Layer.__call__

    def call(layer, *args, **kwargs):
        eager = [a for a in tf.nest.flatten(args) if isinstance(a, tf.Tensor | np.ndarray)]
        for a in eager:  # not while a model is built; behind the entry flow tiles are called
            tiles = 1 if tuple(a.shape[1:3]) == pictures.shape[1:3] else tiles_of_a_picture
            ran.append((threading.get_ident(), len(a) / tiles))
        return layer_call(layer, *args, **kwargs)

    monkeypatch.setattr(tf.keras.layers.Layer, "__call__", call)
    explainer = Explainer(classifier)
    network = run_exclusively(threading.get_ident)
    for method in METHODS:
        explainer.explain(method, pictures[:1], PNEUMONIA)
    assert ran, "nothing is watched"
    assert {thread for thread, _ in ran} == {network}
    assert max(size for _, size in ran) <= PICTURES_A_PASS


def test_saliency_equals_the_library(classifier, pictures, whole):
    expected = Saliency(whole)(CategoricalScore([NORMAL]), pictures[:1], normalize_map=False)[0]
    heatmap = Explainer(classifier).explain("saliency", pictures[:1], NORMAL)
    assert heatmap.shape == pictures.shape[1:3]
    np.testing.assert_allclose(heatmap, expected, atol=1e-3 * np.max(expected))


def test_smoothgrad_copy_by_copy_equals_the_library(classifier, pictures, whole, monkeypatch):
    monkeypatch.setattr(explainer_module, "SMOOTH_SAMPLES", 3)
    np.random.seed(0)  # noqa: NPY002, the library's own generator
    expected = Saliency(whole)(
        CategoricalScore([PNEUMONIA]), pictures[:1], smooth_samples=3, normalize_map=False
    )[0]
    shares = []
    explainer = Explainer(classifier)
    heatmap = explainer.explain("smoothgrad", pictures[:1], PNEUMONIA, progress=shares.append)
    np.testing.assert_allclose(heatmap, expected, atol=1e-3 * np.max(expected))
    assert shares == pytest.approx([0, 1 / 3, 2 / 3])


def test_occlusion_is_the_loss_of_log_odds_under_a_blurred_window(
    classifier, pictures, monkeypatch
):
    cells = 5
    monkeypatch.setattr(explainer_module, "OCCLUSION_CELLS", cells)
    heatmap = Explainer(classifier).explain("occlusion", pictures[:1], PNEUMONIA)
    other = Explainer(classifier).explain("occlusion", pictures[:1], NORMAL)
    assert heatmap.shape == (cells, cells)
    assert not (heatmap * other).any(), "what speaks for one class speaks against the other"
    row, column = np.unravel_index(heatmap.argmax(), heatmap.shape)
    size = LAYOUT.image_size
    cell = size / cells
    rows, columns = (
        slice(max(0, round((i + 0.5 - 1.25) * cell)), round((i + 0.5 + 1.25) * cell))
        for i in (row, column)
    )
    hidden = pictures[:1].copy()
    blurred = gaussian_filter(pictures[0], (size / 15, size / 15, 0))
    hidden[0, rows, columns] = blurred[rows, columns]
    _, p = classifier.forward(np.concatenate([pictures[:1], hidden]))
    odds = np.log(p[:, PNEUMONIA]) - np.log(p[:, NORMAL])
    assert heatmap[row, column] == pytest.approx(odds[0] - odds[1], abs=1e-4)


def test_slow_method_ends_when_the_watcher_wants(classifier, pictures):
    def stop(share):
        raise InterruptedError

    for name in (name for name, method in METHODS.items() if method.slow):
        with pytest.raises(InterruptedError):
            Explainer(classifier).explain(name, pictures[:1], PNEUMONIA, progress=stop)


def test_unknown_layer_or_method_is_refused(classifier, pictures):
    with pytest.raises(KeyError, match="block99"):
        Explainer(classifier).explain("layercam", pictures[:1], PNEUMONIA, "block99")
    with pytest.raises(KeyError):
        Explainer(classifier).explain("tea leaves", pictures[:1], PNEUMONIA)


def test_several_radiographs_explained_in_one_call_equal_one_call_each(classifier, pictures):
    maps, _ = classifier.forward(pictures)
    explainer = Explainer(classifier)
    both = explainer.gradcam(maps)
    assert both.shape == (len(pictures), 2, 3, 3)
    for place in range(len(pictures)):
        alone = explainer.gradcam(maps[place : place + 1])[0]
        np.testing.assert_allclose(both[place], alone, atol=1e-6)


def test_explaining_leaves_the_head_as_it_was(classifier, pictures):
    maps, probabilities = classifier.forward(pictures)
    Explainer(classifier).cam("layercam", maps, np.array([PNEUMONIA, PNEUMONIA]))
    np.testing.assert_allclose(
        classifier.load_differentiable().head(maps), probabilities, atol=1e-5
    )


def test_normalizing_keeps_zero_and_leaves_an_empty_map_empty():
    cams = np.array([[[1.0, 2.0], [4.0, 3.0]], [[0.0, 0.0], [0.0, 0.0]]])
    expected = [[[0.25, 0.5], [1, 0.75]], [[0, 0], [0, 0]]]
    np.testing.assert_array_equal(normalize_heatmap(cams), expected)


def test_percentile_cuts_off_what_stands_out():
    cam = np.ones((20, 20), np.float32)
    cam[0, 0] = 1000
    scaled = normalize_heatmap(cam, 99.5)
    assert scaled.max() == 1
    np.testing.assert_allclose(scaled[1:], 1)
    assert normalize_heatmap(cam)[1, 1] == pytest.approx(0.001)
