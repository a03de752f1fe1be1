"""Heatmaps of several sets of weights, by the same three checks, in one table.

    python -m benchmarks.heat_side_by_side --data chest_xray "shipped=weights" "mine=runs/mine"

For each folder of weights: AUC on the held-out patients of its card; erasing as in
`benchmarks.explanations`, in the field and within the lungs alone, own heatmaps and another's; and
haze that is drawn into a lung, as in `benchmarks.planted`. All by the evidence map, which is exact.
A good figure in one column may be good for the wrong reason; the other columns tell.
"""

import argparse
import json
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np

from benchmarks.explanations import compare_rows
from pneumo.dataset.examples import labels_of
from pneumo.dataset.splits import split_as_trained
from pneumo.evaluation.metrics import area_under_roc
from pneumo.inference import score_pixels
from pneumo.network.classifier import load_classifier
from pneumo.reading.radiograph import read_radiograph

METHOD = "evidence"


def main() -> None:
    """Runs the checks and writes the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("weights", nargs="+", metavar="NAME=FOLDER")
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--count", type=int, default=60, help="radiographs in each check")
    parser.add_argument("--json", type=Path, help="write the table to this file too")
    args = parser.parse_args()
    rows = []
    for named in args.weights:
        name, folder = named.split("=", 1)
        rows += rows_of(name, Path(folder), args.data, args.count)
        print(json.dumps(rows[-2:], indent=1), flush=True)
    if args.json:
        document = {"radiographs": args.count, "method": METHOD, "rows": rows}
        text = json.dumps(document, indent=1, ensure_ascii=False)
        args.json.write_text(text + "\n", encoding="utf-8")


def rows_of(name: str, folder: Path, data: Path, count: int) -> list[dict]:
    """Returns a row for each way of erasing."""
    common = ("--data", data, "--weights", folder, "--method", METHOD, "--count", count)
    found = {
        within: run("benchmarks.explanations", *common, "--cells", 0, "--within", within)["rows"]
        for within in ("field", "lungs")
    }
    haze = run("benchmarks.planted", *common)
    figures = {
        "name": name,
        "auc": measure_auc(folder, data),
        "rises_in": haze["rises_in"],
        **{f"haze_{key}": haze["rows"][0][key] for key in ("found", "elsewhere", "within")},
    }
    # Each cell by itself takes a hundred passes a radiograph and is not asked for here.
    return [
        figures | {key: value for key, value in row.items() if key != "cells"}
        for row in compare_rows(found, METHOD)
    ]


def measure_auc(folder: Path, data: Path) -> float:
    """Returns the AUC on the held-out patients of the card."""
    classifier = load_classifier(folder)
    _, held_out = split_as_trained(data, classifier.card.document["training"])
    answers = [
        score_pixels(classifier, [read_radiograph(one.path).pixels for one in held_out[i : i + 16]])
        for i in range(0, len(held_out), 16)
    ]
    return area_under_roc(labels_of(held_out), np.concatenate(answers))


def run(module: str, *words: object) -> dict:
    """Runs a benchmark of ours and returns its JSON; ends with it if it fails."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "table.json"
        command = [sys.executable, "-m", module, *map(str, words), "--json", str(path)]
        if subprocess.run(command, stdout=subprocess.DEVNULL).returncode:
            sys.exit(f"{module} failed")
        return json.loads(path.read_text(encoding="utf-8"))


if __name__ == "__main__":
    main()
