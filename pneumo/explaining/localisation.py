"""Where does the evidence lie? Each cell's share of the log odds, and whether it lies in a lung.

For a head of global average pooling and one Dense layer the log odds are exactly the sum over the
cells of the last layer of what each contributes, plus a constant (class activation mapping, Zhou
et al. 2016, https://arxiv.org/abs/1512.04150). Such shares have one unit for all radiographs.
"""

from dataclasses import dataclass

import numpy as np
from PIL import Image

from pneumo import CLASSES, PNEUMONIA
from pneumo.network.lung_field import LungField, crop_cells, crop_outline

FINE = 300
"""Side of the grid on which cells and lungs are compared."""
NEAR, NEARLY_NONE = 30, 1 / 3
"""How far around the strongest place lung counts, a cell of the last layer, on that grid; and the
share of it there below which the place is none of the lungs: a cell sees no finer."""
EDGE = 0.06
"""How near to the edge of the field's box a place counts as on it, in sides of the box."""
LEAST = 0.05
"""Log odds below which a sum of evidence is too little to be anywhere."""


@dataclass(frozen=True)
class Whereabouts:
    """Where the evidence for one class lies.

    Attributes:
        label: The class, an index into `pneumo.CLASSES`.
        inside: Share of it that lies inside the lungs, in [0, 1]. As in what is drawn, evidence
            beyond the outline of the field does not count.
        even: What that share would be if the evidence were spread evenly within the outline.
        place: The strongest place, x and y on the unit square of the radiograph.
        near_lung: Whether there is lung to speak of within a cell of that place.
        on_edge: Whether it lies on the edge of what the network was shown.
        words: Where it lies, such as "upper part of the lung at the left of the picture".
    """

    label: int
    inside: float
    even: float
    place: tuple[float, float]
    near_lung: bool
    on_edge: bool
    words: str

    @property
    def doubt(self) -> str:
        """Why this is no evidence of what lungs look like, in words; empty if it may be."""
        if not self.near_lung:
            return "the strongest place is outside the lungs"
        if self.on_edge:
            return "the strongest place is on the edge of what the network was shown"
        if self.inside < self.even:
            return (
                f"{100 * self.inside:.0f} % of it lies inside the lungs, less than the "
                f"{100 * self.even:.0f} % of an even spread"
            )
        return ""


def evidence_for(evidence: np.ndarray, label: int) -> np.ndarray:
    """Returns what of `(..., h, w)` shares of the log odds speaks for a class, at least 0."""
    return np.maximum(evidence if label == PNEUMONIA else -evidence, 0)


def locate(evidence: np.ndarray, label: int, field: LungField | None) -> Whereabouts | None:
    """Finds where the evidence for a class lies.

    Args:
        evidence: `(h, w)` float32 shares of the log odds, positive for PNEUMONIA.
        label: The class.
        field: Where the network looked.

    Returns:
        None if there is no evidence for the class to speak of, or no lungs to compare it with.
    """
    cells = evidence_for(evidence, label)
    if field is None or not field.found or cells.sum() < LEAST:
        return None
    image = Image.fromarray(cells.astype(np.float32))
    outline = crop_outline(field, FINE) >= 0.5
    heat = np.asarray(image.resize((FINE, FINE), Image.Resampling.BILINEAR)) * outline
    lungs = (crop_cells(field.lungs, field, FINE) >= 0.5) & outline
    if not heat.any() or not lungs.any():
        return None
    row, column = np.unravel_index(heat.argmax(), heat.shape)
    x, y = (column + 0.5) / FINE, (row + 0.5) / FINE
    left, top, right, bottom = field.box
    around = lungs[max(row - NEAR, 0) : row + NEAR + 1, max(column - NEAR, 0) : column + NEAR + 1]
    return Whereabouts(
        label,
        float(heat[lungs].sum() / heat.sum()),
        float(lungs.sum() / outline.sum()),
        (left + x * (right - left), top + y * (bottom - top)),
        bool(around.mean() >= NEARLY_NONE),
        bool(min(x, y, 1 - x, 1 - y) < EDGE),
        _name_place(row, column, lungs),
    )


def _name_place(row: np.intp, column: np.intp, lungs: np.ndarray) -> str:
    """Says in words where a place lies, thirds being those of the lung on its side."""
    half = FINE // 2
    side, part = ("left", lungs[:, :half]) if column < half else ("right", lungs[:, half:])
    rows = np.flatnonzero(part.any(axis=1) if part.any() else lungs.any(axis=1))
    height = (row - rows[0]) / (rows[-1] - rows[0] + 1)
    third = ("upper", "middle", "lower")[int(np.clip(3 * height, 0, 2))]
    if lungs[row, column]:
        return f"{third} part of the lung at the {side} of the picture"
    # Between the lungs is where both sides of the row have lung.
    between = lungs[row, :column].any() and lungs[row, column:].any()
    return "between the lungs" if between else f"{third} part, beside the lungs"


def describe_whereabouts(found: Whereabouts | None, label: int) -> str:
    """Says where the evidence for a class lies, and whether that is doubtful."""
    if found is None:
        return f"Hardly anything in this radiograph speaks for {CLASSES[label]}."
    text = (
        f"Of the evidence for {CLASSES[label]}, {100 * found.inside:.0f} % lies inside the lungs; "
        f"the strongest place is {'' if found.words.startswith('between') else 'the '}"
        f"{found.words}."
    )
    if found.doubt:
        text += f" Doubt this answer: {found.doubt}."
    return text


def describe_other(found: Whereabouts) -> str:
    """Says of evidence for the class that was not answered, and that is doubtful, where it lies."""
    return (
        f"The heat in the picture speaks for {CLASSES[found.label]} instead, and is to be doubted: "
        f"{found.doubt}."
    )
