"""Who is on a radiograph: patients are what splits, folds and bootstraps may not divide.

Kaggle's file names say it, or DICOM's PatientID, or folders, or the user by a pattern or a table.
Where nothing does, each file counts as a patient, and whatever is reported says so.
"""

import argparse
import re
from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from pneumo import CLASSES
from pneumo.dataset.patient_sources import number_by_dicom, read_table
from pneumo.errors import DatasetError
from pneumo.reading.folders import stem_of

TOLD_BY = {
    "name": "file names in Kaggle's scheme",
    "dicom": "DICOM PatientID, which is not kept",
    "folder": "folders",
    "pattern": "a pattern in the paths",
    "table": "a table of files and patients",
    "file": "file",
}
"""How patients can be told apart: what `Example.by` holds -> what a report says."""

MOST_OF_ONE = 30
"""Files in a folder, in the median, up to which folders are taken for patients, not for batches."""


@dataclass(frozen=True)
class PatientRule:
    """How to tell patients apart.

    Attributes:
        by: `auto`, or one of `dicom`, `folder`, `file` for all files.
        pattern: Regular expression with one group, sought in the path below the data's folder.
        table: CSV with the columns `file` and `patient`; a `splits.csv` is one.
    """

    by: str = "auto"
    pattern: str | None = None
    table: Path | None = None


def add_patient_flags(parser: argparse.ArgumentParser) -> None:
    """Adds `--patients`, `--patient-pattern` and `--patient-by`, of which one may be given."""
    add = parser.add_argument_group("patients").add_mutually_exclusive_group().add_argument
    add(
        "--patients",
        type=Path,
        metavar="FILE",
        help="CSV with the columns file (path below the folder, or a name) and patient",
    )
    add(
        "--patient-pattern",
        type=_one_group,
        metavar="REGEX",
        help="whose one group is the patient, sought in the path below the folder: '(p[0-9]+)/'",
    )
    add(
        "--patient-by",
        choices=("auto", "dicom", "folder", "file"),
        default="auto",
        help="whom radiographs belong to: auto takes the first that tells of DICOM's PatientID, "
        "Kaggle's file names, the folder below the class folder, and else the file",
    )


def _one_group(text: str) -> str:
    try:
        groups = re.compile(text).groups
    except re.error as error:
        raise argparse.ArgumentTypeError(f"no regular expression ({error})") from error
    if groups != 1:
        raise argparse.ArgumentTypeError(
            f"needs one group in round brackets, the patient; it has {groups}"
        )
    return text


def rule_of(args: argparse.Namespace) -> PatientRule:
    """Returns what the flags of `add_patient_flags` ask for."""
    return PatientRule(args.patient_by, args.patient_pattern, args.patients)


def describe_patients(kinds: Sequence[str]) -> str:
    """Says how patients were told apart, such as `folders`; with counts if in several ways.

    Args:
        kinds: One of `TOLD_BY` for each radiograph.
    """
    counts = Counter(kinds).most_common()
    if len(counts) == 1:
        return TOLD_BY[counts[0][0]]
    return ", ".join(f"{TOLD_BY[kind]} ({count} radiographs)" for kind, count in counts)


def parse_name(stem: str) -> tuple[str, str] | None:
    """Returns patient and kind of a file name in Kaggle's scheme, None of any other.

    `person23_bacteria_78` and `person23_virus_54` are two people: each kind has numbers of its
    own. NORMAL files begin with `IM-0115` or `NORMAL2-IM-0386`, one number a person.
    """
    if match := re.match(r"person\d+_(bacteria|virus)", stem):
        return match[0], match[1]
    if match := re.match(r"(NORMAL\d*-)?IM-\d+", stem):
        return match[0], "NORMAL"
    return None


def identify_patients(
    folder: Path, files: Sequence[tuple[Path, int]], rule: PatientRule
) -> list[tuple[str, str]]:
    """Tells the patients of labelled files apart.

    A PatientID is only ever held as a hash under a key of this call, and becomes a number.

    Args:
        folder: That the files were found in.
        files: Path and label of each.
        rule: How.

    Returns:
        For each file the patient, and which of `TOLD_BY` told it. Equal names are one patient,
        in whichever class.

    Raises:
        DatasetError: What was asked for does not tell the patient of every file.
    """
    if rule.table:
        return [(patient, "table") for patient in _look_up(folder, files, rule.table)]
    if rule.pattern:
        return [(patient, "pattern") for patient in _match(folder, files, rule.pattern)]
    by_file = [_by_file(path.relative_to(folder)) for path, _ in files]
    if rule.by == "file":
        return [(patient, "file") for patient in by_file]
    if rule.by == "folder":
        told = [_folder_of(folder, path, label) for path, label in files]
        named = _require_all(told, files, "--patient-by folder: no folder of its own has")
        return [(patient, "folder") for patient in named]
    numbers = number_by_dicom([path for path, _ in files])
    if rule.by == "dicom":
        named = _require_all(numbers, files, "--patient-by dicom: no PatientID is in")
        return [(patient, "dicom") for patient in named]
    return _choose(files, numbers, by_file)


def _choose(
    files: Sequence[tuple[Path, int]], numbers: list[str | None], by_file: list[str]
) -> list[tuple[str, str]]:
    """Takes what surely tells: PatientID and Kaggle's names, then folders that look like patients.

    Once a file has no PatientID, folders go before it: one of them may hold both kinds of files.
    """
    if len(set(numbers) - {None}) < 2:  # one for all: made anonymous
        numbers = [None] * len(files)
    names = [parse_name(path.stem) if path.suffix.lower() != ".dcm" else None for path, _ in files]
    rest = [i for i, name in enumerate(names) if name is None or numbers[i]]
    folders = {i: _folder_below(*files[i]) for i in rest}
    known = all(numbers[i] for i in rest)
    tell = not known and _look_like_patients([(files[i][1], folders[i]) for i in rest])
    told = [
        (name[0], "name") if name else (file, "file")
        for name, file in zip(names, by_file, strict=True)
    ]
    for i in rest:
        folder, number = folders[i], numbers[i]
        if tell and folder:
            told[i] = folder, "folder"
        elif number:
            told[i] = number, "dicom"
    return told


def _look_like_patients(folders: list[tuple[int, str | None]]) -> bool:
    """Tells folders of patients from folders called `images`, and from batches of thousands."""
    sizes: dict[int, Counter[str]] = defaultdict(Counter)
    for label, name in folders:
        if name is not None:
            sizes[label][name] += 1
    counts = [count for counter in sizes.values() for count in counter.values()]
    several = bool(counts) and min(map(len, sizes.values())) > 1
    return several and bool(np.median(counts) <= MOST_OF_ONE)


def _by_file(path: Path) -> str:
    """Names a file; one saved as JPEG and as PNG is one."""
    return path.with_name(stem_of(path)).as_posix()


def _below_class(path: Path, label: int) -> tuple[str, ...]:
    """Returns the parts of a path below the folder of its class."""
    parts = path.absolute().parts
    places = [i for i, part in enumerate(parts[:-1]) if part.upper() == CLASSES[label]]
    return parts[places[-1] + 1 :] if places else parts[-1:]


def _folder_below(path: Path, label: int) -> str | None:
    """Returns the first folder below that of the class; studies and series lie below it."""
    below = _below_class(path, label)
    return below[0] if len(below) > 1 else None


def _folder_of(folder: Path, path: Path, label: int) -> str | None:
    """Returns the folder below that of the class, or else the one above it."""
    parts = path.relative_to(folder).parts
    above = len(parts) - len(_below_class(path, label)) - 2
    return _folder_below(path, label) or (parts[above] if above >= 0 else None)


def _require_all(
    told: Sequence[str | None], files: Sequence[tuple[Path, int]], words: str
) -> list[str]:
    """Returns what was told, once each file has its patient."""
    missing = [path for (path, _), patient in zip(files, told, strict=True) if patient is None]
    if missing:
        more = f" and {len(missing) - 1} more" if len(missing) > 1 else ""
        raise DatasetError(f"{words} {missing[0]}{more}. Every radiograph needs its patient.")
    return [patient for patient in told if patient is not None]


def _match(folder: Path, files: Sequence[tuple[Path, int]], pattern: str) -> list[str]:
    found = [re.search(pattern, path.relative_to(folder).as_posix()) for path, _ in files]
    told = [match[1] or None if match else None for match in found]
    return _require_all(told, files, f"--patient-pattern {pattern!r} finds no patient in")


def _look_up(folder: Path, files: Sequence[tuple[Path, int]], table: Path) -> list[str]:
    patients = read_table(table)
    told = [
        patients.get(path.relative_to(folder).as_posix(), patients.get(path.name))
        for path, _ in files
    ]
    return _require_all(told, files, f"{table} has no patient for")
