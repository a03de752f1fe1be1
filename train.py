"""Fine-tunes an ImageNet Xception into a PNEUMONIA / NORMAL classifier, from folder to model card.

    python train.py --data chest_xray                        # the default recipe
    python train.py --data chest_xray --recipe origin        # as the original README did it
    python train.py --smoke                                  # a minute or two, on drawn pictures
    KERAS_BACKEND=jax python train.py --data chest_xray      # on JAX instead of TensorFlow

Writes weights and model card into --output; copy the two into `weights/` and the app uses them.
"""

import argparse
import json
import platform
import sys
import tempfile
import time
from pathlib import Path

import keras
import numpy as np

from pneumo.calibration import apply_temperature, fit_temperature
from pneumo.card import compose_card, write_card
from pneumo.dataset import (
    Example,
    describe_split,
    digest_of,
    drop_duplicates,
    find_training_folder,
    index_folder,
    labels_of,
    load_grids,
    patients_of,
    require_both_classes,
    split_folds,
    split_patients,
    write_splits,
)
from pneumo.errors import PneumoError
from pneumo.evaluate import area_under_roc, compare_shifted, compute_metrics
from pneumo.model import CARD_NAME, build_classifier, save_weights_fp16, sha256_of
from pneumo.operating_point import choose_thresholds, count_outcomes, rates_of
from pneumo.self_test import draw_pictures
from pneumo.training.batches import EpochBatches, steps_of
from pneumo.training.callbacks import ShowProgress, StopOnNonFiniteLoss, follow
from pneumo.training.checkpoint import begin_run, load_checkpoint, save_checkpoint
from pneumo.training.devices import use_devices
from pneumo.training.figures import draw_figures
from pneumo.training.finish import (
    average_weights,
    describe_calibration,
    describe_points,
    describe_scores,
    make_predictor,
    predict_grids,
    scale_head,
    score_examples,
)
from pneumo.training.logs import write_logs
from pneumo.training.network import build_optimizer, build_trainable
from pneumo.training.phantom import write_phantom_dataset
from pneumo.training.recipe import UNCALIBRATED_NAME, WEIGHTS_NAME, parse_arguments, settings_of


def train(args: argparse.Namespace) -> dict:
    """Runs everything; returns the model card's document."""
    keras.utils.set_random_seed(args.seed)
    devices = use_devices(args.devices, args.batch_size)
    args.output.mkdir(parents=True, exist_ok=True)
    training, held_out, folds = divide(args)
    print(
        f"Keras {keras.__version__} on {keras.backend.backend()}, {devices} device(s)", flush=True
    )
    final, history, judged, raw = train_networks(args, training, held_out, folds, devices)

    # Calibrated, then rounded to 16 bits: what is shipped is what is measured.
    labels, patients = labels_of(judged), patients_of(judged)
    temperature = fit_temperature(labels, raw["none"])
    weights_path = args.output / WEIGHTS_NAME
    scale_head(final, temperature)
    save_weights_fp16(final, weights_path)
    final.load_weights(weights_path)

    # Measured: on held-out patients, at thresholds chosen where no network saw the patients.
    scores = {name: apply_temperature(p, temperature) for name, p in raw.items()}
    measured = score(args, final, held_out, weights_path, devices, shifts=bool(folds))
    if not folds:  # the same radiographs: measured anew as they are, as shipped
        measured = scores = scores | measured
    true, their = labels_of(held_out), patients_of(held_out)
    points = describe_points(choose_thresholds(labels, scores), true, measured, their)
    threshold = points["balanced"]["threshold"]
    metrics = compute_metrics(true, measured["none"], their, threshold)

    document = compose_card(
        weights={"file": WEIGHTS_NAME, "dtype": "float16", "sha256": sha256_of(weights_path)},
        image_size=args.image_size,
        data={
            **source_of(args, training),
            **describe_split(training, held_out),
            "split": f"by patient, stratified by class and kind, seed {args.seed}",
        },
        training={
            **settings_of(args),
            "devices": devices,
            "software": f"Keras {keras.__version__} on {keras.backend.backend()}, "
            f"Python {platform.python_version()}",
            "history": history,
        },
        metrics={
            "held_out_patients": metrics,
            "shifts": compare_shifted(true, measured, threshold),
        },
        calibration=describe_calibration(labels, raw["none"], patients, temperature, args.seed),
        operating_points=points,
        self_test=[float(p) for p in make_predictor(final)(draw_pictures())],
        out_of_fold=describe_scores(
            judged,
            scores["none"],
            f"training patients, each by the network of {args.folds} that had not seen them"
            if folds
            else "the held-out patients, by the shipped network; one split",
        ),
    )
    report = args.output / "report"
    thresholds = {name: point["threshold"] for name, point in points.items()}
    draw_figures(report, history, true, measured["none"], thresholds)
    write_card(report / CARD_NAME, document)
    write_card(args.output / CARD_NAME, document)  # last: who finds it finds all
    print(f"wrote {weights_path}, {args.output / CARD_NAME} and {report}")
    print(json.dumps(metrics, indent=2))
    return document


def divide(
    args: argparse.Namespace,
) -> tuple[list[Example], list[Example], list[list[Example]]]:
    """Lists the radiographs and splits them by patient; writes the splits down.

    Returns:
        Those to train on, those held out, and the folds of the former, none without --folds.
    """
    folder = find_training_folder(args.data)
    found = index_folder(folder)
    require_both_classes(found, folder)
    examples = unique = drop_duplicates(found)
    if args.share < 1:
        examples = split_patients(unique, args.share, args.seed)[1]
    training, held_out = split_patients(examples, args.held_out, args.seed)
    folds = split_folds(training, args.folds, args.seed) if args.folds else []
    parts = {f"fold {number}": fold for number, fold in enumerate(folds)} or {"training": training}
    parts["held-out"] = held_out
    begin_run(args.output, settings_of(args) | {"splits": digest_of(parts)}, args.resume)
    write_splits(args.output / "splits.csv", folder, parts)
    left_out = f", {len(unique) - len(examples)} not in --share" if args.share < 1 else ""
    print(
        f"{len(found)} radiographs, {len(found) - len(unique)} exact duplicates dropped{left_out}, "
        f"{len(training)} to train on, {len(held_out)} of other patients held out",
        flush=True,
    )
    return training, held_out, folds


def train_networks(
    args: argparse.Namespace,
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
        own = args.output / f"fold-{number}"
        rest = [example for other in folds if other is not fold for example in other]
        member, _ = fit(args, rest, fold, own, devices)
        members.append(member.get_weights())
        scores.append(score(args, member, fold, own / UNCALIBRATED_NAME, devices))
    path = args.output / UNCALIBRATED_NAME
    if folds and args.final == "soup":
        final, history = build_classifier(args.image_size), []
        final.set_weights(average_weights(members))
        save_weights_fp16(final, path)
        final.load_weights(path)
    else:
        final, history = fit(args, training, held_out, args.output, devices)
    if not folds:
        return final, history, held_out, score(args, final, held_out, path, devices)
    judged = [example for fold in folds for example in fold]
    raw = {name: np.concatenate([own[name] for own in scores]) for name in scores[0]}
    return final, history, judged, raw


def fit(
    args: argparse.Namespace,
    training: list[Example],
    held_out: list[Example],
    output: Path,
    devices: int,
) -> tuple[keras.Model, list[dict]]:
    """Trains one network, or goes on with it.

    Returns:
        The classifier in float32, its weights rounded to 16 bits as in `UNCALIBRATED_NAME`,
        and the history by epoch.
    """
    output.mkdir(parents=True, exist_ok=True)
    grids = load_grids(training, args.image_size, show_count("decoding", len(training)))
    held_out_grids = load_grids(held_out, args.image_size)
    labels = labels_of(training)
    steps = steps_of(len(training), args.batch_size)
    keras.utils.set_random_seed(args.seed)
    keras.mixed_precision.set_global_policy(args.precision)
    model = build_trainable(args)
    model.compile(
        optimizer=build_optimizer(args, steps),
        loss=keras.losses.CategoricalCrossentropy(label_smoothing=args.label_smoothing),
        metrics=["accuracy"],
    )

    # Each epoch begins from (seed, epoch) alone, so a resumed run equals an unbroken one.
    history = load_checkpoint(model, output) if args.resume else []
    for epoch in range(len(history), args.epochs):
        batches = EpochBatches(
            grids,
            labels,
            args.batch_size,
            epoch,
            args.seed,
            tuple(args.augment),
            args.balance,
            args.mixup,
            args.workers,
        )
        progress = ShowProgress(epoch, args.epochs, steps, args.batch_size)
        started = time.monotonic()
        with progress.bar:
            fitted = model.fit(
                batches,
                initial_epoch=epoch,
                epochs=epoch + 1,
                shuffle=False,
                verbose=0,
                callbacks=[StopOnNonFiniteLoss(), progress],
            )
        seconds = time.monotonic() - started
        answers = predict_grids(make_predictor(model, devices), held_out_grids)
        rates = rates_of(**count_outcomes(labels_of(held_out), answers, 0.5))
        history.append(
            {
                "epoch": epoch + 1,
                **{name: values[0] for name, values in fitted.history.items()},
                "held_out_auc": area_under_roc(labels_of(held_out), answers),
                "held_out_sensitivity": rates["sensitivity"],
                "held_out_specificity": rates["specificity"],
                "seconds": round(seconds, 1),
            }
        )
        print(", ".join(f"{name} {value:.4g}" for name, value in history[-1].items()), flush=True)
        write_logs(output, history)
        save_checkpoint(model, output, history)

    keras.mixed_precision.set_global_policy("float32")
    final = build_classifier(args.image_size)
    final.set_weights(model.get_weights())
    save_weights_fp16(final, output / UNCALIBRATED_NAME)
    final.load_weights(output / UNCALIBRATED_NAME)
    return final, history


def score(
    args: argparse.Namespace,
    model: keras.Model,
    examples: list[Example],
    weights: Path,
    devices: int,
    shifts: bool = True,
) -> dict[str, np.ndarray]:
    """Scores examples with a network whose weights are in a file; see `score_examples`."""
    predict = make_predictor(model, devices)
    shifts = shifts and args.shifts
    return score_examples(
        predict, examples, weights, shifts, lambda places: follow(places, "scoring")
    )


def source_of(args: argparse.Namespace, examples: list) -> dict:
    """Names the data; Kaggle's chest_xray is known by its file names, so that it is cited."""
    if args.phantoms:
        return {
            "name": "phantoms drawn by pneumo, no radiographs",
            "source": "pneumo/training/phantom.py",
        }
    if {example.stratum for example in examples} == {"NORMAL", "bacteria", "virus"}:
        return {
            "name": "Chest X-Ray Images (Pneumonia)"
            + (", training split" if (args.data / "train").is_dir() else ""),
            "source": "Kermany et al. 2018, doi:10.17632/rscbjbr9sj, CC BY 4.0",
        }
    return {"name": args.data.resolve().name, "source": "not known to pneumo"}


def show_count(what: str, total: int):
    """Returns a progress callback that rewrites one line on a terminal and is silent elsewhere."""

    def show(done: int) -> None:
        if sys.stdout.isatty() and (done % 50 == 0 or done == total):
            print(f"\r{what} {done}/{total}", end="\n" if done == total else "", flush=True)

    return show


def main() -> None:
    """Runs the script; a foreseeable failure ends in one line, not in a traceback."""
    args = parse_arguments(__doc__)
    try:
        if args.phantoms:
            with tempfile.TemporaryDirectory() as folder:
                args.data = write_phantom_dataset(Path(folder), patients=12)
                train(args)
        else:
            train(args)
    except PneumoError as error:
        sys.exit(f"train.py: {error}")
    except OSError as error:  # a full disk, a folder that may not be written to
        sys.exit(f"train.py: {error}. What is finished is kept; --resume goes on from there.")


if __name__ == "__main__":
    main()
