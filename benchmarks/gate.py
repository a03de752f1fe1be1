"""Does the app speak up where it should, and only there? Under changes that its scope never met.

    python -m benchmarks.gate --data chest_xray [--count 60]

Held-out radiographs of both classes, equally many, are cut, covered, padded, mirrored, lit unevenly
and photographed, and read as the app reads files. For each change: in how many something is said
against the answer, how many are refused, sensitivity and specificity if all are answered anyway,
and how many verdicts change without a word. Prints a table in Markdown.
"""

import argparse
import io
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
from PIL import Image
from rich.progress import track

from benchmarks.hidden_lungs import draw_of_each
from pneumo.dataset.examples import labels_of
from pneumo.dataset.splits import split_as_trained
from pneumo.inference import Reading, load_engine, predict, prepare_input
from pneumo.network.lung_field import LungField
from pneumo.network.operating_points import count_outcomes, rates_of
from pneumo.network.weights_files import WEIGHTS_FOLDER
from pneumo.reading.radiograph import Radiograph, read_radiograph

Change = Callable[[np.ndarray, LungField], np.ndarray]


def cut(top: float = 0, bottom: float = 0) -> Change:
    """Cuts off a share of the lungs' height."""

    def change(pixels: np.ndarray, field: LungField) -> np.ndarray:
        _, first, _, last = bounds(field.lungs, pixels.shape)
        height = last - first
        begin = int(first + top * height) if top else 0
        end = int(last - bottom * height) if bottom else len(pixels)
        return pixels[begin:end]

    return change


def cover(share: float, grey: int) -> Change:
    """Covers what lies left of a share of the left lung's width, as a shutter does."""

    def change(pixels: np.ndarray, field: LungField) -> np.ndarray:
        lungs = field.lungs.copy()
        lungs[:, lungs.shape[1] // 2 :] = 0
        first, _, last, _ = bounds(lungs, pixels.shape)
        covered = pixels.copy()
        covered[:, : int(first + share * (last - first))] = grey
        return covered

    return change


def pad(above: float, beside: float, grey: int) -> Change:
    """Lays bars of a share of the height above and below, and of the width at both sides."""

    def change(pixels: np.ndarray, field: LungField) -> np.ndarray:
        height, width = pixels.shape
        sides = [(round(above * height),) * 2, (round(beside * width),) * 2]
        return np.pad(pixels, sides, constant_values=grey)

    return change


def light(steepness: float) -> Change:
    """Makes it darker towards the top, or towards the bottom if negative, by a share."""

    def change(pixels: np.ndarray, field: LungField) -> np.ndarray:
        ramp = np.linspace(1 - steepness, 1 + steepness, len(pixels))[:, np.newaxis]
        return np.clip(pixels * ramp, 0, 255).astype(np.uint8)

    return change


def photograph(pixels: np.ndarray, field: LungField) -> np.ndarray:
    """Imitates a photograph of a screen that fills it: moiré, glare, dark corners, noise, JPEG.

    Unlike the one that the scope was fitted to it shows nothing around the screen.
    """
    side = 900
    seen = np.asarray(Image.fromarray(pixels).resize((side, side)), float)
    y, x = np.indices(seen.shape) / side
    seen *= 1 - 0.35 * ((x - 0.4) ** 2 + (y - 0.45) ** 2)
    seen += 10 * np.sin(1700 * x) * np.sin(1530 * y)
    seen += 70 * np.exp(-(((x - 0.7) / 0.12) ** 2) - ((y - 0.25) / 0.1) ** 2)
    seen = 0.8 * seen + 25 + np.random.default_rng(0).normal(0, 5, seen.shape)
    file = io.BytesIO()
    Image.fromarray(np.clip(seen, 0, 255).astype(np.uint8)).save(file, "JPEG", quality=70)
    return np.asarray(Image.open(file))


CHANGES: dict[str, Change] = {
    "as it is": lambda pixels, field: pixels,
    "mirrored": lambda pixels, field: pixels[:, ::-1],
    "top 15 % of the lungs cut off": cut(top=0.15),
    "top 30 % of the lungs cut off": cut(top=0.3),
    "bottom 15 % of the lungs cut off": cut(bottom=0.15),
    "bottom 30 % of the lungs cut off": cut(bottom=0.3),
    "a quarter of the left lung under black": cover(0.25, 0),
    "a quarter of the left lung under white": cover(0.25, 255),
    "half of the left lung under black": cover(0.5, 0),
    "black bars above and below, 20 % each": pad(0.2, 0, 0),
    "black bars at the sides, 20 % each": pad(0, 0.2, 0),
    "white bars at the sides, 20 % each": pad(0, 0.2, 255),
    "black all round, 30 %": pad(0.3, 0.3, 0),
    "white all round, 30 %": pad(0.3, 0.3, 255),
    "half as bright at the top, half brighter at the bottom": light(0.5),
    "half as bright at the bottom, half brighter at the top": light(-0.5),
    "photograph of a screen that fills it": photograph,
}
"""Name -> how a radiograph is changed, given what the network saw of it."""


def bounds(lungs: np.ndarray, shape: tuple[int, int]) -> tuple[float, float, float, float]:
    """Returns left, top, right and bottom of drawn lungs in pixels of a radiograph."""
    rows, columns = (np.flatnonzero((lungs >= 0.5).any(axis=axis)) for axis in (1, 0))
    y, x = shape[0] / lungs.shape[0], shape[1] / lungs.shape[1]
    return columns[0] * x, rows[0] * y, (columns[-1] + 1) * x, (rows[-1] + 1) * y


def main() -> None:
    """Changes, reads and prints."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--weights", type=Path, default=WEIGHTS_FOLDER)
    parser.add_argument("--count", type=int, default=60, help="radiographs a class")
    args = parser.parse_args()
    engine = load_engine(args.weights)
    card = engine.classifier.card
    _, held_out = split_as_trained(args.data, card.document["training"])
    chosen = draw_of_each(held_out, args.count)
    labels, threshold = labels_of(chosen), card.default.threshold

    def answer(radiograph: Radiograph) -> Reading:
        (reading,) = predict(engine, [prepare_input(engine.classifier, radiograph)])
        return reading

    def readings(path: Path) -> Iterator[Reading]:
        radiograph = read_radiograph(path)
        field = answer(radiograph).input.field
        for change in CHANGES.values():
            pixels = np.ascontiguousarray(change(radiograph.pixels, field))
            info = replace(radiograph.info, shape=pixels.shape)
            yield answer(replace(radiograph, pixels=pixels, info=info))

    answers = [list(readings(one.path)) for one in track(chosen, "reading")]
    print(f"\n{args.count} + {args.count} held-out radiographs, threshold {threshold:.3f}\n")
    print(
        "| change | something is said | refused | sensitivity | specificity | verdicts that change "
        "without a word |\n|---|---|---|---|---|---|"
    )
    before = np.array([row[0].probability for row in answers]) >= threshold
    for name, column in zip(CHANGES, zip(*answers, strict=True), strict=True):
        scores = np.array([one.probability for one in column])
        said = np.array([bool(one.findings) for one in column])
        rates = rates_of(**count_outcomes(labels, scores, threshold))
        silent = ((scores >= threshold) != before) & ~said
        print(
            f"| {name} | {said.sum()} | {sum(one.refused for one in column)} | "
            f"{rates['sensitivity']:.3f} | {rates['specificity']:.3f} | {silent.sum()} |"
        )


if __name__ == "__main__":
    main()
