"""Trains the lung finder on lung fields drawn by people, and measures it on held-out patients.

    python -m pneumo.training.lungs --data chest_xray --masks lung_masks --output runs/lungs

`--masks` holds `train/NORMAL/NAME.png` and so on, one bit a pixel, on the same stretched square
as the radiographs; `weights/lung_masks.csv` names for each radiograph the mask of V7 Labs'
collection that belongs to it. The patients held out are those of `train.py` with the same seed.
"""

import argparse
import json
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import keras
import numpy as np
from PIL import Image, ImageDraw

from pneumo.dataset.examples import Example, find_training_folder, index_folder, load_grids
from pneumo.dataset.splits import drop_duplicates, split_patients
from pneumo.errors import DatasetError, PneumoError
from pneumo.evaluation.appearance import borrow_levels
from pneumo.evaluation.surroundings import lay_over
from pneumo.files import JsonObject
from pneumo.network.lung_finder import (
    FINDER_NAME,
    FINDER_REPORT_NAME,
    FINDER_SIZE,
    build_finder,
    find_lungs,
    finder_of,
    to_finder_input,
)
from pneumo.network.weights_files import save_weights_fp16
from pneumo.training.augment import change_brightness, compress
from pneumo.training.changes import draw_levels

DRAWING_SIZE = 192
"""Side of the pictures that are moved about before they are cut to `FINDER_SIZE`."""


def load_masks(examples: list[Example], masks: Path, size: int) -> dict[Path, np.ndarray]:
    """Reads the masks that there are.

    Args:
        examples: Radiographs; not each has a mask.
        masks: Folder with `train/NORMAL/NAME.png` and so on.
        size: Side of the masks returned.

    Returns:
        Path of a radiograph -> `(size, size)` uint8, 255 for lung.

    Raises:
        DatasetError: None of the radiographs has a mask there.
    """
    found = {}
    for example in examples:
        part, own = example.path.parent.parent.name, example.path.parent.name
        path = masks / part / own / f"{example.path.stem}.png"
        if path.is_file():
            with Image.open(path) as image:
                grey = image.convert("L").resize((size, size), Image.Resampling.BOX)
            found[example.path] = np.asarray(grey)
    if not found:
        raise DatasetError(
            f"{masks} holds no mask of these radiographs: expected files such as "
            "train/NORMAL/NAME.png, with the radiograph's own name."
        )
    return found


def redraw(
    grid: np.ndarray,
    mask: np.ndarray,
    donor: tuple[np.ndarray, np.ndarray],
    rng: np.random.Generator,
) -> tuple[np.ndarray, np.ndarray]:
    """Changes one radiograph and its lungs alike.

    White lungs, lungs painted over and lungs within a stranger's chest are among the changes:
    the finder is asked for lungs there too, by the disease and by whoever examines the model.

    Args:
        grid: `(DRAWING_SIZE, DRAWING_SIZE)` uint8.
        mask: Of the same shape, 255 for lung.
        donor: Another radiograph and its lungs.
        rng: Source of all randomness.

    Returns:
        Picture and mask, `(FINDER_SIZE, FINDER_SIZE)` uint8.
    """
    kind = rng.random()
    if kind < 0.05:
        grid = lay_over(grid, int(rng.choice([int(grid.mean()), 128])), _share(mask))
    elif kind < 0.15:
        painted = lay_over(donor[0], int(donor[0].mean()), _share(donor[1]))
        grid = lay_over(painted if rng.random() < 0.5 else donor[0], grid, _share(mask))
    elif kind < 0.35:
        haze = int(rng.integers(120, 235))
        side = np.zeros_like(mask)
        left, right = sorted(rng.choice([0, len(mask) // 2, len(mask)], 2, replace=False))
        top = rng.integers(0, len(mask) // 2)
        side[top:, left:right] = mask[top:, left:right]
        grid = lay_over(grid, haze, _share(side, rng.uniform(0.3, 0.95)))
    if rng.random() < 0.4:
        grid = borrow_levels(grid, donor[0], rng.uniform(0.4, 1))
    picture, lungs = _move(Image.fromarray(grid), Image.fromarray(mask), rng)
    picture = change_brightness(picture, draw_levels(rng))
    if rng.random() < 0.3:
        _scribble(picture, rng)
    if rng.random() < 0.3:
        picture = compress(picture, int(rng.integers(25, 91)))
    values = np.asarray(picture, np.float32)
    if rng.random() < 0.4:
        values = values + rng.standard_normal(values.shape, np.float32) * rng.uniform(0, 10)
    return np.clip(np.rint(values), 0, 255).astype(np.uint8), np.asarray(lungs)


def _share(mask: np.ndarray, amount: float = 1) -> np.ndarray:
    """Returns the share of what is laid over each pixel: the amount where a mask is 255."""
    return mask.astype(np.float32) * np.float32(amount / 255)


def _move(
    picture: Image.Image, mask: Image.Image, rng: np.random.Generator
) -> tuple[Image.Image, Image.Image]:
    """Rotates, scales each axis, shears, shifts, mirrors; dark or continued beyond the border."""
    size, margin = picture.width, picture.width // 2
    angle = np.deg2rad(rng.normal(0, 6))
    turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    scale = np.diag(size / FINDER_SIZE / np.exp(rng.uniform(np.log(0.65), np.log(1.35), 2)))
    if rng.random() < 0.5:
        scale[0] *= -1
    matrix = turn @ np.array([[1, rng.uniform(-0.1, 0.1)], [0, 1]]) @ scale
    centre = np.full(2, size / 2) + rng.uniform(-0.12, 0.12, 2) * size + margin
    offset = centre - matrix @ np.full(2, FINDER_SIZE / 2)
    mode = rng.choice(["constant", "edge", "reflect"], p=[0.5, 0.3, 0.2])
    padded = np.pad(np.asarray(picture), margin, mode=mode)
    # Mirrored lungs at the border are no lungs: the mask is continued by nothing.
    lungs = np.pad(np.asarray(mask), margin)
    moved = [
        Image.fromarray(values).transform(
            (FINDER_SIZE, FINDER_SIZE),
            Image.Transform.AFFINE,
            (*matrix[0], offset[0], *matrix[1], offset[1]),
            Image.Resampling.BILINEAR,
        )
        for values in (padded, lungs)
    ]
    return moved[0], moved[1]


def _scribble(picture: Image.Image, rng: np.random.Generator) -> None:
    """Draws what lies about on radiographs: wires, and letters as bright or dark patches."""
    draw = ImageDraw.Draw(picture)
    for _ in range(rng.integers(1, 4)):
        ends = [tuple(map(int, rng.integers(0, FINDER_SIZE, 2))) for _ in range(3)]
        draw.line(ends, fill=int(rng.integers(150, 256)), width=1)
    for _ in range(rng.integers(0, 3)):
        left, top = rng.integers(0, FINDER_SIZE - 12, 2)
        width, height = rng.integers(3, 14, 2)
        shade = int(rng.choice([0, 255, int(rng.integers(0, 256))]))
        draw.rectangle([int(left), int(top), int(left + width), int(top + height)], fill=shade)


def batches_of(
    grids: np.ndarray, masks: np.ndarray, batch_size: int, seed: int, epoch: int
) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Yields one epoch's batches, `(b, 128, 128, 1)` float32 each, prepared by two threads."""
    order = np.random.default_rng([seed, epoch]).permutation(len(grids))

    def prepare(start: int) -> tuple[np.ndarray, np.ndarray]:
        pairs = []
        for place in range(start, start + batch_size):
            rng = np.random.default_rng([seed, epoch, place])
            own, other = order[place], rng.integers(len(grids))
            pairs.append(redraw(grids[own], masks[own], (grids[other], masks[other]), rng))
        pictures, lungs = zip(*pairs, strict=True)
        target = np.stack(lungs)[..., np.newaxis].astype(np.float32) / 255
        return to_finder_input(list(pictures)), target

    starts = range(0, len(order) - batch_size + 1, batch_size)
    with ThreadPoolExecutor(2) as pool:
        waiting = [pool.submit(prepare, start) for start in starts[:8]]
        for start in [*starts[8:], *[None] * len(waiting)]:
            yield waiting.pop(0).result()
            if start is not None:
                waiting.append(pool.submit(prepare, start))


def overlap_loss(truth: keras.KerasTensor, drawn: keras.KerasTensor) -> keras.KerasTensor:
    """Cross-entropy plus what is missing of the Dice overlap (Milletari et al. 2016)."""
    entropy = keras.ops.mean(keras.losses.binary_crossentropy(truth, drawn))
    both = keras.ops.sum(truth * drawn, axis=(1, 2, 3))
    total = keras.ops.sum(truth + drawn, axis=(1, 2, 3))
    return entropy + 1 - keras.ops.mean((2 * both + 1) / (total + 1))


def overlaps(drawn: np.ndarray, truth: np.ndarray) -> np.ndarray:
    """Returns `(n,)` intersections over unions of `(n, h, w)` probabilities and uint8 masks.

    Both are compared at the mask's own size, the finder's drawing resized to it.
    """
    side = truth.shape[1]
    found = []
    for probability, mask in zip(drawn, truth, strict=True):
        wide = Image.fromarray(probability).resize((side, side), Image.Resampling.BILINEAR)
        ours, theirs = np.asarray(wide) >= 0.5, mask >= 128
        found.append((ours & theirs).sum() / max((ours | theirs).sum(), 1))
    return np.array(found)


def report_overlap(values: np.ndarray, labels: np.ndarray) -> JsonObject:
    """Returns mean, 5th percentile and least overlap, of all and of each class."""
    parts = {"all": values, "NORMAL": values[labels == 0], "PNEUMONIA": values[labels == 1]}
    return {
        name: {
            "n": len(own),
            "mean": float(own.mean()),
            "p5": float(np.percentile(own, 5)),
            "least": float(own.min()),
        }
        for name, own in parts.items()
        if len(own)
    }


@dataclass(frozen=True)
class FinderRecipe:
    """Everything that a run of `python -m pneumo.training.lungs` is told.

    Attributes:
        data: Folder with train/NORMAL and train/PNEUMONIA.
        masks: Folder with a mask for each radiograph, by its name.
        output: Folder for weights and report.
        epochs: How often all radiographs are seen.
        batch_size: Radiographs a step.
        learning_rate: At its highest, after the warm-up.
        held_out: Share of the patients to measure on, as for `train.py`.
        seed: Of everything random.
    """

    data: Path
    masks: Path
    output: Path
    epochs: int
    batch_size: int
    learning_rate: float
    held_out: float
    seed: int


def train_finder(recipe: FinderRecipe) -> JsonObject:
    """Trains, writes `FINDER_NAME` and `FINDER_REPORT_NAME` into the output; returns the latter."""
    examples = drop_duplicates(index_folder(find_training_folder(recipe.data)))
    training, held_out = split_patients(examples, recipe.held_out, recipe.seed)
    keras.utils.set_random_seed(recipe.seed)
    drawn = load_masks(training, recipe.masks, DRAWING_SIZE)
    training = [example for example in training if example.path in drawn]
    masks = np.stack([drawn[example.path] for example in training])
    grids = load_grids(training, DRAWING_SIZE)
    steps = len(training) // recipe.batch_size
    model = build_finder()
    rate = keras.optimizers.schedules.CosineDecay(
        0.0, steps * recipe.epochs, warmup_target=recipe.learning_rate, warmup_steps=steps // 2
    )
    model.compile(keras.optimizers.AdamW(rate, weight_decay=1e-4), overlap_loss)
    model.optimizer.build(model.trainable_variables)  # see `epoch.train_epoch`
    for epoch in range(recipe.epochs):
        started, losses = time.monotonic(), []
        for inputs, target in batches_of(grids, masks, recipe.batch_size, recipe.seed, epoch):
            losses.append(float(model.train_on_batch(inputs, target)))
        seconds = time.monotonic() - started
        print(f"epoch {epoch + 1}: loss {np.mean(losses):.4f}, {seconds:.0f} s", flush=True)

    recipe.output.mkdir(parents=True, exist_ok=True)
    finder = build_finder()  # a compiled model would save its optimiser as well
    finder.set_weights(model.get_weights())
    save_weights_fp16(finder, recipe.output / FINDER_NAME)
    finder.load_weights(recipe.output / FINDER_NAME)
    truth = load_masks(held_out, recipe.masks, 384)
    held_out = [example for example in held_out if example.path in truth]
    found = find_lungs(finder_of(finder), list(load_grids(held_out, 384)))
    values = overlaps(found.lungs, np.stack([truth[example.path] for example in held_out]))
    report = {
        "source": "lung fields drawn by people: V7 Labs, COVID-19 X-ray dataset, CC BY 4.0, "
        "https://github.com/v7labs/covid-19-xray-dataset",
        "training_radiographs": len(training),
        "held_out": report_overlap(values, np.array([example.label for example in held_out])),
        "worst": [f"{held_out[i].path.name} {values[i]:.3f}" for i in np.argsort(values)[:10]],
    }
    (recipe.output / FINDER_REPORT_NAME).write_text(json.dumps(report, indent=2), encoding="utf-8")
    print(json.dumps(report, indent=2))
    return report


def main() -> None:
    """Runs the command."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--masks", type=Path, required=True)
    parser.add_argument("--output", type=Path, default=Path("runs/lungs"))
    parser.add_argument("--epochs", type=int, default=12)
    parser.add_argument("--batch-size", type=int, default=16)
    parser.add_argument("--learning-rate", type=float, default=2e-3)
    parser.add_argument("--held-out", type=float, default=0.15, help="as for train.py")
    parser.add_argument("--seed", type=int, default=0)
    try:
        train_finder(FinderRecipe(**vars(parser.parse_args())))
    except PneumoError as error:
        parser.exit(1, f"{parser.prog}: {error}\n")


if __name__ == "__main__":
    main()
