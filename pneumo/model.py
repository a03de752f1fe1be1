"""The classifier: Xception with a two-node head, built in code, weights loaded by hash.

The architecture is never read from a file: a saved Keras model can run code of its author's
choosing when it is loaded, a file of weights cannot.
"""

import gc
import hashlib
import io
import os
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np

from pneumo import CLASSES
from pneumo.card import ModelCard, read_card
from pneumo.errors import WeightsError
from pneumo.files import replacing
from pneumo.preprocess import IMAGE_SIZE
from pneumo.scope import SCOPE_NAME, Scope, read_scope
from pneumo.self_test import check_answers
from pneumo.turns import take_turn

WEIGHTS_FOLDER = Path(__file__).resolve().parent.parent / "weights"
CARD_NAME = "model_card.json"

LAST_CONVOLUTION = "block14_sepconv2_act"
"""The penultimate layer of Grad-CAM: the last feature maps, after their ReLU."""

FEATURES = "block13_sepconv1_act"
"""The layer whose means tell kinds of pictures apart: the last ones have forgotten much of what
does not matter to PNEUMONIA, adults and turns among it.
"""

PICTURES_A_PASS = 2


def build_classifier(image_size: int = IMAGE_SIZE):
    """Builds Xception with global average pooling and `Dense(2, softmax)`, untrained.

    The network is flat (the base is not a nested model), so that any layer can be reached from
    the input by name. It is the origin's architecture: Chollet 2017,
    https://arxiv.org/abs/1610.02357, without its top.

    Args:
        image_size: Side of the square input in pixels, at least 71.

    Returns:
        A `keras.Model` from `(n, image_size, image_size, 3)` in [-1, 1] to `(n, 2)`
        probabilities in the order of `pneumo.CLASSES`, with the layer `probability` on top of
        `avg_pool`.
    """
    import keras

    image = keras.Input((image_size, image_size, 3), name="image")
    base = keras.applications.Xception(include_top=False, weights=None, input_tensor=image)
    pooled = keras.layers.GlobalAveragePooling2D(name="avg_pool")(base.output)
    # float32 also under mixed precision: a softmax in 16 bits rounds confident answers to 1.
    head = keras.layers.Dense(
        len(CLASSES), activation="softmax", dtype="float32", name="probability"
    )
    return keras.Model(image, head(pooled), name="pneumo")


def backbone_of(classifier):
    """Returns the part of a classifier from the image to the last feature maps; layers shared."""
    import keras

    return keras.Model(classifier.input, classifier.get_layer(LAST_CONVOLUTION).output)


def head_of(classifier):
    """Returns a model of its own from feature maps to probabilities, with a copy of the weights.

    Its outputs equal the classifier's. Gradients with respect to the feature maps need only this
    small part, which makes every last-layer class activation map cheap.
    """
    import keras

    shape = classifier.get_layer(LAST_CONVOLUTION).output.shape[1:]
    maps = keras.Input(shape, name="feature_maps")
    pooled = keras.layers.GlobalAveragePooling2D(name="avg_pool")(maps)
    dense = keras.layers.Dense(len(CLASSES), activation="softmax", name="probability")
    head = keras.Model(maps, dense(pooled), name="head")
    dense.set_weights(classifier.get_layer("probability").get_weights())
    return head


def logits_of(classifier):
    """Returns the network from image to logits, before the softmax; layers below are shared.

    Explanations differentiate the logit: through a softmax the gradient carries p * (1 - p),
    which is nothing at all for an answer the network is sure of.
    """
    import keras

    dense = keras.layers.Dense(len(CLASSES), dtype="float32", name="logit")
    pooled = classifier.get_layer("avg_pool").output
    # A list of one, as tf-keras-vis calls it; Keras warns of any other form.
    network = keras.Model(classifier.inputs, dense(pooled))
    dense.set_weights(classifier.get_layer("probability").get_weights())
    return network


Forward = Callable[[np.ndarray], tuple[np.ndarray, np.ndarray, np.ndarray]]


@dataclass(frozen=True)
class Classifier:
    """Verified weights, ready to answer. Safe to share between threads.

    Attributes:
        forward: `(n, 299, 299, 3)` float32 -> feature maps `(n, 10, 10, 2048)` float32,
            probabilities `(n, 2)` float32, and the means of the layer `FEATURES` `(n, 728)`
            float32, all from one pass.
        head: Keras model, feature maps -> probabilities.
        card: The model card that belongs to the weights.
        network: Keras model, image -> logits, for explanations that look inside; see
            `logits_of`.
        scope: What tells whether a picture may be judged; None if the card names none.
    """

    forward: Forward
    head: object
    card: ModelCard
    network: object = None
    scope: Scope | None = None


def load_classifier(folder: str | Path = WEIGHTS_FOLDER) -> Classifier:
    """Loads the weights that the model card in `folder` names, after checking their hash.

    Raises:
        WeightsError: Card, weights or scope are missing, damaged, or not made for each other; or
            the self-test fails.
    """
    folder = Path(folder)
    card = read_card(folder / CARD_NAME)
    path = folder / card.weights_file
    _verify(path, card.weights_sha256)
    scope = None
    if card.scope_sha256:
        _verify(folder / SCOPE_NAME, card.scope_sha256)
        scope = read_scope(folder / SCOPE_NAME)

    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")  # no word on absent GPUs
    os.environ.setdefault("KERAS_BACKEND", "tensorflow")
    import keras

    if keras.backend.backend() != "tensorflow":
        raise WeightsError(
            f"Keras runs on {keras.backend.backend()!r}, but the app's classifier and its "
            "explanations need TensorFlow. Unset KERAS_BACKEND or set it to 'tensorflow'."
        )
    parts = fold_normalization(_load_weights(path, card.image_size))
    gc.collect()  # the network as it was trained goes before another takes its place in memory
    model = assemble(*parts)
    forward = forward_of(model)
    check_answers(forward, card.image_size, card.self_test)
    return Classifier(forward, head_of(model), card, logits_of(model), scope)


def sha256_of(path: Path) -> str:
    """Returns the hexadecimal SHA-256 of a file."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def save_weights_fp16(model, path: Path) -> None:
    """Saves a model's weights with every float rounded to 16 bits, in one step.

    Half the download for answers that stay within 0.002; Keras widens them when loading.

    Raises:
        WeightsError: The file cannot be written; an older one of that name stays.
    """
    import h5py

    wide, narrow = path.with_name("wide." + path.name), io.BytesIO()
    try:
        model.save_weights(wide)
        with h5py.File(wide) as source, h5py.File(narrow, "w") as target:

            def copy(name: str, item) -> None:
                if isinstance(item, h5py.Dataset):
                    small = np.issubdtype(item.dtype, np.floating)
                    target.create_dataset(name, data=item[()].astype("f2") if small else item[()])
                else:
                    target.require_group(name)
                for key, value in item.attrs.items():
                    target[name].attrs[key] = value

            source.visititems(copy)
        with replacing(path) as draft:
            draft.write_bytes(narrow.getbuffer())
    except (OSError, RuntimeError) as error:  # h5py raises either when a write fails
        raise WeightsError(
            f"{path} cannot be written ({error}). Make room there, about 150 MB."
        ) from error
    finally:
        wide.unlink(missing_ok=True)


def _load_weights(path: Path, image_size: int):
    model = build_classifier(image_size)
    try:
        model.load_weights(path)
    except Exception as error:  # h5py and Keras raise OSError, ValueError, KeyError ...
        raise WeightsError(
            f"{path.name} is not a set of weights for this version of pneumo ({error}). "
            "Use the weights and the code of the same release."
        ) from error
    return model


def _verify(path: Path, expected: str) -> None:
    mend = "Restore it with 'git checkout -- weights', or download the release again."
    if not path.is_file():
        raise WeightsError(f"The weights {path.name} are missing from {path.parent}. {mend}")
    with path.open("rb") as file:
        start = file.read(64)
    if start.startswith(b"version https://git-lfs"):
        raise WeightsError(
            f"{path.name} is a Git LFS pointer, not the weights themselves. Run 'git lfs pull'."
        )
    received = sha256_of(path)
    if received != expected:
        raise WeightsError(
            f"{path.name} is not the file that the model card was written for: expected SHA-256 "
            f"{expected[:12]}..., received {received[:12]}.... {mend}"
        )


def fold_normalization(model) -> tuple[dict, dict[str, list[np.ndarray]]]:
    """Takes a network apart, for an equal one in which batch normalisation is an addition.

    Once trained it multiplies and adds what never changes; the factor goes into the convolution
    before it. A sixth faster, and nearly as fast as a frozen graph, in which TensorFlow does the
    same and more, but with eight more copies of the weights: 700 MiB.

    Args:
        model: Of convolutions without bias, each alone before its batch normalisation, as Xception.

    Returns:
        Configuration and weights by layer, for `assemble`; layers have the names they had.
    """
    import keras

    norms = [x for x in model.layers if isinstance(x, keras.layers.BatchNormalization)]
    weights = {x.name: x.get_weights() for x in model.layers if x.weights and x not in norms}
    for norm in norms:
        gamma, beta, mean, variance = norm.get_weights()
        factor = gamma / np.sqrt(variance + norm.epsilon)
        before = norm.input._keras_history.operation.name
        # Of a separable one the pointwise kernel is last; output channels are each one's last axis.
        *kernels, last = weights[before]
        weights[before] = [*kernels, last * factor]
        weights[norm.name] = [beta - mean * factor]
    config = model.get_config()
    for layer in config["layers"]:
        if layer["class_name"] == "BatchNormalization":
            layer |= {"class_name": "Addition", "module": None, "registered_name": "Addition"}
            layer["config"] = {"name": layer["name"]}
    return config, weights


def assemble(config: dict, weights: dict[str, list[np.ndarray]]):
    """Returns a `keras.Model` from what `fold_normalization` returned."""
    import keras
    import tensorflow as tf

    class Addition(keras.layers.Layer):
        """What is left of a batch normalisation."""

        def build(self, input_shape):
            self.bias = self.add_weight(shape=(input_shape[-1],), name="bias")

        def call(self, inputs, training=None, mask=None):
            return tf.nn.bias_add(inputs, self.bias)

    model = keras.Model.from_config(config, custom_objects={"Addition": Addition})
    for name, values in weights.items():
        model.get_layer(name).set_weights(values)
    return model


def forward_of(model) -> Forward:
    """Compiles a classifier to a function that gives all that one pass can tell.

    The weights stay variables, which all graphs share. Many pictures pass a few at a time,
    for TensorFlow keeps the memory of its largest batch, and more at once are no faster on a
    processor; between two passes whoever else waits has a turn.

    Returns:
        A thread-safe function with the signature of `Classifier.forward`.
    """
    import keras
    import tensorflow as tf

    means = keras.ops.mean(model.get_layer(FEATURES).output, axis=(1, 2))
    maps = model.get_layer(LAST_CONVOLUTION).output
    network = keras.Model(model.input, [maps, model.output, means])
    images = tf.TensorSpec((None, *model.input_shape[1:]), tf.float32)
    compiled = tf.function(
        lambda image: network(image, training=False), autograph=False, input_signature=[images]
    )

    def run(pictures: np.ndarray) -> list[np.ndarray]:
        return [part.numpy() for part in compiled(tf.constant(pictures))]

    def forward(batch: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        firsts = range(0, len(batch), PICTURES_A_PASS)
        answers = [take_turn(partial(run, batch[i : i + PICTURES_A_PASS])) for i in firsts]
        maps, probabilities, features = zip(*answers, strict=True)
        return np.concatenate(maps), np.concatenate(probabilities), np.concatenate(features)

    return forward
