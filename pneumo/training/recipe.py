"""The flags of `train.py`, and the two recipes that fill in those not given."""

import argparse
import os
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from pneumo.dataset.patients import add_patient_flags
from pneumo.files import JsonObject
from pneumo.network.architecture import Layout
from pneumo.network.lung_field import EQUALISED, VIEWS, WHOLE
from pneumo.network.lung_finder import FINDER_NAME
from pneumo.network.preprocess import IMAGE_SIZE
from pneumo.network.weights_files import WEIGHTS_FOLDER, sha256_of
from pneumo.training.augment import GROUPS
from pneumo.training.checkpoint import earlier_run

WEIGHTS_NAME = "pneumo_xception.weights.h5"
UNCALIBRATED_NAME = "uncalibrated.weights.h5"

# The origin's README leaves open what is not listed in it: no augmentation, classes as they come.
RECIPES: dict[str, dict[str, Any]] = {
    "robust": {
        "optimizer": "adamw",
        "learning_rate": 3e-4,
        "batch_size": 16,
        "epochs": 15,
        "retrain_layers": 100,
        "label_smoothing": 0.05,
        "schedule": "cosine",
        "view": EQUALISED,
        "augment": [
            *("style", "geometry", "texture", "levels"),
            *("outline", "surroundings", "marks", "patches", "local-contrast"),
        ],
        "mixup": 0.0,
        "evidence": 0.0,
        "agreement": 0.0,
        "last_stride": 2,
        "tiles": 5,
        "balance": True,
        "against_looks": 4.0,
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
        "view": WHOLE,
        "augment": [],
        "mixup": 0.0,
        "evidence": 0.0,
        "agreement": 0.0,
        "last_stride": 2,
        "tiles": 0,
        "balance": False,
        "against_looks": 1.0,
        "freeze_batchnorm": False,
    },
}
SMOKE = {"image_size": 71, "tiles": 1, "epochs": 1, "batch_size": 8, "init": "random"}
NOT_DECISIVE = (
    "data",
    "output",
    "resume",
    "workers",
    "smoke",
    "phantoms",
    "devices",
    "suite",
    "processes",
)


@dataclass(frozen=True)
class Recipe:
    """Everything that a run is told: an attribute for each flag of `train.py`, named like it.

    What each means and may be is said once, by `python train.py --help`; `parse_arguments` has
    checked it. `phantoms` tells that the data are drawn, for want of any.
    """

    data: Path | None
    output: Path
    init: str
    resume: bool
    smoke: bool
    recipe: str
    retrain_layers: int
    optimizer: str
    learning_rate: float
    schedule: str
    epochs: int
    batch_size: int
    label_smoothing: float
    augment: list[str]
    view: str
    finder: Path
    mixup: float
    evidence: float
    agreement: float
    last_stride: int
    tiles: int
    balance: bool
    against_looks: float
    freeze_batchnorm: bool
    keep_init: float
    forget_surroundings: bool
    image_size: int
    patients: Path | None
    patient_pattern: str | None
    patient_by: str
    held_out: float
    folds: int
    final: str
    share: float
    suite: float
    seed: int
    precision: str
    devices: str
    workers: int
    processes: bool
    phantoms: bool

    @property
    def layout(self) -> Layout:
        """How the network is laid out."""
        return Layout(self.image_size, self.last_stride, self.tiles)


def parse_arguments(description: str, arguments: list[str] | None = None) -> Recipe:
    """Reads the command line; flags that are not given take the values of `RECIPES`."""
    parser = argparse.ArgumentParser(
        description=description, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    switch = argparse.BooleanOptionalAction

    add = parser.add_argument_group("files").add_argument
    add("--data", type=Path, help="folder with train/NORMAL and train/PNEUMONIA")
    add("--output", type=Path, default=Path("runs/latest"), help="folder for the results")
    add("--init", help="'imagenet', 'random' or a .weights.h5, of Xception or an earlier run")
    add("--resume", action="store_true", help="go on after the last whole epoch in --output")
    add("--smoke", action="store_true", help="the whole script, tiny; draws data if none given")

    add = parser.add_argument_group("recipe").add_argument
    add("--recipe", choices=RECIPES, default="robust", help="values of the flags below")
    add("--retrain-layers", type=int, help="layers of Xception to train, counted from its top")
    add("--optimizer", choices=("adamw", "rmsprop"))
    add("--learning-rate", type=float)
    add("--schedule", choices=("cosine", "constant"), help="cosine has a warm-up")
    add("--epochs", type=int)
    add("--batch-size", type=int)
    add("--label-smoothing", type=float)
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
    add("--mixup", type=float, help="blend radiographs and labels by Beta(a, a); 0 for not")
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
        "at hand, half as many an epoch; weight of a second loss, the difference of their answers; "
        "0 for neither",
    )
    add("--last-stride", type=int, choices=(1, 2), help="1 for a finer heatmap, 2 as published")
    add(
        "--tiles",
        type=int,
        metavar="N",
        help="cut the entry flow's feature maps into N x N tiles that the rest of the network sees "
        "one at a time; 0 for not at all, as published",
    )
    add("--balance", action=switch, default=None, help="as many of each class in an epoch")
    add(
        "--against-looks",
        type=float,
        metavar="N",
        help="show radiographs whose brightness and sharpness are the other class's up to N times "
        "as often as others; 1 for as often",
    )
    add("--freeze-batchnorm", action=switch, default=None, help="keep ImageNet's statistics")
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
    add("--image-size", type=int, help=f"side of the input, default {IMAGE_SIZE}")

    add_patient_flags(parser)
    add = parser.add_argument_group("evidence").add_argument
    add("--held-out", type=float, default=0.15, help="share of the patients to measure on")
    add("--folds", type=int, default=0, help="cross-validate the other patients in so many folds")
    add(
        "--final",
        choices=("refit", "soup"),
        default="refit",
        help="after folds: train once more on all of them, or average the folds' weights",
    )
    add("--share", type=float, default=1.0, help="of all patients to use at all, for short runs")
    add(
        "--suite",
        type=float,
        default=1.0,
        metavar="SHARE",
        help="of the patients measured, to score under every change of the robustness suite too",
    )
    add("--seed", type=int, default=0)

    add = parser.add_argument_group("machine").add_argument
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
    args = parser.parse_args(arguments)
    if not args.data and not args.smoke:
        parser.error("--data is needed: the folder that holds train/NORMAL and train/PNEUMONIA")
    defaults = {"image_size": IMAGE_SIZE, "init": "imagenet", **RECIPES[args.recipe]}
    for name, value in {**defaults, **(SMOKE if args.smoke else {})}.items():
        if getattr(args, name) is None:
            setattr(args, name, value)
    _check(parser, args)
    return Recipe(**vars(args), phantoms=args.smoke and args.data is None)


def _check(parser: argparse.ArgumentParser, args: argparse.Namespace) -> None:
    if not 0 < args.held_out < 1:
        parser.error(f"--held-out is a share between 0 and 1, received {args.held_out}")
    if not 0 <= args.suite <= 1:
        parser.error(f"--suite is a share from 0 to 1, received {args.suite}")
    if not 0 <= args.keep_init < 1:
        parser.error(f"--keep-init is a share from 0 to below 1, received {args.keep_init}")
    if not 0 < args.share <= 1:
        parser.error(f"--share lies above 0 and is at most 1, received {args.share}")
    if args.folds < 0 or args.folds == 1:
        parser.error(f"--folds is 0 or at least 2, received {args.folds}")
    for name in ("epochs", "batch_size", "retrain_layers", "workers"):
        if getattr(args, name) < 1:
            parser.error(f"--{name.replace('_', '-')} is at least 1")
    for name, least in (
        ("mixup", 0),
        ("evidence", 0),
        ("agreement", 0),
        ("label_smoothing", 0),
        ("tiles", 0),
        ("against_looks", 1),
        ("seed", 0),
    ):
        if getattr(args, name) < least:
            parser.error(f"--{name.replace('_', '-')} is at least {least}")
    if args.learning_rate <= 0 or args.label_smoothing >= 1:
        parser.error("--learning-rate lies above 0 and --label-smoothing below 1")
    if args.image_size < 71:
        parser.error("--image-size is at least 71, the least that Xception can take")
    if args.evidence and (args.view == WHOLE or args.mixup):
        parser.error("--evidence needs to know where the lungs are: no --view whole, no --mixup")
    if args.agreement and (args.mixup or args.evidence or args.batch_size % 2):
        parser.error("--agreement takes an even --batch-size and no --mixup or --evidence")
    if args.forget_surroundings and (args.view == WHOLE or args.mixup):
        parser.error(
            "--forget-surroundings needs to know where the lungs are: no --view whole, no --mixup"
        )


def settings_of(recipe: Recipe) -> JsonObject:
    """Returns the flags that decide the result; paths by their name only."""
    settings = {name: value for name, value in asdict(recipe).items() if name not in NOT_DECISIVE}
    table = recipe.patients.name if recipe.patients else None
    finder = finder_identity(recipe)
    settings |= {"init": Path(recipe.init).name, "patients": table, "finder": finder}
    earlier = earlier_run(recipe.init)
    return settings | {"began_from": earlier} if earlier else settings


def finder_identity(recipe: Recipe) -> str | None:
    """Returns the SHA-256 of the lung finder that decides what the network is shown, if any."""
    return None if recipe.view == WHOLE else sha256_of(recipe.finder)
