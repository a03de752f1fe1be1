"""Does the heatmap show what the answer rests on? Checks of one explanation of one radiograph.

All work on the network's own input grid, where a heatmap's cells and the pixels that are erased
mean the same, and need nothing of the network but its answers. Where the network is shown a lung
field alone, shares are of the field and places lie within it: what is hidden has nothing to erase,
and a random place there would cost nothing and make any heatmap look right.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass

import numpy as np
from PIL import Image, ImageFilter

from pneumo.explaining.overlay import stretch_heatmap
from pneumo.network.forward import log_odds

Score = Callable[[list[np.ndarray]], np.ndarray]
"""`(size, size)` uint8 pictures -> `(n,)` probabilities of the class that is explained."""

FRACTIONS = (0.05, 0.1, 0.2)
FILLS = {"blur": "blurred", "mean": "made grey"}
"""What is put in the place of what is erased -> the word for it."""
CONTROLS = 6
"""Random regions that each erased region is compared with."""
STEPS = 16


@dataclass(frozen=True)
class Erasure:
    """What erasing the hottest part does, against erasing as much elsewhere.

    Attributes:
        fraction: Share of the field that is erased.
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
        return self.cost > self.random_cost + 1e-4  # beyond rounding

    @property
    def cost(self) -> float:
        """What erasing the hottest part takes off the log odds of the class."""
        return float(log_odds(self.before) - log_odds(self.hottest))

    @property
    def random_cost(self) -> float:
        """What erasing a random region takes off them, on average."""
        return float(log_odds(self.before) - log_odds(self.random).mean())


@dataclass(frozen=True)
class Curves:
    """Deletion and insertion (Petsiuk et al. 2018, RISE, https://arxiv.org/abs/1806.07421).

    Attributes:
        fractions: `(STEPS + 1,)` shares of the field, from 0 to 1, hottest first.
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


def hottest(heatmap: np.ndarray, fraction: float, inside: np.ndarray | None = None) -> np.ndarray:
    """Finds the hottest share of a map, exactly as many pixels.

    Args:
        heatmap: `(h, w)`.
        fraction: Share of what is inside.
        inside: `(h, w)` bool, where to look; everywhere by default.

    Returns:
        `(h, w)` bool.
    """
    heat = heatmap if inside is None else np.where(inside, heatmap, -np.inf)
    count = round((heat.size if inside is None else int(inside.sum())) * fraction)
    mask = np.zeros(heat.size, bool)
    mask[np.argsort(-heat, axis=None, kind="stable")[:count]] = True
    return mask.reshape(heat.shape)


def hot_share(
    heatmap: np.ndarray, shape: tuple[int, int], inside: np.ndarray | None = None
) -> float:
    """Measures how much of a picture has heat: more than its coldest place.

    Places without heat are all alike. Where they are more than what the hottest share leaves out,
    which of them would belong to it is arbitrary.

    Args:
        heatmap: `(h, w)` at least 0.
        shape: `(height, width)` that it is stretched to.
        inside: `shape` bool, the field; everything by default.

    Returns:
        A share in [0, 1); 0 of a map that is empty, or the same everywhere.
    """
    heat = stretch_heatmap(heatmap, shape)
    heat = heat if inside is None else heat[inside]
    return float((heat > heat.min()).mean())


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
    *,
    seed: int = 0,
    inside: np.ndarray | None = None,
) -> Iterable[Erasure]:
    """Erases the hottest part and re-scores; yields one result for each fraction and fill.

    Fractions that the heat doesn't fill are left out (see `hot_share`): what is erased beyond it
    would have nothing to do with the heatmap.

    Args:
        grid: `(size, size)` uint8 picture on the network's input grid.
        heatmap: `(h, w)` at least 0.
        score: See `Score`.
        fractions: Shares to erase.
        fills: What to erase with.
        seed: Of the random places; see `move_within`.
        inside: `(size, size)` bool, the field; the whole picture by default.
    """
    inside = np.ones(grid.shape, bool) if inside is None else inside
    heat = stretch_heatmap(heatmap, grid.shape)
    share = hot_share(heat, grid.shape, inside)
    fractions = [fraction for fraction in fractions if fraction <= share]
    if not fractions:
        return
    before = float(score([grid])[0])
    fillings = {fill: _filling(grid, fill) for fill in fills}
    for fraction in fractions:
        mask = hottest(heat, fraction, inside)
        masks = [mask, *move_within(mask, inside, np.random.default_rng(seed))]
        for fill, filling in fillings.items():
            after = score([np.where(mask, filling, grid) for mask in masks])
            yield Erasure(fraction, fill, before, float(after[0]), np.asarray(after[1:]))


def move_within(mask: np.ndarray, inside: np.ndarray, rng: np.random.Generator) -> list[np.ndarray]:
    """Moves a region to random places of the field, so that only the place differs.

    Around the edge of the picture if need be. What falls outside the field, never more than half
    of the region, grows back along its rim: as many pixels are erased everywhere.

    Args:
        mask: `(h, w)` bool, within the field.
        inside: `(h, w)` bool, the field.
        rng: Source of all randomness.

    Returns:
        `CONTROLS` times `(h, w)` bool. Where a field is so narrow that fewer are found, the last
        are those that came nearest.
    """
    count = int(mask.sum())
    found: list[np.ndarray] = []
    poor: list[np.ndarray] = []
    for _ in range(20 * CONTROLS):
        moved = np.roll(mask, rng.integers(0, mask.shape), (0, 1)) & inside
        (found if 2 * moved.sum() >= count else poor).append(moved)
        if len(found) == CONTROLS:
            break
    poor.sort(key=lambda moved: -int(moved.sum()))
    return [_grow(moved, inside, count) for moved in (found + poor)[:CONTROLS]]


def _grow(mask: np.ndarray, inside: np.ndarray, count: int) -> np.ndarray:
    """Returns the `count` pixels of the field that are nearest to a region."""
    if mask.sum() == count:
        return mask
    from scipy.ndimage import distance_transform_edt

    return hottest(-distance_transform_edt(~mask), count / inside.sum(), inside)


def trace_curves(
    grid: np.ndarray, heatmap: np.ndarray, score: Score, inside: np.ndarray | None = None
) -> Curves:
    """Blurs the picture from the hottest pixel on, and sharpens a blurred one, step by step.

    All that has no heat goes in the last step: no place of it comes before another. Arguments as
    for `erase_hottest`.
    """
    inside = np.ones(grid.shape, bool) if inside is None else inside
    heat = stretch_heatmap(heatmap, grid.shape)
    fractions, share = np.linspace(0, 1, STEPS + 1), hot_share(heat, grid.shape, inside)
    if share < fractions[-2]:
        fractions = np.append(np.linspace(0, share, STEPS), 1)
    blurred = _filling(grid, "blur")
    masks = [hottest(heat, fraction, inside) for fraction in fractions]
    deletion = score([np.where(mask, blurred, grid) for mask in masks])
    insertion = score([np.where(mask | ~inside, grid, blurred) for mask in masks])
    return Curves(fractions, np.asarray(deletion), np.asarray(insertion))


@dataclass(frozen=True)
class Agreement:
    """How far two maps of one radiograph agree.

    Attributes:
        rank_correlation: Spearman's, in [-1, 1], on a grid of 30 x 30; nan if a map has no heat.
        overlap: Share of the hottest tenth of one that is in the other's; 0.1 by chance. nan if a
            map has heat on less than a tenth.
    """

    rank_correlation: float
    overlap: float


def compare_maps(first: np.ndarray, second: np.ndarray) -> Agreement:
    """Compares two maps of any sizes, both at least 0."""
    from scipy.stats import rankdata

    maps = [stretch_heatmap(heatmap, (30, 30)) for heatmap in (first, second)]
    ranks = [rankdata(heatmap) for heatmap in maps]
    least = min(hot_share(heatmap, heatmap.shape) for heatmap in maps)
    one, other = (hottest(heatmap, 0.1) for heatmap in maps)
    return Agreement(
        float(np.corrcoef(*ranks)[0, 1]) if least > 0 else np.nan,
        float((one & other).sum() / one.sum()) if least >= 0.1 else np.nan,
    )


@dataclass(frozen=True)
class Shares:
    """How much of the heat lies in the lungs.

    Attributes:
        heat: Share of all heat, in [0, 1]; nan if there is no heat.
        even: What the share would be if the heat were spread evenly over the field.
    """

    heat: float
    even: float


def share_in_lungs(heatmap: np.ndarray, lungs: np.ndarray, inside: np.ndarray) -> Shares:
    """Measures how much of the heat lies in the lungs.

    Args:
        heatmap: `(h, w)` at least 0; what of it lies outside the field, where nothing is drawn,
            does not count.
        lungs: `(size, size)` bool, where lungs are on the network's grid.
        inside: `(size, size)` bool, the field.
    """
    heat = stretch_heatmap(heatmap, lungs.shape)[inside]
    total, within = float(heat.sum()), lungs[inside]
    even = float(within.sum() / max(inside.sum(), 1))
    return Shares(float(heat[within].sum()) / total if total else np.nan, even)


def _filling(grid: np.ndarray, fill: str) -> np.ndarray:
    """Returns `(size, size)` uint8: what a whole picture would be erased with; see `erase`."""
    if fill == "mean":
        return np.full_like(grid, round(float(grid.mean())))
    radius = len(grid) / 15
    return np.asarray(Image.fromarray(grid).filter(ImageFilter.GaussianBlur(radius)))
