"""Overlay and report as DICOM objects: right values, the radiograph's study, valid by dciodvfy."""

import io
import re
import shutil
import subprocess
from dataclasses import replace

import numpy as np
import pytest
from pydicom import dcmread

from pneumo.errors import RadiographError
from pneumo.export import dicom_objects
from pneumo.export.dicom_objects import NOTICE, make_objects, to_bytes
from pneumo.export.rows import ADULT_VERDICT, Row, withhold_verdict
from tests.conftest import encode
from tests.reading.test_dicom import NOISE, make

DCIODVFY = shutil.which("dciodvfy")
ROW = Row("a.dcm", 0.9731, "PNEUMONIA", 0.48, "", "", "", "ab" * 32)
STUDY = {
    **{"StudyInstanceUID": "1.2.3.4", "SeriesInstanceUID": "1.2.3.5", "StudyDate": "20260101"},
    **{"StudyTime": "120000", "StudyID": "1", "AccessionNumber": "7", "PatientSex": "F"},
    **{"ReferringPhysicianName": "", "InstanceNumber": 3, "PatientOrientation": ["L", "F"]},
}
_EXPECTED = re.compile("term <99PNEUMO>|needed to build DICOMDIR - Study")
"""Warnings of own codes, and of what the radiograph lacks itself."""
OVERLAY = np.full((300, 250, 3), 90, np.uint8)


def objects_of(row=ROW, method="Grad-CAM", **elements):
    return make_objects(make(NOISE, **{**STUDY, **elements}), row, OVERLAY, method)


def items_of(report):
    """Each item of the report's measurements: its name -> its value."""
    (measurements,) = (item for item in report.ContentSequence if item.ValueType == "CONTAINER")
    (group,) = measurements.ContentSequence
    found = {}
    for item in group.ContentSequence:
        name = item.ConceptNameCodeSequence[0].CodeMeaning
        if item.ValueType == "NUM":
            found[name] = float(item.MeasuredValueSequence[0].NumericValue)
        elif item.ValueType == "CODE":
            found[name] = item.ConceptCodeSequence[0].CodeMeaning
        elif item.ValueType == "TEXT":
            found.setdefault(name, []).append(item.TextValue)
        elif item.ValueType == "IMAGE":
            found[name] = item.ReferencedSOPSequence[0].ReferencedSOPInstanceUID
    return found


@pytest.mark.parametrize(
    ("changes", "verdict"),
    [
        ({}, "Pneumonia"),
        ({"p_pneumonia": 0.02, "verdict": "NORMAL"}, "Normal"),
        ({"uncertain": "Changes move P.", "p_low": 0.3, "p_high": 0.98}, "Equivocal"),
    ],
)
def test_report_says_what_the_row_says(changes, verdict):
    row = replace(ROW, findings="Taken for an adult.", **changes)
    _, report = objects_of(row)
    items = items_of(report)
    assert items["Probability of pneumonia"] == row.p_pneumonia
    assert items["Least probability called pneumonia"] == 0.48
    assert items.get("Least probability under small changes") == row.p_low
    assert items.get("Greatest probability under small changes") == row.p_high
    assert items["Verdict"] == verdict
    assert items["Notice"] == NOTICE
    assert items["Comment"] == ["Taken for an adult."]
    assert f"weights SHA-256 {ROW.weights_sha256}" in items["Algorithm Parameters"]
    assert items["Source of Measurement"] == "1.2.3"
    assert (report.CompletionFlag, report.VerificationFlag) == ("COMPLETE", "UNVERIFIED")


def test_both_belong_to_the_study_and_its_patient():
    for each in objects_of():
        assert each.StudyInstanceUID == "1.2.3.4"
        assert each.SeriesInstanceUID not in ("1.2.3.5", "")
        assert (each.PatientName, each.PatientID) == ("DOE^JANE", "PID4711")
        assert each.InstanceNumber == 3
        assert NOTICE in each.SeriesDescription
        assert "InstitutionName" not in each


def test_overlay_is_the_picture_with_words_below():
    overlay, _ = objects_of()
    stored = dcmread(io.BytesIO(to_bytes(overlay))).pixel_array
    np.testing.assert_array_equal(stored[:300], OVERLAY)
    assert 310 <= len(stored) <= 330
    assert (stored[300:] > 200).any()
    assert overlay.ImageType == ["DERIVED", "SECONDARY"]


def test_same_answer_is_the_same_object_and_another_is_another():
    def uids(row=ROW, method="Grad-CAM", **elements):
        return {each.SOPInstanceUID for each in objects_of(row, method, **elements)}

    first = uids()
    assert len(first) == 2
    assert uids() == first
    others = [
        uids(replace(ROW, threshold=0.5)),
        uids(replace(ROW, weights_sha256="cd" * 32)),
        uids(replace(ROW, p_low=0.9, p_high=0.98)),
        uids(replace(ROW, p_low=0.3, p_high=0.98)),
        uids(replace(ROW, p_low=0.3, p_high=0.99)),
        uids(replace(ROW, p_low=0.3, p_high=0.99, uncertain="Changes move P.")),
        uids(replace(ROW, findings="Taken for an adult.")),
        uids(replace(ROW, findings="Taken for an adult.", verdict=ADULT_VERDICT)),
        uids(SOPInstanceUID="1.2.9"),
    ]
    assert len(set.union(first, *others)) == 2 * (1 + len(others))


def test_of_an_adult_no_verdict_is_coded_or_printed(monkeypatch):
    printed = []

    def note(picture, words):
        printed.append(words)
        return picture

    monkeypatch.setattr(dicom_objects, "_print_below", note)
    findings = "This looks like an adult's chest."
    row = replace(ROW, findings=findings, uncertain="Changes move P.", p_low=0.3, p_high=0.98)
    _, told = objects_of(row)
    assert "233604007" in str(told)  # what is looked for below
    printed.clear()
    overlay, report = objects_of(withhold_verdict(row))
    (words,) = printed
    assert words.endswith("P(PNEUMONIA) 0.973, threshold 0.480, no verdict for adults")
    assert findings in overlay.ImageComments
    items = items_of(report)
    assert items["Verdict"] == "No verdict for adults"
    assert items["Probability of pneumonia"] == ROW.p_pneumonia
    assert items["Greatest probability under small changes"] == 0.98
    assert items["Comment"] == [findings]
    assert not re.search("233604007|17621005|42425007", str(report))


def test_names_of_any_script_stay():
    name = "Yamada^Tarou=山田^太郎"
    overlay, _ = objects_of(PatientName=name, SpecificCharacterSet=["", "ISO 2022 IR 87"])
    assert str(dcmread(io.BytesIO(to_bytes(overlay))).PatientName) == name


@pytest.mark.parametrize(
    ("data", "row", "why"),
    [
        (encode(NOISE), ROW, "is no DICOM file"),
        (make(NOISE), ROW, "does not say which study .* StudyInstanceUID, SeriesInstanceUID"),
        (make(NOISE, **STUDY), replace(ROW, p_pneumonia=None), "has no answer"),
    ],
)
def test_what_has_no_place_in_an_archive_is_told(data, row, why):
    with pytest.raises(RadiographError, match=f"a.dcm {why}"):
        make_objects(data, row, OVERLAY, "Grad-CAM")


@pytest.mark.filterwarnings("ignore::UserWarning")  # of pydicom, as the test writes its file
@pytest.mark.parametrize(
    "odd",
    [
        {"PatientSex": "U"},
        {"PatientOrientation": ["L"]},
        {"PatientOrientation": ["X", "Y"]},
        {"PatientBirthDate": "1990"},
        {"StudyTime": "25"},
        {"InstanceNumber": -1},
    ],
)
def test_a_header_that_the_standard_forbids_is_told(odd):
    with pytest.raises(RadiographError, match="a.dcm has a header of which no DICOM objects"):
        objects_of(**odd)


@pytest.mark.skipif(not DCIODVFY, reason="needs dciodvfy (apt-get install dicom3tools)")
@pytest.mark.parametrize("verdict", ["PNEUMONIA", ADULT_VERDICT])
@pytest.mark.parametrize("bare", [False, True], ids=["whole", "bare"])
def test_both_are_valid(tmp_path, bare, verdict):
    kept = ("StudyInstanceUID", "SeriesInstanceUID") if bare else STUDY
    row = replace(ROW, findings="Taken for an adult.", p_low=0.3, p_high=0.98)
    row = replace(row, verdict=verdict)
    data = make(NOISE, **{name: STUDY[name] for name in kept})
    for name, each in make_objects(data, row, OVERLAY, "Evidence map")._asdict().items():
        path = tmp_path / f"{name}.dcm"
        path.write_bytes(to_bytes(each))
        checked = subprocess.run([DCIODVFY, path], capture_output=True, text=True, check=False)
        told = [line for line in checked.stderr.splitlines() if not _EXPECTED.search(line)]
        assert not [line for line in told if line.startswith(("Error", "Warning"))], told
