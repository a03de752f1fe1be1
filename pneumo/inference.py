"""Joins the steps: Radiograph -> Reading."""

from collections.abc import Iterable
from dataclasses import dataclass
from itertools import islice

import numpy as np

from pneumo import NORMAL, PNEUMONIA
from pneumo.adjust import AS_IS, Adjustment
from pneumo.explain import Explainer, normalize_heatmap
from pneumo.model import PICTURES_A_PASS, Classifier
from pneumo.operating_point import verdict_of
from pneumo.preprocess import resize_to_grid, to_model_input
from pneumo.quality import REFUSED, Finding, is_refused, judge
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
        findings: What speaks against the answer, refusals first; see `pneumo.quality`.
        adjustment: See `Radiograph`.
        frames: See `Radiograph`.
    """

    sha256: str
    shape: tuple[int, int]
    notes: tuple[str, ...]
    probability: float
    heatmaps: np.ndarray
    findings: tuple[Finding, ...] = ()
    adjustment: Adjustment = AS_IS
    frames: int = 1

    @property
    def identity(self) -> tuple[str, Adjustment]:
        """What the answer depends on, besides the weights."""
        return self.sha256, self.adjustment

    @property
    def tag(self) -> str:
        """The identity in a few letters, for the keys of widgets."""
        changed = self.adjustment
        return f"{self.sha256[:12]}-{changed.frame}-{changed.turns}-{int(changed.inverted)}"

    @property
    def refused(self) -> bool:
        """Whether there is no verdict, whatever the probability."""
        return is_refused(self.findings)

    def verdict(self, threshold: float) -> str:
        """Returns `PNEUMONIA`, `NORMAL` or `REFUSED`."""
        return REFUSED if self.refused else verdict_of(self.probability, threshold)


def score_pixels(classifier: Classifier, pictures: Iterable[np.ndarray]) -> np.ndarray:
    """Returns `(n,)` float32 P(PNEUMONIA) of n `(height, width)` uint8 pictures.

    A few at a time: neither pictures that are made as they are taken nor the model input, twelve
    bytes a pixel, are to wait for their turn in memory.
    """
    rest, answers = iter(pictures), []
    while some := list(islice(rest, PICTURES_A_PASS)):
        answers.append(classifier.forward(prepare(classifier, some))[1][:, PNEUMONIA])
    return np.concatenate(answers)


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
        adjustment: See `Reading`.
        frames: See `Reading`.
        grid: `(size, size)` uint8, the radiograph stretched to the input of the network.
    """

    sha256: str
    shape: tuple[int, int]
    notes: tuple[str, ...]
    adjustment: Adjustment
    frames: int
    grid: np.ndarray


def look_at(classifier: Classifier, radiograph: Radiograph) -> Sight:
    """Makes of a radiograph what the network sees, after which its pixels may go."""
    return Sight(
        radiograph.sha256,
        radiograph.pixels.shape,
        radiograph.notes,
        radiograph.adjustment,
        radiograph.frames,
        resize_to_grid(radiograph.pixels, classifier.card.image_size),
    )


def score(classifier: Classifier, sight: Sight) -> tuple[float, tuple[Finding, ...], np.ndarray]:
    """Runs the network once.

    Returns:
        P(PNEUMONIA), what speaks against it, and the feature maps `(1, 10, 10, 2048)` float32 of
        the same pass.
    """
    maps, probabilities, features = classifier.forward(to_model_input(sight.grid[np.newaxis]))
    return float(probabilities[0, PNEUMONIA]), _judge(classifier, sight, features[0]), maps


def examine(classifier: Classifier, explainer: Explainer, sights: list[Sight]) -> list[Reading]:
    """Gives probabilities, findings and both classes' heatmaps from one pass of the network."""
    maps, probabilities, features = classifier.forward(
        to_model_input(np.stack([sight.grid for sight in sights]))
    )
    classes = np.tile([NORMAL, PNEUMONIA], len(sights))
    cams = normalize_heatmap(explainer.gradcam(np.repeat(maps, 2, axis=0), classes))
    pairs = cams.reshape(-1, 2, *cams.shape[1:])
    return [
        Reading(
            sight.sha256,
            sight.shape,
            sight.notes,
            float(probability),
            pair,
            _judge(classifier, sight, own),
            sight.adjustment,
            sight.frames,
        )
        for sight, probability, pair, own in zip(
            sights, probabilities[:, PNEUMONIA], pairs, features, strict=True
        )
    ]


def _judge(classifier: Classifier, sight: Sight, features: np.ndarray) -> tuple[Finding, ...]:
    return judge(sight.shape, sight.grid, sight.notes, features, classifier.scope)
