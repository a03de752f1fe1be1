"""Does the heatmap show what the answer rests on? Checks of one explanation of one radiograph.

All work on the network's own input grid, where a heatmap's cells and the pixels that are erased
mean the same, and need nothing of the network but its answers.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass

import numpy as np
from PIL import Image, ImageFilter

from pneumo.overlay import stretch_heatmap

Score = Callable[[list[np.ndarray]], np.ndarray]
"""`(size, size)` uint8 pictures -> `(n,)` probabilities of the class that is explained."""

FRACTIONS = (0.05, 0.1, 0.2)
FILLS = {"blur": "blurred", "mean": "made grey"}
"""What is put in the place of what is erased -> the word for it."""
CONTROLS = 6
"""Random regions that each erased region is compared with."""
BORDER, CORNER = 0.1, 0.15
"""Shares of the side that count as outer border, and as a corner where letters are burned in."""
STEPS = 16


@dataclass(frozen=True)
class Erasure:
    """What erasing the hottest part does, against erasing as much elsewhere.

    Attributes:
        fraction: Share of the picture that is erased.
        fill: One of `FILLS`, what is put in its place.
        before: Probability of the radiograph as it is.
        hottest: Probability without the hottest part.
        random: `(CONTROLS,)` probabilities without random regions of the same shape and size.
    """

    fraction: float
    fill: str
    before: float
    hottest: float
    random: np.ndarray

    @property
    def matters(self) -> bool:
        """Whether erasing the hottest part costs more than erasing a random region on average."""
        return float(self.random.mean()) - self.hottest > 1e-6  # beyond rounding


@dataclass(frozen=True)
class Curves:
    """Deletion and insertion (Petsiuk et al. 2018, RISE, https://arxiv.org/abs/1806.07421).

    Attributes:
        fractions: `(STEPS + 1,)` shares of the picture, from 0 to 1, hottest first.
        deletion: Probability with that share blurred; falls early if the heatmap is right.
        insertion: Probability with only that share sharp; rises early if the heatmap is right.
    """

    fractions: np.ndarray
    deletion: np.ndarray
    insertion: np.ndarray

    @property
    def deletion_area(self) -> float:
        """Area under the deletion curve, in [0, 1]; less is better."""
        return float(np.trapezoid(self.deletion, self.fractions))

    @property
    def insertion_area(self) -> float:
        """Area under the insertion curve, in [0, 1]; more is better."""
        return float(np.trapezoid(self.insertion, self.fractions))


def hottest(heatmap: np.ndarray, fraction: float) -> np.ndarray:
    """Returns the `(h, w)` bool mask of the hottest share of a map, exactly as many pixels."""
    count = round(heatmap.size * fraction)
    mask = np.zeros(heatmap.size, bool)
    mask[np.argsort(-heatmap, axis=None, kind="stable")[:count]] = True
    return mask.reshape(heatmap.shape)


def erase(grid: np.ndarray, mask: np.ndarray, fill: str) -> np.ndarray:
    """Replaces the masked part of a picture by what says nothing.

    Args:
        grid: `(size, size)` uint8.
        mask: `(size, size)` bool.
        fill: `blur`, the picture out of focus (standard deviation a fifteenth of its side), or
            `mean`, its mean grey.

    Returns:
        `(size, size)` uint8.
    """
    return np.where(mask, _filling(grid, fill), grid)


def erase_hottest(
    grid: np.ndarray,
    heatmap: np.ndarray,
    score: Score,
    fractions: Iterable[float] = FRACTIONS,
    fills: Iterable[str] = FILLS,
    seed: int = 0,
) -> Iterable[Erasure]:
    """Erases the hottest part and re-scores; yields one result for each fraction and fill.

    The random regions are the erased one moved to another place, around the edge if need be, so
    that shape and size are the same and only the place differs.

    Args:
        grid: `(size, size)` uint8 picture on the network's input grid.
        heatmap: `(h, w)` at least 0.
        score: See `Score`.
        fractions: Shares to erase.
        fills: What to erase with.
        seed: Of the random places.
    """
    heat = stretch_heatmap(heatmap, grid.shape)
    rng = np.random.default_rng(seed)
    places = rng.integers(0, len(grid), (CONTROLS, 2))
    before = float(score([grid])[0])
    fillings = {fill: _filling(grid, fill) for fill in fills}
    for fraction in fractions:
        mask = hottest(heat, fraction)
        masks = [mask, *(np.roll(mask, place, (0, 1)) for place in places)]
        for fill, filling in fillings.items():
            after = score([np.where(mask, filling, grid) for mask in masks])
            yield Erasure(fraction, fill, before, float(after[0]), np.asarray(after[1:]))


def trace_curves(grid: np.ndarray, heatmap: np.ndarray, score: Score) -> Curves:
    """Blurs the picture from the hottest pixel on, and sharpens a blurred one, step by step."""
    heat = stretch_heatmap(heatmap, grid.shape)
    fractions = np.linspace(0, 1, STEPS + 1)
    blurred = _filling(grid, "blur")
    masks = [hottest(heat, fraction) for fraction in fractions]
    deletion = score([np.where(mask, blurred, grid) for mask in masks])
    insertion = score([np.where(mask, grid, blurred) for mask in masks])
    return Curves(fractions, np.asarray(deletion), np.asarray(insertion))


@dataclass(frozen=True)
class Agreement:
    """How far two maps of one radiograph agree.

    Attributes:
        rank_correlation: Spearman's, in [-1, 1], on a grid of 30 x 30.
        overlap: Share of the hottest tenth of one that is in the other's; 0.1 by chance.
    """

    rank_correlation: float
    overlap: float


def compare_maps(first: np.ndarray, second: np.ndarray) -> Agreement:
    """Compares two maps of any sizes, both at least 0."""
    from scipy.stats import rankdata

    maps = [stretch_heatmap(heatmap, (30, 30)) for heatmap in (first, second)]
    ranks = [rankdata(heatmap) for heatmap in maps]
    flat = any(np.ptp(rank) == 0 for rank in ranks)
    correlation = 0.0 if flat else float(np.corrcoef(*ranks)[0, 1])
    one, other = (hottest(heatmap, 0.1) for heatmap in maps)
    return Agreement(correlation, float((one & other).sum() / one.sum()))


@dataclass(frozen=True)
class Shares:
    """Shares of all heat that lie where no lung is, in [0, 1]."""

    border: float
    corners: float


EVEN = Shares(1 - (1 - 2 * BORDER) ** 2, 4 * CORNER**2)
"""The shares if the heat were spread evenly."""


def share_outside(heatmap: np.ndarray) -> Shares:
    """Measures the heat on the outer border and in the corners; nothing of an empty map is."""
    heat = stretch_heatmap(heatmap, (300, 300))
    total = float(heat.sum())
    if total == 0:
        return Shares(0.0, 0.0)
    edge, corner = round(300 * BORDER), round(300 * CORNER)
    inside = float(heat[edge:-edge, edge:-edge].sum())
    ends = (slice(0, corner), slice(-corner, None))
    corners = sum(float(heat[rows, columns].sum()) for rows in ends for columns in ends)
    return Shares(1 - inside / total, corners / total)


def describe_erasures(erasures: Iterable[Erasure], name: str) -> list[str]:
    """Says in one sentence for each erasure what it means.

    Args:
        erasures: Results of `erase_hottest`.
        name: Of the class that is explained.
    """
    meanings = {
        True: "The heatmap marks something that the answer rests on.",
        False: "The heatmap marks nothing that matters more than another place.",
    }
    return [
        f"With the hottest {100 * entry.fraction:.0f} % {FILLS[entry.fill]}, P({name}) is "
        f"{entry.hottest:.3f} instead of {entry.before:.3f}; with a random region of that "
        f"shape {entry.random.mean():.3f} on average "
        f"({entry.random.min():.3f} to {entry.random.max():.3f}). {meanings[entry.matters]}"
        for entry in erasures
    ]


def describe_shares(shares: Shares) -> str:
    """Says in words how much of the heat lies where no lung is."""
    text = (
        f"{100 * shares.border:.0f} % of the heat lies on the outer border "
        f"({100 * EVEN.border:.0f} % if it were spread evenly), {100 * shares.corners:.0f} % in "
        f"the corners where letters are burned in ({100 * EVEN.corners:.0f} %)."
    )
    if shares.border > EVEN.border or shares.corners > 2 * EVEN.corners:
        text += " That is much for an answer about lungs: doubt it."
    return text


def _filling(grid: np.ndarray, fill: str) -> np.ndarray:
    """Returns `(size, size)` uint8: what a whole picture would be erased with; see `erase`."""
    if fill == "mean":
        return np.full_like(grid, round(float(grid.mean())))
    radius = len(grid) / 15
    return np.asarray(Image.fromarray(grid).filter(ImageFilter.GaussianBlur(radius)))
