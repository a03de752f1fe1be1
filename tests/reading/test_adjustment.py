import numpy as np
import pytest

from pneumo.reading.adjustment import AS_IS, Adjustment
from pneumo.reading.radiograph import read_radiograph
from tests.conftest import encode

PIXELS = np.arange(80 * 100, dtype=np.uint32).reshape(80, 100).astype(np.uint8)


@pytest.mark.parametrize(
    "adjustment, expected, notes",
    [
        (AS_IS, PIXELS, ()),
        (Adjustment(inverted=True), 255 - PIXELS, ("inverted by hand",)),
        (Adjustment(turns=1), PIXELS.T[::-1], ("turned a quarter to the left by hand",)),
        (Adjustment(turns=2), PIXELS[::-1, ::-1], ("turned upside down by hand",)),
        (Adjustment(turns=3), PIXELS.T[:, ::-1], ("turned a quarter to the right by hand",)),
        (
            Adjustment(inverted=True, turns=2),
            255 - PIXELS[::-1, ::-1],
            ("inverted by hand", "turned upside down by hand"),
        ),
    ],
)
def test_pixels_and_notes_of_each_adjustment(adjustment, expected, notes):
    radiograph = read_radiograph(encode(PIXELS), "a.png", adjustment)
    np.testing.assert_array_equal(radiograph.pixels, expected)
    assert radiograph.info.notes == notes
    assert radiograph.pixels.flags.c_contiguous


def test_each_adjustment_has_an_identity_of_its_own():
    many = {
        read_radiograph(encode(PIXELS), "a.png", Adjustment(0, inverted, turns)).info.identity
        for inverted in (False, True)
        for turns in range(4)
    }
    assert len(many) == 8


def test_four_turns_and_two_inversions_are_none():
    adjustment = AS_IS
    for _ in range(4):
        adjustment = adjustment.then(turns=1)
    assert adjustment.then(inverted=True).then(inverted=True) == AS_IS
    assert Adjustment(frame=3).then(turns=1) == Adjustment(frame=3, turns=1)
