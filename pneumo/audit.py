"""What a labelled folder holds, and how easily its classes are told apart for wrong reasons."""

from collections import Counter, defaultdict
from collections.abc import Callable
from pathlib import Path

import numpy as np
from PIL import Image

from pneumo import CLASSES
from pneumo.dataset import Example
from pneumo.errors import RadiographError
from pneumo.preprocess import resize_to_grid
from pneumo.radiograph import read_radiograph

NEAR_DUPLICATE_CORRELATION = 0.995
"""Two radiographs are near duplicates if they correlate so much at 32 x 32 pixels. In the training
folder of *Chest X-Ray Images* exact copies do, and no other pair reaches even 0.98."""


def audit_folder(
    examples: list[Example], folder: Path, progress: Callable[[list], list] = lambda items: items
) -> dict:
    """Reads every file once and reports on the set.

    Args:
        examples: From `pneumo.dataset.index_folder`.
        folder: The folder they were found in; paths in the report are relative to it.
        progress: Wraps the list of examples while it is read.

    Returns:
        Counts and patients by split and class, `unreadable` files with reasons, `exact_duplicates`
        and `near_duplicates` as groups of files, with those that cross a class, a patient or a
        split counted, JPEG tables, sizes and aspects by class, and `shortcut_auc`.
    """
    readable, pictures, thumbnails, unreadable = [], [], [], []
    for example in progress(examples):
        name = _relative(example, folder)
        try:
            radiograph = read_radiograph(example.path)
        except RadiographError as error:
            unreadable.append({"file": name, "reason": str(error)})
            continue
        readable.append(example)
        thumbnails.append(resize_to_grid(radiograph.pixels, 128))
        height, width = radiograph.pixels.shape
        pictures.append((radiograph.sha256, width, height, _compression(example.path)))
    labels = np.array([example.label for example in readable])
    report = {
        "files": len(examples),
        "by_split_and_class": _count(readable, folder),
        "unreadable": unreadable,
        "exact_duplicates": _describe_groups(
            _group_equal([sha256 for sha256, *_ in pictures]), readable, folder
        ),
        "near_duplicates": _describe_groups(_group_alike(thumbnails), readable, folder),
    }
    for label, name in enumerate(CLASSES):
        chosen = [picture for picture, own in zip(pictures, labels, strict=True) if own == label]
        if chosen:
            report[f"pictures_{name}"] = {
                "width": _spread([width for _, width, _, _ in chosen]),
                "height": _spread([height for _, _, height, _ in chosen]),
                "aspect": _spread([width / height for _, width, height, _ in chosen]),
                "compression": dict(Counter(kind for *_, kind in chosen).most_common(5)),
            }
    report["shortcut_auc"] = shortcut_auc(
        np.array(thumbnails), labels, np.array([example.patient for example in readable])
    )
    return report


def shortcut_auc(grids: np.ndarray, labels: np.ndarray, patients: np.ndarray) -> float | None:
    """Measures how well global picture statistics alone separate the classes.

    A gradient-boosted tree on fifteen numbers that know nothing of a lung, cross-validated over
    patients. 0.5 is what an innocent data set gives; the nearer to 1, the more a network can
    score without learning medicine.

    Args:
        grids: `(n, 128, 128)` uint8.
        labels: `(n,)` integers.
        patients: `(n,)` identities.

    Returns:
        Area under the ROC curve, or None with fewer than ten patients in either class.
    """
    from sklearn.ensemble import HistGradientBoostingClassifier
    from sklearn.metrics import roc_auc_score
    from sklearn.model_selection import StratifiedGroupKFold, cross_val_predict
    from threadpoolctl import threadpool_limits

    if any(len(set(patients[labels == label])) < 10 for label in (0, 1)):
        return None
    features = np.stack([global_statistics(grid) for grid in grids])
    folds = StratifiedGroupKFold(5, shuffle=True, random_state=0)
    # A set this small is faster on one thread; on a busy machine a hundred times faster.
    with threadpool_limits(1, "openmp"):
        scores = cross_val_predict(
            HistGradientBoostingClassifier(random_state=0),
            features,
            labels,
            groups=patients,
            cv=folds,
            method="predict_proba",
        )
    return float(roc_auc_score(labels, scores[:, 1]))


def global_statistics(grid: np.ndarray) -> np.ndarray:
    """Returns fifteen numbers: mean, spread, percentiles, sharpness and corner brightness."""
    values = grid.astype(np.float32) / 255
    edge = len(grid) // 8
    corners = [values[:edge, :edge], values[:edge, -edge:]]
    corners += [values[-edge:, :edge], values[-edge:, -edge:]]
    return np.array(
        [
            values.mean(),
            values.std(),
            *np.percentile(values, [1, 5, 25, 50, 75, 95, 99]),
            np.abs(np.diff(values, axis=1)).mean(),
            np.abs(np.diff(values, axis=0)).mean(),
            *(corner.mean() for corner in corners),
        ]
    )


def _compression(path: Path) -> str:
    """Names the file's format and, of a JPEG, how its luma table begins (1 is near-lossless)."""
    with Image.open(path) as image:
        table = getattr(image, "quantization", {}).get(0)
        return image.format + (f" {','.join(map(str, table[:4]))}" if table else "")


def _count(examples: list[Example], folder: Path) -> dict:
    counts: dict[str, dict] = defaultdict(lambda: {"files": 0, "patients": set()})
    for example in examples:
        own = counts[f"{_split(example, folder)} {CLASSES[example.label]}"]
        own["files"] += 1
        own["patients"].add(example.patient)
    return {key: {**own, "patients": len(own["patients"])} for key, own in sorted(counts.items())}


def _split(example: Example, folder: Path) -> str:
    """Returns the part of the path above the class folder, such as `train`."""
    parts = example.path.relative_to(folder).parts
    above = parts[: max(i for i, part in enumerate((".", *parts)) if part in (*CLASSES, "."))]
    return "/".join(part for part in above if part not in CLASSES) or "."


def _relative(example: Example, folder: Path) -> str:
    return example.path.relative_to(folder).as_posix()


def _group_equal(identities: list) -> list[list[int]]:
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


def _describe_groups(groups: list[list[int]], examples: list[Example], folder: Path) -> dict:
    members = [[examples[index] for index in group] for group in groups]

    def crossing(identity: Callable[[Example], object]) -> int:
        return sum(len({identity(example) for example in group}) > 1 for group in members)

    return {
        "groups": len(groups),
        "files": sum(map(len, groups)),
        "groups_across_classes": crossing(lambda example: example.label),
        "groups_across_patients": crossing(lambda example: (example.label, example.patient)),
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
