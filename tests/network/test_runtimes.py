"""The networks on OpenVINO are those on TensorFlow: same answers, same maps, same lungs."""

import subprocess
import sys

import keras
import numpy as np
import pytest

from pneumo.errors import WeightsError
from pneumo.inference import stack_grids
from pneumo.network import classifier as loading
from pneumo.network import openvino_runtime
from pneumo.network.architecture import LAST_CONVOLUTION, Layout, build_classifier
from pneumo.network.classifier import load_classifier
from pneumo.network.lung_finder import build_finder, finder_of
from pneumo.network.preprocess import to_model_input
from pneumo.network.self_test import COARSE_TOLERANCE, draw_pictures
from pneumo.network.stored_layers import StoredLayers
from pneumo.reading.radiograph import read_radiograph
from tests.network.test_triage import SAMPLES


@pytest.fixture(scope="module")
def both(classifier):
    """The shipped network with OpenVINO and as where that is not installed."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(openvino_runtime, "find_spec", lambda name: None)
        return [classifier, load_classifier()]


@pytest.fixture(scope="module")
def pictures():
    return [read_radiograph(path).pixels for path in SAMPLES[::2]] + draw_pictures()


def test_shipped_network_sees_and_answers_the_same(both, pictures):
    seen = [each.prepare(pictures) for each in both]
    for one, other in zip(*seen, strict=True):
        np.testing.assert_allclose(one.features, other.features, rtol=0, atol=1e-5)
        np.testing.assert_allclose(one.field.lungs, other.field.lungs, rtol=0, atol=1e-5)
        np.testing.assert_array_equal(one.grid, other.grid)
    answers = [each.forward(stack_grids(inputs)) for each, inputs in zip(both, seen, strict=True)]
    maps, probabilities = zip(*answers, strict=True)
    assert np.ptp(probabilities[0][:, 1]) > 0.5
    np.testing.assert_allclose(*probabilities, rtol=0, atol=1e-4)
    np.testing.assert_allclose(*maps, rtol=0, atol=1e-4 * maps[1].max())
    np.testing.assert_array_equal(both[0].head.kernel, both[1].head.kernel)
    np.testing.assert_array_equal(both[0].head.bias, both[1].head.bias)


def randomise(model):
    """Gives every layer weights that matter: as built, batch normalisation does nothing."""
    rng = np.random.default_rng(0)
    for layer in model.layers:
        if isinstance(layer, keras.layers.BatchNormalization):
            shape = layer.gamma.shape
            layer.set_weights(
                [rng.uniform(0.5, 1.5, shape), rng.normal(0, 0.2, shape)]
                + [rng.normal(0, 0.2, shape), rng.uniform(0.5, 1.5, shape)]
            )
        elif layer.weights and layer.get_weights()[-1].ndim == 1:
            kernel, bias = layer.get_weights()
            layer.set_weights([kernel, rng.normal(0, 0.5, bias.shape)])
    return rng


@pytest.mark.parametrize(
    "layout",
    [
        *(Layout(71), Layout(96), Layout(96, last_stride=1)),
        *(Layout(96, tiles=2), Layout(83, last_stride=1, tiles=3), Layout(139, tiles=5)),
    ],
    ids=str,
)
def test_any_weights_and_sizes(tmp_path, layout):
    """Sides of other remainders by the strides pad otherwise."""
    model = build_classifier(layout)
    rng = randomise(model)
    path = tmp_path / "a.weights.h5"
    model.save_weights(path)
    side = layout.image_size
    images = rng.uniform(-1, 1, (3, side, side, 3)).astype(np.float32)  # three unlike channels
    forward, drawn = openvino_runtime.load_forward(path, layout)
    network = keras.Model(model.input, [model.get_layer(LAST_CONVOLUTION).output, model.output])
    for received, expected in zip(forward(images), network(images, training=False), strict=True):
        expected = expected.numpy()
        np.testing.assert_allclose(received, expected, rtol=0, atol=1e-4 * expected.max())
    np.testing.assert_array_equal(drawn.bias, model.get_layer("probability").get_weights()[1])


def test_workers_do_not_all_take_the_first_core():
    graph = openvino_runtime.OpenVinoGraph()
    model = graph.finish([graph.relu(graph.input(8, 1))])
    openvino_runtime.use_threads(1)
    try:
        compiled = openvino_runtime.compile_model(model)
    finally:
        openvino_runtime.use_threads(0)
    assert compiled.get_property("ENABLE_CPU_PINNING") is False
    assert compiled.get_property("INFERENCE_NUM_THREADS") == 1


def test_any_finder(tmp_path):
    keras.utils.set_random_seed(0)
    model = build_finder()
    rng = randomise(model)
    path = tmp_path / "a.weights.h5"
    model.save_weights(path)
    pictures = rng.normal(size=(2, 128, 128, 1)).astype(np.float32)
    received, expected = openvino_runtime.load_finder(path)(pictures), finder_of(model)(pictures)
    assert np.ptp(expected.lungs) > 0.15
    np.testing.assert_allclose(received.lungs, expected.lungs, rtol=0, atol=1e-4)
    assert received.features.shape == expected.features.shape == (2, 512)
    np.testing.assert_allclose(received.features, expected.features, rtol=1e-4, atol=1e-4)


def test_finer_maps_come_from_the_same_weights():
    plain, finer = build_classifier(Layout(96)), build_classifier(Layout(96, last_stride=1))
    assert plain.count_params() == finer.count_params()
    sides = [model.get_layer(LAST_CONVOLUTION).output.shape[1] for model in (plain, finer)]
    assert sides == [3, 6]


def test_layers_that_are_left_over_are_named(tmp_path):
    path = tmp_path / "a.weights.h5"
    build_finder().save_weights(path)
    stored = StoredLayers(path)
    stored.take_folded("conv2d")
    with pytest.raises(
        WeightsError, match=r"a\.weights\.h5 .*no place for batch_normalization_1, "
    ):
        stored.require_all_taken()


def test_without_the_package_tensorflow_answers(both):
    assert [each.runtime for each in both] == ["openvino", "tensorflow"]


def test_bfloat16_answers_nearly_alike_where_the_processor_has_it(classifier):
    try:
        coarse = load_classifier(precision="bfloat16")
    except WeightsError as error:
        assert "This processor calculates in" in str(error)
        pytest.skip("this processor has no bfloat16")
    batch = to_model_input(stack_grids(classifier.prepare(draw_pictures())))
    moved = np.abs(coarse.forward(batch).probabilities - classifier.forward(batch).probabilities)
    assert 0 < moved.max() < COARSE_TOLERANCE
    assert (classifier.precision, coarse.precision) == ("float32", "bfloat16")


def test_bfloat16_that_cannot_be_had_refused(monkeypatch):
    with pytest.raises(WeightsError, match="bfloat16 needs OpenVINO"):
        load_classifier(runtime="tensorflow", precision="bfloat16")
    compile_model = openvino_runtime.compile_model
    monkeypatch.setattr(openvino_runtime, "compile_model", lambda model, _: compile_model(model))
    with pytest.raises(WeightsError, match="This processor calculates in f32, not in bf16"):
        load_classifier(precision="bfloat16")


LOAD = """
import socket, sys
def refuse(*arguments): raise AssertionError(f"connects to {arguments}")
socket.socket.connect = socket.getaddrinfo = refuse
from pneumo.inference import load_engine, predict, prepare_input
from pneumo.reading.radiograph import read_radiograph
engine = load_engine()
seen = prepare_input(engine.classifier, read_radiograph(sys.argv[1]))
print(predict(engine, [seen])[0].cams.max() > 0, engine.classifier.runtime)
print(sorted({"tensorflow", "keras", "tf_keras_vis", "torch", "jax"} & set(sys.modules)))
"""


@pytest.mark.slow  # with the shipped network, in a process of its own
def test_an_answer_and_its_heatmap_need_neither_tensorflow_nor_the_network():
    done = subprocess.run(
        [sys.executable, "-c", LOAD, str(SAMPLES[0])], capture_output=True, text=True, timeout=120
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines() == ["True openvino", "[]"]


@pytest.mark.parametrize("runtime", loading.RUNTIMES)
def test_another_backend_of_keras_is_named_before_any_answer(monkeypatch, runtime):
    monkeypatch.setenv("KERAS_BACKEND", "jax")
    with pytest.raises(WeightsError, match="KERAS_BACKEND is 'jax'"):
        load_classifier(runtime=runtime)


def test_gradients_are_loaded_once_and_by_whoever_asks_first(monkeypatch):
    loaded = []
    once = loading.Once(lambda: loaded.append(True) or len(loaded))
    assert not once.is_done
    assert [once(), once()] == [1, 1]
    assert once.is_done
