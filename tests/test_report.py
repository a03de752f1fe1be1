import csv
import io
import json

import pytest

from pneumo.report import Row, to_csv, to_json


def _row(path="a.png", **changes):
    values = {
        "path": path,
        "p_pneumonia": 0.75,
        "verdict": "PNEUMONIA",
        "threshold": 0.5,
        "findings": "",
        "notes": "",
        "error": "",
        "weights_sha256": "ab",
    }
    return Row(**{**values, **changes})


def test_csv_has_header_and_values():
    text = to_csv([_row(), _row("b.png", p_pneumonia=None, verdict="ERROR", error="blank, b.png")])
    rows = list(csv.DictReader(io.StringIO(text)))
    assert rows[0]["path"] == "a.png"
    assert float(rows[0]["p_pneumonia"]) == 0.75
    assert rows[1]["p_pneumonia"] == ""
    assert rows[1]["error"] == "blank, b.png"


@pytest.mark.parametrize("start", ["=", "+", "-", "@", "\t", "\r"])
def test_csv_disarms_formulas(start):
    (row,) = csv.DictReader(io.StringIO(to_csv([_row(start + "cmd|' /C calc'!A0")])))
    assert row["path"].startswith("'" + start)


def test_json_keeps_types():
    (row,) = json.loads(to_json([_row("=a", p_pneumonia=None)]))
    assert row["path"] == "=a"
    assert row["p_pneumonia"] is None
    assert row["threshold"] == 0.5
