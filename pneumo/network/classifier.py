"""The classifier: verified weights, compiled and ready to answer."""

import gc
import os
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from pneumo.errors import WeightsError
from pneumo.network.architecture import build_classifier, head_of, logit_network
from pneumo.network.card import ModelCard, read_card
from pneumo.network.compiling import (
    Forward,
    assemble,
    compile_finder,
    fold_normalization,
    forward_of,
)
from pneumo.network.lung_finder import Finder, load_finder_model
from pneumo.network.model_input import ModelInput, prepare_inputs
from pneumo.network.out_of_distribution import SCOPE_NAME, Scope, read_scope
from pneumo.network.self_test import check_answers
from pneumo.network.weights_files import CARD_NAME, WEIGHTS_FOLDER, verify

if TYPE_CHECKING:
    import keras


@dataclass(frozen=True)
class Classifier:
    """Verified weights, ready to answer. Safe to share between threads.

    Attributes:
        forward: `(n, 299, 299)` uint8, or as the `(n, 299, 299, 3)` float32 of `to_model_input`
            -> feature maps and probabilities of one pass.
        head: Keras model, feature maps -> probabilities.
        card: The model card that belongs to the weights.
        network: Keras model, image -> logits, for explanations that look inside; see
            `logit_network`.
        scope: What tells whether a picture may be judged; None if the card names none.
        find: Draws the lungs; None for weights that look at whole radiographs.
    """

    forward: Forward
    head: "keras.Model"
    card: ModelCard
    network: "keras.Model | None" = None
    scope: Scope | None = None
    find: Finder | None = None

    def prepare(self, pictures: list[np.ndarray]) -> list[ModelInput]:
        """Returns what the network sees of n `(height, width)` uint8 pictures."""
        return prepare_inputs(pictures, self.card.image_size, self.find, self.card.view)


def load_classifier(folder: str | Path = WEIGHTS_FOLDER) -> Classifier:
    """Loads the weights that the model card in `folder` names, after checking their hash.

    Raises:
        WeightsError: Card, weights or scope are missing, damaged, or not made for each other; or
            the self-test fails.
    """
    folder = Path(folder)
    card = read_card(folder / CARD_NAME)
    path = folder / card.weights_file
    verify(path, card.weights_sha256)
    scope = None
    if card.scope_sha256:
        verify(folder / SCOPE_NAME, card.scope_sha256)
        scope = read_scope(folder / SCOPE_NAME)

    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")  # no word on absent GPUs
    os.environ.setdefault("KERAS_BACKEND", "tensorflow")
    import keras

    if keras.backend.backend() != "tensorflow":
        raise WeightsError(
            f"Keras runs on {keras.backend.backend()!r}, but the app's classifier and its "
            "explanations need TensorFlow. Unset KERAS_BACKEND or set it to 'tensorflow'."
        )
    find = None
    if card.finder_file:
        verify(folder / card.finder_file, card.finder_sha256)
        find = compile_finder(load_finder_model(folder / card.finder_file))
    parts = fold_normalization(_load_weights(path, card.image_size))
    gc.collect()  # the network as it was trained goes before another takes its place in memory
    model = assemble(*parts)
    forward = forward_of(model)
    classifier = Classifier(forward, head_of(model), card, logit_network(model), scope, find)
    check_answers(forward, classifier.prepare, card.self_test)
    return classifier


def _load_weights(path: Path, image_size: int) -> "keras.Model":
    model = build_classifier(image_size)
    try:
        model.load_weights(path)
    except Exception as error:  # h5py and Keras raise OSError, ValueError, KeyError ...
        raise WeightsError(
            f"{path.name} is not a set of weights for this version of pneumo ({error}). "
            "Use the weights and the code of the same release."
        ) from error
    return model
