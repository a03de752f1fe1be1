"""One network: loaded, trained epoch by epoch, exported."""

import time
from contextlib import closing, nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple, cast

import keras
import numpy as np

from pneumo.dataset.examples import Example, labels_of
from pneumo.evaluation.metrics import area_under_roc
from pneumo.files import JsonObject
from pneumo.network.architecture import LAST_CONVOLUTION, build_classifier
from pneumo.network.operating_points import count_outcomes, rates_of
from pneumo.network.weights_files import save_weights_fp16
from pneumo.training.agreement import answer_and_agree
from pneumo.training.batch_arrays import Arrays
from pneumo.training.batches import EpochBatches, Presentation, Processes, steps_of
from pneumo.training.callbacks import ShowProgress
from pneumo.training.checkpoint import epochs_before, load_checkpoint, save_checkpoint
from pneumo.training.epoch import require_finite, train_epoch
from pneumo.training.evidence import ANSWER, CELLS, evidence_elsewhere, with_evidence
from pneumo.training.finish import average_weights, predict_grids
from pneumo.training.forgetting import forget_surroundings
from pneumo.training.framing import Sources
from pneumo.training.inputs import load_sources, see
from pneumo.training.logs import write_logs
from pneumo.training.looks import odds_against_looks
from pneumo.training.network import build_optimizer, build_trainable
from pneumo.training.on_device import with_redrawing
from pneumo.training.recipe import UNCALIBRATED_NAME, Recipe


def fit(
    recipe: Recipe,
    training: list[Example],
    held_out: list[Example],
    output: Path,
    devices: int,
) -> tuple[keras.Model, list[JsonObject]]:
    """Trains one network, or goes on with it.

    Returns:
        The classifier in float32, its weights rounded to 16 bits as in `UNCALIBRATED_NAME`,
        and the history by epoch.
    """
    output.mkdir(parents=True, exist_ok=True)
    sources, odds = load_sources(recipe, training), None
    if recipe.against_looks > 1:
        odds = odds_against_looks(sources, training, recipe.view, recipe.against_looks)
    data = _Data(
        *(sources, labels_of(training), odds),
        *(see(recipe, held_out), labels_of(held_out)),
    )
    networks = _build(recipe, data)
    history = _train(recipe, networks, data, output, devices)
    final = _export(recipe, networks.classifier, data, output)
    answers = predict_grids(final, data.held_out_grids[:1])
    require_finite(final, answers, "rounding to 16 bits")
    return final, history


@dataclass(frozen=True)
class _Data:
    sources: Sources
    labels: np.ndarray
    odds: np.ndarray | None
    held_out_grids: np.ndarray
    held_out_labels: np.ndarray


class _Networks(NamedTuple):
    """The classifier, and what is trained: it, or it with another output on top."""

    classifier: keras.Model
    trained: keras.Model


def _build(recipe: Recipe, data: "_Data") -> _Networks:
    """Builds and compiles what is trained."""
    keras.utils.set_random_seed(recipe.seed)
    keras.mixed_precision.set_global_policy(recipe.precision)
    model = build_trainable(recipe)
    optimizer = build_optimizer(recipe, steps_of(len(data.labels), recipe.batch_size))
    loss = keras.losses.CategoricalCrossentropy(label_smoothing=recipe.label_smoothing)
    if recipe.agreement:
        loss = answer_and_agree(recipe.label_smoothing, recipe.agreement)
    if recipe.on_device:
        sample, _ = _batches(recipe, data, 0, 0, None, on_device=True)[0]
        trained = with_redrawing(model, cast(Arrays, sample), recipe.view)
        trained.compile(optimizer=optimizer, loss=loss, metrics=["accuracy"])
        return _Networks(model, trained)
    if not recipe.evidence:
        model.compile(optimizer=optimizer, loss=loss, metrics=["accuracy"])
        return _Networks(model, model)
    trained = with_evidence(model)
    trained.compile(
        optimizer=optimizer,
        loss={ANSWER: loss, CELLS: evidence_elsewhere},
        loss_weights={ANSWER: 1.0, CELLS: recipe.evidence},
        metrics={ANSWER: ["accuracy"]},
    )
    return _Networks(model, trained)


def _train(
    recipe: Recipe, networks: _Networks, data: _Data, output: Path, devices: int
) -> list[JsonObject]:
    """Trains the epochs that are left, with a checkpoint after each; returns the history.

    Each epoch begins from (seed, epoch) alone, so a resumed run equals an unbroken one. Epochs of
    the runs before count on: no radiograph is redrawn as it was there.
    """
    model, trained = networks
    before = epochs_before(recipe.init)
    history = load_checkpoint(trained, output) if recipe.resume else []
    steps = steps_of(len(data.labels), recipe.batch_size)
    cells = model.get_layer(LAST_CONVOLUTION).output.shape[1] if recipe.evidence else 0
    workers = (
        closing(Processes(data.sources, recipe.workers)) if recipe.processes else nullcontext()
    )
    with workers as pool:
        for epoch in range(len(history), recipe.epochs):
            started = time.monotonic()
            with ShowProgress(epoch, recipe.epochs, steps, recipe.batch_size) as show:
                batches = _batches(
                    *(recipe, data, before + epoch, cells, pool), on_device=recipe.on_device
                )
                logs = train_epoch(trained, batches, show)
            seconds = round(time.monotonic() - started, 1)
            answers = predict_grids(model, data.held_out_grids, devices)
            require_finite(model, answers, f"step {steps} of epoch {epoch + 1}, its last,")
            measured = _measure(data.held_out_labels, answers)
            history.append({"epoch": epoch + 1, **logs, **measured, "seconds": seconds})
            words = (f"{name} {value:.4g}" for name, value in history[-1].items())
            print(", ".join(words), flush=True)
            write_logs(output, history)
            save_checkpoint(trained, output, history)
    return history


def _batches(
    recipe: Recipe,
    data: _Data,
    epoch: int,
    cells: int,
    pool: Processes | None,
    *,
    on_device: bool = False,
) -> EpochBatches:
    presentation = Presentation(
        size=recipe.image_size,
        batch_size=recipe.batch_size,
        seed=recipe.seed,
        augment=tuple(recipe.augment),
        balanced=recipe.balance,
        mixup=recipe.mixup,
        view=recipe.view,
        cells=cells,
        paired=bool(recipe.agreement),
        on_device=on_device,
    )
    return EpochBatches(
        data.sources,
        data.labels,
        presentation,
        epoch,
        odds=data.odds,
        workers=recipe.workers,
        pool=pool,
    )


def _measure(labels: np.ndarray, answers: np.ndarray) -> dict[str, float | None]:
    rates = rates_of(**count_outcomes(labels, answers, 0.5))
    return {
        "held_out_auc": area_under_roc(labels, answers),
        "held_out_sensitivity": rates["sensitivity"],
        "held_out_specificity": rates["specificity"],
    }


def _export(recipe: Recipe, model: keras.Model, data: _Data, output: Path) -> keras.Model:
    """Writes the weights in 16 bits, and returns the classifier as whoever loads them has it."""
    keras.mixed_precision.set_global_policy("float32")
    final = build_classifier(recipe.layout)
    final.set_weights(model.get_weights())
    if recipe.keep_init:
        first = build_trainable(recipe).get_weights()
        shares = recipe.keep_init, 1 - recipe.keep_init
        final.set_weights(average_weights([first, final.get_weights()], shares))
    if recipe.forget_surroundings:
        after = epochs_before(recipe.init) + recipe.epochs
        epoch = _batches(recipe, data, after, cells=0, pool=None)
        forget_surroundings(final, recipe, data.sources, data.labels, epoch)
    save_weights_fp16(final, output / UNCALIBRATED_NAME)
    final.load_weights(output / UNCALIBRATED_NAME)
    return final
