"""How easily the classes are told apart by what is no lung.

Simple classifiers are given nothing but a few numbers on one thing that should not matter, and
are cross-validated over patients. 0.5 is what an innocent data set gives; the nearer to 1, the
more a network can score without learning medicine.
"""

import numpy as np
from PIL import Image

from pneumo import NORMAL, PNEUMONIA
from pneumo.evaluation.surroundings import Chest, find_marks
from pneumo.network.lung_field import bounds_of, crop_outline, field_of
from pneumo.network.lung_finder import Finder, find_lungs

MARK_CELLS, OUTLINE_CELLS = 24, 32
"""Sides of the maps of marks and of the outline."""
LEAST_PATIENTS = 10
"""In either class; with fewer an area under the curve says nothing."""

AROUND = ("marks", "framing", "outline")
"""What lies around the lungs: where letters and other bright marks are; how the lungs lie in the
picture and what shape that has; and the outline of the lung field, cut out and stretched."""


def look_around(pixels: np.ndarray, find: Finder) -> dict[str, np.ndarray]:
    """Describes what lies around the lungs of a `(height, width)` uint8 radiograph.

    Returns:
        Name of `AROUND` -> `(d,)` float32, the same d for every radiograph.
    """
    (drawn,) = find_lungs(find, [pixels]).lungs
    field = field_of(drawn)
    marks = Image.fromarray(find_marks(Chest(pixels, field.lungs)).astype(np.float32))
    height, width = pixels.shape
    lungs = field.lungs >= 0.5
    box = bounds_of(lungs) if field.found else (0.0, 0.0, 1.0, 1.0)
    return {
        "marks": np.asarray(
            marks.resize((MARK_CELLS, MARK_CELLS), Image.Resampling.BOX), np.float32
        ).ravel(),
        "framing": np.array([width / height, *box, lungs.mean()], np.float32),
        "outline": crop_outline(field, OUTLINE_CELLS).ravel(),
    }


def global_statistics(grid: np.ndarray) -> np.ndarray:
    """Returns fifteen numbers: mean, spread, percentiles, sharpness and corner brightness.

    Args:
        grid: `(128, 128)` uint8.
    """
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


def aucs_of(
    features: dict[str, list[np.ndarray]], labels: np.ndarray, patients: np.ndarray
) -> dict[str, float | None]:
    """Measures how well each set of numbers tells the classes apart.

    Args:
        features: Name -> n times `(d,)`.
        labels: `(n,)` integers.
        patients: `(n,)` identities.

    Returns:
        Name -> area under the ROC curve, the mean over the folds, of gradient-boosted trees or
        of a linear classifier, whichever is larger; None with fewer than `LEAST_PATIENTS`
        patients in either class.
    """
    if any(len(set(patients[labels == label])) < LEAST_PATIENTS for label in (0, 1)):
        return dict.fromkeys(features)
    return {name: _auc(np.stack(values), labels, patients) for name, values in features.items()}


def least_typical(labels: np.ndarray, looks: np.ndarray, share: float) -> np.ndarray:
    """Finds the radiographs whose looks are most like the other class's.

    Who answers from those looks is mistaken there, so a network that is right about all others
    and wrong about these has followed them.

    Args:
        labels: `(n,)` integers, 1 for PNEUMONIA.
        looks: `(n,)` P(PNEUMONIA) by a classifier that knows nothing but looks.
        share: How many of each class, in (0, 1]; at least one of each.

    Returns:
        `(m,)` indices, NORMAL first, within each class the most mistaken first.
    """
    chosen = []
    for label, mistaken in ((NORMAL, looks), (PNEUMONIA, 1 - looks)):
        own = np.flatnonzero(labels == label)
        order = own[np.argsort(-mistaken[own], kind="stable")]
        chosen.append(order[: max(1, round(share * len(own)))])
    return np.concatenate(chosen)


def _auc(features: np.ndarray, labels: np.ndarray, patients: np.ndarray) -> float:
    from sklearn.ensemble import HistGradientBoostingClassifier
    from sklearn.linear_model import LogisticRegression
    from sklearn.model_selection import StratifiedGroupKFold, cross_val_score
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler
    from threadpoolctl import threadpool_limits

    models = (
        HistGradientBoostingClassifier(random_state=0),
        make_pipeline(StandardScaler(), LogisticRegression(C=1e-2, max_iter=1000)),
    )
    folds = StratifiedGroupKFold(5, shuffle=True, random_state=0)
    # A set this small is faster on one thread; on a busy machine a hundred times faster.
    with threadpool_limits(1, "openmp"):
        # Fold by fold: the scores of different folds' models are not on one scale.
        return max(
            float(
                cross_val_score(
                    model, features, labels, groups=patients, cv=folds, scoring="roc_auc"
                ).mean()
            )
            for model in models
        )
