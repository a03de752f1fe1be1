"""Whose a radiograph is: by names, folders, patterns, tables and DICOM, or not known."""

import argparse
import csv
import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from pneumo import __main__ as cli
from pneumo.dataset.examples import index_folder, patients_of
from pneumo.dataset.patient_sources import number_by_dicom
from pneumo.dataset.patients import PatientRule, add_patient_flags, describe_patients, rule_of
from pneumo.dataset.splits import split_folds, split_patients, write_splits
from pneumo.errors import DatasetError
from pneumo.reading.dicom_file import read_meta
from pneumo.training.phantom import draw_phantom
from tests.reading.test_dicom import (
    BIG,
    DEFLATED,
    EXPLICIT,
    IMPLICIT,
    NOISE,
    make,
    make_dataset,
    to_bytes,
)


def touch(folder: Path, *names: str) -> Path:
    for name in names:
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(name.encode())
    return folder


def told(folder: Path, rule: PatientRule | None = None) -> dict[str, tuple[str, str]]:
    examples = index_folder(folder, rule)
    return {e.path.relative_to(folder).as_posix(): (e.patient, e.by) for e in examples}


FOLDERS = [
    f"{name}/patient{number}/{view}.png"
    for name, numbers in (("NORMAL", (0, 1, 2)), ("PNEUMONIA", (3, 4, 5)))
    for number in numbers
    for view in (1, 2)
]


def test_folders_below_the_class_are_patients(tmp_path):
    found = told(touch(tmp_path, *FOLDERS, "NORMAL/patient1/study2/series1/3.png"))
    assert (
        found["NORMAL/patient0/1.png"] == found["NORMAL/patient0/2.png"] == ("patient0", "folder")
    )
    assert found["NORMAL/patient1/study2/series1/3.png"] == ("patient1", "folder")
    assert len(set(found.values())) == 6
    for seed in range(5):
        kept, taken = split_patients(index_folder(tmp_path), 0.3, seed)
        assert not {e.path.parent for e in kept} & {e.path.parent for e in taken}
        folds = split_folds(index_folder(tmp_path), 2, seed)
        assert not {e.path.parent for e in folds[0]} & {e.path.parent for e in folds[1]}


@pytest.mark.parametrize(
    "names",
    [
        ["NORMAL/images/1.png", "NORMAL/images/2.png", "PNEUMONIA/images/1.png"],
        [f"{c}/batch{b}/{i}.png" for c in ("NORMAL", "PNEUMONIA") for b in "ab" for i in range(31)],
        ["NORMAL/1.png", "PNEUMONIA/1.png"],
    ],
    ids=["one folder a class", "batches", "no folders"],
)
def test_folders_that_are_no_patients_are_not_taken_for_them(tmp_path, names):
    found = told(touch(tmp_path, *names))
    assert {by for _, by in found.values()} == {"file"}
    assert len(set(found.values())) == len(names)


def test_files_of_one_name_in_several_places_are_several(tmp_path):
    names = ["train/NORMAL/1.png", "val/NORMAL/1.png", "train/PNEUMONIA/1.png"]
    found = told(touch(tmp_path, *names, "train/NORMAL/1.jpeg"))
    assert {by for _, by in found.values()} == {"file"}
    assert found["train/NORMAL/1.png"] == found["train/NORMAL/1.jpeg"]
    assert len(set(found.values())) == 3


def test_names_in_kaggles_scheme_go_before_folders(tmp_path):
    names = ["PNEUMONIA/bacteria/person1_bacteria_1.jpeg", "PNEUMONIA/virus/person1_virus_2.jpeg"]
    names += ["NORMAL/a/IM-0001-0001.jpeg", "NORMAL/b/IM-0001-0002.jpeg", "NORMAL/c/own.png"]
    found = told(touch(tmp_path, *names, "NORMAL/d/own.png"))
    assert found[names[0]] == ("person1_bacteria", "name")
    assert found[names[1]] == ("person1_virus", "name")
    assert found[names[2]] == found[names[3]] == ("IM-0001", "name")
    assert found[names[4]] == ("c", "folder")
    kinds = [by for _, by in found.values()]
    words = "file names in Kaggle's scheme (4 radiographs), folders (2 radiographs)"
    assert describe_patients(kinds) == words


def test_same_folder_in_both_classes_is_one_patient(tmp_path):
    names = [f"{c}/p{i}/1.png" for c in ("NORMAL", "PNEUMONIA") for i in range(3)]
    assert len(set(told(touch(tmp_path, *names)).values())) == 3


def test_folder_above_the_class_counts_if_asked_for(tmp_path):
    touch(tmp_path, "p1/NORMAL/1.png", "p1/PNEUMONIA/1.png", "p2/PNEUMONIA/2.png")
    found = told(tmp_path, PatientRule(by="folder"))
    assert [patient for patient, _ in found.values()] == ["p1", "p1", "p2"]
    assert {by for _, by in found.values()} == {"folder"}
    with pytest.raises(DatasetError, match=r"no folder of its own has .*1\.png and 1 more"):
        index_folder(
            touch(tmp_path / "flat", "NORMAL/1.png", "NORMAL/2.png"), PatientRule("folder")
        )


def test_pattern_is_sought_in_the_path(tmp_path):
    touch(tmp_path, "NORMAL/a-p07-1.png", "NORMAL/b-p07-2.png", "PNEUMONIA/x/p8-1.png")
    found = told(tmp_path, PatientRule(pattern=r"(p\d+)-"))
    assert list(found.values()) == [("p07", "pattern"), ("p07", "pattern"), ("p8", "pattern")]
    by_folder = told(tmp_path, PatientRule(pattern="^(.*)/"))
    assert [patient for patient, _ in by_folder.values()] == ["NORMAL", "NORMAL", "PNEUMONIA/x"]
    touch(tmp_path, "PNEUMONIA/unnamed.png")
    with pytest.raises(DatasetError, match=r"finds no patient in .*unnamed\.png\. Every"):
        index_folder(tmp_path, PatientRule(pattern=r"(p\d+)-"))


@pytest.mark.parametrize(
    "table",
    [
        "file,patient\nNORMAL/1.png,ann\nNORMAL/2.png,ann\nPNEUMONIA/3.png,bob\n",
        "\ufefffile;class;patient\r\n1.png;;ann\r\n2.png;;ann\r\n3.png;;bob\r\n",
        "patient\tfile\nann\t1.png\nann\t2.png\nbob\tPNEUMONIA/3.png\nbob\t3.png\n",
    ],
    ids=["paths", "names, semicolons, BOM", "tabs"],
)
def test_table_names_the_patients(tmp_path, table):
    path = tmp_path / "who.csv"
    path.write_text(table, encoding="utf-8", newline="")
    touch(tmp_path / "data", "NORMAL/1.png", "NORMAL/2.png", "PNEUMONIA/3.png")
    found = told(tmp_path / "data", PatientRule(table=path))
    assert list(found.values()) == [("ann", "table"), ("ann", "table"), ("bob", "table")]


def test_own_splits_file_is_a_table(tmp_path):
    data = touch(tmp_path / "data", *FOLDERS)
    examples = index_folder(data)
    write_splits(tmp_path / "splits.csv", data, {"training": examples})
    again = index_folder(data, PatientRule(table=tmp_path / "splits.csv"))
    assert patients_of(again).tolist() == patients_of(examples).tolist()


@pytest.mark.parametrize(
    ("table", "words"),
    [
        (None, "cannot be read"),
        (b"\xff\xfe\x00", "cannot be read"),
        (b"", "columns file and patient"),
        (b"name,patient\n1.png,ann\n", "columns file and patient"),
        (b"file,patient\n1.png,ann\n", r"has no patient for .*2\.png"),
        (b"file,patient\n1.png,ann\n2.png,\n", r"has no patient for .*2\.png"),
        (b"file,patient\n1.png,ann\n2.png\n", r"has no patient for .*2\.png"),
        (b"file,patient\n1.png,ann\n2.png,bob\n1.png,bob\n", "two patients, in line 4"),
    ],
)
def test_table_that_does_not_tell_refused(tmp_path, table, words):
    path = tmp_path / "who.csv"
    if table is not None:
        path.write_bytes(table)
    touch(tmp_path / "data", "NORMAL/1.png", "NORMAL/2.png")
    with pytest.raises(DatasetError, match=words):
        index_folder(tmp_path / "data", PatientRule(table=path))


def write_dicom(folder: Path, name: str, patient: str | None, syntax=EXPLICIT, **elements) -> None:
    dataset = make_dataset(NOISE, syntax, **elements)
    if patient is None:
        del dataset.PatientID
    else:
        dataset.PatientID = patient
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(to_bytes(dataset))


def test_dicom_patients_are_told_by_an_identity_that_is_not_kept(tmp_path):
    data = tmp_path / "data"
    for number, syntax in enumerate((EXPLICIT, IMPLICIT, DEFLATED, BIG)):
        write_dicom(data, f"NORMAL/visit{number}/1.dcm", "SECRET-4711", syntax)
    for number, syntax in enumerate((EXPLICIT, IMPLICIT, BIG), 4):
        write_dicom(data, f"NORMAL/visit{number}/1.dcm", "SECRET-4711", syntax)
        bare = data / f"NORMAL/visit{number}/1.dcm"  # as some archives export: no prefix, no meta
        stream = read_meta(bare.read_bytes()).file
        bare.write_bytes(stream.read())
    write_dicom(data, "NORMAL/visit0/2.dcm", "SECRET-4712")
    write_dicom(data, "PNEUMONIA/x/IM-0001-0001.dcm", "SECRET-4711")
    write_dicom(data, "PNEUMONIA/x/IM-0001-0002.dcm", "SECRET-4711", IssuerOfPatientID="elsewhere")
    found = told(data)
    assert {by for _, by in found.values()} == {"dicom"}
    patients = {name: patient for name, (patient, _) in found.items()}
    same = {patients[f"NORMAL/visit{number}/1.dcm"] for number in range(7)}
    assert same == {patients["PNEUMONIA/x/IM-0001-0001.dcm"]} == {"dicom-1"}
    assert len(set(patients.values())) == 3
    examples = index_folder(data)
    write_splits(tmp_path / "splits.csv", data, {"training": examples})
    for text in (repr(examples), (tmp_path / "splits.csv").read_text()):
        assert "SECRET" not in text
        assert "elsewhere" not in text
    assert told(data) == found  # a resumed run finds the same numbers


def test_dicom_without_a_preamble_tells_its_patient(tmp_path):
    for number, patient in enumerate(("a", "b", "b")):
        write_dicom(tmp_path, f"NORMAL/{number}.dcm", patient, IMPLICIT)
        path = tmp_path / f"NORMAL/{number}.dcm"
        data = path.read_bytes()
        start = data.index(b"\x08\x00\x16\x00")  # SOPClassUID, the first after the meta header
        path.write_bytes(data[start:])
    patients = [patient for patient, _ in told(tmp_path).values()]
    assert patients == ["dicom-1", "dicom-2", "dicom-2"]


def test_dicom_made_anonymous_falls_back(tmp_path):
    for number in (0, 1):
        write_dicom(tmp_path, f"NORMAL/p{number}/1.dcm", "ANON")
        write_dicom(tmp_path, f"NORMAL/p{number}/2.dcm", "ANON")
    assert set(told(tmp_path).values()) == {("p0", "folder"), ("p1", "folder")}
    assert set(told(tmp_path, PatientRule(by="dicom")).values()) == {("dicom-1", "dicom")}
    write_dicom(tmp_path, "NORMAL/p1/3.dcm", None)
    with pytest.raises(DatasetError, match=r"no PatientID is in .*3\.dcm\."):
        index_folder(tmp_path, PatientRule(by="dicom"))


def test_folder_that_holds_dicom_and_others_stays_one_patient(tmp_path):
    for number in range(3):
        write_dicom(tmp_path, f"NORMAL/p{number}/1.dcm", f"id{number}")
        touch(tmp_path, f"NORMAL/p{number}/2.png")
    assert {by for _, by in told(tmp_path).values()} == {"folder"}
    touch(tmp_path, "NORMAL/flat.png")
    write_dicom(tmp_path, "NORMAL/flat.dcm", "id9")
    found = told(tmp_path)
    assert found["NORMAL/p1/1.dcm"] == found["NORMAL/p1/2.png"] == ("p1", "folder")
    assert found["NORMAL/flat.png"] == ("NORMAL/flat", "file")
    assert found["NORMAL/flat.dcm"] == ("dicom-1", "dicom")


def test_a_file_that_cannot_be_opened_tells_nothing_here(tmp_path):
    assert number_by_dicom([tmp_path]) == [None]  # a folder, for the tests may run as root


def test_damaged_dicom_tells_nothing(tmp_path):
    whole = make(NOISE)
    (tmp_path / "NORMAL").mkdir()
    (tmp_path / "NORMAL/cut.dcm").write_bytes(whole[:200])
    (tmp_path / "NORMAL/text.dcm").write_bytes(b"no DICOM at all")
    (tmp_path / "NORMAL/empty.dcm").write_bytes(b"")
    assert {by for _, by in told(tmp_path).values()} == {"file"}


@pytest.mark.parametrize(
    ("flags", "words"),
    [
        (["--patient-pattern", "("], "no regular expression"),
        (["--patient-pattern", "p[0-9]+"], "needs one group"),
        (["--patient-pattern", "(p)([0-9]+)"], "it has 2"),
        (["--patient-by", "folder", "--patients", "who.csv"], "not allowed with"),
        (["--patient-by", "luck"], "invalid choice"),
    ],
)
def test_flags_that_make_no_rule_refused(capsys, flags, words):
    parser = argparse.ArgumentParser()
    add_patient_flags(parser)
    with pytest.raises(SystemExit):
        parser.parse_args(flags)
    assert words in capsys.readouterr().err


def test_flags_make_the_rule():
    parser = argparse.ArgumentParser()
    add_patient_flags(parser)
    assert rule_of(parser.parse_args([])) == PatientRule()
    assert rule_of(parser.parse_args(["--patient-by", "file"])) == PatientRule("file")
    table = parser.parse_args(["--patients", "who.csv"])
    assert rule_of(table) == PatientRule(table=Path("who.csv"))
    assert rule_of(parser.parse_args(["--patient-pattern", "(p)"])) == PatientRule(pattern="(p)")


def test_evaluate_draws_the_patients_that_it_is_told(tmp_path, capsys, monkeypatch, stand_in):
    """The bootstrap goes over patients, not over files."""
    rng = np.random.default_rng(0)
    for number in range(12):
        path = tmp_path / f"{('NORMAL', 'PNEUMONIA')[number % 2]}/{number:02}.png"
        path.parent.mkdir(exist_ok=True)
        Image.fromarray(draw_phantom(number % 2, rng)).save(path)
    monkeypatch.setattr("pneumo.cli.measure.load_classifier", lambda **flags: stand_in.classifier)

    def evaluate(*flags):
        assert cli.main(["evaluate", str(tmp_path), "--threshold", "0.4", *flags]) == 0
        return json.loads(capsys.readouterr().out)

    each = evaluate()
    assert (each["patients"], each["patients_by"]) == (12, "file")
    table = tmp_path / "who.csv"
    with table.open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["file", "patient"])
        writer.writerows([f"{number:02}.png", number % 4] for number in range(12))
    grouped = evaluate("--patients", str(table))
    assert (grouped["patients"], grouped["patients_by"]) == (4, "a table of files and patients")
    assert grouped["sensitivity"] == each["sensitivity"]
