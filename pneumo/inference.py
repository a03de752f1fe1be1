"""Joins the steps: Radiograph -> Reading. The one way, for app, command line and evaluation."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import cached_property
from itertools import islice
from pathlib import Path
from typing import NamedTuple

import numpy as np

from pneumo import PNEUMONIA
from pneumo.explaining.explainer import Explainer
from pneumo.explaining.localisation import Whereabouts, evidence_for, locate
from pneumo.network.architecture import LAST_CONVOLUTION
from pneumo.network.classifier import Classifier, load_classifier
from pneumo.network.forward import PICTURES_A_PASS
from pneumo.network.model_input import ModelInput, stack_grids
from pneumo.network.operating_points import verdict_of
from pneumo.network.preprocess import to_model_input
from pneumo.network.triage import REFUSED, Finding, is_refused, judge
from pneumo.network.weights_files import WEIGHTS_FOLDER
from pneumo.progress import Progress, unseen
from pneumo.reading.radiograph import Radiograph, RadiographInfo


class Engine(NamedTuple):
    """What answers and what explains the answers; safe to share between threads."""

    classifier: Classifier
    explainer: Explainer


def load_engine(folder: str | Path = WEIGHTS_FOLDER, precision: str = "float32") -> Engine:
    """Loads the verified classifier and prepares its explanations; see `load_classifier`."""
    classifier = load_classifier(folder, precision=precision)
    return Engine(classifier, Explainer(classifier))


class PreparedRadiograph(NamedTuple):
    """What the network sees of a radiograph, and what is known of it; not its pixels."""

    info: RadiographInfo
    input: ModelInput


@dataclass(frozen=True)
class Reading:
    """What the model says about one radiograph; the verdict is left to a threshold.

    It does not hold the radiograph's pixels, which are some megabytes: hundreds of readings are
    kept at a time. Whoever wants to see the radiograph reads its file again.

    Attributes:
        info: Of the radiograph.
        input: What the network saw, 90 kB, so that nobody finds the lungs a second time.
        probability: P(PNEUMONIA) in [0, 1]; P(NORMAL) is the rest.
        cams: `(2, 10, 10)` float32, at least 0, one Grad-CAM a class in the order of
            `pneumo.CLASSES`, in logits, before any resize.
        evidence: `(10, 10)` float32, each cell's share of the log odds; see
            `Explainer.evidence`.
        findings: What speaks against the answer, refusals first; see `pneumo.network.triage`.
    """

    info: RadiographInfo
    input: ModelInput
    probability: float
    cams: np.ndarray
    evidence: np.ndarray
    findings: tuple[Finding, ...] = ()

    @property
    def refused(self) -> bool:
        """Whether there is no verdict, whatever the probability."""
        return is_refused(self.findings)

    @property
    def adult(self) -> bool:
        """Whether this is taken for an adult, of whom the model knows nothing."""
        return any(finding.adult for finding in self.findings)

    def whereabouts(self, label: int) -> Whereabouts | None:
        """Returns where the evidence for a class lies; None if nowhere.

        Located once: the page asks for every row of its list each time that it is drawn.
        """
        if label not in self._located:
            self._located[label] = locate(self.evidence, label, self.input.field)
        return self._located[label]

    @cached_property
    def _located(self) -> dict[int, Whereabouts | None]:
        return {}

    def verdict(self, threshold: float) -> str:
        """Returns `PNEUMONIA`, `NORMAL` or `REFUSED`."""
        return REFUSED if self.refused else verdict_of(self.probability, threshold)


_AT_HAND: dict[str, Callable[[Reading, int], np.ndarray]] = {
    "gradcam": lambda reading, label: reading.cams[label],
    "evidence": lambda reading, label: evidence_for(reading.evidence, label),
}
"""Methods whose maps came with the answer -> how to take them from a reading."""


def score_pixels(classifier: Classifier, pictures: Iterable[np.ndarray]) -> np.ndarray:
    """Returns `(n,)` float32 P(PNEUMONIA) of n `(height, width)` uint8 radiographs.

    A few at a time: pictures that are made as they are taken are not to wait for their turn in
    memory.
    """
    rest, answers = iter(pictures), []
    while some := list(islice(rest, PICTURES_A_PASS)):
        answers.append(_score(classifier, stack_grids(classifier.prepare(some))))
    return np.concatenate(answers)


def score_grids(classifier: Classifier, grids: Iterable[np.ndarray]) -> np.ndarray:
    """Returns `(n,)` float32 P(PNEUMONIA) of n `(size, size)` uint8 pictures as the network sees.

    For what is changed after the lung field was cut out, such as an erased patch.
    """
    rest, answers = iter(grids), []
    while some := list(islice(rest, PICTURES_A_PASS)):
        answers.append(_score(classifier, np.stack(some)))
    return np.concatenate(answers)


def _score(classifier: Classifier, grids: np.ndarray) -> np.ndarray:
    return classifier.forward(grids).probabilities[:, PNEUMONIA]


def prepare(classifier: Classifier, pictures: list[np.ndarray]) -> np.ndarray:
    """Returns the model input `(n, size, size, 3)` float32 of `(height, width)` uint8 pictures."""
    return to_model_input(stack_grids(classifier.prepare(pictures)))


def prepare_input(classifier: Classifier, radiograph: Radiograph) -> PreparedRadiograph:
    """Makes of a radiograph what the network sees, after which its pixels may go."""
    (seen,) = classifier.prepare([radiograph.pixels])
    return PreparedRadiograph(radiograph.info, seen)


def predict(engine: Engine, prepared: list[PreparedRadiograph]) -> list[Reading]:
    """Gives probabilities, findings and both classes' explanations from one pass of the network."""
    classifier, explainer = engine
    maps, probabilities = classifier.forward(stack_grids([each.input for each in prepared]))
    cams, evidence = explainer.gradcam(maps), explainer.evidence(maps)
    return [
        Reading(info, seen, float(probability), pair, shares, _judge(classifier, info, seen))
        for (info, seen), probability, pair, shares in zip(
            prepared, probabilities[:, PNEUMONIA], cams, evidence, strict=True
        )
    ]


def has_cam(method: str) -> bool:
    """Tells whether every reading holds the map of a method already."""
    return method in _AT_HAND


def cam_of(
    engine: Engine,
    reading: Reading,
    method: str,
    label: int,
    layer: str = LAST_CONVOLUTION,
    *,
    progress: Progress = unseen,
) -> np.ndarray:
    """Returns the map of one method: from the reading where it holds it, else newly explained.

    See `Explainer.explain` for arguments, result and errors.
    """
    if has_cam(method):
        return _AT_HAND[method](reading, label)
    image = to_model_input(reading.input.grid[np.newaxis])
    return engine.explainer.explain(method, image, label, layer, progress)


def _judge(classifier: Classifier, info: RadiographInfo, seen: ModelInput) -> tuple[Finding, ...]:
    return judge(info.shape, seen, info.notes, classifier.scope)
