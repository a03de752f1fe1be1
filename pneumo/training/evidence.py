"""A second thing to learn: what speaks for an answer is to lie where lung is to be seen.

The log odds are the mean over the cells of the last layer of each cell's evidence. Beside the
answer, training can ask for the share of all evidence, for either class, that lies in cells where
lung is visible: neither beyond the lungs, nor where a patch was hidden or the lungs were painted
over. A cell that sees nothing is to say nothing. (The share of the energy of a class activation
map within a mask as a loss: Rao et al. 2023, https://arxiv.org/abs/2303.11932.)
"""

from typing import TYPE_CHECKING, Any

import numpy as np
from PIL import Image

from pneumo import NORMAL, PNEUMONIA
from pneumo.network.architecture import LAST_CONVOLUTION

if TYPE_CHECKING:
    import keras

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


def with_evidence(classifier: "keras.Model") -> "keras.Model":
    """Returns the classifier with a second output, each cell's own answer; all layers shared.

    The outputs are called `ANSWER`, as the classifier's, and `CELLS`, `(n, h, w, 2)`: the head on
    each cell by itself, whose log odds are that cell's evidence but for the head's bias.
    """
    import keras  # not above: who prepares batches needs none, see `batches.Processes`

    maps = classifier.get_layer(LAST_CONVOLUTION).output
    cells = classifier.get_layer(ANSWER)(maps)
    return keras.Model(classifier.input, {ANSWER: classifier.output, CELLS: cells})


def evidence_elsewhere(seen: Any, cells: Any) -> Any:
    """The loss: the share of the evidence that lies where no lung is to be seen.

    Args:
        seen: `(n, h, w)` from `seen_cells`.
        cells: `(n, h, w, 2)` from a model of `with_evidence`.

    Returns:
        `(n,)` in [0, 1).
    """
    import keras

    logs = keras.ops.log(keras.ops.maximum(cells, _LEAST))
    strength = keras.ops.abs(logs[..., PNEUMONIA] - logs[..., NORMAL])
    elsewhere = keras.ops.mean(strength * (1 - seen), axis=(1, 2))
    return elsewhere / (keras.ops.mean(strength, axis=(1, 2)) + _FAINT)
