"""May the model judge this picture? Reasons in words, each with what can be done about it.

A refused picture gets no verdict; one with a warning gets its verdict and the warning with it.
"""

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from pneumo.network.lung_field import LungField
from pneumo.network.model_input import ModelInput
from pneumo.network.out_of_distribution import (
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
from pneumo.reading.dicom import ADULT_NOTE, LATERAL_NOTE, OTHER_AGE_NOTE

REFUSED = "REFUSED"
"""Stands in the place of a verdict."""

LOW_CONTRAST = 40
"""Grey levels between the 1st and the 99th percentile; of 1,400 training radiographs none has
fewer than 85."""
NO_CONTRAST = 16
SMALL_SIDE = 150
"""Half the side that the network looks at."""
ONE_LUNG = 0.15
"""Share of all lung that the smaller of two takes at least."""
CUT_OFF = 0.45
"""How much of one side of the lungs' box may lie on the picture's edge."""
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
        adult: Whether it says that this is an adult, of whom the model knows nothing.
    """

    text: str
    refuses: bool
    remedy: Remedy | None = None
    adult: bool = False


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

_UNKNOWN = "The model knows children of 1 to 5 years only: on {} it was never measured."
_AGES = {
    ADULT_NOTE: f"By its DICOM tag this is an adult's chest. {_UNKNOWN.format('adults')}",
    OTHER_AGE_NOTE: "By its DICOM tag this is a child of another age. "
    + _UNKNOWN.format("other ages"),
}
"""Warnings about the patient's age, by the note that asks for them."""


def judge(
    shape: tuple[int, int], seen: ModelInput, notes: tuple[str, ...], scope: Scope | None
) -> tuple[Finding, ...]:
    """Says what speaks against an answer.

    Args:
        shape: Height and width of the radiograph.
        seen: What the network sees of it.
        notes: What was noted when it was read.
        scope: None with weights that have none: then contrast, size and field are all that is
            looked at.

    Returns:
        The findings, refusals first; empty if nothing does.
    """
    found = _look_at_pixels(shape, seen)
    if LATERAL_NOTE in notes:
        found.append(
            Finding(
                "By its DICOM tag this is a lateral view. The model knows frontal ones alone.", True
            )
        )
    by_tag = [
        Finding(_AGES[note], False, adult=note == ADULT_NOTE) for note in notes if note in _AGES
    ]
    if scope and seen.features is not None:
        features = seen.features[np.newaxis]
        kind, distance = scope.certain_kinds(features)[0], float(scope.distances(features)[0])
        by_look = _look_at_kind(kind, distance, scope)
        # An adult is said once.
        found += [] if by_tag and kind == ADULT and not is_refused(by_look) else by_look
    found += by_tag
    # A turned or inverted chest is said to be just that, not that its lungs are odd as well.
    if seen.field is not None and not is_refused(found):
        found += _look_at_field(seen.field)
    return tuple(sorted(found, key=lambda finding: not finding.refuses))


def _look_at_field(field: LungField) -> list[Finding]:
    if not field.found:
        text = "No lungs were found, and the model judges nothing but lungs."
        return [Finding(text, True)]
    found = []
    if field.smaller_lung() < ONE_LUNG:
        text = (
            "Only one lung was found. The model expects two: the other may be cut off, or so "
            "white that it cannot be told from what surrounds it."
        )
        found.append(Finding(text, False))
    if field.cut_off() > CUT_OFF:
        text = (
            "The lungs reach the edge of the picture: a part of them seems to be cut off. The "
            "model expects both lungs as a whole."
        )
        found.append(Finding(text, False))
    return found


def _look_at_pixels(shape: tuple[int, int], seen: ModelInput) -> list[Finding]:
    found = []
    if seen.contrast < LOW_CONTRAST:
        none = seen.contrast < NO_CONTRAST
        found.append(
            Finding(
                f"{'Hardly any' if none else 'Low'} contrast: nearly all pixels lie within "
                f"{seen.contrast:.0f} of 255 grey levels. Export it with a narrower window.",
                none,
            )
        )
    if min(shape) < SMALL_SIDE:
        found.append(
            Finding(
                f"Small: {shape[1]} x {shape[0]} pixels, and the model looks at {len(seen.grid)} "
                "on each side. Fine detail is missing.",
                False,
            )
        )
    if max(shape) > LONG_ASPECT * min(shape):
        found.append(
            Finding(
                "Much longer one way than the other: something seems to be cut off, or added.",
                False,
            )
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
        ADULT: f"This looks like an adult's chest. {_UNKNOWN.format('adults')}",
        PART: "A part of the chest seems to be cut off. The model expects both lungs as a whole.",
        SCREEN: "This may be a photograph of a screen or a film. Use the radiograph's own file.",
    }
    if kind in unlike:
        return [Finding(unlike[kind], False, adult=kind == ADULT)]
    if distance > scope.warn_distance:
        text = (
            "Unlike the training data: this radiograph differs from all but one in a hundred of "
            "the children's that the model learned from."
        )
        return [Finding(text, False)]
    return []
