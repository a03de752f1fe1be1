"""The rules of the house that can be counted; see `docs/measure_structure.py`."""

import pytest

from docs.measure_structure import LONG, MANY, measure
from tests.browser import ROOT


def test_house_keeps_its_rules():
    found = measure(ROOT)
    assert found["packages and modules directly in pneumo/"] <= 16
    assert found[f"functions over {LONG} lines"] == 0
    assert found[f"functions with over {MANY} arguments by position"] == 0
    assert found["names of constants with two meanings"] == 0
    assert found["words of the README"] <= 1200


@pytest.mark.parametrize(
    ("broken", "rule"),
    [
        ("def long():\n" + "    x = 1\n" * LONG, f"functions over {LONG} lines"),
        ("def a():\n" + "    x = 1\n" * LONG + "def a(): ...", f"functions over {LONG} lines"),
        ("def many(a, b, c, d, e, f): ...", f"functions with over {MANY} arguments by position"),
        ("SIDE: int = 1", "names of constants with two meanings"),
        ("SIDE = 1", "names of constants with two meanings"),
    ],
)
def test_whatever_breaks_a_rule_is_counted(tmp_path, broken, rule):
    folder = tmp_path / "pneumo"
    folder.mkdir()
    for path in (tmp_path / "train.py", tmp_path / "streamlit_app.py", tmp_path / "README.md"):
        path.write_text("")
    (folder / "a.py").write_text("SIDE = 2\n_OWN = 1\ndef few(a, b, c, d, e, *, f): ...")
    (folder / "b.py").write_text("from pneumo.a import SIDE\n_OWN = 2")
    before = measure(tmp_path)
    assert before[rule] == 0
    assert (before["imports between modules"], before["floors"]) == (1, 2)
    (folder / "b.py").write_text(broken)
    assert measure(tmp_path)[rule] == 1
