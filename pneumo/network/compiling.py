"""A trained network -> a function as fast as this machine allows, safe to share between threads."""

from typing import TYPE_CHECKING

import numpy as np

from pneumo.files import JsonObject
from pneumo.network.architecture import LAST_CONVOLUTION
from pneumo.network.forward import Forward, in_turns
from pneumo.network.lung_finder import Finder, FinderPass, with_features
from pneumo.network.queue import run_exclusively
from pneumo.network.stored_layers import fold

if TYPE_CHECKING:
    import keras


def fold_normalization(model: "keras.Model") -> tuple[JsonObject, dict[str, list[np.ndarray]]]:
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
        before = norm.input._keras_history.operation.name
        *weights[before], bias = fold(weights[before], norm.get_weights(), norm.epsilon)
        weights[norm.name] = [bias]
    config = model.get_config()
    for layer in config["layers"]:
        if layer["class_name"] == "BatchNormalization":
            layer |= {"class_name": "Addition", "module": None, "registered_name": "Addition"}
            layer["config"] = {"name": layer["name"]}
    return config, weights


def assemble(config: JsonObject, weights: dict[str, list[np.ndarray]]) -> "keras.Model":
    """Returns a `keras.Model` from what `fold_normalization` returned."""
    import keras
    import tensorflow as tf

    class Addition(keras.layers.Layer):  # type: ignore[misc]  # Keras has no types
        """What is left of a batch normalisation."""

        def build(self, input_shape: tuple[int | None, ...]) -> None:
            self.bias = self.add_weight(shape=(input_shape[-1],), name="bias")

        def call(
            self, inputs: tf.Tensor, training: bool | None = None, mask: tf.Tensor | None = None
        ) -> tf.Tensor:
            return tf.nn.bias_add(inputs, self.bias)

    model = keras.Model.from_config(config, custom_objects={"Addition": Addition})
    for name, values in weights.items():
        model.get_layer(name).set_weights(values)
    return model


def compile_finder(model: "keras.Model") -> Finder:
    """Compiles a lung finder as `forward_of` does a classifier; it takes its turn likewise."""
    import tensorflow as tf

    folded = with_features(assemble(*fold_normalization(model)))
    pictures = tf.TensorSpec((None, *folded.input_shape[1:]), tf.float32)
    compiled = tf.function(
        lambda batch: folded(batch, training=False), autograph=False, input_signature=[pictures]
    )

    def find(batch: np.ndarray) -> FinderPass:
        lungs, features = run_exclusively(lambda: [x.numpy() for x in compiled(tf.constant(batch))])
        return FinderPass(lungs[..., 0], features)

    return find


def forward_of(model: "keras.Model") -> Forward:
    """Compiles a classifier to a function that gives all that one pass can tell.

    The weights stay variables, which all graphs share.

    Returns:
        A thread-safe function with the signature of `Classifier.forward`.
    """
    import keras
    import tensorflow as tf

    maps = model.get_layer(LAST_CONVOLUTION).output
    network = keras.Model(model.input, [maps, model.output])
    images = tf.TensorSpec((None, *model.input_shape[1:]), tf.float32)
    compiled = tf.function(
        lambda image: network(image, training=False), autograph=False, input_signature=[images]
    )

    return in_turns(lambda pictures: [part.numpy() for part in compiled(tf.constant(pictures))])
