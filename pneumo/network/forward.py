"""What one pass of the network is asked and gives, whatever runs it."""

from collections.abc import Callable
from functools import partial
from typing import NamedTuple

import numpy as np

from pneumo.network.preprocess import to_model_input
from pneumo.network.queue import run_exclusively

PICTURES_A_PASS = 2
"""More at once are no faster on a processor, and others wait meanwhile."""


class ForwardPass(NamedTuple):
    """What one pass of the network gives for n pictures.

    Attributes:
        maps: `(n, 10, 10, 2048)` float32 feature maps of the last layer.
        probabilities: `(n, 2)` float32, in the order of `pneumo.CLASSES`.
    """

    maps: np.ndarray
    probabilities: np.ndarray


def log_odds(probabilities: np.ndarray | float) -> np.ndarray:
    """Returns the log odds of probabilities, held at about 16 where float32 rounds to 0 or 1."""
    p = np.clip(np.asarray(probabilities, np.float64), 1e-7, 1 - 1e-7)
    return np.log(p / (1 - p))


Forward = Callable[[np.ndarray], ForwardPass]
"""`(n, 299, 299)` uint8, or as the `(n, 299, 299, 3)` float32 of `to_model_input`, to its pass."""


def in_turns(run: Callable[[np.ndarray], tuple[np.ndarray, ...] | list[np.ndarray]]) -> Forward:
    """Makes of a network's one pass a function for any number of pictures and many threads.

    Many pictures pass a few at a time, for a runtime keeps the memory of its largest batch; and
    between two passes whoever else waits has a turn.

    Args:
        run: `(n, 299, 299, 3)` float32 -> feature maps and probabilities.
    """

    def take_turn(pictures: np.ndarray) -> tuple[np.ndarray, ...] | list[np.ndarray]:
        # Made only now: twelve bytes a pixel are not to wait for their turn.
        return run(to_model_input(pictures) if pictures.ndim == 3 else pictures)

    def forward(batch: np.ndarray) -> ForwardPass:
        parts = [batch[i : i + PICTURES_A_PASS] for i in range(0, len(batch), PICTURES_A_PASS)]
        maps, probabilities = zip(
            *(run_exclusively(partial(take_turn, part)) for part in parts), strict=True
        )
        return ForwardPass(np.concatenate(maps), np.concatenate(probabilities))

    return forward
