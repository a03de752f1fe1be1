"""From a trained network to calibrated weights, operating points and what the card says of them."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import keras
import numpy as np

from pneumo import NORMAL, PNEUMONIA
from pneumo.dataset.examples import Example, labels_of, patients_of
from pneumo.dataset.splits import halve_patients, split_patients
from pneumo.evaluation.calibration import (
    apply_temperature,
    class_weights,
    expected_calibration_error,
    fit_temperature,
)
from pneumo.evaluation.metrics import compare_shifted, compute_metrics, score_suite
from pneumo.evaluation.robustness import SUITE_VERSION
from pneumo.files import JsonObject, atomic_write
from pneumo.network.architecture import backbone_of
from pneumo.network.lung_finder import Finder
from pneumo.network.model_input import prepare_inputs, stack_grids
from pneumo.network.preprocess import to_model_input
from pneumo.network.weights_files import sha256_of
from pneumo.progress import Progress

NO_SCORES = ("identity", "label")
"""What a file of scores holds beside one `(n,)` array of P(PNEUMONIA) for each shift."""

Predictor = Callable[[list[np.ndarray]], np.ndarray]
"""n `(height, width)` uint8 pictures -> `(n,)` float32 P(PNEUMONIA)."""


@dataclass(frozen=True)
class Suite:
    """Which part of the robustness suite to score.

    Attributes:
        share: Of the patients, 0 for none.
        find: Draws the lungs whose surroundings are exchanged; None to leave those out.
        seed: Decides which patients.
    """

    share: float
    find: Finder | None
    seed: int

    def choose(self, examples: list[Example]) -> list[Example]:
        """Returns the examples to score under every change."""
        if not self.share or len(examples) == 0:
            return []
        return examples if self.share == 1 else split_patients(examples, self.share, self.seed)[1]


def make_predictor(
    model: keras.Model, find: Finder | None, view: str, devices: int = 1
) -> Predictor:
    """Wraps a classifier.

    Args:
        model: Of any backend.
        find: Draws the lungs; None for a classifier that looks at whole radiographs.
        view: See `pneumo.network.model_input.prepare_inputs`.
        devices: With several, every batch is filled up to a multiple of them.
    """
    size = model.input_shape[1]

    def predict(pictures: list[np.ndarray]) -> np.ndarray:
        grids = stack_grids(prepare_inputs(pictures, size, find, view))
        return predict_grids(model, grids, devices)

    return predict


def predict_grids(
    model: keras.Model, grids: np.ndarray, devices: int = 1, batch_size: int = 32
) -> np.ndarray:
    """Returns `(n,)` P(PNEUMONIA) of `(n, size, size)` uint8 grids as the network sees them."""
    answers = []
    for start in range(0, len(grids), batch_size):
        some = grids[start : start + batch_size]
        filled = np.concatenate([some, np.repeat(some[-1:], -len(some) % devices, axis=0)])
        found = keras.ops.convert_to_numpy(model.predict_on_batch(to_model_input(filled)))
        answers.append(found[: len(some), PNEUMONIA])
    return np.concatenate(answers)


def score_examples(
    predict: Predictor, examples: list[Example], weights: Path, suite: Suite, progress: Progress
) -> dict[str, np.ndarray]:
    """Scores examples, under every shift if wanted; remembers the answer beside the weights.

    Args:
        predict: Of the weights.
        examples: Not among those that the weights were trained on.
        weights: Their file. A later call with the same file, examples and suite reads the scores.
        suite: What else than the radiographs as they are to score.
        progress: Called before each example; not if the answers are remembered.

    Returns:
        Name of a variant -> `(n,)` P(PNEUMONIA); NaN for a patient who is left out of the suite.
    """
    path = scores_path(weights)
    files = [(e.path.parent.name, e.path.name, e.path.stat().st_size, e.label) for e in examples]
    identity = f"{sha256_of(weights)} {SUITE_VERSION} {suite.share} {suite.seed} {files}"
    if path.exists():
        with np.load(path) as found:
            if str(found["identity"]) == identity:
                return {name: found[name] for name in found.files if name not in NO_SCORES}
    chosen = {example.path for example in suite.choose(examples)}
    wanted = [None if example.path in chosen else () for example in examples]
    scores = score_suite(examples, predict, wanted, suite.find, progress)
    with atomic_write(path) as draft, draft.open("wb") as file:
        np.savez(file, allow_pickle=False, identity=identity, label=labels_of(examples), **scores)
    return scores


def scores_path(weights: Path) -> Path:
    """Returns where the scores of a file of weights are remembered."""
    return weights.with_name(weights.name.replace(".weights.h5", ".scores.npz"))


def scale_head(model: keras.Model, temperature: float) -> None:
    """Divides the logits by the temperature, within the weights: predicting needs no extra step.

    And takes their mean off both, which changes no answer: training leaves what both logits have in
    common to chance, and Grad-CAM of one class would draw it as if it spoke for that class.
    """
    head = model.get_layer("probability")
    scaled = [value / temperature for value in head.get_weights()]
    head.set_weights([value - value.mean(axis=-1, keepdims=True) for value in scaled])


def average_weights(
    models: list[list[np.ndarray]], shares: Sequence[float] | None = None
) -> list[np.ndarray]:
    """Averages the weights of several networks that began alike into those of one.

    A soup (Wortsman et al. 2022, https://arxiv.org/abs/2203.05482).

    Args:
        models: The weights of each.
        shares: Of each; equal ones if not given.
    """
    return [
        np.average(np.asarray(values, np.float64), axis=0, weights=shares)
        for values in zip(*models, strict=True)
    ]


def describe_calibration(
    labels: np.ndarray, raw: np.ndarray, patients: np.ndarray, temperature: float, seed: int
) -> JsonObject:
    """Reports the calibration error without and with temperature, the latter cross-fitted.

    Cross-fitted: the patients are halved, each half gets the temperature of the other, so no
    radiograph has a say in its own figure.
    """
    weights = class_weights(labels)
    rng = np.random.default_rng(seed)
    half = halve_patients(labels, patients, rng)
    crossed = np.empty(len(labels))
    for part in (half, ~half):
        crossed[part] = apply_temperature(raw[part], fit_temperature(labels[~part], raw[~part]))
    return {
        "method": "temperature scaling (Guo et al. 2017), within the weights; P(PNEUMONIA) is "
        "meant for sets where both classes are equally frequent, and so measured",
        "temperature": temperature,
        "ece_before": expected_calibration_error(labels, raw, weights),
        "ece_cross_fitted": expected_calibration_error(labels, crossed, weights),
    }


def measure_heat(model: keras.Model, grids: np.ndarray, labels: np.ndarray) -> dict[str, float]:
    """Finds how strong heat is drawn hottest in every radiograph.

    Both maps have a closed form for a head of pooling and one Dense layer; see
    `pneumo.explaining.explainer.Explainer.evidence`.

    Args:
        model: The classifier.
        grids: `(n, size, size)` uint8 as the network sees them, of held-out patients.
        labels: `(n,)` integers.

    Returns:
        Method -> the value, in logits a cell, that the strongest cell of half of the PNEUMONIA
        radiographs reaches.
    """
    own = grids[labels == PNEUMONIA]
    backbone = backbone_of(model)
    kernel = model.get_layer("probability").get_weights()[0]
    peaks: dict[str, list[np.ndarray]] = {"gradcam": [], "evidence": []}
    for start in range(0, len(own), 16):
        batch = backbone.predict_on_batch(to_model_input(own[start : start + 16]))
        maps = keras.ops.convert_to_numpy(batch)  # (16, h, w, channels)
        cells = maps @ kernel / np.prod(maps.shape[1:3])  # (16, h, w, classes)
        peaks["gradcam"].append(cells[..., PNEUMONIA].max(axis=(1, 2)))
        peaks["evidence"].append((cells[..., PNEUMONIA] - cells[..., NORMAL]).max(axis=(1, 2)))
    return {name: float(np.median(np.concatenate(values))) for name, values in peaks.items()}


def describe_points(
    chosen: dict[str, tuple[float, str]],
    labels: np.ndarray,
    scores: dict[str, np.ndarray],
    patients: np.ndarray,
) -> dict[str, JsonObject]:
    """Measures thresholds on held-out patients.

    Args:
        chosen: From `pneumo.network.operating_points.choose_thresholds`.
        labels: `(n,)` integers, 1 for PNEUMONIA.
        scores: Name of a shift -> `(n,)` P(PNEUMONIA) by the network that is shipped.
        patients: `(n,)` identities.

    Returns:
        Name -> threshold, rates with 95 % intervals, the least of them under the shifts if there
        are any, `chosen_by`.
    """
    points = {}
    for name, (threshold, words) in chosen.items():
        metrics = compute_metrics(labels, scores["none"], patients, threshold)
        shifted = compare_shifted(labels, scores, threshold).values()
        points[name] = {
            key: metrics[key]
            for key in (
                *("threshold", "sensitivity", "specificity"),
                *("sensitivity_ci95", "specificity_ci95"),
            )
        }
        for rate in ("sensitivity", "specificity", "balanced_accuracy"):
            if len(scores) > 1:
                points[name][f"least_{rate}_under_shifts"] = min(entry[rate] for entry in shifted)
        points[name]["chosen_by"] = words
    return points


def describe_scores(examples: list[Example], probabilities: np.ndarray, of: str) -> JsonObject:
    """Returns labels, meaningless patient numbers and scores, ordered by score: no names."""
    order = np.argsort(probabilities, kind="stable")
    _, numbers = np.unique(patients_of(examples), return_inverse=True)
    return {
        "of": of,
        "label": labels_of(examples)[order].tolist(),
        "patient": numbers[order].tolist(),
        "p_pneumonia": [round(float(p), 6) for p in probabilities[order]],
    }
