"""A second thing to learn: the same chest in other looks is the same answer.

Each radiograph of a batch is there twice, drawn anew each time, the second time with the looks and
the surroundings of the other class at hand. Beside the answer, training can ask the two to agree
in their log odds. (Consistency over augmentations: Hendrycks et al. 2020,
https://arxiv.org/abs/1912.02781.)
"""

from typing import Any

import keras

from pneumo import NORMAL, PNEUMONIA

_LEAST = 1e-6
"""Below this a probability counts as this: its logarithm stays a number."""
_MOST = 3.0
"""Difference of log odds that weighs most: of one drawing too much may have been hidden."""


def disagreement(targets: Any, answers: Any) -> Any:
    """Measures how far the answers to the two drawings of each radiograph lie apart.

    Args:
        targets: `(n, 2)`, one-hot, or one half each where a drawing shows no lungs: a pair with
            such a one counts as agreeing.
        answers: `(n, 2)` probabilities; the drawings of one radiograph follow each other.

    Returns:
        `(n,)`: the squared difference of their log odds, at most `_MOST` squared, for both alike.
    """
    logs = keras.ops.log(keras.ops.maximum(keras.ops.cast(answers, "float32"), _LEAST))
    odds = keras.ops.reshape(logs[:, PNEUMONIA] - logs[:, NORMAL], (-1, 2))
    told = keras.ops.cast(keras.ops.max(targets, axis=-1) > 0.9, "float32")
    both = keras.ops.prod(keras.ops.reshape(told, (-1, 2)), axis=-1)
    apart = keras.ops.minimum(keras.ops.abs(odds[:, 0] - odds[:, 1]), _MOST)
    return keras.ops.repeat(both * keras.ops.square(apart), 2)


def answer_and_agree(label_smoothing: float, weight: float) -> Any:
    """Makes the loss: cross-entropy, and the disagreement by a weight.

    Args:
        label_smoothing: Of the cross-entropy, in [0, 1).
        weight: Of the disagreement.

    Returns:
        A function of targets and answers, as in `disagreement`, to `(n,)`.
    """

    def loss(targets: Any, answers: Any) -> Any:
        own = keras.losses.categorical_crossentropy(
            targets, answers, label_smoothing=label_smoothing
        )
        return own + weight * disagreement(targets, answers)

    return loss
