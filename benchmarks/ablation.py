"""What each main ingredient of the recipe is worth: short runs without it, side by side.

    python -m benchmarks.ablation --data chest_xray [--init xception.weights.h5] [--only NAME ...]

Every variant trains on the same third of the patients at 224 pixels for the same number of epochs
and is measured on the same held-out patients: as they are, under the robustness suite, and with the
looks of the other class, at threshold 0.5. One seed, one split, few normal chests: differences of
two or three points are noise.
A finished variant is not run again; --output keeps them. Prints the table in Markdown; --json
writes it for the README and the model page.
"""

import argparse
import json
import subprocess
import sys
from pathlib import Path

import numpy as np

from pneumo.evaluation.metrics import compare_shifted
from pneumo.evaluation.robustness import LOOKS, SHIFTS, SURROUNDINGS
from pneumo.network.weights_files import CARD_NAME
from pneumo.training.finish import NO_SCORES, scores_path
from pneumo.training.recipe import RECIPES, UNCALIBRATED_NAME

ROOT = Path(__file__).resolve().parent.parent

GROUPS = RECIPES["robust"]["augment"]


def without(group):
    return ["--augment", *(name for name in GROUPS if name != group)]


ORIGIN = ["--recipe", "origin", "--view", "whole"]
VARIANTS = {
    "lung field, the default then": [],
    "cut to the field, nothing hidden": ["--view", "cut"],
    "whole radiograph": ["--view", "whole"],
    "without outline (varied, exchanged)": without("outline"),
    "without surroundings (exchanged, lungs painted over)": without("surroundings"),
    "without marks (letters and wires drawn)": without("marks"),
    "without patches (parts hidden)": without("patches"),
    "without local contrast (washed out)": without("local-contrast"),
    "without style (looks of other radiographs)": without("style"),
    "without geometry": without("geometry"),
    "without texture (resolution, noise, JPEG)": without("texture"),
    "without levels (gamma, contrast, black level)": without("levels"),
    "without any augmentation": ["--augment"],
    "without class balance": ["--no-balance"],
    "with mirroring": ["--augment", *GROUPS, "mirror"],
    "with mixup 0.2": ["--mixup", "0.2"],
    "last 100 layers instead of 55": ["--retrain-layers", "100"],
    "origin": ORIGIN,
    "origin, last 100 layers": [*ORIGIN, "--retrain-layers", "100"],
}


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", required=True)
    parser.add_argument("--init", default="imagenet")
    parser.add_argument("--output", type=Path, default=Path("runs/ablation"))
    parser.add_argument("--only", nargs="+", choices=VARIANTS, default=list(VARIANTS))
    parser.add_argument("--epochs", type=int, default=2)
    parser.add_argument("--share", type=float, default=1 / 3)
    parser.add_argument("--image-size", type=int, default=224)
    parser.add_argument("--precision", default="mixed_bfloat16")
    parser.add_argument("--json", type=Path, help="write the table to this file too")
    args = parser.parse_args()

    common = ["--data", args.data, "--init", args.init, "--precision", args.precision]
    # As the recipe was when this was chosen.
    common += ["--tiles", "0", "--retrain-layers", "55", "--view", "field", "--against-looks", "1"]
    for name in ("epochs", "share", "image_size"):
        common += [f"--{name.replace('_', '-')}", str(getattr(args, name))]
    reports = {}
    for name, flags in VARIANTS.items():
        folder = args.output.resolve() / name.replace(" ", "-").replace(",", "")
        if not (folder / CARD_NAME).exists() and name in args.only:
            command = [sys.executable, "train.py", *common, "--output", folder, *flags]
            if subprocess.run([*map(str, command), "--resume"], cwd=ROOT).returncode:
                print(f"{name}: the run failed", file=sys.stderr)
        if (folder / CARD_NAME).exists():
            settings = json.loads((folder / CARD_NAME).read_text())["training"]
            for key in ("epochs", "share", "image_size", "precision"):
                if settings[key] != getattr(args, key):
                    sys.exit(f"{folder} was run with {key} {settings[key]}; use another --output")
            with np.load(scores_path(folder / UNCALIBRATED_NAME)) as found:
                scores = {key: found[key] for key in found.files if key not in NO_SCORES}
                reports[name] = compare_shifted(found["label"], scores, 0.5)
    rows = [summarise(name, shifts) for name, shifts in reports.items()]
    print_table(rows)
    if args.json:
        document = {"command": command_of(parser, args), **describe(args), "rows": rows}
        args.json.write_text(json.dumps(document, indent=2, ensure_ascii=False) + "\n")


def command_of(parser, args):
    """Returns the command that gives the same table, without this machine's folders."""
    words = ["python -m benchmarks.ablation --data", Path(args.data).name]
    for name in ("init", "epochs", "share", "image_size", "precision"):
        if getattr(args, name) != parser.get_default(name):
            words += [f"--{name.replace('_', '-')}", Path(str(getattr(args, name))).name]
    return " ".join(words)


def describe(args):
    """Says in words what the variants have in common, and how far to trust the table."""
    return {
        "settings": f"{args.epochs} epochs on {args.share:.0%} of the patients".replace("%", " %")
        + f" at {args.image_size} pixels, {args.precision}, threshold 0.5 throughout",
        "note": "One seed, one split, few normal chests: differences of two or three points are "
        "noise.",
    }


def summarise(name, shifts):
    """Returns one row, everything at threshold 0.5."""
    names = [*SHIFTS, *(name for name in SURROUNDINGS if name in shifts)]
    suite, hardest = [shifts[name] for name in names], shifts[list(LOOKS)[-1]]
    return {
        "name": name,
        "auc": shifts["none"]["auc"],
        "balanced_accuracy": shifts["none"]["balanced_accuracy"],
        "shifts_least_auc": min(entry["auc"] for entry in suite),
        "shifts_least_balanced_accuracy": min(entry["balanced_accuracy"] for entry in suite),
        "looks_auc": hardest["auc"],
        "looks_balanced_accuracy": hardest["balanced_accuracy"],
    }


def print_table(rows):
    """Prints one row a variant."""
    print(
        "| | held-out AUC | balanced accuracy | least AUC under shifts | least balanced accuracy "
        "under shifts | AUC, looks of the other class | balanced accuracy there |"
    )
    print("|---|---|---|---|---|---|---|")
    for row in rows:
        name, *values = row.values()
        print(f"| {name} | " + " | ".join(f"{value:.3f}" for value in values) + " |")


if __name__ == "__main__":
    main()
