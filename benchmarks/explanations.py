"""Do the heatmaps mark what the answer rests on? Erasing, on radiographs kept out of training.

    python benchmarks/explanations.py --data chest_xray [--method gradcam ...] [--count 200]

Takes held-out PNEUMONIA radiographs that are called right at the card's default threshold (the
split is drawn again from the card's own settings), erases the hottest tenth, and counts how often
P falls further than when the same shape is erased at six random places, on average.
Prints a table in Markdown.
"""

import argparse
import sys
from pathlib import Path

import numpy as np
from rich.progress import track

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from pneumo import PNEUMONIA  # noqa: E402
from pneumo.checks import CONTROLS, FILLS, erase_hottest, share_outside  # noqa: E402
from pneumo.dataset import drop_duplicates, index_folder, split_patients  # noqa: E402
from pneumo.explain import METHODS, Explainer  # noqa: E402
from pneumo.inference import prepare, score_pixels  # noqa: E402
from pneumo.model import load_classifier  # noqa: E402
from pneumo.preprocess import resize_to_grid  # noqa: E402
from pneumo.radiograph import read_radiograph  # noqa: E402


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--method", nargs="+", choices=METHODS, default=["gradcam", "occlusion"])
    parser.add_argument("--fraction", type=float, default=0.1)
    parser.add_argument("--count", type=int, default=100)
    args = parser.parse_args()

    classifier = load_classifier()
    explainer = Explainer(classifier)
    size, threshold = classifier.card.image_size, classifier.card.default.threshold
    folder = args.data / "train" if (args.data / "train").is_dir() else args.data
    settings = classifier.card.document["training"]
    examples = drop_duplicates(index_folder(folder))
    _, held_out = split_patients(examples, settings["held_out"], settings["seed"])
    ill = [example for example in held_out if example.label == PNEUMONIA]
    np.random.default_rng(0).shuffle(ill)

    outcomes = {(method, fill): [] for method in args.method for fill in FILLS}
    borders = {method: [] for method in args.method}
    called = 0
    for example in track(ill, "erasing"):
        if called == args.count:
            break
        grid = resize_to_grid(read_radiograph(example.path).pixels, size)
        if score_pixels(classifier, [grid])[0] < threshold:
            continue
        called += 1
        for method in args.method:
            heatmap = explainer.explain(method, prepare(classifier, [grid]), PNEUMONIA)
            borders[method].append(share_outside(heatmap).border)
            score = lambda pictures: score_pixels(classifier, pictures)  # noqa: E731
            for erasure in erase_hottest(grid, heatmap, score, (args.fraction,), seed=called):
                outcomes[method, erasure.fill].append(
                    (
                        erasure.matters,
                        erasure.before - erasure.hottest,
                        erasure.before - erasure.random.mean(),
                    )
                )
    print(
        f"{called} held-out PNEUMONIA radiographs called right at {threshold:.3f}; the hottest "
        f"{args.fraction:.0%} erased, against {CONTROLS} random places\n"
    )
    print(
        "| method | erased by | hottest costs more | mean loss of P | at random | heat on border |"
    )
    print("|---|---|---|---|---|---|")
    for (method, fill), found in outcomes.items():
        matters, lost, at_random = np.array(found, float).mean(axis=0)
        print(
            f"| {METHODS[method].name} | {fill} | {matters:.1%} | {lost:.3f} | {at_random:.3f} | "
            f"{np.mean(borders[method]):.0%} |"
        )


if __name__ == "__main__":
    main()
