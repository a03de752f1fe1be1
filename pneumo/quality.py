"""May the model judge this picture? Reasons in words, each with what can be done about it.

A refused picture gets no verdict; one with a warning gets its verdict and the warning with it.
"""

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from pneumo.dicom import LATERAL_NOTE
from pneumo.scope import (
    ADULT,
    INVERTED,
    LEFT,
    OTHER,
    PART,
    RIGHT,
    SCREEN,
    UPSIDE_DOWN,
    Scope,
)

REFUSED = "REFUSED"
"""Stands in the place of a verdict."""

LOW_CONTRAST = 40
"""Grey levels between the 1st and the 99th percentile; of 1,400 training radiographs none has
fewer than 85."""
NO_CONTRAST = 16
SMALL_SIDE = 150
"""Half the side that the network looks at."""
LONG_ASPECT = 2.2
"""A chest is at most twice as wide as high; beyond it something was cut off."""


@dataclass(frozen=True)
class Remedy:
    """One click that may mend it.

    Attributes:
        label: Of the button.
        inverted: To give to `Adjustment.then`.
        turns: To give to `Adjustment.then`.
    """

    label: str
    inverted: bool = False
    turns: int = 0


@dataclass(frozen=True)
class Finding:
    """One reason for doubt.

    Attributes:
        text: What it is and what to do, a sentence or two.
        refuses: Whether there is no verdict.
        remedy: What may mend it, if anything can.
    """

    text: str
    refuses: bool
    remedy: Remedy | None = None


def is_refused(findings: Iterable[Finding]) -> bool:
    """Tells whether there is no verdict."""
    return any(finding.refuses for finding in findings)


def describe_findings(findings: Iterable[Finding]) -> str:
    """Returns all that speaks against a verdict as one text; empty if nothing does."""
    return " ".join(finding.text for finding in findings)


_TURN_BACK = {
    LEFT: Remedy("Turn it upright", turns=3),
    RIGHT: Remedy("Turn it upright", turns=1),
    UPSIDE_DOWN: Remedy("Turn it upright", turns=2),
}


def judge(
    shape: tuple[int, int],
    grid: np.ndarray,
    notes: tuple[str, ...],
    features: np.ndarray,
    scope: Scope | None,
) -> tuple[Finding, ...]:
    """Says what speaks against an answer.

    Args:
        shape: Height and width of the radiograph.
        grid: `(size, size)` uint8 that the network sees.
        notes: What was noted when it was read.
        features: `(d,)` of the network; see `Scope`.
        scope: None with weights that have none: then contrast and size are all that is looked at.

    Returns:
        The findings, refusals first; empty if nothing does.
    """
    found = _look_at_pixels(shape, grid)
    if LATERAL_NOTE in notes:
        found.append(
            Finding(
                "By its DICOM tag this is a lateral view. The model knows frontal ones alone.", True
            )
        )
    if scope:
        kind = scope.certain_kinds(features[np.newaxis])[0]
        distance = float(scope.distances(features[np.newaxis])[0])
        found += _look_at_kind(kind, distance, scope)
    return tuple(sorted(found, key=lambda finding: not finding.refuses))


def _look_at_pixels(shape: tuple[int, int], grid: np.ndarray) -> list[Finding]:
    found = []
    low, high = np.percentile(grid, [1, 99])
    if high - low < LOW_CONTRAST:
        none = bool(high - low < NO_CONTRAST)
        found.append(
            Finding(
                f"{'Hardly any' if none else 'Low'} contrast: nearly all pixels lie within "
                f"{high - low:.0f} of 255 grey levels. Export it with a narrower window.",
                none,
            )
        )
    if min(shape) < SMALL_SIDE:
        found.append(
            Finding(
                f"Small: {shape[1]} x {shape[0]} pixels, and the model looks at {len(grid)} on "
                "each side. Fine detail is missing.",
                False,
            )
        )
    if max(shape) > LONG_ASPECT * min(shape):
        found.append(
            Finding("Much longer than wide: something seems to be cut off, or added.", False)
        )
    return found


def _look_at_kind(kind: str, distance: float, scope: Scope) -> list[Finding]:
    far = distance > scope.refuse_distance
    if kind == INVERTED:
        text = "Black and white are exchanged: bone is dark here, and bright in training."
        return [Finding(text, True, Remedy("Invert it", inverted=True))]
    if kind in _TURN_BACK:
        return [Finding(f"The chest is {kind}.", True, _TURN_BACK[kind])]
    if kind == SCREEN and far:
        text = (
            "This looks like a photograph of a screen or a film, or like no radiograph at all. Use "
            "the radiograph's own file."
        )
        return [Finding(text, True)]
    if far or kind == OTHER:
        text = (
            "This does not look like a frontal chest radiograph: it is too far from anything the "
            "model was trained on."
        )
        return [Finding(text, True)]
    unlike = {
        ADULT: "This looks like an adult's chest. The model knows children of 1 to 5 years only: "
        "on adults it was never measured.",
        PART: "A part of the chest seems to be cut off. The model expects both lungs as a whole.",
        SCREEN: "This may be a photograph of a screen or a film. Use the radiograph's own file.",
    }
    if kind in unlike:
        return [Finding(unlike[kind], False)]
    if distance > scope.warn_distance:
        text = (
            "Unlike the training data: this radiograph differs from all but one in a hundred of "
            "the children's that the model learned from."
        )
        return [Finding(text, False)]
    return []
