"""Which training radiographs look like the other class, so that an epoch can show them more often.

How a chest was exposed and exported tells the classes of this collection apart. A network is paid
for that knowledge by every radiograph whose looks fit its class, and pays for it only where they do
not. Showing the latter more often takes the pay away: where each is shown by the inverse of how
probable its class is to those who know its looks, looks and class are independent (Horvitz and
Thompson 1952, https://doi.org/10.1080/01621459.1952.10483446). Liu et al. 2021 repeat what a first
network got wrong for the same reason (https://arxiv.org/abs/2107.09044).
"""

import numpy as np

from pneumo.dataset.examples import Example, labels_of, patients_of
from pneumo.errors import TrainingError
from pneumo.evaluation.shortcuts import LEAST_PATIENTS, global_statistics
from pneumo.network.lung_field import WHOLE, present
from pneumo.network.preprocess import resize_to_grid
from pneumo.training.framing import Sources, cut_exactly, draw_outline

LOOK_SIDE = 128
"""Of the pictures whose looks are judged: what is where cannot be told from their numbers."""
ODDS_FOLDS = 5


def odds_against_looks(
    sources: Sources, training: list[Example], view: str, most: float
) -> np.ndarray:
    """Tells how often each radiograph is to be shown, for its looks not to tell its class.

    Trees that know brightness and sharpness of the picture as a whole judge the radiographs of
    patients they were not fitted to.

    Args:
        sources: Of the radiographs.
        training: The radiographs, in the same order.
        view: What the network is shown of them, one of `lung_field.VIEWS`.
        most: How many times as often as one whose looks are its class's own, at most; at least 1.

    Returns:
        `(n,)` from 1 to `most`: 1 / P(own class | looks).

    Raises:
        TrainingError: Either class has fewer than `LEAST_PATIENTS` patients.
    """
    from sklearn.ensemble import HistGradientBoostingClassifier
    from sklearn.model_selection import StratifiedGroupKFold, cross_val_predict
    from threadpoolctl import threadpool_limits

    labels, patients = labels_of(training), patients_of(training)
    if any(len(set(patients[labels == label])) < LEAST_PATIENTS for label in (0, 1)):
        raise TrainingError(
            f"--against-looks needs {LEAST_PATIENTS} patients of either class to learn looks from. "
            "With fewer say --against-looks 1, which goes without."
        )
    numbers = np.stack([global_statistics(_see(sources, i, view)) for i in range(len(labels))])
    with threadpool_limits(1, "openmp"):  # a set this small is faster so
        probabilities = cross_val_predict(
            HistGradientBoostingClassifier(class_weight="balanced", random_state=0),
            numbers,
            labels,
            groups=patients,
            cv=StratifiedGroupKFold(ODDS_FOLDS, shuffle=True, random_state=0),
            method="predict_proba",
        )
    own = probabilities[np.arange(len(labels)), labels]
    return np.minimum(1 / np.maximum(own, 1e-6), most)


def _see(sources: Sources, index: int, view: str) -> np.ndarray:
    """Returns `(LOOK_SIDE, LOOK_SIDE)` uint8 of one radiograph as serving would show it."""
    if view == WHOLE:
        return resize_to_grid(sources.grids[index], LOOK_SIDE)
    cut = cut_exactly(sources, index, LOOK_SIDE)
    outline = draw_outline(cut, cut)
    return present(cut.grid, outline, view)
