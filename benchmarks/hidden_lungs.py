"""Does the network say nothing once it has no lungs, or does it just know our grey paint?

    python -m benchmarks.hidden_lungs --data chest_xray [--count 100] [--json FILE]

Training paints lungs over with even grey and asks for one half, so even grey proves little. Here
the lungs of radiographs kept out of training are hidden in ways that training never showed; what
is left are outline, mediastinum and whatever leaks, and none of them is to tell the classes apart.
In the other direction each field is shown within the outline of a radiograph of the *other* class:
the answer is to stay. Last, a classifier is given nothing but the outline, as serving
draws it and as training varies it. Prints tables in Markdown.
"""

import argparse
import json
from pathlib import Path

import numpy as np
from PIL import Image, ImageFilter
from rich.progress import track
from scipy.ndimage import gaussian_filter

from pneumo import NORMAL, PNEUMONIA
from pneumo.dataset.examples import Example, labels_of, load_grids, patients_of
from pneumo.dataset.splits import split_as_trained
from pneumo.evaluation.metrics import area_under_roc
from pneumo.evaluation.shortcuts import OUTLINE_CELLS, aucs_of
from pneumo.evaluation.surroundings import lay_over
from pneumo.inference import score_grids
from pneumo.network.classifier import load_classifier
from pneumo.network.lung_field import crop_cells, crop_outline, cut_out, present
from pneumo.network.lung_finder import FINDER_NAME, load_finder
from pneumo.network.operating_points import count_outcomes, rates_of
from pneumo.network.weights_files import WEIGHTS_FOLDER
from pneumo.training.framing import (
    SOURCE_SIZE,
    add_lungs,
    cut_at_random,
    cut_exactly,
    draw_outline,
    vary_outline,
)


def blur(grid, cover, rng):
    """Out of focus, by a tenth of the side: haze and ribs go, brightness stays."""
    return np.asarray(Image.fromarray(grid).filter(ImageFilter.GaussianBlur(len(grid) / 10)))


def noise(grid, cover, rng):
    """Noise with the mean and spread of the whole field."""
    grain = rng.normal(grid.mean(), grid.std(), grid.shape)
    return np.clip(grain, 0, 255).astype(np.uint8)


def smooth(grid, cover, rng):
    """What lies around the lungs, spread smoothly into them."""
    around = 1 - cover
    value, weight = (gaussian_filter(part, len(grid) / 10) for part in (grid * around, around))
    return np.clip(value / np.maximum(weight, 1e-3), 0, 255).astype(np.uint8)


HIDDEN = {
    "mean grey, as in training": lambda grid, cover, rng: np.full_like(grid, int(grid.mean())),
    "black": lambda grid, cover, rng: np.zeros_like(grid),
    "white": lambda grid, cover, rng: np.full_like(grid, 255),
    "noise": noise,
    "what lies around them, spread": smooth,
    "blur": blur,
}
"""Name -> function of `(size, size)` uint8, lungs in [0, 1] and a generator: what covers them."""


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--count", type=int, default=100, help="held-out radiographs a class")
    parser.add_argument("--weights", type=Path, default=WEIGHTS_FOLDER)
    parser.add_argument("--json", type=Path, help="write the figures to this file too")
    args = parser.parse_args()

    classifier = load_classifier(args.weights)
    threshold = classifier.card.default.threshold
    training, held_out = split_as_trained(args.data, classifier.card.document["training"])
    chosen = draw_of_each(held_out, args.count)
    labels = labels_of(chosen)
    radiographs = list(load_grids(chosen, SOURCE_SIZE))
    seen = classifier.prepare(radiographs)
    size = classifier.card.layout.image_size
    inside = [crop_outline(each.field, size) for each in seen]
    lungs = [np.clip(2 * crop_cells(each.field.lungs, each.field, size), 0, 1) for each in seen]
    view = classifier.card.view
    bare = [
        cut_out(pixels, each.field, size) for pixels, each in zip(radiographs, seen, strict=True)
    ]

    pictures = {"as they are": [each.grid for each in seen]}
    for name, cover in HIDDEN.items():
        rng = np.random.default_rng(0)
        pictures[name] = [
            present(lay_over(cut, cover(cut, own, rng), own), edge, view)
            for cut, own, edge in zip(bare, lungs, inside, strict=True)
        ]
    rng = np.random.default_rng(0)
    donors = [int(rng.choice(np.flatnonzero(labels != label))) for label in labels]
    pictures["there, but in the outline of the other class"] = [
        present(cut, inside[donor], view) for cut, donor in zip(bare, donors, strict=True)
    ]
    rows = []
    for name, variant in track(pictures.items(), "scoring"):
        answers = score_grids(classifier, variant)
        rates = rates_of(**count_outcomes(labels, answers, threshold))
        low, middle, high = np.percentile(answers, [5, 50, 95])
        rows.append(
            {
                "lungs": name,
                "auc": area_under_roc(labels, answers),
                "sensitivity": rates["sensitivity"],
                "specificity": rates["specificity"],
                **{"p5": float(low), "p50": float(middle), "p95": float(high)},
            }
        )
    print(f"\n{args.count} + {args.count} held-out radiographs, threshold {threshold:.3f}\n")
    print("| lungs | AUC | called PNEUMONIA: ill | well | P, 5th, 50th, 95th percentile |")
    print("|---|---|---|---|---|")
    for row in rows:
        print(
            f"| {row['lungs']} | {row['auc']:.3f} | {row['sensitivity']:.2f} | "
            f"{1 - row['specificity']:.2f} | {row['p5']:.3f}, {row['p50']:.3f}, {row['p95']:.3f} |"
        )
    outlines = judge_outlines(training, args.weights)
    print(f"\nThe outline alone, {len(training)} training radiographs, cross-validated\n")
    print("| outline | AUC |\n|---|---|")
    for name, auc in outlines.items():
        print(f"| {name} | {auc:.3f} |")
    if args.json:
        document = {"weights_sha256": classifier.card.weights_sha256, "count": args.count}
        document |= {"threshold": threshold, "lungs": rows}
        document |= {"outline": {"count": len(training), **outlines}}
        args.json.write_text(json.dumps(document, indent=2) + "\n", encoding="utf-8")


def draw_of_each(examples: list[Example], count: int) -> list[Example]:
    """Draws equally many of both classes; the same whenever it is asked."""
    drawn = list(examples)
    np.random.default_rng(0).shuffle(drawn)
    return [
        example
        for label in (NORMAL, PNEUMONIA)
        for example in [each for each in drawn if each.label == label][:count]
    ]


def judge_outlines(examples, weights):
    """Measures how well the outline alone tells the classes apart, over patients.

    Returns:
        Name -> see `aucs_of`.
    """
    labels, patients = labels_of(examples), patients_of(examples)
    find = load_finder(weights / FINDER_NAME)
    sources = add_lungs(load_grids(examples, SOURCE_SIZE), find)
    indices = range(len(examples))

    def as_served(index):
        own = cut_exactly(sources, index, OUTLINE_CELLS)
        return draw_outline(own, own)

    def as_varied(index):
        rng = np.random.default_rng([0, index])
        donor = int(rng.integers(len(examples)))
        own, other = (cut_at_random(sources, each, OUTLINE_CELLS, rng) for each in (index, donor))
        return draw_outline(own, other, vary_outline(rng))

    ways = {"as serving draws it": as_served, "as training varies it": as_varied}
    outlines = {
        name: [draw(index).ravel() for index in track(indices, name)] for name, draw in ways.items()
    }
    return aucs_of(outlines, labels, patients)


if __name__ == "__main__":
    main()
