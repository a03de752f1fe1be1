"""Do the heatmaps mark what the answer rests on? Erasing, on radiographs kept out of training.

    python -m benchmarks.explanations --data chest_xray [--method gradcam ...] [--count 100]

Takes held-out PNEUMONIA radiographs that are called right at the card's balanced threshold (the
split is drawn again from the card's own settings). Everything is counted in log odds, in which
costs add up, and within the lung field, outside of which there is nothing to erase:

- the hottest tenth and third of the field are erased, against as much at six random places of it;
- the hottest half alone is kept, against the coldest half alone;
- both again with the heatmap of *another* of these radiographs: a method whose own map does no
  better shows where pneumonias tend to be, not where this one is;
- each cell of the last layer is hidden by itself (`--cells N` radiographs, 60 passes or so each):
  rank correlation, within a radiograph, of a cell's heat with what hiding it costs.

`--within lungs` erases and compares within the lungs alone. A map that only tells lung from what
lies between the lungs does well in the field and no better than chance there.

Prints a table in Markdown.
"""

import argparse
import json
from pathlib import Path

import numpy as np
from rich.progress import track
from scipy.stats import spearmanr

from pneumo import PNEUMONIA
from pneumo.dataset.examples import Example
from pneumo.dataset.splits import split_as_trained
from pneumo.explaining.explainer import Explainer
from pneumo.explaining.faithfulness import (
    CONTROLS,
    FILLS,
    erase,
    erase_hottest,
    hottest,
    share_in_lungs,
)
from pneumo.explaining.methods import METHODS
from pneumo.explaining.overlay import stretch_heatmap
from pneumo.inference import score_grids
from pneumo.network.classifier import Classifier, load_classifier
from pneumo.network.forward import log_odds
from pneumo.network.model_input import ModelInput
from pneumo.network.preprocess import to_model_input
from pneumo.network.weights_files import WEIGHTS_FOLDER
from pneumo.reading.radiograph import read_radiograph

FRACTIONS = (0.1, 1 / 3)
LEAST_IN_CELL = 0.5
"""Share of a cell that lies in the field if hiding it is to be tried."""


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--weights", type=Path, default=WEIGHTS_FOLDER)
    parser.add_argument("--method", nargs="+", choices=METHODS, default=["gradcam", "evidence"])
    parser.add_argument("--count", type=int, default=100, help="radiographs to erase from")
    parser.add_argument("--cells", type=int, default=20, help="radiographs to hide each cell of")
    parser.add_argument(
        "--within", choices=("field", "lungs"), default="field", help="where to erase and compare"
    )
    parser.add_argument("--json", type=Path, help="write the table to this file too")
    args = parser.parse_args()

    classifier = load_classifier(args.weights)
    explainer = Explainer(classifier)
    rows = {
        (method, whose, fill): {"heat in lungs": [], "even": [], "kept": [], "cells": []}
        | {fraction: [] for fraction in FRACTIONS}
        for method in args.method
        for whose in ("own", "another's")
        for fill in FILLS
    }

    def score(grids):
        return score_grids(classifier, grids)

    chosen = choose(classifier, args.data, args.count)
    maps = {
        method: [
            explainer.explain(method, to_model_input(seen.grid[np.newaxis]), PNEUMONIA)
            for seen in track(chosen, method)
        ]
        for method in args.method
    }
    for place, seen in enumerate(track(chosen, "erasing")):
        inside = seen.inside & seen.lungs if args.within == "lungs" else seen.inside
        costs = {fill: hide_cells(seen, score, fill) for fill in FILLS if place < args.cells}
        for method, whose in dict.fromkeys(key[:2] for key in rows):
            heatmap = maps[method][place - (whose == "another's")]
            shares = share_in_lungs(heatmap, seen.lungs, seen.inside)
            for erasure in erase_hottest(
                seen.grid, heatmap, score, FRACTIONS, seed=place, inside=inside
            ):
                own = rows[method, whose, erasure.fill][erasure.fraction]
                own.append((erasure.matters, erasure.cost, erasure.random_cost))
            for fill in FILLS:
                own = rows[method, whose, fill]
                own["heat in lungs"].append(shares.heat)
                own["even"].append(shares.even)
                own["kept"].append(keep_halves(seen, heatmap, score, fill))
                if fill in costs:
                    cells, lost = costs[fill]
                    # Occlusion has cells of its own, larger than the last layer's.
                    heat = stretch_heatmap(heatmap, cells.shape, None)
                    own["cells"].append(spearmanr(heat[cells], lost).statistic)
    table = [summarise(*key, found) for key, found in rows.items()]
    print(
        f"{len(chosen)} held-out PNEUMONIA radiographs called right; {CONTROLS} random places of "
        f"the {args.within}; "
        f"cells one by one in {min(args.cells, len(chosen))}\n"
    )
    print(
        "| method | heatmap | erased by | hottest tenth costs more | log odds lost: hottest, "
        "elsewhere | hottest third costs more | lost: hottest, elsewhere | hottest half says more "
        "than coldest | rank correlation, cells | heat in lungs (even) |"
    )
    print("|---" * 10 + "|")
    for row in table:
        print(
            f"| {METHODS[row['method']].name} | {row['heatmap']} | {row['fill']} | "
            f"{row['tenth']:.0%} of {row['tenths']} | {row['tenth_cost']:.2f}, "
            f"{row['tenth_elsewhere']:.2f} | {row['third']:.0%} of {row['thirds']} | "
            f"{row['third_cost']:.2f}, {row['third_elsewhere']:.2f} | {row['kept']:.0%} | "
            f"{row['cells']:+.2f} | {row['in_lungs']:.0%} ({row['even']:.0%}) |"
        )
    if args.json:
        document = {"weights_sha256": classifier.card.weights_sha256, "rows": table}
        args.json.write_text(json.dumps(document, indent=2) + "\n", encoding="utf-8")


def choose(
    classifier: Classifier, data: Path, count: int, label: int = PNEUMONIA
) -> list[ModelInput]:
    """Takes held-out radiographs of a class that are called right, in a random order."""
    _, held_out = split_as_trained(data, classifier.card.document["training"])
    own: list[Example] = [example for example in held_out if example.label == label]
    np.random.default_rng(0).shuffle(own)
    chosen: list[ModelInput] = []
    for example in own:
        if len(chosen) == count:
            break
        (seen,) = classifier.prepare([read_radiograph(example.path).pixels])
        called_ill = score_grids(classifier, [seen.grid])[0] >= classifier.card.default.threshold
        if called_ill == (label == PNEUMONIA) and seen.lungs is not None:
            chosen.append(seen)
    return chosen


def hide_cells(seen: ModelInput, score, fill: str) -> tuple[np.ndarray, np.ndarray]:
    """Hides each cell of the last layer that lies in the field.

    Returns:
        `(10, 10)` bool, which cells, and what hiding each costs in log odds, in their order.
    """
    size, cells = len(seen.grid), 10
    edges = np.linspace(0, size, cells + 1).round().astype(int)
    tried, pictures = np.zeros((cells, cells), bool), []
    for row, column in np.ndindex(cells, cells):
        place = slice(*edges[row : row + 2]), slice(*edges[column : column + 2])
        if seen.inside[place].mean() < LEAST_IN_CELL:
            continue
        mask = np.zeros(seen.grid.shape, bool)
        mask[place] = seen.inside[place]
        tried[row, column] = True
        pictures.append(erase(seen.grid, mask, fill))
    before, *after = log_odds(score([seen.grid, *pictures]))
    return tried, before - np.array(after)


def keep_halves(seen: ModelInput, heatmap: np.ndarray, score, fill: str) -> bool:
    """Tells whether the hottest half of the field alone says PNEUMONIA more than the coldest."""
    half = hottest(stretch_heatmap(heatmap, seen.grid.shape), 0.5, seen.inside)
    hot, cold = score(
        [erase(seen.grid, rest & seen.inside, fill) for rest in (~half, half)],
    )
    return bool(hot > cold)


def summarise(method: str, whose: str, fill: str, found: dict) -> dict:
    """Returns the row of one method, of own heatmaps or of another's, and of one fill."""
    row = {"method": method, "heatmap": whose, "fill": fill}
    for name, fraction in zip(("tenth", "third"), FRACTIONS, strict=True):
        values = np.array(found[fraction], float).reshape(-1, 3)
        row[f"{name}s"] = len(values)
        row |= dict(
            zip(
                (name, f"{name}_cost", f"{name}_elsewhere"),
                values.mean(axis=0).tolist() if len(values) else [np.nan] * 3,
                strict=True,
            )
        )
    return row | {
        "kept": float(np.mean(found["kept"])),
        "cells": float(np.nanmean(found["cells"])) if found["cells"] else np.nan,
        "cells_in": len(found["cells"]),
        "in_lungs": float(np.nanmean(found["heat in lungs"])),
        "even": float(np.mean(found["even"])),
    }


def compare_rows(erased: dict[str, list[dict]], method: str) -> list[dict]:
    """Puts what erasing showed within the field and within the lungs side by side.

    Args:
        erased: `field` and `lungs` -> the rows that `--within` of it wrote.
        method: Whose rows to take.

    Returns:
        A row for each fill: the own heatmap, and what another radiograph's would do; the tenth also
        within the lungs alone, where to tell lung from what is none is no merit.
    """
    found = {
        (within, row["heatmap"], row["fill"]): row
        for within, rows in erased.items()
        for row in rows
        if row["method"] == method
    }
    table = []
    for fill in dict.fromkeys(fill for _, _, fill in found):
        own, other = found["field", "own", fill], found["field", "another's", fill]
        table.append(
            {
                "fill": fill,
                **{
                    key: own[key] for key in ("tenth", "third", "kept", "cells", "in_lungs", "even")
                },
                **{f"another's_{key}": other[key] for key in ("tenth", "third")},
                "tenth_of_lungs": found["lungs", "own", fill]["tenth"],
                "another's_tenth_of_lungs": found["lungs", "another's", fill]["tenth"],
            }
        )
    return table


if __name__ == "__main__":
    main()
