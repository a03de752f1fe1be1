"""How far the answer moves under changes so small that no one would read another chest."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass

import numpy as np
from PIL import Image

from pneumo.evaluation.robustness import SHIFTS, Shift, change_levels, crop
from pneumo.images import fit_within

CHANGED_SIDE = 900
"""Longer side of the picture that is varied: three times what the network sees, and quick."""


def _move(right: float = 0, down: float = 0, degrees: float = 0) -> Shift:
    """Shifts by shares of the side and turns; what comes into view continues the border.

    A dark wedge there would be a second change, and a larger one than the movement.
    """

    def change(pixels: np.ndarray) -> np.ndarray:
        height, width = pixels.shape
        margin = max(height, width) // 10
        image = Image.fromarray(np.pad(pixels, margin, mode="edge"))
        moved = image.rotate(
            degrees, Image.Resampling.BILINEAR, translate=(right * width, down * height)
        )
        return np.asarray(moved)[margin : margin + height, margin : margin + width]

    return change


VARIATIONS: dict[str, Shift] = {
    "3 % to the left": _move(right=-0.03),
    "3 % to the right": _move(right=0.03),
    "3 % up": _move(down=-0.03),
    "3 % down": _move(down=0.03),
    "3 degrees to the left": _move(degrees=3),
    "3 degrees to the right": _move(degrees=-3),
    "less contrast": change_levels(lambda level: 0.5 + 0.85 * (level - 0.5)),
    "more contrast": change_levels(lambda level: 0.5 + 1.15 * (level - 0.5)),
    "JPEG quality 75": SHIFTS["jpeg quality 75"],
    "cropped by 5 %": crop(0.95, 0.95),
}
"""Name -> change, in the order of the panel."""


@dataclass(frozen=True)
class Stability:
    """The answers to one radiograph and its variations.

    Attributes:
        probability: P(PNEUMONIA) of the radiograph as it is.
        varied: Name of the variation -> P(PNEUMONIA).
    """

    probability: float
    varied: dict[str, float]

    @property
    def low(self) -> float:
        """The lowest P(PNEUMONIA) of all."""
        return min(self.probability, *self.varied.values())

    @property
    def high(self) -> float:
        """The highest P(PNEUMONIA) of all."""
        return max(self.probability, *self.varied.values())

    def crossing(self, threshold: float) -> list[str]:
        """Names the variations that would get the other verdict, if any."""
        called = self.probability >= threshold
        return [name for name, p in self.varied.items() if (p >= threshold) != called]


def measure_stability(
    pixels: np.ndarray, probability: float, score: Callable[[Iterable[np.ndarray]], np.ndarray]
) -> Stability:
    """Scores every variation of a radiograph.

    Args:
        pixels: `(height, width)` uint8, as read.
        probability: P(PNEUMONIA) of it as it is.
        score: `(height, width)` uint8 pictures -> `(n,)` P(PNEUMONIA); each is made as it is taken.
    """
    small = fit_within(pixels, CHANGED_SIDE)
    answers = score(change(small) for change in VARIATIONS.values())
    return Stability(probability, dict(zip(VARIATIONS, map(float, answers), strict=True)))


def describe_doubt(stability: Stability, threshold: float) -> str:
    """Says why a verdict is uncertain; empty if all variations get the same."""
    names = stability.crossing(threshold)
    if not names:
        return ""
    return (
        "Small changes that no radiologist would mind move P(PNEUMONIA) between "
        f"{stability.low:.3f} and {stability.high:.3f}, across the threshold of {threshold:.3f}: "
        f"{', '.join(names)}."
    )
