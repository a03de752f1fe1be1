"""From a trained network to calibrated weights, operating points and what the card says of them."""

from collections.abc import Callable
from pathlib import Path

import keras
import numpy as np

from pneumo import PNEUMONIA
from pneumo.calibration import (
    apply_temperature,
    class_weights,
    expected_calibration_error,
    fit_temperature,
)
from pneumo.dataset import Example, labels_of, patients_of
from pneumo.evaluate import compare_shifted, compute_metrics, score_suite
from pneumo.files import replacing
from pneumo.model import sha256_of
from pneumo.preprocess import resize_to_grid, to_model_input
from pneumo.shifts import SUITE_VERSION

NO_SCORES = ("identity", "label")
"""What a file of scores holds beside one `(n,)` array of P(PNEUMONIA) for each shift."""

Predictor = Callable[[list[np.ndarray]], np.ndarray]
"""n `(height, width)` uint8 pictures -> `(n,)` float32 P(PNEUMONIA)."""


def make_predictor(model: keras.Model, devices: int = 1) -> Predictor:
    """Wraps a classifier; with several devices every batch is filled up to a multiple of them."""
    size = model.input_shape[1]

    def predict(pictures: list[np.ndarray]) -> np.ndarray:
        grids = np.stack([resize_to_grid(picture, size) for picture in pictures])
        filled = np.concatenate([grids, np.repeat(grids[-1:], -len(grids) % devices, axis=0)])
        answers = keras.ops.convert_to_numpy(model.predict_on_batch(to_model_input(filled)))
        return answers[: len(grids), PNEUMONIA]

    return predict


def predict_grids(predict: Predictor, grids: np.ndarray, batch_size: int = 32) -> np.ndarray:
    """Returns `(n,)` P(PNEUMONIA) of `(n, size, size)` uint8 grids."""
    starts = range(0, len(grids), batch_size)
    return np.concatenate([predict(list(grids[i : i + batch_size])) for i in starts])


def score_examples(
    predict: Predictor, examples: list[Example], weights: Path, shifts: bool, progress: Callable
) -> dict[str, np.ndarray]:
    """Scores examples, under every shift if wanted; remembers the answer beside the weights.

    Args:
        predict: Of the weights.
        examples: Not among those that the weights were trained on.
        weights: Their file. A later call with the same file, examples and suite reads the scores.
        shifts: Whether to score the shift suite too; otherwise `none` is the only entry.
        progress: Wraps a range while it is worked through.

    Returns:
        Name of a shift -> `(n,)` P(PNEUMONIA).
    """
    path = scores_path(weights)
    files = [(e.path.parent.name, e.path.name, e.path.stat().st_size, e.label) for e in examples]
    identity = f"{sha256_of(weights)} {SUITE_VERSION if shifts else None} {files}"
    if path.exists():
        with np.load(path) as found:
            if str(found["identity"]) == identity:
                return {name: found[name] for name in found.files if name not in NO_SCORES}
    places = progress(range(len(examples)))
    scores = score_suite(examples, predict, places, None if shifts else ())
    with replacing(path) as draft, draft.open("wb") as file:
        np.savez(file, identity=identity, label=labels_of(examples), **scores)
    return scores


def scores_path(weights: Path) -> Path:
    """Returns where the scores of a file of weights are remembered."""
    return weights.with_name(weights.name.replace(".weights.h5", ".scores.npz"))


def scale_head(model: keras.Model, temperature: float) -> None:
    """Divides the logits by the temperature, within the weights: predicting needs no extra step."""
    head = model.get_layer("probability")
    head.set_weights([value / temperature for value in head.get_weights()])


def average_weights(models: list[list[np.ndarray]]) -> list[np.ndarray]:
    """Averages the weights of several networks that began alike into those of one.

    A uniform soup (Wortsman et al. 2022, https://arxiv.org/abs/2203.05482).
    """
    return [np.mean(values, axis=0, dtype=np.float64) for values in zip(*models, strict=True)]


def describe_calibration(
    labels: np.ndarray, raw: np.ndarray, patients: np.ndarray, temperature: float, seed: int
) -> dict:
    """Reports the calibration error without and with temperature, the latter cross-fitted.

    Cross-fitted: the patients are halved, each half gets the temperature of the other, so no
    radiograph has a say in its own figure.
    """
    weights = class_weights(labels)
    rng = np.random.default_rng(seed)
    half = np.zeros(len(labels), bool)
    for label in (0, 1):
        own = np.unique(patients[labels == label])
        half[np.isin(patients, rng.permutation(own)[: len(own) // 2]) & (labels == label)] = True
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


def describe_points(
    chosen: dict[str, tuple[float, str]],
    labels: np.ndarray,
    scores: dict[str, np.ndarray],
    patients: np.ndarray,
) -> dict[str, dict]:
    """Measures thresholds on held-out patients.

    Args:
        chosen: From `pneumo.operating_point.choose_thresholds`.
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


def describe_scores(examples: list[Example], probabilities: np.ndarray, of: str) -> dict:
    """Returns labels, meaningless patient numbers and scores, ordered by score: no names."""
    order = np.argsort(probabilities, kind="stable")
    _, numbers = np.unique(patients_of(examples), return_inverse=True)
    return {
        "of": of,
        "label": labels_of(examples)[order].tolist(),
        "patient": numbers[order].tolist(),
        "p_pneumonia": [round(float(p), 4) for p in probabilities[order]],
    }
