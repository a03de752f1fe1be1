"""Labelled folders -> examples, pixels in memory, the order of an epoch.

The layout is that of Kaggle's *Chest X-Ray Images (Pneumonia)*: a file's class is the nearest
folder above it that is called NORMAL or PNEUMONIA, in letters of either case.
"""

from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

import numpy as np

from pneumo import CLASSES, NORMAL, PNEUMONIA
from pneumo.dataset.patients import PatientRule, identify_patients, parse_name
from pneumo.errors import DatasetError, RadiographError
from pneumo.network.preprocess import resize_to_grid
from pneumo.progress import Progress, unseen
from pneumo.reading.folders import READABLE, find_radiographs, stem_of
from pneumo.reading.radiograph import read_radiograph


@dataclass(frozen=True)
class Example:
    """One labelled radiograph on disk.

    Attributes:
        path: The file.
        label: Index into `pneumo.CLASSES`.
        patient: Identity of the patient; radiographs that share it must stay together.
        stratum: `NORMAL`, `bacteria`, `virus` or `PNEUMONIA`; splits keep their shares.
        by: What told the patient; see `pneumo.dataset.patients.TOLD_BY`.
    """

    path: Path
    label: int
    patient: str
    stratum: str
    by: str = "file"


def index_folder(folder: str | Path, rule: PatientRule | None = None) -> list[Example]:
    """Lists the labelled radiographs below a folder, sorted by path.

    A broken link is listed too, as a patient of its own: whoever reads it learns why it cannot be.

    Args:
        folder: Holds folders called NORMAL and PNEUMONIA, at whatever depth.
        rule: How patients are told apart; see `pneumo.dataset.patients.identify_patients`.

    Raises:
        DatasetError: The folder does not exist or holds no radiograph of either class, or the
            rule does not tell whose each is.
    """
    folder = Path(folder)
    if not folder.is_dir():
        raise DatasetError(f"There is no folder {folder}.")
    paths = find_radiographs(folder)
    if closed := [path for path in paths if path.is_dir()]:
        raise DatasetError(f"{closed[0]} cannot be looked into. Change its permissions.")
    names = [class_of(path.relative_to(folder).parts[:-1]) for path in paths]
    if not any(names):  # part of a class; further up a folder "pneumonia" may be anything
        names = [class_of(part for part in folder.absolute().parts if part in CLASSES)] * len(paths)
    found = [(path, CLASSES.index(name)) for path, name in zip(paths, names, strict=True) if name]
    if not found:
        raise DatasetError(
            f"{folder} holds no radiographs: expected the folders NORMAL and PNEUMONIA in it, "
            f"with files of {READABLE}."
        )
    there = [(path, label) for path, label in found if path.is_file()]
    patients = identify_patients(folder, there, rule or PatientRule())
    told = {path: own for (path, _), own in zip(there, patients, strict=True)}
    examples = []
    for path, label in found:
        patient, by = told.get(path, (path.relative_to(folder).as_posix(), "file"))
        examples.append(Example(path, label, patient, _stratum_of(stem_of(path), label), by))
    return examples


def class_of(folders: Iterable[str]) -> str:
    """Returns the class that the last of some folders is called by, in letters of either case.

    Empty if none is called by a class.
    """
    called = [name.upper() for name in folders if name.upper() in CLASSES]
    return called[-1] if called else ""


def label_of_name(name: str) -> str:
    """Returns the class that a file's name tells by its folders, as `class_of` has it.

    Args:
        name: With or without folders, parted by slashes or backslashes; of an archive's member
            within the archive. What the file itself is called tells nothing.
    """
    return class_of(PurePosixPath(name.replace("\\", "/")).parts[:-1])


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


def _stratum_of(stem: str, label: int) -> str:
    """Returns the kind of pneumonia that a name in Kaggle's scheme tells, else the class."""
    name = parse_name(stem)
    return name[1] if name and name[1] not in CLASSES else CLASSES[label]


def load_grids(examples: list[Example], size: int, progress: Progress = unseen) -> np.ndarray:
    """Decodes every example once, through the same two functions as the app.

    Args:
        examples: What to decode.
        size: Side of the grid in pixels.
        progress: Called after each radiograph.

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
                progress(done / len(examples))
        except RadiographError as error:
            pool.shutdown(cancel_futures=True)
            raise DatasetError(f"A radiograph of the data set cannot be used: {error}") from error
    return grids


def labels_of(examples: list[Example]) -> np.ndarray:
    """Returns `(n,)` int64 labels."""
    return np.array([example.label for example in examples], np.int64)


def patients_of(examples: list[Example]) -> np.ndarray:
    """Returns `(n,)` identities of patients; one of them may have radiographs of both classes."""
    return np.array([example.patient for example in examples])


def draw_epoch(
    labels: np.ndarray,
    balanced: bool,
    rng: np.random.Generator,
    odds: np.ndarray | None = None,
) -> np.ndarray:
    """Orders one epoch's radiographs.

    Args:
        labels: `(n,)` integers.
        balanced: Give both classes the same number of places by repeating the rarer one and
            leaving out a part of the other, a different part each time.
        rng: Source of the order.
        odds: `(n,)` above 0, how often each is to come in relation to others, of its class if
            `balanced`; None for alike.

    Returns:
        `(n,)` indices into `labels`.
    """
    if not balanced:
        return _draw(np.arange(len(labels)), len(labels), rng, odds)
    places = np.arange(len(labels)) % 2
    order = np.empty(len(labels), np.int64)
    for label in (NORMAL, PNEUMONIA):
        members, wanted = np.flatnonzero(labels == label), int(np.sum(places == label))
        order[places == label] = _draw(members, wanted, rng, odds)
    return order


def _draw(
    members: np.ndarray, wanted: int, rng: np.random.Generator, odds: np.ndarray | None
) -> np.ndarray:
    """Draws so many of the members, each as often as any other or as its odds say."""
    if odds is None:
        rounds = [rng.permutation(members) for _ in range(-(-wanted // len(members)))]
        return np.concatenate(rounds)[:wanted]
    # Systematic sampling: no count is a whole one away from what its odds say.
    members = rng.permutation(members)
    reached = np.cumsum(odds[members])
    ticks = (rng.random() + np.arange(wanted)) / wanted * reached[-1]
    drawn = members[np.minimum(np.searchsorted(reached, ticks, "right"), len(members) - 1)]
    return rng.permutation(drawn)
