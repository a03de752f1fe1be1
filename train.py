"""Fine-tunes an ImageNet Xception into a PNEUMONIA / NORMAL classifier, from folder to model card.

    python train.py --data chest_xray                        # the default recipe
    python train.py --data chest_xray --recipe origin        # as the original README did it
    python train.py --smoke                                  # a minute, on drawn pictures
    KERAS_BACKEND=jax python train.py --data chest_xray      # on JAX instead of TensorFlow

Writes weights and model card into --output; copy the two into `weights/` and the app uses them.
"""

import argparse
import json
import math
import os
import platform
import sys
import tempfile
from pathlib import Path

import keras
import numpy as np

from pneumo import PNEUMONIA
from pneumo.augment import augment_grid
from pneumo.batches import EpochBatches, steps_of
from pneumo.card import compose_card, write_card
from pneumo.checkpoint import load_checkpoint, save_checkpoint
from pneumo.dataset import (
    describe_split,
    drop_duplicates,
    index_folder,
    labels_of,
    load_grids,
    require_both_classes,
    split_patients,
)
from pneumo.errors import PneumoError, TrainingError
from pneumo.evaluate import compute_metrics
from pneumo.model import CARD_NAME, backbone_of, build_classifier, save_weights_fp16, sha256_of
from pneumo.phantom import write_phantom_dataset
from pneumo.preprocess import IMAGE_SIZE, to_model_input

WEIGHTS_NAME = "pneumo_xception.weights.h5"
THRESHOLD_CHOSEN_BY = (
    "The share of PNEUMONIA among the radiographs shown in training, where both classes are as "
    "likely to have given the picture. It is not tuned on the held-out patients: they come from "
    "the same scanners and exports as the training patients, look easier than radiographs from "
    "elsewhere, and would give a threshold that calls too many of those PNEUMONIA."
)

# The origin's README leaves open what is not listed in it: no augmentation, classes as they come.
RECIPES = {
    "robust": {
        "optimizer": "adamw",
        "learning_rate": 3e-4,
        "batch_size": 16,
        "epochs": 3,
        "retrain_layers": 55,
        "label_smoothing": 0.05,
        "schedule": "cosine",
        "augment": True,
        "balance": True,
        "freeze_batchnorm": True,
    },
    "origin": {
        "optimizer": "rmsprop",
        "learning_rate": 1e-3,
        "batch_size": 10,
        "epochs": 10,
        "retrain_layers": 55,
        "label_smoothing": 0.0,
        "schedule": "constant",
        "augment": False,
        "balance": False,
        "freeze_batchnorm": False,
    },
}
SMOKE = {"image_size": 71, "epochs": 1, "batch_size": 8, "init": "random"}


def parse_arguments(arguments: list[str] | None = None) -> argparse.Namespace:
    """Reads the command line; flags that are not given take the recipe's values."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    add, switch = parser.add_argument, argparse.BooleanOptionalAction
    add("--data", type=Path, help="folder with train/NORMAL and train/PNEUMONIA")
    add("--output", type=Path, default=Path("runs/latest"), help="folder for the results")
    add("--init", help="'imagenet', 'random' or a .weights.h5 of Xception without top")
    add("--recipe", choices=RECIPES, default="robust", help="values of the flags below")
    add("--retrain-layers", type=int, help="layers of Xception to train, counted from its top")
    add("--optimizer", choices=("adamw", "rmsprop"))
    add("--learning-rate", type=float)
    add("--schedule", choices=("cosine", "constant"), help="cosine has a warm-up")
    add("--epochs", type=int)
    add("--batch-size", type=int)
    add("--label-smoothing", type=float)
    add("--augment", action=switch, default=None, help="redraw every training radiograph")
    add("--balance", action=switch, default=None, help="as many of each class in an epoch")
    add("--freeze-batchnorm", action=switch, default=None, help="keep ImageNet's statistics")
    add("--image-size", type=int, help=f"side of the input, default {IMAGE_SIZE}")
    add("--held-out", type=float, default=0.15, help="share of the patients to measure on")
    add("--seed", type=int, default=0)
    add(
        "--precision",
        default="float32",
        choices=("float32", "mixed_bfloat16", "mixed_float16"),
        help="of the arithmetic; weights and final metrics are float32",
    )
    add("--workers", type=int, default=min(8, os.cpu_count() or 1), help="augmenting threads")
    add("--resume", action="store_true", help="go on after the last whole epoch in --output")
    add("--smoke", action="store_true", help="the whole script, tiny; draws data if none given")
    args = parser.parse_args(arguments)
    args.phantoms = args.smoke and args.data is None

    if not args.data and not args.smoke:
        parser.error("--data is needed: the folder that holds train/NORMAL and train/PNEUMONIA")
    if not 0 < args.held_out < 1:
        parser.error(f"--held-out is a share between 0 and 1, received {args.held_out}")
    defaults = {"image_size": IMAGE_SIZE, "init": "imagenet", **RECIPES[args.recipe]}
    for name, value in {**defaults, **(SMOKE if args.smoke else {})}.items():
        if getattr(args, name) is None:
            setattr(args, name, value)
    for name in ("epochs", "batch_size", "retrain_layers", "workers"):
        if getattr(args, name) < 1:
            parser.error(f"--{name.replace('_', '-')} is at least 1")
    if args.image_size < 71:
        parser.error("--image-size is at least 71, the least that Xception can take")
    return args


def train(args: argparse.Namespace) -> dict:
    """Runs everything; returns the model card's document."""
    keras.utils.set_random_seed(args.seed)
    args.output.mkdir(parents=True, exist_ok=True)

    # Data: index, split by patient, decode once.
    folder = args.data / "train" if (args.data / "train").is_dir() else args.data
    found = index_folder(folder)
    require_both_classes(found, folder)
    examples = drop_duplicates(found)
    training, held_out = split_patients(examples, args.held_out, args.seed)
    names = [str(example.path.relative_to(folder)) for example in held_out]
    (args.output / "held_out.txt").write_text("\n".join(names) + "\n", encoding="utf-8")
    print(
        f"{len(found)} radiographs, {len(found) - len(examples)} exact duplicates dropped, "
        f"{len(training)} to train on, {len(held_out)} of other patients held out"
    )
    grids = load_grids(training, args.image_size, show_count("decoding", len(training)))
    held_out_grids = load_grids(held_out, args.image_size)
    labels = labels_of(training)

    # Network and optimiser.
    steps = steps_of(len(training), args.batch_size)
    keras.mixed_precision.set_global_policy(args.precision)
    model = build_trainable(args)
    model.compile(
        optimizer=build_optimizer(args, steps),
        loss=keras.losses.CategoricalCrossentropy(label_smoothing=args.label_smoothing),
        metrics=["accuracy"],
    )

    # Epochs. Each begins from (seed, epoch) alone, so a resumed run equals an unbroken one.
    history = load_checkpoint(model, args.output, settings_of(args)) if args.resume else []
    for epoch in range(len(history), args.epochs):
        batches = EpochBatches(
            grids,
            labels,
            args.batch_size,
            epoch,
            args.seed,
            args.augment,
            args.balance,
            args.workers,
        )
        fitted = model.fit(
            batches,
            initial_epoch=epoch,
            epochs=epoch + 1,
            shuffle=False,
            verbose=1 if sys.stdout.isatty() else 2,
            callbacks=[StopOnNonFiniteLoss()],
        )
        metrics = measure(model, held_out_grids, held_out, 0.5)
        history.append(
            {
                "epoch": epoch + 1,
                **{name: values[0] for name, values in fitted.history.items()},
                **{f"held_out_{k}": metrics[k] for k in ("auc", "sensitivity", "specificity")},
            }
        )
        print(", ".join(f"{k} {v:.4g}" for k, v in history[-1].items()), flush=True)
        save_checkpoint(model, args.output, settings_of(args), history)

    # What is shipped is measured: the weights as rounded to 16 bits, in float32 arithmetic.
    weights_path = args.output / WEIGHTS_NAME
    keras.mixed_precision.set_global_policy("float32")
    final = build_classifier(args.image_size)
    final.set_weights(model.get_weights())
    save_weights_fp16(final, weights_path)
    final.load_weights(weights_path)
    threshold = 0.5 if args.balance else float(np.mean(labels == PNEUMONIA))
    metrics = measure(final, held_out_grids, held_out, threshold)
    redrawn = np.stack(
        [
            augment_grid(grid, np.random.default_rng([args.seed, place]))
            for place, grid in enumerate(held_out_grids)
        ]
    )
    document = compose_card(
        weights={
            "file": WEIGHTS_NAME,
            "dtype": "float16",
            "sha256": sha256_of(weights_path),
        },
        image_size=args.image_size,
        data={
            **source_of(args, training),
            **describe_split(training, held_out),
            "split": f"by patient, stratified by class and kind, seed {args.seed}",
        },
        training={
            **settings_of(args),
            "software": f"Keras {keras.__version__} on {keras.backend.backend()}, "
            f"Python {platform.python_version()}",
            "history": history,
        },
        metrics={
            "held_out_patients": metrics,
            "held_out_patients_redrawn_as_in_training": measure(
                final, redrawn, held_out, threshold
            ),
        },
        chosen_by=THRESHOLD_CHOSEN_BY,
    )
    write_card(args.output / CARD_NAME, document)
    print(f"wrote {weights_path} and {args.output / CARD_NAME}")
    print(json.dumps(metrics, indent=2))
    return document


def build_trainable(args: argparse.Namespace) -> keras.Model:
    """Builds the classifier, loads the initial weights, freezes all but the last layers."""
    model = build_classifier(args.image_size)
    base = backbone_of(model)
    if args.init == "imagenet":
        source = keras.applications.Xception(
            include_top=False, weights="imagenet", input_shape=base.input_shape[1:]
        )
        base.set_weights(source.get_weights())
    elif args.init != "random":
        if not Path(args.init).is_file():
            raise TrainingError(f"--init names {args.init}, but there is no such file.")
        base.load_weights(args.init)
    for layer in base.layers[: -args.retrain_layers]:
        layer.trainable = False
    if args.freeze_batchnorm:  # statistics of a few radiographs are worse than ImageNet's
        for layer in base.layers:
            if isinstance(layer, keras.layers.BatchNormalization):
                layer.trainable = False
    return model


def build_optimizer(args: argparse.Namespace, steps: int) -> keras.optimizers.Optimizer:
    """Makes the optimiser; the cosine schedule warms up for a tenth of the run."""
    rate = args.learning_rate
    if args.schedule == "cosine":
        total = steps * args.epochs
        warmup = math.ceil(total / 10)
        rate = keras.optimizers.schedules.CosineDecay(
            0.0, max(1, total - warmup), warmup_target=rate, warmup_steps=warmup
        )
    if args.optimizer == "rmsprop":
        return keras.optimizers.RMSprop(rate)
    return keras.optimizers.AdamW(rate, weight_decay=1e-4, global_clipnorm=1.0)


class StopOnNonFiniteLoss(keras.callbacks.Callback):
    """Ends training at the first loss that is not a number, naming the step."""

    def on_train_batch_end(self, batch: int, logs: dict | None = None) -> None:
        """Raises `TrainingError`."""
        if not math.isfinite(logs["loss"]):
            raise TrainingError(
                f"The loss became {logs['loss']} at step {batch + 1} of the epoch. "
                "Lower --learning-rate, or use --precision float32."
            )


def measure(model: keras.Model, grids: np.ndarray, examples: list, threshold: float) -> dict:
    """Computes the metrics of a model on examples whose grids are in memory."""
    chunks = [
        keras.ops.convert_to_numpy(model.predict_on_batch(to_model_input(grids[i : i + 32])))
        for i in range(0, len(grids), 32)
    ]
    probabilities = np.concatenate(chunks)[:, PNEUMONIA]
    patients = np.array([example.patient for example in examples])
    return compute_metrics(labels_of(examples), probabilities, patients, threshold)


def settings_of(args: argparse.Namespace) -> dict:
    """Returns the flags that decide the result; paths by their name only."""
    left_out = ("data", "output", "resume", "workers", "smoke", "phantoms")
    settings = {name: value for name, value in vars(args).items() if name not in left_out}
    return settings | {"init": Path(args.init).name}


def source_of(args: argparse.Namespace, examples: list) -> dict:
    """Names the data; Kaggle's chest_xray is known by its file names, so that it is cited."""
    if args.phantoms:
        return {"name": "phantoms drawn by pneumo, no radiographs", "source": "pneumo/phantom.py"}
    if {example.stratum for example in examples} == {"NORMAL", "bacteria", "virus"}:
        return {
            "name": "Chest X-Ray Images (Pneumonia), training split",
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
    args = parse_arguments()
    try:
        if args.phantoms:
            with tempfile.TemporaryDirectory() as folder:
                args.data = write_phantom_dataset(Path(folder), patients=12)
                train(args)
        else:
            train(args)
    except PneumoError as error:
        sys.exit(f"train.py: {error}")


if __name__ == "__main__":
    main()
