"""A second thing to learn: that a cell of the last layer speaks of what stands at its place.

The log odds are the mean over the cells of the last layer of each cell's evidence. Beside the
answer, training can ask two things of it.

`evidence_elsewhere`: that evidence, for either class, lies in cells where lung is visible, neither
beyond the lungs, nor where a patch was hidden or the lungs were painted over. (The share of the
energy of a class activation map within a mask as a loss: Rao et al. 2023,
https://arxiv.org/abs/2303.11932.) It asks for a place, so that the place proves nothing any more.

`misplaced_evidence`: that in a patchwork of two radiographs each cell says what it said in the one
that stands at its place, and nothing where nothing is to be seen. It asks for no place. What it
asks for is what a heatmap claims: that hiding a part costs the evidence that is drawn there.
"""

from collections.abc import Callable
from typing import Any

import keras
import numpy as np
from PIL import Image

from pneumo import NORMAL, PNEUMONIA
from pneumo.network.architecture import LAST_CONVOLUTION

ANSWER, CELLS = "probability", "cells"
"""The two outputs, and the targets that belong to them."""
_LEAST = 1e-30
"""Below this a probability counts as this: its logarithm stays a number."""
_FAINT = 0.5
"""Evidence of this much, in log odds a cell on average, is too little to be told where to lie."""


def seen_cells(lungs: np.ndarray, cells: int) -> np.ndarray:
    """Tells in which cells of the last layer lung is to be seen.

    Args:
        lungs: `(size, size)` float32, how probable visible lung is at each place.
        cells: Side of the last feature maps.

    Returns:
        `(cells, cells)` float32: 1 where at least half of a cell is lung, 0 where none of it is.
    """
    shares = Image.fromarray(lungs.astype(np.float32)).resize((cells, cells), Image.Resampling.BOX)
    return np.clip(2 * np.asarray(shares), 0, 1)


def with_evidence(classifier: keras.Model) -> keras.Model:
    """Returns the classifier with a second output, each cell's own answer; all layers shared.

    The outputs are called `ANSWER`, as the classifier's, and `CELLS`, `(n, h, w, 2)`: the head on
    each cell by itself, whose log odds are that cell's evidence but for the head's bias.
    """
    maps = classifier.get_layer(LAST_CONVOLUTION).output
    cells = classifier.get_layer(ANSWER)(maps)
    return keras.Model(classifier.input, {ANSWER: classifier.output, CELLS: cells})


def evidence_of(cells: Any) -> Any:
    """Returns `(n, h, w)` log odds of PNEUMONIA cell by cell, of `(n, h, w, 2)` probabilities."""
    logs = keras.ops.log(keras.ops.maximum(cells, _LEAST))
    return logs[..., PNEUMONIA] - logs[..., NORMAL]


def cells_loss(elsewhere: float, misplaced: float) -> Callable[[Any, Any], Any]:
    """Returns the loss on the output `CELLS`, of the weights of its two parts.

    Its targets are `(n, h, w, 3)` float32: in which cells lung is to be seen, how much of each is
    the picture's own and how much the next one's; the first half of the batch being pictures, the
    second their patchworks in the same order. Without patchworks, that is with no weight on
    misplaced evidence, all of them are pictures.
    """

    def loss(targets: Any, cells: Any) -> Any:
        total = elsewhere * evidence_elsewhere(targets[..., 0], cells) if elsewhere else 0.0
        if misplaced:  # of a mean over pictures as well, which cannot have any
            total = total + 2 * misplaced * misplaced_evidence(targets[..., 1:], cells)
        return total

    return loss


def misplaced_evidence(parts: Any, cells: Any) -> Any:
    """The loss on patchworks: how far the cells are from what stands there said by itself.

    Relative to how much was said at all, and only the patchworks are to learn from it: otherwise
    the easiest way to agree is to say nothing about anything, and a run ended there.

    Args:
        parts: `(n, h, w, 2)`, how much of each cell is the picture's own and how much the next's.
        cells: `(n, h, w, 2)` from a model of `with_evidence`: pictures, then their patchworks.

    Returns:
        `(n,)` of at least 0: 0 for the pictures, and for the patchworks.
    """
    pictures, patchworks = keras.ops.split(evidence_of(cells), 2, axis=0)
    pictures = keras.ops.stop_gradient(pictures)
    _, parts = keras.ops.split(parts, 2, axis=0)
    own, other = parts[..., 0], parts[..., 1]
    said = own * pictures + other * keras.ops.roll(pictures, -1, axis=0)
    wrong = keras.ops.mean(keras.ops.abs(patchworks - said), axis=(1, 2))
    share = wrong / (keras.ops.mean(keras.ops.abs(said), axis=(1, 2)) + _FAINT)
    return keras.ops.concatenate([keras.ops.zeros_like(share), share], axis=0)


def evidence_elsewhere(seen: Any, cells: Any) -> Any:
    """The loss: the share of the evidence that lies where no lung is to be seen.

    Args:
        seen: `(n, h, w)` from `seen_cells`.
        cells: `(n, h, w, 2)` from a model of `with_evidence`.

    Returns:
        `(n,)` in [0, 1).
    """
    strength = keras.ops.abs(evidence_of(cells))
    elsewhere = keras.ops.mean(strength * (1 - seen), axis=(1, 2))
    return elsewhere / (keras.ops.mean(strength, axis=(1, 2)) + _FAINT)
