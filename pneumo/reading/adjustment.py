"""What a user changes about a radiograph before it is judged: its frame, its polarity, its turn."""

from dataclasses import dataclass

import numpy as np

_TURNS = {1: "a quarter to the left", 2: "upside down", 3: "a quarter to the right"}


@dataclass(frozen=True)
class Adjustment:
    """A user's choices; as they are by default, nothing is changed.

    Attributes:
        frame: Which of several in a DICOM file, from 0.
        inverted: Whether black and white change places.
        turns: Quarter turns to the left, 0 to 3.
    """

    frame: int = 0
    inverted: bool = False
    turns: int = 0

    def then(self, *, inverted: bool = False, turns: int = 0) -> "Adjustment":
        """Returns what both together amount to; twice inverted is not inverted."""
        return Adjustment(self.frame, self.inverted != inverted, (self.turns + turns) % 4)

    def apply(self, pixels: np.ndarray) -> np.ndarray:
        """Returns `(height, width)` uint8 pixels inverted and turned; the frame is the reader's."""
        changed = 255 - pixels if self.inverted else pixels
        return np.ascontiguousarray(np.rot90(changed, self.turns)) if self.turns else changed

    @property
    def notes(self) -> list[str]:
        """Says in words what `apply` did."""
        said = ["inverted by hand"] if self.inverted else []
        return said + ([f"turned {_TURNS[self.turns]} by hand"] if self.turns else [])


AS_IS = Adjustment()
"""Nothing changed."""
