"""SECURITY.md's table and Streamlit's settings are those of the module of limits."""

import ast
import re
import tomllib
from pathlib import Path

import pytest

from pneumo.reading import limits

ROOT = Path(__file__).resolve().parents[2]
UNITS = {"MiB": 2**20, "million": 10**6}
NAMES = [name for name in vars(limits) if name.isupper()]


def shown() -> dict[str, int]:
    """The limits of SECURITY.md's table by name, as numbers."""
    section = (ROOT / "SECURITY.md").read_text(encoding="utf-8").split("## Limits")[1]
    rows = re.findall(r"^\| .+ \| ([\d,]+)( \w+)? \| `(\w+)` \|$", section, re.MULTILINE)
    return {
        name: int(number.replace(",", "")) * UNITS.get(unit.strip(), 1)
        for number, unit, name in rows
    }


def test_security_shows_every_limit_as_it_is():
    assert shown() == {name: getattr(limits, name) for name in NAMES}


def test_streamlit_is_set_to_the_limit_of_uploads():
    settings = tomllib.loads((ROOT / ".streamlit/config.toml").read_text(encoding="utf-8"))
    assert settings["server"]["maxUploadSize"] == limits.MAX_UPLOAD_MIB


@pytest.mark.parametrize("name", NAMES)
def test_limit_says_why(name):
    body = ast.parse(Path(limits.__file__).read_text(encoding="utf-8")).body
    [at] = [
        place
        for place, node in enumerate(body)
        if isinstance(node, ast.Assign) and node.targets[0].id == name
    ]
    reason = body[at + 1].value.value
    assert len(reason) > 60
