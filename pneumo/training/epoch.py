"""One epoch: batches -> a network that has seen each of them once, in order."""

import math
from collections.abc import Callable, Iterable

import keras
import numpy as np

from pneumo.errors import TrainingError
from pneumo.training.batches import Batch

REMEDY = "Lower --learning-rate, or use --precision float32."


def train_epoch(
    model: keras.Model,
    batches: Iterable[Batch],
    show: Callable[[int, float], None] = lambda step, loss: None,
) -> dict[str, float]:
    """Takes one step for each batch.

    A loop of our own over `train_on_batch`, so that the same happens on every backend: `fit`
    builds the model from a batch that it draws first, and what becomes of that batch differs.

    Args:
        model: Compiled.
        batches: Of equal sizes.
        show: Called after each step with its number, from 0, and the mean loss so far.

    Returns:
        The mean over the steps of `loss` and of each metric that the model was compiled with.

    Raises:
        TrainingError: A loss is not a number; the message names the step.
    """
    sums: dict[str, float] = {}
    step = 0
    # A first step that has yet to make the optimiser's variables is traced twice by TensorFlow.
    model.optimizer.build(model.trainable_variables)
    for step, (images, targets) in enumerate(batches, 1):
        logs = model.train_on_batch(images, targets, return_dict=True)
        if not math.isfinite(logs["loss"]):
            raise TrainingError(
                f"The loss became {logs['loss']} at step {step} of the epoch. {REMEDY}"
            )
        sums = {name: sums.get(name, 0.0) + float(value) for name, value in logs.items()}
        show(step - 1, sums["loss"] / step)
    return {name: value / step for name, value in sums.items()}


def require_finite(model: keras.Model, answers: np.ndarray, after: str) -> None:
    """Makes sure of the one step whose loss no later step shows.

    Args:
        model: As that step left it.
        answers: Its P(PNEUMONIA) of any radiographs.
        after: Which step, in words.

    Raises:
        TrainingError: A weight or an answer is not a number.
    """
    if not all(np.isfinite(values).all() for values in [*model.get_weights(), answers]):
        raise TrainingError(f"After {after} the weights or answers are no numbers. {REMEDY}")
