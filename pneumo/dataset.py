"""Labelled folders -> examples, patient-wise splits, pixels in memory, batches.

The layout is that of Kaggle's *Chest X-Ray Images (Pneumonia)*: a file's class is the nearest
folder above it that is called NORMAL or PNEUMONIA.
"""

import csv
import hashlib
import re
from collections import defaultdict
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from pneumo import CLASSES, NORMAL, PNEUMONIA
from pneumo.errors import DatasetError, RadiographError
from pneumo.files import replacing
from pneumo.preprocess import resize_to_grid
from pneumo.radiograph import SUFFIXES, read_radiograph


@dataclass(frozen=True)
class Example:
    """One labelled radiograph on disk.

    Attributes:
        path: The file.
        label: Index into `pneumo.CLASSES`.
        patient: Identity of the patient; radiographs that share it must stay together.
        stratum: `NORMAL`, `bacteria`, `virus` or `PNEUMONIA`; splits keep their shares.
    """

    path: Path
    label: int
    patient: str
    stratum: str


def index_folder(folder: str | Path) -> list[Example]:
    """Lists the labelled radiographs below a folder, sorted by path.

    Raises:
        DatasetError: The folder does not exist or holds no radiograph of either class.
    """
    folder = Path(folder)
    if not folder.is_dir():
        raise DatasetError(f"There is no folder {folder}.")
    examples = []
    for path in sorted(folder.rglob("*")):
        if path.suffix.lower() not in SUFFIXES or path.name.startswith("."):
            continue
        above = [part for part in path.absolute().parent.parts if part in CLASSES]
        if above and path.is_file():
            label = CLASSES.index(above[-1])
            examples.append(Example(path, label, *_identify(path.stem, label)))
    if not examples:
        raise DatasetError(
            f"{folder} holds no radiographs: expected the folders NORMAL and PNEUMONIA in it, "
            f"with {', '.join(SUFFIXES)} files."
        )
    return examples


def find_training_folder(data: Path) -> Path:
    """Returns the training split of Kaggle's chest_xray, or the folder itself if it has none."""
    return data / "train" if (data / "train").is_dir() else data


def require_both_classes(examples: Iterable[Example], folder: str | Path) -> None:
    """Raises `DatasetError`, naming the class that a folder lacks."""
    present = {example.label for example in examples}
    for label in (NORMAL, PNEUMONIA):
        if label not in present:
            raise DatasetError(
                f"The class folder {CLASSES[label]} is missing from {folder} or empty; training "
                "needs radiographs of both classes, in folders called NORMAL and PNEUMONIA."
            )


def _identify(stem: str, label: int) -> tuple[str, str]:
    """Returns patient and stratum of a file name in Kaggle's scheme, or the name itself.

    `person23_bacteria_78` and `person23_virus_54` are two people: each kind has numbers of its
    own. NORMAL files begin with `IM-0115` or `NORMAL2-IM-0386`, one number a person.
    """
    if match := re.match(r"person\d+_(bacteria|virus)", stem):
        return match[0], match[1]
    if match := re.match(r"(NORMAL\d*-)?IM-\d+", stem):
        return match[0], CLASSES[label]
    return f"{CLASSES[label]}/{stem}", CLASSES[label]


def drop_duplicates(examples: list[Example]) -> list[Example]:
    """Keeps the first of files that are equal byte by byte."""
    first = {}
    for example in examples:
        first.setdefault(hashlib.sha256(example.path.read_bytes()).digest(), example)
    return list(first.values())


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
    patients: dict[tuple, dict] = defaultdict(lambda: defaultdict(int))
    for example in examples:
        patients[example.label, example.stratum][example.patient] += 1
    for label in {label for label, _ in patients}:
        if sum(len(group) for key, group in patients.items() if key[0] == label) < 2:
            raise DatasetError(
                f"{CLASSES[label]} has radiographs of one patient only; at least two are "
                "needed, one to train on and one to hold out."
            )
    rng = np.random.default_rng(seed)
    chosen = set()
    for (label, _), counts in sorted(patients.items()):
        wanted = held_out * sum(counts.values())
        for name in rng.permutation(sorted(counts))[: max(len(counts) - 1, 1)]:
            if wanted <= 0:
                break
            chosen.add((label, str(name)))
            wanted -= counts[str(name)]
    kept = [e for e in examples if (e.label, e.patient) not in chosen]
    taken = [e for e in examples if (e.label, e.patient) in chosen]
    _require_classes([kept, taken], examples)
    return kept, taken


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
    with replacing(path) as draft, draft.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(["file", "class", "patient", "part"])
        for part, examples in parts.items():
            for example in examples:
                name = example.path.relative_to(folder).as_posix()
                writer.writerow([name, CLASSES[example.label], example.patient, part])


def digest_of(parts: dict[str, list[Example]]) -> str:
    """Returns a digest of which files, by name and size, are in which part."""
    lines = [
        f"{part}/{CLASSES[example.label]}/{example.path.name} {example.path.stat().st_size}"
        for part, examples in parts.items()
        for example in examples
    ]
    return hashlib.sha256("\n".join(lines).encode()).hexdigest()


def describe_split(training: list[Example], held_out: list[Example]) -> dict[str, int]:
    """Counts radiographs by class, and patients, in both parts of a split."""
    counts = {}
    for part, examples in (("training", training), ("held_out", held_out)):
        for label, name in enumerate(CLASSES):
            counts[f"{part}_{name}"] = sum(example.label == label for example in examples)
        counts[f"{part}_patients"] = len({example.patient for example in examples})
    return counts


def load_grids(
    examples: list[Example], size: int, progress: Callable[[int], None] = lambda done: None
) -> np.ndarray:
    """Decodes every example once, through the same two functions as the app.

    Args:
        examples: What to decode.
        size: Side of the grid in pixels.
        progress: Called with the number of radiographs decoded so far.

    Returns:
        `(n, size, size)` uint8: 90 kB a radiograph at 299, so all of them stay in memory.

    Raises:
        DatasetError: A file cannot be read; the message names it.
    """
    grids = np.empty((len(examples), size, size), np.uint8)

    def decode(index: int) -> None:
        grids[index] = resize_to_grid(read_radiograph(examples[index].path).pixels, size)

    with ThreadPoolExecutor() as pool:
        try:
            for done, _ in enumerate(pool.map(decode, range(len(examples))), 1):
                progress(done)
        except RadiographError as error:
            pool.shutdown(cancel_futures=True)
            raise DatasetError(f"A radiograph of the data set cannot be used: {error}") from error
    return grids


def labels_of(examples: list[Example]) -> np.ndarray:
    """Returns `(n,)` int64 labels."""
    return np.array([example.label for example in examples], np.int64)


def patients_of(examples: list[Example]) -> np.ndarray:
    """Returns `(n,)` identities of patients; no two classes share one."""
    return np.array([f"{example.label}/{example.patient}" for example in examples])


def draw_epoch(labels: np.ndarray, balanced: bool, rng: np.random.Generator) -> np.ndarray:
    """Orders one epoch's radiographs.

    Args:
        labels: `(n,)` integers.
        balanced: Give both classes the same number of places by repeating the rarer one and
            leaving out a part of the other, a different part each time.
        rng: Source of the order.

    Returns:
        `(n,)` indices into `labels`.
    """
    if not balanced:
        return rng.permutation(len(labels))
    places = np.arange(len(labels)) % 2
    order = np.empty(len(labels), np.int64)
    for label in (NORMAL, PNEUMONIA):
        members, wanted = np.flatnonzero(labels == label), np.sum(places == label)
        rounds = [rng.permutation(members) for _ in range(-(-wanted // len(members)))]
        order[places == label] = np.concatenate(rounds)[:wanted]
    return order
