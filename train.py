"""Fine-tunes an ImageNet Xception into a PNEUMONIA / NORMAL classifier, from folder to model card.

    python train.py --data chest_xray                        # the default recipe
    python train.py --data chest_xray --recipe origin        # as the original README did it
    python train.py --smoke                                  # a minute or two, on drawn pictures
    KERAS_BACKEND=jax python train.py --data chest_xray      # on JAX instead of TensorFlow

Writes weights, lung finder and model card into --output; copy the three into `weights/` and the
app uses them.
"""

import json
import platform
import sys
import tempfile
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

import keras
import numpy as np

from pneumo.dataset.examples import (
    Example,
    find_training_folder,
    index_folder,
    labels_of,
    patients_of,
    require_both_classes,
)
from pneumo.dataset.patients import describe_patients, rule_of
from pneumo.dataset.splits import (
    describe_rule,
    describe_split,
    digest_of,
    drop_duplicates,
    split_folds,
    split_patients,
    write_splits,
)
from pneumo.errors import PneumoError
from pneumo.evaluation.calibration import apply_temperature, fit_temperature
from pneumo.evaluation.metrics import compare_shifted, compute_metrics
from pneumo.evaluation.robustness import RESTS
from pneumo.network.architecture import build_classifier
from pneumo.network.card import compose_card, write_card
from pneumo.network.operating_points import choose_thresholds
from pneumo.network.self_test import draw_pictures
from pneumo.network.weights_files import CARD_NAME, save_weights_fp16, sha256_of
from pneumo.training.callbacks import show_share
from pneumo.training.checkpoint import begin_run, require_same_split
from pneumo.training.describe import add_finder, describe_judged, source_of
from pneumo.training.devices import use_devices
from pneumo.training.epoch import require_finite
from pneumo.training.figures import draw_figures
from pneumo.training.finish import (
    Suite,
    average_weights,
    describe_calibration,
    describe_points,
    describe_scores,
    measure_heat,
    scale_head,
    score_examples,
)
from pneumo.training.fit import fit
from pneumo.training.inputs import finder_of, predictor, see
from pneumo.training.network import require_init
from pneumo.training.phantom import write_phantom_dataset
from pneumo.training.recipe import (
    UNCALIBRATED_NAME,
    WEIGHTS_NAME,
    Recipe,
    parse_arguments,
    settings_of,
)


def train(recipe: Recipe) -> dict:
    """Runs everything; returns the model card's document."""
    require_init(recipe)
    keras.utils.set_random_seed(recipe.seed)
    devices = use_devices(recipe.devices, recipe.batch_size)
    recipe.output.mkdir(parents=True, exist_ok=True)
    training, held_out, folds, splits = divide(recipe)
    print(
        f"Keras {keras.__version__} on {keras.backend.backend()}, {devices} device(s)", flush=True
    )
    final, history, judged, raw = train_networks(recipe, training, held_out, folds, devices)
    labels, patients = labels_of(judged), patients_of(judged)
    weights_path = recipe.output / WEIGHTS_NAME
    temperature = calibrate(final, labels, raw["none"], weights_path)

    # Measured: on held-out patients, at thresholds chosen where no network saw the patients.
    scores = {name: apply_temperature(p, temperature) for name, p in raw.items()}
    rests = {name: scores.pop(name) for name in RESTS if name in scores}
    measured = score(recipe, final, held_out, weights_path, devices, shifts=bool(folds))
    if not folds:  # the same radiographs: measured anew as they are, as shipped
        measured = scores = scores | measured
    else:
        rests = {name: measured.pop(name) for name in RESTS if name in measured}
    require_finite(final, measured["none"], "calibration")
    true, their = labels_of(held_out), patients_of(held_out)
    points = describe_points(choose_thresholds(labels, scores), true, measured, their)
    threshold = points["balanced"]["threshold"]
    metrics = compute_metrics(true, measured["none"], their, threshold)

    document = describe(
        recipe,
        weights={"file": WEIGHTS_NAME, "dtype": "float16", "sha256": sha256_of(weights_path)},
        data={
            **source_of(recipe, training),
            **describe_split(training, held_out),
            "split": describe_rule(training + held_out, recipe.seed),
        },
        run={"splits": splits, "devices": devices, "history": history},
        metrics={
            "held_out_patients": metrics,
            "shifts": compare_shifted(true, measured, threshold),
            "rests_on": compare_shifted(true, {"none": measured["none"], **rests}, threshold),
        },
        calibration=describe_calibration(labels, raw["none"], patients, temperature, recipe.seed),
        operating_points=points,
        heat_scales=measure_heat(final, see(recipe, held_out), true),
        self_test=[float(p) for p in predictor(recipe, final, 1)(draw_pictures())],
        out_of_fold=describe_scores(judged, scores["none"], describe_judged(judged, recipe.folds)),
    )
    write_report(recipe.output, document, true, measured["none"])
    print(f"wrote {weights_path}, {recipe.output / CARD_NAME} and {recipe.output / 'report'}")
    print(json.dumps(metrics, indent=2))
    return document


def calibrate(
    model: keras.Model, labels: np.ndarray, probabilities: np.ndarray, weights: Path
) -> float:
    """Calibrates, then rounds to 16 bits: what is shipped is what is measured.

    Args:
        model: Whose last layer is scaled.
        labels: `(n,)` integers, 1 for PNEUMONIA, of radiographs that no network judging them saw.
        probabilities: `(n,)` P(PNEUMONIA) of these.
        weights: File to write, from which the model is loaded anew.

    Returns:
        The temperature.
    """
    temperature = fit_temperature(labels, probabilities)
    scale_head(model, temperature)
    save_weights_fp16(model, weights)
    model.load_weights(weights)
    return temperature


def write_report(
    output: Path, document: dict, labels: np.ndarray, probabilities: np.ndarray
) -> None:
    """Writes the figures of the held-out patients, and the model card beside them and the weights.

    Args:
        output: Folder of the run.
        document: Of the model card.
        labels: `(n,)` integers, 1 for PNEUMONIA, of the held-out radiographs.
        probabilities: `(n,)` P(PNEUMONIA) of these.
    """
    report = output / "report"
    points = {name: point["threshold"] for name, point in document["operating_points"].items()}
    draw_figures(report, document["training"]["history"], labels, probabilities, points)
    write_card(report / CARD_NAME, document)
    write_card(output / CARD_NAME, document)  # last: who finds it finds all


def describe(recipe: Recipe, *, run: dict, **measured: object) -> dict:
    """Composes the model card's document of what was measured and how it was made."""
    software = f"Keras {keras.__version__} on {keras.backend.backend()}"
    return compose_card(
        layout=recipe.layout,
        view=recipe.view,
        lung_finder=add_finder(recipe),
        training={
            **settings_of(recipe),
            **run,
            "software": f"{software}, Python {platform.python_version()}",
        },
        **measured,
    )


class Division(NamedTuple):
    """Who is trained on and who is not.

    Attributes:
        training: The radiographs to train on.
        held_out: Those of other patients.
        folds: The former once more, by fold; none without --folds.
        splits: Digest of which file is in which part.
    """

    training: list[Example]
    held_out: list[Example]
    folds: list[list[Example]]
    splits: str


def divide(recipe: Recipe) -> Division:
    """Lists the radiographs and splits them by patient; writes the splits down."""
    folder = find_training_folder(recipe.data)
    found = index_folder(folder, rule_of(recipe))
    require_both_classes(found, folder)
    examples = unique = drop_duplicates(found)
    if recipe.share < 1:
        examples = split_patients(unique, recipe.share, recipe.seed)[1]
    training, held_out = split_patients(examples, recipe.held_out, recipe.seed)
    folds = split_folds(training, recipe.folds, recipe.seed) if recipe.folds else []
    parts = {f"fold {number}": fold for number, fold in enumerate(folds)} or {"training": training}
    parts["held-out"] = held_out
    splits = digest_of(parts)
    require_same_split(recipe.init, splits)
    begin_run(recipe.output, settings_of(recipe) | {"splits": splits}, recipe.resume)
    write_splits(recipe.output / "splits.csv", folder, parts)
    left_out = f", {len(unique) - len(examples)} not in --share" if recipe.share < 1 else ""
    print(
        f"{len(found)} radiographs, {len(found) - len(unique)} exact duplicates dropped{left_out}, "
        f"{len(training)} to train on, {len(held_out)} of other patients held out, "
        f"patients told apart by {describe_patients([example.by for example in examples])}",
        flush=True,
    )
    return Division(training, held_out, folds, splits)


def train_networks(
    recipe: Recipe,
    training: list[Example],
    held_out: list[Example],
    folds: list[list[Example]],
    devices: int,
) -> tuple[keras.Model, list[dict], list[Example], dict[str, np.ndarray]]:
    """Trains the network that is shipped and those that are needed to judge it.

    Without folds that is one, judged on the held-out patients. With folds each is left out of
    the training of one network more, which scores it; the shipped network is trained on all
    folds, or is the average of the others.

    Returns:
        The network, its history by epoch, the examples judged, and their P(PNEUMONIA) by shift.
    """
    members, scores = [], []
    for number, fold in enumerate(folds):
        own = recipe.output / f"fold-{number}"
        rest = [example for other in folds if other is not fold for example in other]
        member, _ = fit(recipe, rest, fold, own, devices)
        members.append(member.get_weights())
        scores.append(score(recipe, member, fold, own / UNCALIBRATED_NAME, devices))
    path = recipe.output / UNCALIBRATED_NAME
    if folds and recipe.final == "soup":
        final, history = build_classifier(recipe.layout), []
        final.set_weights(average_weights(members))
        save_weights_fp16(final, path)
        final.load_weights(path)
    else:
        final, history = fit(recipe, training, held_out, recipe.output, devices)
    if not folds:
        return final, history, held_out, score(recipe, final, held_out, path, devices)
    judged = [example for fold in folds for example in fold]
    raw = {name: np.concatenate([own[name] for own in scores]) for name in scores[0]}
    return final, history, judged, raw


def score(
    recipe: Recipe,
    model: keras.Model,
    examples: list[Example],
    weights: Path,
    devices: int,
    *,
    shifts: bool = True,
) -> dict[str, np.ndarray]:
    """Scores examples with a network whose weights are in a file; see `score_examples`."""
    find = finder_of(recipe)  # surroundings are exchanged whatever the network is shown
    suite = Suite(recipe.suite if shifts else 0, find, recipe.seed)
    predict = predictor(recipe, model, devices)
    with show_share("scoring") as progress:
        return score_examples(predict, examples, weights, suite, progress)


def main() -> None:
    """Runs the script; a foreseeable failure ends in one line, not in a traceback."""
    recipe = parse_arguments(__doc__)
    try:
        if recipe.phantoms:
            with tempfile.TemporaryDirectory() as folder:
                data = write_phantom_dataset(Path(folder), patients=12)
                train(replace(recipe, data=data))
        else:
            train(recipe)
    except PneumoError as error:
        sys.exit(f"train.py: {error}")
    except OSError as error:  # a full disk, a folder that may not be written to
        sys.exit(f"train.py: {error}. What is finished is kept; --resume goes on from there.")


if __name__ == "__main__":
    main()
