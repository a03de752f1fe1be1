"""Which places of the lung field does the network answer from, and which side is which?

    python -m benchmarks.places --data chest_xray [--count 40]

Three questions to the network, on held-out patients:

- *haze*: that of `benchmarks.planted`, drawn into healthy lungs in one zone of the field after the
  other. How much do the log odds rise, and does the heat for PNEUMONIA rise most within the haze?
- *tiles*: one tile of the field at a time is blurred. How much of what changes in the evidence
  changes in that very tile, and not in others that saw it too?
- *mirrored*: how many answers does it cost if left and right are exchanged?

Prints tables in Markdown.
"""

import argparse
from collections.abc import Callable
from pathlib import Path

import numpy as np
from PIL import Image, ImageFilter
from rich.progress import track

from benchmarks.against_looks import measure
from benchmarks.explanations import choose
from benchmarks.planted import plant
from pneumo import NORMAL, PNEUMONIA
from pneumo.dataset.examples import labels_of, load_grids
from pneumo.dataset.splits import split_as_trained
from pneumo.evaluation.surroundings import CHEST_SIDE
from pneumo.explaining.explainer import Explainer
from pneumo.explaining.localisation import evidence_for
from pneumo.explaining.overlay import stretch_heatmap
from pneumo.inference import score_pixels
from pneumo.network.classifier import Classifier, load_classifier
from pneumo.network.forward import log_odds
from pneumo.network.model_input import ModelInput
from pneumo.network.weights_files import WEIGHTS_FOLDER

FIFTH = 0.2
Zone = Callable[[np.ndarray, np.ndarray], np.ndarray]
ZONES: dict[str, Zone] = {
    "top fifth": lambda y, x: y < FIFTH,
    "bottom fifth": lambda y, x: y >= 1 - FIFTH,
    "outer fifths, between those": lambda y, x: (
        (y >= FIFTH) & (y < 1 - FIFTH) & (np.abs(x - 0.5) >= 0.5 - FIFTH)
    ),
    "the rest": lambda y, x: (y >= FIFTH) & (y < 1 - FIFTH) & (np.abs(x - 0.5) < 0.5 - FIFTH),
}
"""Parts of the field's square, by y and x in [0, 1]."""
TILES = 5
FEWEST = 60
"""Pixels of lung that a zone must hold for haze to be drawn there."""


def main() -> None:
    """Asks and prints."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--weights", type=Path, default=WEIGHTS_FOLDER)
    parser.add_argument("--count", type=int, default=40, help="radiographs a class and question")
    args = parser.parse_args()
    classifier = load_classifier(args.weights)
    well = choose(classifier, args.data, args.count, NORMAL)
    ill = choose(classifier, args.data, args.count, PNEUMONIA)

    print(f"\n{len(well)} held-out NORMAL radiographs called NORMAL\n")
    print("| haze in | share of the lungs | log odds rise by (median) | heat rises most there |")
    print("|---|---|---|---|")
    for name, (share, rise, found) in haze_by_zone(classifier, well).items():
        print(f"| {name} | {share:.0%} | {rise:.3f} | {found:.0%} |")

    print(f"\nWhat of a blurred tile's effect is in that tile, {len(well)} + {len(ill)}\n")
    for row in effect_in_own_tile(classifier, well + ill):
        print("| " + " | ".join(f"{share:.2f}" for share in row) + " |")

    print("\n| | AUC | sensitivity | specificity |\n|---|---|---|---|")
    for name, rates in mirrored(classifier, args.data).items():
        figures = (rates[key] for key in ("auc", "sensitivity", "specificity"))
        print(f"| {name} | " + " | ".join(f"{figure:.3f}" for figure in figures) + " |")


def ask(classifier: Classifier, grids: list[np.ndarray]) -> tuple[np.ndarray, np.ndarray]:
    """Returns `(n,)` log odds and `(n, 10, 10)` shares of them of what the network is shown."""
    maps, probabilities = classifier.forward(np.stack(grids))
    return log_odds(probabilities[:, PNEUMONIA]), Explainer(classifier).evidence(maps)


def haze_by_zone(
    classifier: Classifier, healthy: list[ModelInput]
) -> dict[str, tuple[float, float, float]]:
    """Draws haze into each zone in turn.

    Returns:
        Zone -> its share of the lungs' area, the median rise of the log odds, and in what share of
        all radiographs the heat rises most within the haze.
    """
    size = len(healthy[0].grid)
    y, x = (np.indices((size, size)) + 0.5) / size
    found: dict[str, list[tuple[float, float, bool]]] = {name: [] for name in ZONES}
    for number, seen in enumerate(track(healthy, "haze")):
        lungs = seen.lungs & seen.inside
        zones = {name: chosen(y, x) for name, chosen in ZONES.items()}
        zones = {name: zone for name, zone in zones.items() if (lungs & zone).sum() >= FEWEST}
        drawn = [
            plant(seen, classifier.card.view, np.random.default_rng(number), zone)
            for zone in zones.values()
        ]
        odds, shares = ask(classifier, [seen.grid, *(picture for picture, _ in drawn)])
        before, *after = evidence_for(shares, PNEUMONIA)
        for (name, zone), (_, haze), higher, cells in zip(
            zones.items(), drawn, odds[1:], after, strict=True
        ):
            rise = np.where(seen.inside, stretch_heatmap(cells - before, haze.shape), -np.inf)
            there = bool(rise.max() > 0 and haze.flat[np.argmax(rise)])
            found[name].append(((lungs & zone).sum() / lungs.sum(), higher - odds[0], there))
    return {
        name: tuple(
            float(how(column))
            for how, column in zip((np.mean, np.median, np.mean), np.transpose(rows), strict=True)
        )
        for name, rows in found.items()
    }


def effect_in_own_tile(classifier: Classifier, shown: list[ModelInput]) -> np.ndarray:
    """Returns `(5, 5)`: which share of what a tile's blur changes is in the tile's own cells."""
    own, all_changes = np.zeros((TILES, TILES)), np.zeros((TILES, TILES))
    size = len(shown[0].grid)
    edges = np.rint(np.linspace(0, size, TILES + 1)).astype(int)
    for seen in track(shown, "tiles"):
        soft = np.asarray(Image.fromarray(seen.grid).filter(ImageFilter.GaussianBlur(size / 20)))
        pictures = [seen.grid]
        for i in range(TILES):
            for j in range(TILES):
                changed = seen.grid.copy()
                part = slice(edges[i], edges[i + 1]), slice(edges[j], edges[j + 1])
                changed[part] = soft[part]
                pictures.append(changed)
        _, shares = ask(classifier, pictures)
        change = np.abs(shares[1:] - shares[0])
        a_tile = change.shape[1] // TILES
        by_tile = change.reshape(TILES**2, TILES, a_tile, TILES, a_tile).sum(axis=(2, 4))
        all_changes += by_tile.sum(axis=(1, 2)).reshape(TILES, TILES)
        own += by_tile.reshape(TILES**2, -1).diagonal().reshape(TILES, TILES)
    return own / all_changes


def mirrored(classifier: Classifier, data: Path) -> dict[str, dict[str, float]]:
    """Scores all held-out radiographs as they are and with left and right exchanged."""
    _, held_out = split_as_trained(data, classifier.card.document["training"])
    labels, found = labels_of(held_out), {}
    for name, step in (("as they are", 1), ("mirrored", -1)):
        pictures = (
            np.ascontiguousarray(pixels[:, ::step]) for pixels in load_grids(held_out, CHEST_SIDE)
        )
        scores = score_pixels(classifier, track(pictures, name, total=len(held_out)))
        found[name] = measure(labels, scores, classifier.card.default.threshold)
    return found


if __name__ == "__main__":
    main()
