"""The classifier: verified weights, compiled and ready to answer."""

import gc
import os
import threading
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from pneumo.errors import WeightsError
from pneumo.network import openvino_runtime
from pneumo.network.card import ModelCard, read_card
from pneumo.network.forward import Forward
from pneumo.network.lung_finder import Finder
from pneumo.network.model_input import ModelInput, prepare_inputs
from pneumo.network.out_of_distribution import SCOPE_NAME, Scope, read_scope
from pneumo.network.self_test import COARSE_TOLERANCE, SELF_TEST_TOLERANCE, check_answers
from pneumo.network.weights_files import CARD_NAME, WEIGHTS_FOLDER, refuse_weights, verify

if TYPE_CHECKING:
    import keras

RUNTIMES = ("openvino", "tensorflow")
"""What can run the networks: the first if its package is installed, else the second."""
PRECISIONS = {"float32": "f32", "bfloat16": "bf16"}
"""Of the arithmetic -> OpenVINO's name for it; the first is the default."""


class Differentiable(NamedTuple):
    """The classifier as Keras models on TensorFlow, for explanations that take gradients.

    Attributes:
        head: Feature maps -> probabilities.
        network: Image -> logits; see `pneumo.network.architecture.logit_network`.
    """

    head: "keras.Model"
    network: "keras.Model"


class Head(NamedTuple):
    """The Dense layer on top of the pooled feature maps.

    Attributes:
        kernel: `(2048, 2)` float32.
        bias: `(2,)` float32.
    """

    kernel: np.ndarray
    bias: np.ndarray


class Once:
    """Something that is loaded at the first call, whichever thread's that is."""

    def __init__(self, load: Callable[[], Differentiable]) -> None:
        """Takes what loads it."""
        self._load, self._lock = load, threading.Lock()
        self._loaded: Differentiable | None = None

    def __call__(self) -> Differentiable:
        """Returns it."""
        with self._lock:
            if self._loaded is None:
                self._loaded = self._load()
            return self._loaded

    @property
    def is_done(self) -> bool:
        """Whether the next call returns at once."""
        return self._loaded is not None


@dataclass(frozen=True)
class Classifier:
    """Verified weights, ready to answer. Safe to share between threads.

    Attributes:
        forward: Of any number of pictures, feature maps and probabilities of one pass.
        head: On top of the feature maps.
        card: The model card that belongs to the weights.
        load_differentiable: Returns the same network for gradients; with OpenVINO the first call
            imports TensorFlow, which takes seconds and some hundred megabytes.
        scope: What tells whether a picture may be judged; None if the card names none.
        find: Draws the lungs; None for weights that look at whole radiographs.
        runtime: One of `RUNTIMES`.
        precision: Of `forward`, one of `PRECISIONS`.
    """

    forward: Forward
    head: Head
    card: ModelCard
    load_differentiable: Once
    scope: Scope | None = None
    find: Finder | None = None
    runtime: str = "tensorflow"
    precision: str = "float32"

    def prepare(self, pictures: list[np.ndarray]) -> list[ModelInput]:
        """Returns what the network sees of n `(height, width)` uint8 pictures."""
        return prepare_inputs(pictures, self.card.layout.image_size, self.find, self.card.view)


def load_classifier(
    folder: str | Path = WEIGHTS_FOLDER, runtime: str | None = None, precision: str = "float32"
) -> Classifier:
    """Loads the weights that the model card in `folder` names, after checking their hash.

    Args:
        folder: Holds the card and the files that it names.
        runtime: One of `RUNTIMES`; None for the fastest that is installed.
        precision: One of `PRECISIONS`. In bfloat16, which takes OpenVINO and a processor that has
            it, answers move by up to two hundredths; with AMX they come in half the time, without
            it later than in float32. Gradients stay in float32.

    Raises:
        WeightsError: That precision cannot be had here; card, weights or scope are missing,
            damaged, or not made for each other; or the self-test fails.
    """
    folder = Path(folder)
    card = read_card(folder / CARD_NAME)
    verify(folder / card.weights_file, card.weights_sha256)
    scope = None
    if card.scope_sha256:
        verify(folder / SCOPE_NAME, card.scope_sha256)
        scope = read_scope(folder / SCOPE_NAME)
    if card.finder_file:
        verify(folder / card.finder_file, card.finder_sha256)
    _require_tensorflow()
    runtime = runtime or fastest_runtime()
    if runtime == "openvino":
        classifier = _load_on_openvino(folder, card, scope, precision)
    elif precision == "float32":
        classifier = _load_on_tensorflow(folder, card, scope)
    else:
        raise WeightsError(f"{precision} needs OpenVINO: pip install 'pneumo[fast]'")
    tolerance = SELF_TEST_TOLERANCE if precision == "float32" else COARSE_TOLERANCE
    check_answers(classifier.forward, classifier.prepare, card.self_test, tolerance)
    return classifier


def fastest_runtime() -> str:
    """Returns the first of `RUNTIMES` that is installed."""
    return RUNTIMES[0] if openvino_runtime.is_installed() else RUNTIMES[1]


def load_finder(path: Path, runtime: str | None = None) -> Finder:
    """Loads the lung finder alone.

    Args:
        path: Its weights.
        runtime: See `load_classifier`.

    Raises:
        WeightsError: The file is missing or no finder's.
    """
    _require_tensorflow()
    if (runtime or fastest_runtime()) == "openvino":
        return openvino_runtime.load_finder(path)
    from pneumo.network.compiling import compile_finder
    from pneumo.network.lung_finder import load_finder_model

    return compile_finder(load_finder_model(path))


def _load_on_openvino(
    folder: Path, card: ModelCard, scope: Scope | None, precision: str
) -> Classifier:
    weights = folder / card.weights_file
    forward, drawn = openvino_runtime.load_forward(weights, card.layout, PRECISIONS[precision])
    return Classifier(
        forward,
        Head(drawn.kernel, drawn.bias),
        card,
        Once(partial(_load_differentiable, weights, card)),
        scope,
        load_finder(folder / card.finder_file, "openvino") if card.finder_file else None,
        "openvino",
        precision,
    )


def _load_on_tensorflow(folder: Path, card: ModelCard, scope: Scope | None) -> Classifier:
    from pneumo.network.architecture import head_of, logit_network
    from pneumo.network.compiling import forward_of

    find = load_finder(folder / card.finder_file, "tensorflow") if card.finder_file else None
    model = load_folded(folder / card.weights_file, card)
    head = model.get_layer("probability").get_weights()
    loaded = Once(lambda: Differentiable(head_of(model), logit_network(model)))
    loaded()
    return Classifier(*(forward_of(model), Head(*head), card, loaded, scope, find, "tensorflow"))


def _load_differentiable(path: Path, card: ModelCard) -> Differentiable:
    from pneumo.network.architecture import head_of, logit_network

    model = load_folded(path, card)
    return Differentiable(head_of(model), logit_network(model))


def _require_tensorflow() -> None:
    """Makes sure that Keras, when it is imported, runs on TensorFlow.

    Checked before any answer, also where OpenVINO gives it: explanations need it later.
    """
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")  # no word on absent GPUs
    backend = os.environ.setdefault("KERAS_BACKEND", "tensorflow")
    if backend != "tensorflow":
        raise WeightsError(
            f"KERAS_BACKEND is {backend!r}, but the app's classifier and its explanations need "
            "TensorFlow. Unset it or set it to 'tensorflow'."
        )


def load_folded(path: Path, card: ModelCard) -> "keras.Model":
    """Loads a classifier on Keras, batch normalisation made part of the convolutions.

    Raises:
        WeightsError: The file holds other weights.
    """
    from pneumo.network.compiling import assemble, fold_normalization

    parts = fold_normalization(_load_weights(path, card))
    gc.collect()  # the network as it was trained goes before another takes its place in memory
    return assemble(*parts)


def _load_weights(path: Path, card: ModelCard) -> "keras.Model":
    from pneumo.network.architecture import build_classifier

    model = build_classifier(card.layout)
    try:
        model.load_weights(path)
    except Exception as error:  # h5py and Keras raise OSError, ValueError, KeyError ...
        raise refuse_weights(path, error) from error
    return model
