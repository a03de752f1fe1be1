"""Every kind of input: accepted with these notes and pixels, or refused with these words."""

import re

import numpy as np
import pytest

from pneumo.errors import RadiographError
from tests.inputs import Kind, read
from tests.inputs.table import KINDS


def _check(kind: Kind, data: bytes) -> None:
    if kind.refusal:
        with pytest.raises(RadiographError, match=kind.refusal) as caught:
            read(data)
        assert "chest" in str(caught.value)
        assert re.search(
            r"\. [A-Z].*\.$|expected|at most|whatever|not opened", str(caught.value)
        ), "says what to do"
        return
    for radiograph in read(data):
        assert radiograph.notes == kind.notes
        assert radiograph.pixels.dtype == np.uint8
        if callable(kind.pixels):
            kind.pixels(radiograph.pixels)
        elif kind.pixels is not None:
            np.testing.assert_array_equal(radiograph.pixels, kind.pixels)


@pytest.mark.filterwarnings("ignore:The value length:UserWarning")  # pydicom's, when writing
@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: f"{kind.family}: {kind.name}")
def test_kind_of_input_has_its_outcome(kind, capfd):
    files = list(kind.build())
    assert files
    for data in files:
        _check(kind, data)
    assert capfd.readouterr().out == ""


def test_no_two_kinds_share_a_name():
    names = [(kind.family, kind.name) for kind in KINDS]
    assert len(set(names)) == len(names)
