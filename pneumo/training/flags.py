"""The flags of `train.py`, a function for each group of them."""

import argparse
import os
from collections.abc import Callable, Iterable
from pathlib import Path

from pneumo.dataset.patients import add_patient_flags
from pneumo.network.lung_field import VIEWS
from pneumo.network.lung_finder import FINDER_NAME
from pneumo.network.preprocess import IMAGE_SIZE
from pneumo.network.weights_files import WEIGHTS_FOLDER
from pneumo.training.changes import GROUPS

_Add = Callable[..., argparse.Action]
"""Adds one flag to a group: its method `add_argument`."""


def add_flags(parser: argparse.ArgumentParser, recipes: Iterable[str]) -> None:
    """Adds all flags of `train.py`, in the order of its help.

    Args:
        parser: To add them to.
        recipes: Names of the recipes to choose from.
    """
    _add_file_flags(parser.add_argument_group("files").add_argument)
    _add_recipe_flags(parser.add_argument_group("recipe").add_argument, recipes)
    add_patient_flags(parser)
    _add_evidence_flags(parser.add_argument_group("evidence").add_argument)
    _add_machine_flags(parser.add_argument_group("machine").add_argument)


def _add_file_flags(add: _Add) -> None:
    add("--data", type=Path, help="folder with train/NORMAL and train/PNEUMONIA")
    add("--output", type=Path, default=Path("runs/latest"), help="folder for the results")
    add("--init", help="'imagenet', 'random' or a .weights.h5, of Xception or an earlier run")
    add("--resume", action="store_true", help="go on after the last whole epoch in --output")
    add("--smoke", action="store_true", help="the whole script, tiny; draws data if none given")


def _add_recipe_flags(add: _Add, recipes: Iterable[str]) -> None:
    """Adds the choice of a recipe, and the flags that make one up."""
    add("--recipe", choices=recipes, default="robust", help="values of the flags below")
    _add_optimiser_flags(add)
    _add_picture_flags(add)
    _add_second_loss_flags(add)
    _add_architecture_flags(add)
    _add_sampling_flags(add)
    _add_weights_flags(add)
    add("--image-size", type=int, help=f"side of the input, default {IMAGE_SIZE}")


def _add_optimiser_flags(add: _Add) -> None:
    add("--retrain-layers", type=int, help="layers of Xception to train, counted from its top")
    add("--optimizer", choices=("adamw", "rmsprop"))
    add("--learning-rate", type=float)
    add("--schedule", choices=("cosine", "constant"), help="cosine has a warm-up")
    add("--epochs", type=int)
    add("--batch-size", type=int)
    add("--label-smoothing", type=float)


def _add_picture_flags(add: _Add) -> None:
    """Adds what decides how a radiograph is shown."""
    add(
        "--augment",
        nargs="*",
        choices=GROUPS,
        metavar="GROUP",
        help=f"redraw training radiographs by any of: {', '.join(GROUPS)}; by none if none follows",
    )
    add(
        "--view",
        choices=VIEWS,
        help="what the network is shown: the lung field with the rest hidden, its grey levels "
        "equalised or as they are; the radiograph cut to it; or the whole radiograph",
    )
    add("--finder", type=Path, default=WEIGHTS_FOLDER / FINDER_NAME, help="the lung finder")
    add("--mixup", type=float, help="blend radiographs and labels by Beta(a, a); 0 for none")


def _add_second_loss_flags(add: _Add) -> None:
    add(
        "--evidence",
        type=float,
        metavar="WEIGHT",
        help="weight of a second loss: evidence that lies where no lung is to be seen; 0 for none",
    )
    add(
        "--agreement",
        type=float,
        metavar="WEIGHT",
        help="show each radiograph of a batch twice, the second time with looks of the other class "
        "to borrow from, and half as many radiographs an epoch; weight of a second loss, the "
        "difference of the two answers; 0 for neither",
    )


def _add_architecture_flags(add: _Add) -> None:
    add("--last-stride", type=int, choices=(1, 2), help="1 for a finer heatmap, 2 as published")
    add(
        "--tiles",
        type=int,
        metavar="N",
        help="cut the entry flow's feature maps into N x N tiles that the rest of the network sees "
        "one at a time; 0 for no tiles, as published",
    )


def _add_sampling_flags(add: _Add) -> None:
    """Adds what decides how often a radiograph is shown."""
    add(
        "--balance",
        action=argparse.BooleanOptionalAction,
        default=None,
        help="show equally many of each class in an epoch",
    )
    add(
        "--against-looks",
        type=float,
        metavar="N",
        help="show radiographs whose brightness and sharpness are the other class's up to N times "
        "as often as others; 1 for as often",
    )


def _add_weights_flags(add: _Add) -> None:
    """Adds what is kept of the weights begun from, and what is done to those trained."""
    add(
        "--freeze-batchnorm",
        action=argparse.BooleanOptionalAction,
        default=None,
        help="keep ImageNet's statistics",
    )
    add(
        "--keep-init",
        type=float,
        default=0.0,
        metavar="SHARE",
        help="average the trained weights with those of the earlier run that --init names, which "
        "make up this share (Wortsman et al. 2022, https://arxiv.org/abs/2109.01903)",
    )
    add(
        "--forget-surroundings",
        action="store_true",
        help="last, move the Dense layer on top, as little as may be, so that radiographs whose "
        "lungs are painted over no longer rank by class",
    )


def _add_evidence_flags(add: _Add) -> None:
    """Adds what decides whom the network is trained and measured on."""
    add("--held-out", type=float, default=0.15, help="share of the patients to measure on")
    add("--folds", type=int, default=0, help="cross-validate the other patients in this many folds")
    add(
        "--final",
        choices=("refit", "soup"),
        default="refit",
        help="after folds: train once more on all of them, or average the folds' weights",
    )
    add("--share", type=float, default=1.0, help="share of all patients to use, for short runs")
    add(
        "--suite",
        type=float,
        default=1.0,
        metavar="SHARE",
        help="share of the measured patients to score under every change of the robustness suite",
    )
    add("--seed", type=int, default=0)


def _add_machine_flags(add: _Add) -> None:
    add(
        "--precision",
        default="float32",
        choices=("float32", "mixed_bfloat16", "mixed_float16"),
        help="of the arithmetic; weights and final metrics are float32",
    )
    add("--devices", choices=("one", "all"), default="one", help="all: data-parallel, on JAX")
    add("--workers", type=int, default=min(8, os.cpu_count() or 1), help="augmenting threads")
    add(
        "--processes",
        action="store_true",
        help="let processes do the augmenting: more than four threads get in each other's way",
    )
    add(
        "--on-device",
        action="store_true",
        help="let the device that trains do the augmenting: a GPU need not wait for the cores",
    )
