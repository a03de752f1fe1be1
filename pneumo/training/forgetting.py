"""Takes from the last layer what a radiograph without lungs still tells of its class.

Training asks for one half where the lungs are painted over, and comes close; yet in the little that
answers miss it by, spine, heart and outline still rank the classes. To a last layer that is one
direction among its inputs, which it can do without: moved against the difference between the means
of both classes it no longer tells them apart (Ravfogel et al. 2020,
https://arxiv.org/abs/2004.07667; Belrose et al. 2023, https://arxiv.org/abs/2306.03819).
"""

from collections.abc import Iterable
from itertools import islice

import keras
import numpy as np

from pneumo import CLASSES, NORMAL, PNEUMONIA
from pneumo.errors import TrainingError
from pneumo.evaluation.metrics import area_under_roc
from pneumo.evaluation.surroundings import Chest, paint_lungs
from pneumo.network.model_input import prepare_inputs, stack_grids
from pneumo.network.preprocess import to_model_input
from pneumo.training.batches import EpochBatches
from pneumo.training.framing import Sources
from pneumo.training.inputs import finder_of
from pneumo.training.recipe import Recipe

MOST = 600
"""Radiographs of each class to look at: the means of twice as many lie where theirs do."""
_HALVINGS = 40


def forget_surroundings(
    model: keras.Model, recipe: Recipe, sources: Sources, labels: np.ndarray, epoch: EpochBatches
) -> None:
    """Moves the last layer of a trained classifier as `forget` says.

    Args:
        model: In float32.
        recipe: Of its training.
        sources: The radiographs it was trained on, with their lungs.
        labels: `(n,)` integers.
        epoch: The same as training would show them next.

    Raises:
        TrainingError: In no radiograph of one class were lungs found.
    """
    network = keras.Model(model.input, model.get_layer("avg_pool").output)
    head = model.get_layer("probability")
    chosen = _choose(sources, labels, recipe.seed)
    painted = [_predict(network, images) for images in _paint(recipe, sources, chosen)]
    redrawn = [
        _predict(network, np.asarray(images))[_are_answerable(targets)]
        for images, targets in islice(epoch, -(-len(chosen) // epoch.presentation.batch_size))
    ]
    kernel, bias = head.get_weights()
    weights, offset = forget(
        kernel[:, PNEUMONIA] - kernel[:, NORMAL],
        bias[PNEUMONIA] - bias[NORMAL],
        np.concatenate(painted)[: len(chosen)],
        labels[chosen],
        np.concatenate(redrawn),
    )
    sides = np.where(np.arange(len(CLASSES)) == PNEUMONIA, 0.5, -0.5)
    head.set_weights([np.outer(weights, sides), offset * sides])


def forget(
    weights: np.ndarray,
    offset: float,
    painted: np.ndarray,
    labels: np.ndarray,
    redrawn: np.ndarray,
) -> tuple[np.ndarray, float]:
    """Moves log odds that are linear in features, until those without lungs tell no class.

    The weights move along two directions only: against the difference between the classes without
    lungs, as far as it takes for neither class to rank above the other; and along what lungs add,
    by as much as keeps the mean of the radiographs with lungs. The offset brings the mean of those
    without to one half.

    Args:
        weights: `(d,)`.
        offset: Log odds = features @ weights + offset.
        painted: `(n, d)` features of radiographs whose lungs are painted over, as many of each
            class.
        labels: `(n,)` integers of these, 1 for PNEUMONIA.
        redrawn: `(m, d)` features of radiographs with their lungs.

    Returns:
        Weights and offset, float64.
    """
    weights, painted, redrawn = (np.asarray(x, np.float64) for x in (weights, painted, redrawn))
    without, seen = painted.mean(axis=0), redrawn.mean(axis=0)
    apart = painted[labels == PNEUMONIA].mean(axis=0) - painted[labels == NORMAL].mean(axis=0)
    lungs = seen - without
    kept = seen @ weights + offset

    def move(amount: float) -> np.ndarray:
        moved = weights - amount * apart
        return moved + (kept - moved @ lungs) / (lungs @ lungs) * lungs

    high = float(np.linalg.norm(weights) / np.linalg.norm(apart))
    low = -high
    for _ in range(_HALVINGS):
        middle = (low + high) / 2
        if (area_under_roc(labels, painted @ move(middle)) or 0) > 0.5:
            low = middle
        else:
            high = middle
    moved = move(high)
    return moved, float(-without @ moved)


def _choose(sources: Sources, labels: np.ndarray, seed: int) -> np.ndarray:
    """Draws as many radiographs of either class, of those with lungs to be seen."""
    seen = np.array([sources.has_lungs(index) for index in range(len(labels))])
    own = [np.flatnonzero(seen & (labels == label)) for label in (NORMAL, PNEUMONIA)]
    count = min(MOST, *map(len, own))
    if count == 0:
        raise TrainingError(
            "--forget-surroundings paints lungs over, but in the radiographs of one class none "
            "were found."
        )
    rng = np.random.default_rng(seed)
    return np.concatenate([rng.choice(members, count, replace=False) for members in own])


def _paint(recipe: Recipe, sources: Sources, chosen: np.ndarray) -> Iterable[np.ndarray]:
    """Yields batches of model input: lungs painted over, then as serving would show it.

    The last begins anew with the first radiographs, so that several devices can divide it too.
    """
    chosen = np.resize(chosen, -(-len(chosen) // recipe.batch_size) * recipe.batch_size)
    for start in range(0, len(chosen), recipe.batch_size):
        pictures = [
            paint_lungs(Chest(sources.grids[index], sources.lungs_of(index)[1] / np.float32(255)))
            for index in chosen[start : start + recipe.batch_size]
        ]
        inputs = prepare_inputs(pictures, recipe.image_size, finder_of(recipe), recipe.view)
        yield to_model_input(stack_grids(inputs))


def _are_answerable(targets: np.ndarray | dict[str, np.ndarray]) -> np.ndarray:
    """Tells which of a batch still have their lungs: of the others training asks for one half."""
    return np.ptp(np.asarray(targets), axis=1) > 0


def _predict(network: keras.Model, images: np.ndarray) -> np.ndarray:
    return keras.ops.convert_to_numpy(network.predict_on_batch(images))
