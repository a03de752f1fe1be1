"""Joins the steps: Radiograph -> Reading."""

from dataclasses import dataclass

import numpy as np

from pneumo import NORMAL, PNEUMONIA
from pneumo.explain import Explainer, normalize_heatmap
from pneumo.model import Classifier
from pneumo.preprocess import resize_to_grid, to_model_input
from pneumo.radiograph import Radiograph


@dataclass(frozen=True)
class Reading:
    """What the model says about one radiograph; the verdict is left to a threshold.

    Attributes:
        radiograph: What was read.
        probability: P(PNEUMONIA) in [0, 1]; P(NORMAL) is the rest.
        heatmaps: `(2, 10, 10)` float32 in [0, 1], one Grad-CAM a class in the order of
            `pneumo.CLASSES`, each scaled by its own maximum, before any resize.
    """

    radiograph: Radiograph
    probability: float
    heatmaps: np.ndarray


def score(classifier: Classifier, radiograph: Radiograph) -> tuple[float, np.ndarray]:
    """Runs the network once.

    Returns:
        P(PNEUMONIA), and the feature maps `(1, 10, 10, 2048)` float32 of the same pass.
    """
    grid = resize_to_grid(radiograph.pixels, classifier.card.image_size)
    maps, probabilities = classifier.forward(to_model_input(grid[np.newaxis]))
    return float(probabilities[0, PNEUMONIA]), maps


def examine(classifier: Classifier, explainer: Explainer, radiograph: Radiograph) -> Reading:
    """Gives the probability and both classes' heatmaps from one pass of the network."""
    probability, maps = score(classifier, radiograph)
    cams = explainer.gradcam(np.repeat(maps, 2, axis=0), np.array([NORMAL, PNEUMONIA]))
    return Reading(radiograph, probability, normalize_heatmap(cams))
