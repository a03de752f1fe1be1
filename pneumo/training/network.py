"""The network and the optimiser as they are when training begins."""

import math
from pathlib import Path

import keras
import numpy as np

from pneumo.errors import TrainingError
from pneumo.network.architecture import backbone_of, build_classifier
from pneumo.training.recipe import Recipe


def require_init(recipe: Recipe) -> None:
    """Checks before any radiograph is read that there are weights to begin with.

    Raises:
        TrainingError: `--init` or `--finder` names no file, or `--keep-init` has nothing to
            average with.
    """
    path = Path(recipe.init)
    if not recipe.finder.is_file():  # whole radiographs need it too: the suite moves their lungs
        raise TrainingError(f"--finder names {recipe.finder}, but there is no such file.")
    if recipe.init not in ("imagenet", "random") and not path.is_file():
        raise TrainingError(f"--init names {recipe.init}, but there is no such file.")
    if recipe.keep_init and not (path.is_file() and _has_head(path)):
        raise TrainingError(
            f"--keep-init needs the weights of an earlier run, head included; --init {recipe.init} "
            "has none."
        )


def build_trainable(recipe: Recipe) -> keras.Model:
    """Builds the classifier, loads the initial weights, freezes all but the last layers."""
    model = build_classifier(recipe.layout)
    base = backbone_of(model)
    if recipe.init == "imagenet":
        base.set_weights(_download_imagenet(base.input_shape[1:]))
    elif recipe.init != "random":
        try:
            (model if _has_head(Path(recipe.init)) else base).load_weights(recipe.init)
        except Exception as error:  # h5py and Keras raise OSError, ValueError, KeyError ...
            raise TrainingError(
                f"--init names {recipe.init}, which is no .weights.h5 of Xception, without its top "
                f"or with this one ({error})."
            ) from error
    for layer in base.layers[: -recipe.retrain_layers]:
        layer.trainable = False
    if recipe.freeze_batchnorm:  # statistics of a few radiographs are worse than ImageNet's
        for layer in base.layers:
            if isinstance(layer, keras.layers.BatchNormalization):
                layer.trainable = False
    return model


def _has_head(weights: Path) -> bool:
    """Tells a file of a whole classifier from one of Xception without its top."""
    import h5py

    try:
        with h5py.File(weights) as file:
            return "layers/dense" in file
    except OSError:  # told when it is loaded
        return False


def _download_imagenet(shape: tuple[int, ...]) -> list[np.ndarray]:
    try:
        source = keras.applications.Xception(
            include_top=False, weights="imagenet", input_shape=shape
        )
    except Exception as error:  # Keras raises a bare Exception when a download fails
        raise TrainingError(
            f"ImageNet's weights cannot be fetched ({error}). Give them with --init FILE."
        ) from error
    return source.get_weights()


def build_optimizer(recipe: Recipe, steps: int) -> keras.optimizers.Optimizer:
    """Makes the optimiser; the cosine schedule warms up for a tenth of the run."""
    rate = recipe.learning_rate
    if recipe.schedule == "cosine":
        total = steps * recipe.epochs
        warmup = math.ceil(total / 10)
        rate = keras.optimizers.schedules.CosineDecay(
            0.0, max(1, total - warmup), warmup_target=rate, warmup_steps=warmup
        )
    if recipe.optimizer == "rmsprop":
        return keras.optimizers.RMSprop(rate)
    return keras.optimizers.AdamW(rate, weight_decay=1e-4, global_clipnorm=1.0)
