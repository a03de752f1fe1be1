import csv
import io
import json
import re
from dataclasses import replace

import numpy as np
import pytest

from pneumo.evaluation.stability import Stability, describe_doubt
from pneumo.export.rows import (
    COLUMNS,
    Row,
    escape_controls,
    row_of,
    row_of_failure,
    to_csv,
    to_json,
    withhold_verdict,
)
from pneumo.inference import Reading
from pneumo.network.lung_field import field_of
from pneumo.network.model_input import ModelInput
from pneumo.network.triage import Finding
from pneumo.reading.radiograph import RadiographInfo
from tests.explaining.test_localisation import one_cell
from tests.network.test_lung_field import draw_lungs


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


@pytest.mark.parametrize(
    "name",
    [
        "=1+1",
        " =1+1",
        '"=1+1',
        "a;=1+1",
        "a; =1+1",
        'a";=1+1',
        'a;"=1+1',
        'a;""\t@SUM(1)',
        "a\t-1+1",
        "a\n+1+1",
        "a\r\n=1+1",
        "a,=1+1",
        "a|@x",
        "a;＝1+1",
        "a;;=1;-2\n;+3",
    ],
)
@pytest.mark.parametrize("column", ["path", "findings", "error"])
def test_csv_holds_no_formula_whatever_it_is_split_by(name, column):
    text = to_csv([_row(**{column: name})])
    for separators in (";", "\t", "|", ",", ";\t", ",;\t|"):
        for piece in re.split(f"[{re.escape(separators)}\r\n]", text):
            assert not re.match(r'["\s]*[=+\-@＝]', piece), (separators, piece)
    for delimiter in ",;\t|":  # as programs do that heed quotes
        for cells in csv.reader(io.StringIO(text, newline=""), delimiter=delimiter):
            assert not any(re.match(r'["\s]*[=+\-@＝]', cell) for cell in cells), cells


@pytest.mark.parametrize(
    "text", ["a-b=c.png", "scaled from -10..90; cut", "x@y (1) + z", "50 %; ok"]
)
def test_csv_leaves_harmless_text_alone(text):
    (row,) = csv.DictReader(io.StringIO(to_csv([_row(text, notes=text)])))
    assert row["path"] == row["notes"] == text


def test_semicolons_within_text_part_no_cells_where_commas_do():
    """LibreOffice proposes to split by commas, semicolons and tabs at once, and heeds quotes."""
    _, line = to_csv([_row("a;b.png", notes="inverted; turned")]).splitlines()
    assert line.startswith('"a;b.png",0.75,"PNEUMONIA",0.5,')
    assert '"inverted; turned"' in line


def test_names_that_are_no_utf8_and_control_characters_survive_in_escapes():
    name = "caf\udce9 \x1b[31m\u202egnp.exe"
    text = to_csv([_row(name)])
    assert "caf\\udce9 \\x1b[31m\\u202egnp.exe" in text.encode().decode()
    text = to_json([_row(name)]).encode().decode()
    assert json.loads(text)[0]["path"] == name


def test_letters_that_act_are_shown_escaped_and_others_as_they_are():
    assert escape_controls("a\tb\nc\x07\x9b\u2028\u2066\udcff") == (
        "a\\tb\\nc\\x07\\x9b\\u2028\\u2066\\udcff"
    )
    assert escape_controls("a\tb", keep="\t") == "a\tb"
    same = "חולה 胸部 e\u0301 \N{LUNGS} \u200d \xa0 C:\\x"
    assert escape_controls(same) == same


def test_columns_follow_from_the_row_and_new_ones_stand_last():
    assert to_csv([]).strip().split(",") == list(COLUMNS) == list(json.loads(to_json([_row()]))[0])
    assert COLUMNS[:8] == (
        *("path", "p_pneumonia", "verdict", "threshold", "findings", "notes", "error"),
        "weights_sha256",
    )


def answer(probability=0.6, *, refuses=None):
    findings = () if refuses is None else (Finding("It leans.", refuses),)
    field = field_of(draw_lungs((14, 24, 50, 104), (82, 24, 118, 104)))
    return Reading(
        info=RadiographInfo("ab", (128, 128), ("cut", "turned")),
        input=ModelInput(np.zeros((299, 299), np.uint8), 100, field),
        probability=probability,
        cams=np.zeros((2, 10, 10), np.float32),
        evidence=one_cell(5, 7),
        findings=findings,
    )


def test_row_tells_where_the_evidence_for_the_verdict_lies():
    row = row_of("a.png", answer(), 0.5, "ab")
    assert row.strongest_place == "middle part of the lung at the right of the picture"
    assert 0.9 < row.evidence_inside <= 1 and row.evidence_doubt == ""
    between = replace(answer(), evidence=one_cell(5, 5))
    row = row_of("a.png", between, 0.5, "ab")
    assert row.evidence_doubt == "the strongest place is outside the lungs"
    assert json.loads(to_json([row]))[0]["evidence_doubt"] == row.evidence_doubt
    assert row.evidence_doubt in to_csv([row])
    assert withhold_verdict(row).evidence_doubt == ""
    # That cell speaks for PNEUMONIA; for a NORMAL verdict nothing does.
    row = row_of("a.png", answer(), 0.7, "ab")
    assert (row.verdict, row.evidence_inside, row.strongest_place) == ("NORMAL", None, "")
    # It is located once, however often the row is made.
    once = answer()
    assert once.whereabouts(1) is once.whereabouts(1) and once.whereabouts(0) is None
    row = row_of("a.png", answer(refuses=True), 0.5, "ab")
    assert (row.evidence_inside, row.strongest_place) == (None, "")


def test_row_tells_the_stability():
    stability = Stability(0.6, {"a": 0.45, "b": 0.7})
    row = row_of("a.png", answer(refuses=False), 0.5, "ab", stability)
    assert (row.p_pneumonia, row.verdict, row.p_low, row.p_high) == (0.6, "PNEUMONIA", 0.45, 0.7)
    assert row.uncertain == describe_doubt(stability, 0.5) != ""
    assert (row.answer, row.stability) == ("Uncertain", "0.450 to 0.700")
    assert row.remarks == "It leans. cut; turned"
    firm = row_of("a.png", answer(), 0.4, "ab", stability)
    assert (firm.uncertain, firm.answer, firm.p_low) == ("", "PNEUMONIA", 0.45)
    untried = row_of("a.png", answer(), 0.7, "ab")
    assert (untried.answer, untried.stability, untried.p_low) == ("NORMAL", "not tried", None)


def test_row_without_a_verdict_has_no_probability_either():
    stability = Stability(0.6, {"a": 0.45})
    refused = row_of("a.png", answer(refuses=True), 0.5, "ab", stability)
    failed = row_of_failure("a.png", "a.png is empty.", 0.5, "ab")
    for row, verdict in ((refused, "REFUSED"), (failed, "ERROR")):
        assert (row.verdict, row.answer) == (verdict, verdict)
        assert row.p_pneumonia is row.p_low is row.p_high is None
        assert row.uncertain == row.stability == ""
    assert failed.error == "a.png is empty."


def test_json_keeps_types():
    (row,) = json.loads(to_json([_row("=a", p_pneumonia=None)]))
    assert row["path"] == "=a"
    assert row["p_pneumonia"] is None
    assert row["threshold"] == 0.5
