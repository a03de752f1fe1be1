"""Radiograph -> model input: lungs found, field cut out, the rest hidden. One way for all.

Training, evaluation, command line and app come through here, so that no network is ever shown
at work what it was not shown when it learned.
"""

from dataclasses import dataclass

import numpy as np

from pneumo.network.lung_field import (
    LungField,
    crop_cells,
    crop_outline,
    cut_out,
    field_of,
    present,
)
from pneumo.network.lung_finder import Finder, find_lungs
from pneumo.network.preprocess import resize_to_grid


@dataclass(frozen=True)
class ModelInput:
    """What the network sees of one radiograph.

    Attributes:
        grid: `(size, size)` uint8.
        contrast: Grey levels between the darkest and the brightest hundredth of the part of the
            radiograph that it shows, before they were equalised.
        field: Where it was cut from; None if it is the whole radiograph.
        features: `(512,)` of the lung finder, by which the scope is judged; None likewise.
    """

    grid: np.ndarray
    contrast: float
    field: LungField | None = None
    features: np.ndarray | None = None

    @property
    def inside(self) -> np.ndarray:
        """Where the grid shows the field, `(size, size)` bool; outside there is nothing to see."""
        if self.field is None:
            return np.ones(self.grid.shape, bool)
        return crop_outline(self.field, len(self.grid)) >= 0.5

    @property
    def lungs(self) -> np.ndarray | None:
        """Where the grid shows lung, `(size, size)` bool; None if nobody looked or found any."""
        if self.field is None or not self.field.found:
            return None
        return crop_cells(self.field.lungs, self.field, len(self.grid)) >= 0.5


def prepare_inputs(
    pictures: list[np.ndarray], size: int, find: Finder | None, view: str
) -> list[ModelInput]:
    """Makes of radiographs what the network sees.

    Args:
        pictures: n `(height, width)` uint8.
        size: Side of the network's input in pixels.
        find: Draws the lungs; None for a network that looks at whole radiographs.
        view: What the network is shown, one of `lung_field.VIEWS`.
    """
    if find is None:
        grids = [resize_to_grid(pixels, size) for pixels in pictures]
        return [ModelInput(grid, contrast_of(grid)) for grid in grids]
    found = find_lungs(find, pictures)
    return [
        _look(pixels, field_of(lungs), features, size, view)
        for pixels, lungs, features in zip(pictures, *found, strict=True)
    ]


def _look(
    pixels: np.ndarray, field: LungField, features: np.ndarray, size: int, view: str
) -> ModelInput:
    cut, inside = cut_out(pixels, field, size), crop_outline(field, size)
    return ModelInput(present(cut, inside, view), contrast_of(cut[inside > 0]), field, features)


def contrast_of(pixels: np.ndarray) -> float:
    """Returns the grey levels between the darkest and the brightest hundredth of uint8 pixels."""
    low, high = np.percentile(pixels, [1, 99])
    return float(high - low)


def stack_grids(inputs: list[ModelInput]) -> np.ndarray:
    """Returns the `(n, size, size)` uint8 grids of model inputs."""
    return np.stack([each.grid for each in inputs])
