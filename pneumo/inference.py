"""Joins the steps: Radiograph -> Reading."""

from dataclasses import dataclass

import numpy as np

from pneumo import NORMAL, PNEUMONIA
from pneumo.explain import Explainer, normalize_heatmap
from pneumo.model import PICTURES_A_PASS, Classifier
from pneumo.preprocess import resize_to_grid, to_model_input
from pneumo.radiograph import Radiograph


@dataclass(frozen=True)
class Reading:
    """What the model says about one radiograph; the verdict is left to a threshold.

    It does not hold the radiograph's pixels, which are some megabytes: hundreds of readings are
    kept at a time. Whoever wants to see the radiograph reads its file again.

    Attributes:
        sha256: Of the file that was read; see `Radiograph`.
        shape: Height and width of the radiograph.
        notes: See `Radiograph`.
        probability: P(PNEUMONIA) in [0, 1]; P(NORMAL) is the rest.
        heatmaps: `(2, 10, 10)` float32 in [0, 1], one Grad-CAM a class in the order of
            `pneumo.CLASSES`, each scaled by its own maximum, before any resize.
    """

    sha256: str
    shape: tuple[int, int]
    notes: tuple[str, ...]
    probability: float
    heatmaps: np.ndarray


def score(classifier: Classifier, radiograph: Radiograph) -> tuple[float, np.ndarray]:
    """Runs the network once.

    Returns:
        P(PNEUMONIA), and the feature maps `(1, 10, 10, 2048)` float32 of the same pass.
    """
    maps, probabilities = classifier.forward(prepare(classifier, [radiograph.pixels]))
    return float(probabilities[0, PNEUMONIA]), maps


def score_pixels(classifier: Classifier, pictures: list[np.ndarray]) -> np.ndarray:
    """Returns `(n,)` float32 P(PNEUMONIA) of n `(height, width)` uint8 pictures.

    A few at a time: the model input, twelve bytes a pixel, is not to wait for its turn in memory.
    """
    few = [pictures[i : i + PICTURES_A_PASS] for i in range(0, len(pictures), PICTURES_A_PASS)]
    return np.concatenate(
        [classifier.forward(prepare(classifier, some))[1][:, PNEUMONIA] for some in few]
    )


def prepare(classifier: Classifier, pictures: list[np.ndarray]) -> np.ndarray:
    """Returns the model input `(n, size, size, 3)` float32 of `(height, width)` uint8 pictures."""
    size = classifier.card.image_size
    return to_model_input(np.stack([resize_to_grid(pixels, size) for pixels in pictures]))


@dataclass(frozen=True)
class Sight:
    """What the network sees of a radiograph, and what is told of it; not its pixels.

    Attributes:
        sha256: See `Reading`.
        shape: See `Reading`.
        notes: See `Reading`.
        grid: `(size, size)` uint8, the radiograph stretched to the input of the network.
    """

    sha256: str
    shape: tuple[int, int]
    notes: tuple[str, ...]
    grid: np.ndarray


def look_at(classifier: Classifier, radiograph: Radiograph) -> Sight:
    """Makes of a radiograph what the network sees, after which its pixels may go."""
    grid = resize_to_grid(radiograph.pixels, classifier.card.image_size)
    return Sight(radiograph.sha256, radiograph.pixels.shape, radiograph.notes, grid)


def examine(classifier: Classifier, explainer: Explainer, sights: list[Sight]) -> list[Reading]:
    """Gives probabilities and both classes' heatmaps from one pass of the network."""
    maps, probabilities = classifier.forward(to_model_input(np.stack([s.grid for s in sights])))
    classes = np.tile([NORMAL, PNEUMONIA], len(sights))
    cams = normalize_heatmap(explainer.gradcam(np.repeat(maps, 2, axis=0), classes))
    pairs = cams.reshape(-1, 2, *cams.shape[1:])
    answers = zip(sights, probabilities[:, PNEUMONIA], pairs, strict=True)
    return [Reading(s.sha256, s.shape, s.notes, float(p), pair) for s, p, pair in answers]
