"""Three drawn pictures whose answers the model card knows: does this machine give the same?

Sound weights still answer wrongly on a faulty build of a library, or with another version of the
code before them. So every start compares.
"""

from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np

from pneumo import PNEUMONIA
from pneumo.errors import WeightsError
from pneumo.network.model_input import ModelInput, stack_grids
from pneumo.network.preprocess import to_model_input

if TYPE_CHECKING:
    from pneumo.network.forward import Forward

SELF_TEST_TOLERANCE = 1e-3
"""Of P(PNEUMONIA): processors round differently, and no verdict hangs on so little."""
COARSE_TOLERANCE = 0.05
"""The same in bfloat16, whose numbers have three digits."""


def draw_pictures() -> list[np.ndarray]:
    """Draws three crude chests of 400 x 500 pixels: clear, one side hazy, both hazy.

    By sines and squares alone, without random numbers: the same on every machine. They resemble
    radiographs enough for answers that are not all 0 or all 1.
    """
    y, x = np.mgrid[-1:1:400j, -1:1:500j]
    body = 150 - 60 * x**2 - 30 * y**2 + 12 * np.sin(34 * y + 5 * x**2)
    spine = 60 * np.exp(-((x / 0.09) ** 2))
    pictures = []
    for haze in ((0, 0), (0, 0.7), (0.8, 0.6)):
        lungs = 0.0
        for side, share in zip((-1, 1), haze, strict=True):
            field = np.exp(-((((x - 0.45 * side) / 0.27) ** 2 + (y / 0.62) ** 2) ** 2))
            lungs = lungs + 95 * (1 - share) * field
        pictures.append(np.clip(np.rint(body + spine - lungs), 0, 255).astype(np.uint8))
    return pictures


def check_answers(
    forward: "Forward",
    prepare: Callable[[list[np.ndarray]], list[ModelInput]],
    expected: tuple[float, ...],
    tolerance: float = SELF_TEST_TOLERANCE,
) -> None:
    """Compares the answers with those of the model card.

    Args:
        forward: See `Classifier.forward`.
        prepare: See `Classifier.prepare`.
        expected: P(PNEUMONIA) of the three pictures.
        tolerance: How far an answer may be from it.

    Raises:
        WeightsError: One differs by more, or is no number.
    """
    grids = stack_grids(prepare(draw_pictures()))
    answers = forward(to_model_input(grids)).probabilities[:, PNEUMONIA]
    if not np.allclose(answers, expected, rtol=0, atol=tolerance):
        pairs = ", ".join(f"{a:.4f} ({b:.4f})" for a, b in zip(answers, expected, strict=True))
        raise WeightsError(
            "The self-test failed: the network answers otherwise than when it was made. "
            f"P(PNEUMONIA) of the test pictures, in brackets as expected: {pairs}. Install the "
            "versions that requirements.txt names, and the weights and code of one release."
        )
