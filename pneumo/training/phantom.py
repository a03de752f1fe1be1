"""Drawn stand-ins for radiographs: for `train.py --smoke` and the tests. They show no disease."""

from pathlib import Path

import numpy as np
from PIL import Image

from pneumo import CLASSES, PNEUMONIA


def draw_phantom(label: int, rng: np.random.Generator, size: int = 160) -> np.ndarray:
    """Draws two dark lungs on a grey chest; PNEUMONIA adds a bright patch in one of them.

    Returns:
        `(size, size)` uint8.
    """
    y, x = np.mgrid[:size, :size] / size

    def ellipse(cx: float, cy: float, rx: float, ry: float) -> np.ndarray:
        return np.clip(3 * (1 - ((x - cx) / rx) ** 2 - ((y - cy) / ry) ** 2), 0, 1)

    shift = rng.uniform(-0.03, 0.03, 2)
    picture = 0.15 + 0.5 * ellipse(0.5, 0.5, 0.48, 0.6)
    for side in (-1, 1):
        picture -= 0.4 * ellipse(0.5 + side * 0.2 + shift[0], 0.5 + shift[1], 0.15, 0.33)
    if label == PNEUMONIA:
        side = rng.choice([-1, 1])
        picture += 0.4 * ellipse(0.5 + side * 0.2, rng.uniform(0.35, 0.65), 0.1, 0.12)
    picture += rng.normal(0, 0.02, picture.shape)
    return np.clip(255 * picture, 0, 255).astype(np.uint8)


def write_phantom_dataset(folder: Path, patients: int, seed: int = 0) -> Path:
    """Writes a tiny data set in Kaggle's layout and naming, two radiographs a patient.

    Args:
        folder: Where `train/NORMAL` and `train/PNEUMONIA` are made.
        patients: Number of patients in each class.
        seed: Same seed, same files.

    Returns:
        The folder.
    """
    rng = np.random.default_rng(seed)
    for label, name in enumerate(CLASSES):
        target = Path(folder) / "train" / name
        target.mkdir(parents=True, exist_ok=True)
        for patient in range(patients):
            for image in range(2):
                kind = ("bacteria", "virus")[patient % 2]
                stem = (
                    f"person{patient}_{kind}_{image}"
                    if label == PNEUMONIA
                    else f"IM-{patient:04d}-{image:04d}"
                )
                pixels = draw_phantom(label, rng)
                Image.fromarray(pixels).save(target / f"{stem}.jpeg", quality=90)
    return Path(folder)
