"""Examples -> parts that share no patient, and what identifies them."""

import csv
import hashlib
from collections import defaultdict
from functools import cache
from pathlib import Path

import numpy as np

from pneumo import CLASSES, NORMAL
from pneumo.dataset.examples import Example, find_training_folder, index_folder, patients_of
from pneumo.dataset.patients import PatientRule, describe_patients
from pneumo.errors import DatasetError
from pneumo.files import JsonObject, atomic_write


def drop_duplicates(examples: list[Example]) -> list[Example]:
    """Keeps the first of files that are equal byte by byte.

    Raises:
        DatasetError: One is a broken link, or no file.
    """
    first: dict[bytes, Example] = {}
    for example in examples:
        first.setdefault(_digest_of_file(example.path), example)
    return list(first.values())


def _digest_of_file(path: Path) -> bytes:
    """Returns the SHA-256 of what a file holds; it is read once as long as it does not change.

    Raises:
        DatasetError: It is none.
    """
    if not path.is_file():  # a pipe would be waited for
        raise DatasetError(
            f"A radiograph of the data set cannot be used: {path} is a broken link or no file. "
            "Restore what it leads to, or remove it."
        )
    status = path.stat()
    return _read_digest(path, status.st_size, status.st_mtime_ns)


@cache
def _read_digest(path: Path, size: int, changed: int) -> bytes:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").digest()


def split_patients(
    examples: list[Example], held_out: float, seed: int
) -> tuple[list[Example], list[Example]]:
    """Splits by patient, keeping the share of normal, bacterial and viral radiographs.

    Args:
        examples: To be split.
        held_out: Share of each stratum's radiographs to hold out, in (0, 1).
        seed: Same seed, same split.

    Returns:
        The examples to train on and those held out, each in the order given.

    Raises:
        DatasetError: A class has too few patients for both parts.
    """
    patients: dict[tuple[int, str], dict[str, int]] = defaultdict(lambda: defaultdict(int))
    for example in examples:
        patients[example.label, example.stratum][example.patient] += 1
    for label in {label for label, _ in patients}:
        if len({name for key, group in patients.items() if key[0] == label for name in group}) < 2:
            raise DatasetError(
                f"{CLASSES[label]} has radiographs of one patient only; at least two are "
                "needed, one to train on and one to hold out. If they are of several, say whose "
                "each is with --patients or --patient-pattern, or --patient-by file."
            )
    rng = np.random.default_rng(seed)
    chosen: set[str] = set()
    for _, counts in sorted(patients.items()):
        # Whoever has radiographs of several strata may be held out already.
        wanted = held_out * sum(counts.values()) - sum(
            counts[name] for name in chosen & set(counts)
        )
        for name in map(str, rng.permutation(sorted(counts))[: max(len(counts) - 1, 1)]):
            if wanted <= 0:
                break
            if name not in chosen:
                chosen.add(name)
                wanted -= counts[name]
    kept = [e for e in examples if e.patient not in chosen]
    taken = [e for e in examples if e.patient in chosen]
    _require_classes([kept, taken], examples)
    return kept, taken


def halve_patients(
    labels: np.ndarray, patients: np.ndarray, rng: np.random.Generator
) -> np.ndarray:
    """Draws half of the patients with a normal radiograph, and half of the others.

    Args:
        labels: `(n,)` integers, 1 for PNEUMONIA.
        patients: `(n,)` identities.
        rng: Source of all randomness.

    Returns:
        `(n,)` bool: whether a radiograph is of that half.
    """
    healthy = np.unique(patients[labels == NORMAL])
    half = np.zeros(len(labels), bool)
    for own in (healthy, np.setdiff1d(patients, healthy)):
        half |= np.isin(patients, rng.permutation(own)[: len(own) // 2])
    return half


def split_as_trained(
    data: Path, settings: JsonObject, table: Path | None = None
) -> tuple[list[Example], list[Example]]:
    """Returns what `train.py` trained on and held out.

    Args:
        data: What it was given.
        settings: Entry `training` of the model card.
        table: The CSV of patients, if it was given one.

    Raises:
        DatasetError: It was given a table and this is not.
    """
    if settings.get("patients") and not table:
        raise DatasetError(
            f"The weights were trained with the table of patients {settings['patients']}: without "
            "--patients FILE those kept out cannot be told from the others."
        )
    by, pattern = settings.get("patient_by", "auto"), settings.get("patient_pattern")
    examples = index_folder(find_training_folder(data), PatientRule(by, pattern, table))
    examples = drop_duplicates(examples)
    if settings["share"] < 1:
        examples = split_patients(examples, settings["share"], settings["seed"])[1]
    return split_patients(examples, settings["held_out"], settings["seed"])


def describe_rule(examples: list[Example], seed: int) -> str:
    """Says by what a set was split, and what is not known, in words for the model card."""
    rest = f"stratified by class and kind, seed {seed}"
    kinds = [example.by for example in examples]
    if "file" not in kinds:
        return f"by patient, told by {describe_patients(kinds)}; {rest}"
    unknown = "which radiographs share a patient is not known, so that one may be on both sides"
    if set(kinds) == {"file"}:
        return f"by file: {unknown}; {rest}"
    return f"by file or patient, told by {describe_patients(kinds)}: of the files {unknown}; {rest}"


def split_folds(examples: list[Example], folds: int, seed: int) -> list[list[Example]]:
    """Deals the patients into folds, each with about the same share of every stratum.

    Raises:
        DatasetError: A class has too few patients for so many folds.
    """
    from sklearn.model_selection import StratifiedGroupKFold

    strata = [example.stratum for example in examples]
    dealer = StratifiedGroupKFold(folds, shuffle=True, random_state=seed)
    try:
        parts = [
            [examples[i] for i in own]
            for _, own in dealer.split(strata, strata, patients_of(examples))
        ]
    except ValueError as error:  # more folds than radiographs of any stratum
        raise DatasetError(f"{folds} folds are too many for these patients ({error}).") from error
    _require_classes(parts, examples)
    return parts


def _require_classes(parts: list[list[Example]], examples: list[Example]) -> None:
    """Raises `DatasetError` if a part lacks a class that there is."""
    for label in {example.label for example in examples}:
        if not all(any(example.label == label for example in part) for part in parts):
            raise DatasetError(
                f"{CLASSES[label]} has too few patients to be in each of {len(parts)} parts."
            )


def write_splits(path: Path, folder: Path, parts: dict[str, list[Example]]) -> None:
    """Writes which radiograph is in which part as CSV: `file`, `class`, `patient`, `part`.

    Args:
        path: Of the CSV.
        folder: Of the radiographs; files are named relative to it.
        parts: Name of a part -> its examples.
    """
    with (
        atomic_write(path) as draft,
        # A name that is no UTF-8 is written byte by byte as it is.
        draft.open("w", newline="", encoding="utf-8", errors="surrogateescape") as file,
    ):
        writer = csv.writer(file)
        writer.writerow(["file", "class", "patient", "part"])
        for part, examples in parts.items():
            for example in examples:
                name = example.path.relative_to(folder).as_posix()
                writer.writerow([name, CLASSES[example.label], example.patient, part])


def digest_of(parts: dict[str, list[Example]]) -> str:
    """Returns a digest of which files, by name and content, are of whom and in which part."""
    lines = [
        f"{part}/{CLASSES[example.label]}/{example.path.name} of {example.patient}: "
        f"{_digest_of_file(example.path).hex()}"
        for part, examples in parts.items()
        for example in examples
    ]
    data = "\n".join(lines).encode("utf-8", "surrogateescape")  # a file name may be no UTF-8
    return hashlib.sha256(data).hexdigest()


def describe_split(training: list[Example], held_out: list[Example]) -> dict[str, int]:
    """Counts radiographs by class, and patients, in both parts of a split."""
    counts = {}
    for part, examples in (("training", training), ("held_out", held_out)):
        for label, name in enumerate(CLASSES):
            counts[f"{part}_{name}"] = sum(example.label == label for example in examples)
        counts[f"{part}_patients"] = len({example.patient for example in examples})
    return counts
