"""No patient is on both sides: of a split, of folds, of what is found again from a card."""

import os
import re
from pathlib import Path

import pytest

from pneumo.dataset.examples import Example, index_folder
from pneumo.dataset.splits import (
    describe_rule,
    describe_split,
    digest_of,
    drop_duplicates,
    split_as_trained,
    split_folds,
    split_patients,
    write_splits,
)
from pneumo.errors import DatasetError
from pneumo.training.phantom import write_phantom_dataset


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return write_phantom_dataset(tmp_path_factory.mktemp("data"), patients=20)


def test_split_keeps_patients_together_and_shares_alike(folder):
    examples = index_folder(folder)
    training, held_out = split_patients(examples, 0.3, seed=1)
    assert not {e.patient for e in training} & {e.patient for e in held_out}
    assert sorted(e.path for e in training + held_out) == [e.path for e in examples]
    for stratum, count in (("NORMAL", 12), ("bacteria", 6), ("virus", 6)):
        assert sum(e.stratum == stratum for e in held_out) == count
    assert split_patients(examples, 0.3, seed=1) == (training, held_out)
    assert split_patients(examples, 0.3, seed=2)[1] != held_out


def test_split_of_one_patient_refused(tmp_path):
    examples = [Example(tmp_path, 0, "a", "NORMAL"), Example(tmp_path, 0, "b", "NORMAL")]
    with pytest.raises(DatasetError, match="PNEUMONIA has radiographs of one patient only"):
        split_patients([*examples, Example(tmp_path, 1, "c", "virus")], 0.5, 0)


def test_duplicates_kept_once(tmp_path):
    examples = []
    for name, content in (("a", b"1"), ("b", b"2"), ("c", b"1")):
        (tmp_path / name).write_bytes(content)
        examples.append(Example(tmp_path / name, 0, name, "NORMAL"))
    assert drop_duplicates(examples) == examples[:2]


@pytest.mark.parametrize("kind", ["broken link", "link to itself", "pipe"])
def test_what_is_no_file_is_told_before_training(tmp_path, kind):
    path = tmp_path / "NORMAL" / "x.png"
    path.parent.mkdir()
    if kind == "pipe":
        os.mkfifo(path)
    else:
        path.symlink_to("x.png" if kind == "link to itself" else "gone.png")
    with pytest.raises(DatasetError, match=r"x\.png is a broken link or no file\. Restore"):
        drop_duplicates(index_folder(tmp_path))


def test_folds_keep_patients_together_and_strata_alike():
    examples = [
        Example(Path(f"{kind}-{patient}-{i}.png"), label, f"{kind}{patient}", kind)
        for label, kind, patients in ((0, "NORMAL", 30), (1, "bacteria", 30), (1, "virus", 15))
        for patient in range(patients)
        for i in range(1 + patient % 3)
    ]
    folds = split_folds(examples, 3, seed=1)
    assert sorted(e.path for fold in folds for e in fold) == sorted(e.path for e in examples)
    owners = [{e.patient for e in fold} for fold in folds]
    assert sum(map(len, owners)) == 75
    for fold in folds:
        shares = [sum(e.stratum == kind for e in fold) for kind in ("NORMAL", "bacteria", "virus")]
        assert shares == pytest.approx([20, 20, 10], abs=2)
    assert split_folds(examples, 3, seed=1) == folds
    assert split_folds(examples, 3, seed=2) != folds


def test_splits_are_written_for_people_and_programs(tmp_path, folder):
    one, two = index_folder(folder)[:2]
    write_splits(tmp_path / "splits.csv", folder, {"training": [one], "held-out": [two]})
    lines = (tmp_path / "splits.csv").read_text().splitlines()
    assert lines[0] == "file,class,patient,part"
    name = one.path.relative_to(folder).as_posix()
    assert lines[1] == f"{name},NORMAL,{one.patient},training"
    assert lines[2].endswith(",held-out")


def test_names_that_are_no_utf8_are_kept_byte_by_byte(tmp_path):
    path = tmp_path / "NORMAL" / "caf\udce9.png"
    path.parent.mkdir()
    try:
        path.write_bytes(b"picture")
    except OSError:
        pytest.skip("the file system holds UTF-8 names alone")
    parts = {"training": index_folder(tmp_path)}
    write_splits(tmp_path / "splits.csv", tmp_path, parts)
    assert b"NORMAL/caf\xe9.png,NORMAL,NORMAL/caf\xe9,training" in (
        (tmp_path / "splits.csv").read_bytes()
    )
    digest = digest_of(parts)
    path.rename(path.with_name("caf\udcea.png"))
    assert digest_of({"training": index_folder(tmp_path)}) != digest


def mixed_examples():
    """Twelve patients, each with two radiographs of either class."""
    return [
        Example(Path(f"{label}-{patient}-{i}.png"), label, f"p{patient}", kind)
        for label, kind in enumerate(("NORMAL", "PNEUMONIA"))
        for patient in range(12)
        for i in range(2)
    ]


def test_patient_with_radiographs_of_both_classes_stays_together():
    for seed in range(5):
        kept, taken = split_patients(mixed_examples(), 0.25, seed)
        assert not {e.patient for e in kept} & {e.patient for e in taken}
        # A quarter of either class, not one quarter and then another.
        assert len({e.patient for e in taken}) == 3
        folds = split_folds(mixed_examples(), 3, seed)
        owners = [{e.patient for e in fold} for fold in folds]
        assert sum(map(len, owners)) == len(set.union(*owners)) == 12


def examples_of(*counts):
    """So many patients of each stratum, with three radiographs each."""
    kinds = ((0, "NORMAL"), (1, "bacteria"), (1, "virus"))
    return [
        Example(Path(f"{kind}{patient}-{i}.png"), label, f"{kind}{patient}", kind)
        for (label, kind), count in zip(kinds, counts, strict=True)
        for patient in range(count)
        for i in range(3)
    ]


def test_part_without_a_class_refused():
    # One patient of either kind of pneumonia: both are taken, and none is left.
    with pytest.raises(DatasetError, match="PNEUMONIA has too few patients to be in each of 2"):
        split_patients(examples_of(4, 1, 1), 0.3, 0)
    with pytest.raises(DatasetError, match="PNEUMONIA has too few patients to be in each of 3"):
        split_folds(examples_of(6, 2, 0), 3, 0)


def test_a_patient_of_every_stratum_stays_to_be_trained_on():
    kept, taken = split_patients(examples_of(5, 3, 2), 0.99, 0)
    assert [len({e.patient for e in kept if e.stratum == k}) for k in ("NORMAL", "virus")] == [1, 1]
    assert len({e.patient for e in taken}) == 7


def test_at_least_the_share_is_held_out():
    examples = [
        Example(Path(f"{label}-{patient}.png"), label, f"{label}-{patient}", "")
        for label in (0, 1)
        for patient in range(10)
    ]
    _, taken = split_patients(examples, 0.25, 0)  # two and a half of ten
    assert [sum(e.label == label for e in taken) for label in (0, 1)] == [3, 3]


def test_two_patients_of_a_class_are_enough():
    kept, taken = split_patients(examples_of(2, 2, 0), 0.5, 0)
    assert len(kept) == len(taken) == 6


def test_digest_stays_what_it_was_from_version_to_version(tmp_path):
    """Runs that go on, and weights that begin from a run, compare it."""
    (tmp_path / "röntgen.png").write_bytes(b"first")
    examples = [Example(tmp_path / "röntgen.png", 0, "Müller", "NORMAL")]
    known = "b1b802597f9398df4304ee1eb6598bec99c5125a02486bc76d14c66a75285825"
    assert digest_of({"training": examples}) == known


def test_digest_is_of_contents_patients_and_parts(tmp_path):
    one, two = tmp_path / "a.png", tmp_path / "b.png"
    one.write_bytes(b"first")
    two.write_bytes(b"other")
    examples = [Example(one, 0, "a", "NORMAL"), Example(two, 1, "b", "PNEUMONIA")]
    digest = digest_of({"training": examples})
    assert digest_of({"training": examples}) == digest
    assert digest_of({"held-out": examples}) != digest
    assert digest_of({"training": examples[:1], "held-out": examples[1:]}) != digest
    changed = [Example(one, 0, "somebody", "NORMAL"), examples[1]]
    assert digest_of({"training": changed}) != digest
    two.write_bytes(b"OTHER")  # of equal name and size
    assert digest_of({"training": examples}) != digest


@pytest.mark.parametrize(
    ("kinds", "words"),
    [
        (["name"], "by patient, told by file names in Kaggle's scheme; stratified by class"),
        (["folder", "folder"], "by patient, told by folders; "),
        (["file", "file"], "by file: which radiographs share a patient is not known, so that one"),
        (["folder", "folder", "file"], "by file or patient, told by folders (2 radiographs), file"),
    ],
)
def test_words_claim_no_more_than_is_known(kinds, words):
    examples = [Example(Path("a.png"), 0, "a", "NORMAL", by) for by in kinds]
    said = describe_rule(examples, 7)
    assert said.startswith(words)
    assert said.endswith("stratified by class and kind, seed 7")
    assert said.startswith("by patient") == ("file" not in kinds)


def test_split_described_by_counts():
    def example(label, patient):
        return Example(Path("a.png"), label, patient, "")

    kept = [example(0, "a"), example(0, "a"), example(1, "b")]
    assert describe_split(kept, [example(1, "c")]) == {
        "training_NORMAL": 2,
        "training_PNEUMONIA": 1,
        "training_patients": 2,
        "held_out_NORMAL": 0,
        "held_out_PNEUMONIA": 1,
        "held_out_patients": 1,
    }


def test_split_by_a_table_is_not_found_again_without_it(tmp_path, folder):
    settings = {"patients": "who.csv", "share": 1, "held_out": 0.3, "seed": 0}
    with pytest.raises(DatasetError, match=r"table of patients who\.csv"):
        split_as_trained(folder, settings)
    table = tmp_path / "who.csv"
    names = [path.name for path in folder.rglob("*.jpeg")]
    lines = [f"{name},{int(re.search('[0-9]+', name)[0])}" for name in names]
    table.write_text("\n".join(["file,patient", *lines]))
    kept, taken = split_as_trained(folder, settings, table)
    assert {e.by for e in kept + taken} == {"table"}
    assert len(kept + taken) == len(list(folder.rglob("*.jpeg")))
    half = split_as_trained(folder, settings | {"share": 0.5}, table)
    _, wanted = split_patients(kept + taken, 0.5, 0)
    assert {e.path for part in half for e in part} == {e.path for e in wanted}
    assert not {e.patient for e in kept} & {e.patient for e in taken}
