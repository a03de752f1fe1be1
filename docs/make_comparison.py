"""Draws the heatmaps of several sets of weights over the samples, one row each.

The picture of docs/surroundings.md. Earlier weights' maps are written by the code of their time:

    git worktree add /tmp/first 26685d3     # the first weights
    (cd /tmp/first && python -m pneumo predict samples --raw-maps /tmp/first-maps)
    git worktree add /tmp/field f8c0d93     # the lung field alone, no tiles
    (cd /tmp/field && python -m pneumo predict samples --raw-maps /tmp/field-maps)
    git worktree add /tmp/tiles df23c97     # tiles, grey levels as they are
    (cd /tmp/tiles && python -m pneumo predict samples --raw-maps /tmp/tiles-maps)
    python -m pneumo predict samples --raw-maps /tmp/maps
    python -m docs.make_comparison /tmp/first-maps /tmp/field-maps /tmp/tiles-maps /tmp/maps PICTURE
"""

import argparse
from pathlib import Path

import numpy as np
from PIL import Image

from pneumo.explaining.overlay import blend
from pneumo.reading.radiograph import read_radiograph
from pneumo.ui.worklist.samples import SAMPLES

NAMES = (
    "NORMAL2-IM-1427-0001",
    "NORMAL2-IM-1438-0001",
    "person1949_bacteria_4880",
    "person1954_bacteria_4886",
)
WIDTH, HEIGHT, GAP = 380, 300, 8


def draw_row(maps: Path) -> Image.Image:
    """Draws each radiograph with its own map, the strongest place hottest, side by side."""
    row = Image.new("RGB", (len(NAMES) * (WIDTH + GAP) - GAP, HEIGHT), "white")
    for number, name in enumerate(NAMES):
        [path] = SAMPLES.glob(f"*/{name}.jpeg")
        heat = np.load(maps / f"{name}.npy").astype(np.float32)
        tile = Image.fromarray(blend(read_radiograph(path).pixels, heat, opacity=0.6))
        tile.thumbnail((WIDTH, HEIGHT), Image.Resampling.LANCZOS)
        place = number * (WIDTH + GAP) + (WIDTH - tile.width) // 2
        row.paste(tile, (place, (HEIGHT - tile.height) // 2))
    return row


def main() -> None:
    """Draws a row for each folder of maps and saves the picture."""
    parser = argparse.ArgumentParser(description="Draw the heatmaps of sets of weights.")
    parser.add_argument("maps", nargs="+", type=Path, help="folders that --raw-maps wrote")
    parser.add_argument("picture", type=Path, help="JPEG to write")
    args = parser.parse_args()

    rows = [draw_row(maps) for maps in args.maps]
    whole = Image.new("RGB", (rows[0].width, len(rows) * (HEIGHT + GAP) - GAP), "white")
    for number, row in enumerate(rows):
        whole.paste(row, (0, number * (HEIGHT + GAP)))
    whole.save(args.picture, quality=85)


if __name__ == "__main__":
    main()
