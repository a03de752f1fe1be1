"""What `train.py` is told, and the two recipes that fill in the flags not given."""

import argparse
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from pneumo.files import JsonObject
from pneumo.network.architecture import Layout
from pneumo.network.lung_field import EQUALISED, WHOLE
from pneumo.network.preprocess import IMAGE_SIZE
from pneumo.network.weights_files import sha256_of
from pneumo.training.checkpoint import earlier_run
from pneumo.training.flags import add_flags

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
    on_device: bool
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
    add_flags(parser, RECIPES)
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
    if args.on_device and (args.view == WHOLE or args.mixup or args.evidence):
        parser.error("--on-device redraws lung fields: no --view whole, --mixup or --evidence")
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
