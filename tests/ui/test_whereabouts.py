"""The sentence beside the picture speaks of the class that is drawn too, if that glows oddly."""

from dataclasses import replace

import numpy as np
import pytest

from pneumo import NORMAL, PNEUMONIA
from pneumo.ui.case.panel import VISIBLE, tell_whereabouts
from tests.explaining.test_localisation import one_cell
from tests.export.test_rows import answer

HOTTEST = 4.0
IN_LUNG, BETWEEN = one_cell(5, 7), one_cell(5, 5)


def tell(evidence, heat, drawn):
    cams = np.zeros((2, 10, 10), np.float32)
    cams[PNEUMONIA, 5, 5] = heat
    reading = replace(answer(), evidence=evidence, cams=cams)
    return tell_whereabouts(reading, NORMAL, drawn, HOTTEST)


@pytest.mark.parametrize(("share", "loud"), [(VISIBLE - 0.01, False), (VISIBLE, True)])
def test_heat_between_the_lungs_is_doubted_where_it_catches_the_eye(share, loud):
    text, doubtful = tell(BETWEEN - IN_LUNG, share * HOTTEST, PNEUMONIA)
    assert doubtful is loud
    assert "Of the evidence for NORMAL" in text
    assert ("speaks for PNEUMONIA instead, and is to be doubted" in text) is loud
    assert ("choose NORMAL above it" in text) is not loud


def test_heat_in_a_lung_is_not_doubted():
    text, doubtful = tell(IN_LUNG - one_cell(5, 2), HOTTEST, PNEUMONIA)
    assert not doubtful and text.endswith("choose NORMAL above it.")


def test_what_is_not_drawn_is_not_told():
    text, doubtful = tell(BETWEEN - IN_LUNG, HOTTEST, NORMAL)
    assert not doubtful and "PNEUMONIA" not in text


def test_doubt_of_the_answer_itself_stays():
    text, doubtful = tell(IN_LUNG - BETWEEN, HOTTEST, PNEUMONIA)
    assert doubtful and "Doubt this answer: the strongest place is outside" in text
