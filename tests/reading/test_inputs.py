"""Every kind of input: accepted with these notes and pixels, or refused with these words."""

import ast
import re
import runpy
from pathlib import Path

import numpy as np
import pytest

from benchmarks.bomb_list import BOMBS
from pneumo.errors import RadiographError
from tests.inputs import Kind, read
from tests.inputs.faults import FAULTS
from tests.inputs.table import KINDS

ROOT = Path(__file__).resolve().parents[2]


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
        assert radiograph.info.notes == kind.notes
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


@pytest.fixture(scope="module")
def tools():
    return runpy.run_path(str(ROOT / "docs" / "make_inputs.py"))


def test_page_of_inputs_is_up_to_date(tools):
    page = (ROOT / "docs" / "inputs.md").read_text(encoding="utf-8")
    tables = {"inputs": tools["make_inputs"](), "faults": tools["make_faults"]()}
    assert tools["fill"](page, tables) == page, "run python -m docs.make_inputs"
    assert tools["fill"](page, {"faults": "others"}) != page


@pytest.mark.parametrize("test", [test for _, _, test in FAULTS])
def test_fault_names_a_test_that_exists(test):
    file, name = test.split("::")
    tree = ast.parse((ROOT / "tests" / file).read_text(encoding="utf-8"))
    assert name in [node.name for node in tree.body if isinstance(node, ast.FunctionDef)]


def test_bombs_of_the_page_are_those_that_are_measured():
    page = (ROOT / "docs" / "inputs.md").read_text(encoding="utf-8")
    table = page.split("<!-- bombs -->")[1].split("<!-- /bombs -->")[0]
    shown = [line.split(" | ")[0][2:] for line in table.strip().splitlines()[2:]]
    assert shown == [bomb.name for bomb in BOMBS]
