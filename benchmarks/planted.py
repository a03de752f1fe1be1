"""Does the heat go where something was put? Haze drawn into one lung of healthy chests.

    python -m benchmarks.planted --data chest_xray [--method gradcam ...] [--count 100]

Takes held-out NORMAL radiographs that are called NORMAL. In one lung of each, at a random place, a
round haze is drawn that brightens the lung towards the grey of the heart and weakens its texture.
Everything else stays as it is, so whatever changes in a heatmap for PNEUMONIA is due to the haze
and belongs there. A network that has its say at the same place of every chest, whatever lies
where, passes the check of erasing and fails this one.

For each method, of the radiographs whose P(PNEUMONIA) rises:

- found: the heat rises most within the haze;
- elsewhere: it rises most where another radiograph's haze would lie, and nothing was put: what a
  network would find that always speaks of the places where lungs are;
- new heat within: the share of the rise that lies within the haze.

Prints a table in Markdown.
"""

import argparse
import json
from pathlib import Path

import numpy as np
from PIL import Image, ImageFilter
from rich.progress import track
from scipy.ndimage import binary_erosion, gaussian_filter

from benchmarks.explanations import choose
from pneumo import NORMAL, PNEUMONIA
from pneumo.explaining.explainer import Explainer
from pneumo.explaining.methods import METHODS
from pneumo.explaining.overlay import stretch_heatmap
from pneumo.inference import score_grids
from pneumo.network.classifier import load_classifier
from pneumo.network.forward import log_odds
from pneumo.network.lung_field import EQUALISED, crop_outline, present
from pneumo.network.model_input import ModelInput
from pneumo.network.preprocess import to_model_input
from pneumo.network.weights_files import WEIGHTS_FOLDER

RADIUS, DENSITY, TEXTURE_KEPT = 0.11, 0.85, 0.3
"""Of the haze: a share of the picture's side, how much of it is haze in the middle, and how much
of the lung's texture is left there."""


def main() -> None:
    """Runs the check and prints the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--weights", type=Path, default=WEIGHTS_FOLDER)
    parser.add_argument("--method", nargs="+", choices=METHODS, default=["gradcam", "evidence"])
    parser.add_argument("--count", type=int, default=100, help="radiographs to draw into")
    parser.add_argument("--json", type=Path, help="write the table to this file too")
    parser.add_argument("--pictures", type=Path, help="folder for some of the drawn radiographs")
    args = parser.parse_args()

    classifier = load_classifier(args.weights)
    explainer = Explainer(classifier)
    found: dict[str, list[tuple[bool, bool, float]]] = {method: [] for method in args.method}
    rises = []
    chosen = choose(classifier, args.data, args.count, NORMAL)
    view = classifier.card.view
    drawn = [plant(seen, view, np.random.default_rng(place)) for place, seen in enumerate(chosen)]
    for place, seen in enumerate(track(chosen, "explaining")):
        hazy, haze = drawn[place]
        odds, higher = log_odds(score_grids(classifier, [seen.grid, hazy]))
        rises.append(higher - odds)
        if args.pictures and place < 12:
            args.pictures.mkdir(parents=True, exist_ok=True)
            both = Image.fromarray(np.concatenate([seen.grid, hazy], axis=1))
            both.save(args.pictures / f"{place}.png")
        if higher <= odds:
            continue
        for method in args.method:
            before, after = (
                explainer.explain(method, to_model_input(grid[np.newaxis]), PNEUMONIA)
                for grid in (seen.grid, hazy)
            )
            found[method].append(judge(before, after, haze, drawn[place - 1][1], seen.inside))
    rows = [
        {
            "method": method,
            "found": float(np.mean([one[0] for one in values])),
            "elsewhere": float(np.mean([one[1] for one in values])),
            "within": float(np.nanmean([one[2] for one in values])),
        }
        for method, values in found.items()
    ]
    print(
        f"{len(rises)} held-out NORMAL radiographs called NORMAL; P rises in "
        f"{np.mean(np.array(rises) > 0):.0%}, the log odds by {np.mean(rises):.2f} on average\n"
    )
    print("| method | heat rises most within the haze | within another's | new heat within |")
    print("|---|---|---|---|")
    for row in rows:
        print(
            f"| {METHODS[row['method']].name} | {row['found']:.0%} | {row['elsewhere']:.0%} | "
            f"{row['within']:.0%} |"
        )
    if args.json:
        document = {
            "weights_sha256": classifier.card.weights_sha256,
            "radiographs": len(rises),
            "rises_in": float(np.mean(np.array(rises) > 0)),
            "log_odds": float(np.mean(rises)),
            "rows": rows,
        }
        args.json.write_text(json.dumps(document, indent=2) + "\n", encoding="utf-8")


def plant(
    seen: ModelInput, view: str, rng: np.random.Generator, zone: np.ndarray | None = None
) -> tuple[np.ndarray, np.ndarray]:
    """Draws haze into a lung.

    Where grey levels are equalised they are so again, haze included, as if it had been there.

    Args:
        seen: What the network sees.
        view: What it is shown, see `present`.
        rng: Chooses the place.
        zone: `(size, size)` bool, in which part of the field its middle lies, anywhere in a lung
            there; by default it lies anywhere well within a lung.

    Returns:
        `(size, size)` uint8, the picture with it, and `(size, size)` bool, where most of it lies.
    """
    size = len(seen.grid)
    lungs = seen.lungs & seen.inside
    deep = (
        binary_erosion(lungs, iterations=round(size * RADIUS / 2)) if zone is None else lungs & zone
    )
    rows, columns = np.nonzero(deep if deep.any() else lungs)
    chosen = rng.integers(len(rows))
    y, x = np.indices(seen.grid.shape)
    far = np.hypot(y - rows[chosen], x - columns[chosen]) / (size * RADIUS)
    soft = np.clip(1.5 - far, 0, 1) * DENSITY
    soft = soft * gaussian_filter(lungs.astype(np.float32), size / 60)
    smooth = np.asarray(Image.fromarray(seen.grid).filter(ImageFilter.GaussianBlur(size / 40)))
    texture = seen.grid.astype(float) - smooth
    heart = np.percentile(seen.grid[seen.inside & ~seen.lungs], 60)
    hazy = np.maximum(heart, smooth) + TEXTURE_KEPT * texture
    drawn = seen.grid + soft * (hazy - seen.grid)
    picture = np.clip(np.rint(drawn), 0, 255).astype(np.uint8)
    if view == EQUALISED:
        picture = present(picture, crop_outline(seen.field, size), view)
    return picture, soft > DENSITY / 4


def judge(
    before: np.ndarray, after: np.ndarray, haze: np.ndarray, other: np.ndarray, inside: np.ndarray
) -> tuple[bool, bool, float]:
    """Tells where the heat rises.

    Methods whose heat is a share of the map's own maximum cannot be compared so; those of
    `METHODS` give it in units of the logit or of P.

    Returns:
        Whether it rises most within the haze, whether within another radiograph's, which is not
        there, and which share of the rise lies within the haze.
    """
    rise = stretch_heatmap(after, haze.shape) - stretch_heatmap(before, haze.shape)
    rise = np.where(inside, rise, -np.inf)
    most = np.argmax(rise)
    gained = np.maximum(rise, 0)
    total = float(gained.sum())
    share = float(gained[haze].sum()) / total if total else np.nan
    return bool(haze.flat[most]), bool(other.flat[most]), share


if __name__ == "__main__":
    main()
