"""What a labelled folder holds, and how easily its classes are told apart for wrong reasons."""

import io
from collections import Counter, defaultdict
from collections.abc import Callable, Hashable, Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

import numpy as np
from PIL import Image

from pneumo import CLASSES
from pneumo.dataset.examples import Example, class_of
from pneumo.errors import RadiographError
from pneumo.evaluation.shortcuts import AROUND, aucs_of, global_statistics, look_around
from pneumo.files import JsonObject
from pneumo.network.lung_finder import Finder
from pneumo.network.preprocess import resize_to_grid
from pneumo.progress import Progress, follow, unseen
from pneumo.reading.decode import FORMATS
from pneumo.reading.dicom_file import is_dicom, parse_dicom
from pneumo.reading.limits import MAX_INFLATED
from pneumo.reading.radiograph import read_bytes, read_radiograph
from pneumo.reading.silence import silence

NEAR_DUPLICATE_CORRELATION = 0.995
"""Two radiographs are near duplicates if they correlate so much at 32 x 32 pixels. In the training
folder of *Chest X-Ray Images* exact copies do, and no other pair reaches even 0.98."""


def audit_folder(
    examples: list[Example],
    folder: Path,
    progress: Progress = unseen,
    find: Finder | None = None,
) -> JsonObject:
    """Reads every file once and reports on the set.

    Args:
        examples: From `pneumo.dataset.examples.index_folder`.
        folder: The folder they were found in; paths in the report are relative to it.
        progress: Called before each file.
        find: Draws the lungs, so that what lies around them can be examined too.

    Returns:
        Counts and patients by split and class, `unreadable` files with reasons, `exact_duplicates`
        and `near_duplicates` as groups of files, with those that cross a class, a patient or a
        split counted, JPEG tables, sizes and aspects by class, `shortcut_auc`, how well brightness
        and sharpness alone tell the classes apart, and with a finder `shortcuts`, the same of all
        that `pneumo.evaluation.shortcuts` knows.
    """
    seen = _read_all(examples, folder, progress, find)
    identities = [picture.sha256 for picture in seen.pictures]
    report = {
        "files": len(examples),
        "by_split_and_class": _count(seen.examples, folder),
        "unreadable": seen.unreadable,
        "exact_duplicates": _describe_groups(_group_equal(identities), seen.examples, folder),
        "near_duplicates": _describe_groups(_group_alike(seen.thumbnails), seen.examples, folder),
        **_describe_pictures(seen),
    }
    labels = np.array([example.label for example in seen.examples])
    patients = np.array([example.patient for example in seen.examples])
    looks = {"looks": [global_statistics(grid) for grid in seen.thumbnails]}
    report["shortcut_auc"] = aucs_of(looks, labels, patients)["looks"]
    if find is not None:
        report["shortcuts"] = {
            "looks": report["shortcut_auc"],
            **aucs_of(seen.around, labels, patients),
        }
    return report


class _Picture(NamedTuple):
    sha256: str
    width: int
    height: int
    compression: str


@dataclass
class _Contents:
    """What was read of a folder: lists with an entry for each file that could be read.

    Attributes:
        examples: The files.
        pictures: What is told of them in figures.
        thumbnails: `(128, 128)` uint8.
        around: Kind of what lies around the lungs -> its features; empty lists without a finder.
        unreadable: Of each other file its name and the reason.
    """

    examples: list[Example] = field(default_factory=list)
    pictures: list[_Picture] = field(default_factory=list)
    thumbnails: list[np.ndarray] = field(default_factory=list)
    around: dict[str, list[np.ndarray]] = field(default_factory=lambda: {k: [] for k in AROUND})
    unreadable: list[JsonObject] = field(default_factory=list)


def _read_all(
    examples: list[Example], folder: Path, progress: Progress, find: Finder | None
) -> _Contents:
    """Reads every file once, and keeps what is small of it; arguments as for `audit_folder`."""
    seen = _Contents()
    for example in follow(examples, progress):
        try:
            data = read_bytes(example.path, example.path.name)
            radiograph = read_radiograph(data, example.path.name)
        except RadiographError as error:
            seen.unreadable.append({"file": _relative(example, folder), "reason": str(error)})
            continue
        seen.examples.append(example)
        seen.thumbnails.append(resize_to_grid(radiograph.pixels, 128))
        if find is not None:
            for kind, features in look_around(radiograph.pixels, find).items():
                seen.around[kind].append(features)
        height, width = radiograph.pixels.shape
        picture = _Picture(radiograph.info.sha256, width, height, _compression(data))
        seen.pictures.append(picture)
    return seen


def _describe_pictures(seen: _Contents) -> JsonObject:
    """Reports sizes and formats by class, of the classes that are there."""
    report = {}
    for label, name in enumerate(CLASSES):
        chosen = [
            picture
            for picture, example in zip(seen.pictures, seen.examples, strict=True)
            if example.label == label
        ]
        if chosen:
            report[f"pictures_{name}"] = {
                "width": _spread([picture.width for picture in chosen]),
                "height": _spread([picture.height for picture in chosen]),
                "aspect": _spread([picture.width / picture.height for picture in chosen]),
                "compression": dict(Counter(p.compression for p in chosen).most_common(5)),
            }
    return report


def _compression(data: bytes) -> str:
    """Names the format of a file that has been read.

    Of DICOM with the coding of its pixels, of a JPEG with how its luma table begins (1 is
    near-lossless).
    """
    with silence():
        if is_dicom(data):
            syntax = parse_dicom(data, MAX_INFLATED).file_meta.TransferSyntaxUID
            return f"DICOM, {syntax.name}"
        return _picture_format(data)


def _picture_format(data: bytes) -> str:
    with Image.open(io.BytesIO(data), formats=FORMATS) as image:
        table = getattr(image, "quantization", {}).get(0)
        return f"{image.format} {','.join(map(str, table[:4]))}" if table else str(image.format)


def _count(examples: list[Example], folder: Path) -> JsonObject:
    counts: dict[str, JsonObject] = defaultdict(lambda: {"files": 0, "patients": set()})
    for example in examples:
        own = counts[f"{_split(example, folder)} {CLASSES[example.label]}"]
        own["files"] += 1
        own["patients"].add(example.patient)
    return {key: {**own, "patients": len(own["patients"])} for key, own in sorted(counts.items())}


def _split(example: Example, folder: Path) -> str:
    """Returns the part of the path above the class folder, such as `train`."""
    parts = example.path.relative_to(folder).parts
    last = max((i for i, part in enumerate(parts[:-1]) if class_of([part])), default=0)
    return "/".join(part for part in parts[:last] if not class_of([part])) or "."


def _relative(example: Example, folder: Path) -> str:
    return example.path.relative_to(folder).as_posix()


def _group_equal(identities: Iterable[Hashable]) -> list[list[int]]:
    groups = defaultdict(list)
    for index, identity in enumerate(identities):
        groups[identity].append(index)
    return [group for group in groups.values() if len(group) > 1]


def _group_alike(grids: list[np.ndarray]) -> list[list[int]]:
    """Groups by correlation of small copies, each with the first that it resembles."""
    if not grids:
        return []
    small = np.stack(
        [
            np.asarray(Image.fromarray(grid).resize((32, 32), Image.Resampling.BOX), np.float32)
            for grid in grids
        ]
    ).reshape(len(grids), -1)
    small -= small.mean(axis=1, keepdims=True)
    small /= np.linalg.norm(small, axis=1, keepdims=True)
    leader = list(range(len(small)))
    for index in range(1, len(small)):
        alike = small[:index] @ small[index] >= NEAR_DUPLICATE_CORRELATION
        if alike.any():
            leader[index] = leader[int(alike.argmax())]
    return _group_equal(leader)


def _describe_groups(groups: list[list[int]], examples: list[Example], folder: Path) -> JsonObject:
    members = [[examples[index] for index in group] for group in groups]

    def crossing(identity: Callable[[Example], object]) -> int:
        return sum(len({identity(example) for example in group}) > 1 for group in members)

    return {
        "groups": len(groups),
        "files": sum(map(len, groups)),
        "groups_across_classes": crossing(lambda example: example.label),
        "groups_across_patients": crossing(lambda example: example.patient),
        "groups_across_splits": crossing(lambda example: _split(example, folder)),
        "examples": [[_relative(example, folder) for example in group] for group in members[:20]],
    }


def _spread(values: list[float]) -> dict[str, float]:
    low, middle, high = np.percentile(values, [5, 50, 95])
    return {
        "p5": round(float(low), 3),
        "median": round(float(middle), 3),
        "p95": round(float(high), 3),
    }
