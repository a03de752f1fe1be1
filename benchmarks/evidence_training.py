"""Does training teach the network to show what its answers rest on? Short runs side by side.

    python -m benchmarks.evidence_training --data chest_xray [--init xception.weights.h5]

Each variant trains on the same third of the patients at 224 pixels for three epochs and is then
erased from, on the same held-out pneumonias, as `benchmarks.explanations` does with the shipped
weights. One seed, one split: AUCs that differ by a hundredth are equal, and so are shares that
differ by one in ten. A finished variant is not run again; --output keeps them.
"""

import argparse
import json
import subprocess
import sys
from pathlib import Path

from benchmarks.explanations import compare_rows
from pneumo.network.card import read_card
from pneumo.network.weights_files import CARD_NAME
from pneumo.training.recipe import RECIPES

ROOT = Path(__file__).resolve().parents[1]
WITHOUT_PATCHES = [name for name in RECIPES["robust"]["augment"] if name != "patches"]
LOSS, FINER = ["--evidence", "0.5"], ["--last-stride", "1"]
VARIANTS = {
    "parts of the lungs not hidden": ["--augment", *WITHOUT_PATCHES],
    "the recipe as it is": [],
    "loss on evidence where no lung is seen": LOSS,
    "finer last map": FINER,
    "finer last map and the loss": [*FINER, *LOSS],
}
EPOCHS, SHARE, SIZE, COUNT, CELLS = 3, 0.34, 224, 40, 20


def main() -> None:
    """Runs what is missing and writes the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", required=True)
    parser.add_argument("--init", default="imagenet")
    parser.add_argument("--output", type=Path, default=Path("runs/evidence"))
    parser.add_argument("--only", nargs="+", choices=VARIANTS, default=list(VARIANTS))
    parser.add_argument("--precision", default="mixed_bfloat16")
    parser.add_argument("--json", type=Path, help="write the table to this file too")
    args = parser.parse_args()

    rows = []
    for name in args.only:
        folder = args.output.resolve() / name.replace(" ", "-")
        if not (folder / CARD_NAME).exists():
            run(
                *("train.py", "--data", args.data, "--init", args.init, "--output", folder),
                *("--precision", args.precision, "--share", SHARE, "--epochs", EPOCHS),
                *("--image-size", SIZE, "--suite", 0, "--tiles", 0, "--retrain-layers", 55),
                *("--view", "field", "--against-looks", 1),
                *VARIANTS[name],
            )
        erased = {}
        for within, cells in (("field", CELLS), ("lungs", 0)):
            path = folder / f"erasing-{within}.json"
            if not path.exists():
                run(
                    *("-m", "benchmarks.explanations", "--data", args.data, "--weights", folder),
                    *("--method", "gradcam", "--count", COUNT, "--cells", cells),
                    *("--within", within, "--json", path),
                )
            erased[within] = json.loads(path.read_text())["rows"]
        rows += rows_of(name, folder, erased)
    document = {
        "settings": f"{EPOCHS} epochs on {SHARE:.0%} of the patients at {SIZE} pixels, "
        f"{args.precision}; erased from {COUNT} held-out pneumonias that were called right".replace(
            "%", " %"
        ),
        "rows": rows,
    }
    text = json.dumps(document, indent=2, ensure_ascii=False)
    print(text)
    if args.json:
        args.json.write_text(text + "\n", encoding="utf-8")


def run(*words: object) -> None:
    """Runs a Python of ours; ends with it if it fails."""
    if subprocess.run([sys.executable, *map(str, words)], cwd=ROOT).returncode:
        sys.exit(f"{words[0]} failed")


def rows_of(name: str, folder: Path, erased: dict) -> list[dict]:
    """Returns a row for each fill: own Grad-CAM, and what another radiograph's would do."""
    metrics = read_card(folder / CARD_NAME).document["metrics"]["held_out_patients"]
    rates = {key: metrics[key] for key in ("auc", "balanced_accuracy")}
    return [{"name": name, **rates, **row} for row in compare_rows(erased, "gradcam")]


if __name__ == "__main__":
    main()
