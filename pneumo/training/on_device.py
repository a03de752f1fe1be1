"""The random changes of `pneumo.training.augment`, as a layer that the training device computes.

What is random is drawn on the cores; the pixels are made where the network is, from the same
numbers (`pneumo.training.batch_arrays`). A GPU need not wait for the cores then. On the cores
themselves Pillow is faster.

Every change is written as what a device does well. Blurring, and reducing and enlarging, are
products with matrices made from the numbers; JPEG is its cosine transform and the rounding of its
coefficients; a histogram is a sum by segments. Pillow rounds between its passes and has faster ways
of blurring, so single pixels differ by a few grey levels.
"""

from typing import Any

import keras
import numpy as np
from keras import ops
from PIL import Image

from pneumo.evaluation.appearance import HIGHEST_GAIN, LOWEST_FREQUENCY
from pneumo.network.lung_field import CUT, EQUALISED
from pneumo.network.lung_finder import FINDER_SIZE
from pneumo.training.augment import HIDING_BLUR, sheet_of_noise
from pneumo.training.batch_arrays import BLOCK, Arrays
from pneumo.training.framing import BORDERS, PAD

LEVELS = 256


def with_redrawing(classifier: keras.Model, sample: Arrays, view: str) -> keras.Model:
    """Returns the classifier with the changes in front; its weights are shared.

    Args:
        classifier: Of `(size, size, 3)` in [-1, 1].
        sample: Of any batch, from `describe_batch`: it tells names, shapes and types.
        view: What the network is shown, one of `lung_field.VIEWS`, not the whole.
    """
    inputs = {
        name: keras.Input(values.shape[1:], dtype=values.dtype.name, name=name)
        for name, values in sample.items()
    }
    size = classifier.input_shape[1]
    return keras.Model(inputs, classifier(RedrawOnDevice(size, view)(inputs)))


class RedrawOnDevice(keras.layers.Layer):  # type: ignore[misc]  # Keras has no types
    """Redraws a batch: the arrays of `describe_batch` -> the network's input.

    Computes in float32 whatever the network's own precision.
    """

    def __init__(self, size: int, view: str) -> None:
        """Takes the side of the network's input, in pixels, and what it is shown."""
        super().__init__(dtype="float32")
        self.size, self.view = size, view

    def compute_output_shape(self, shapes: dict[str, tuple[int, ...]]) -> tuple[int, ...]:
        """Returns the shape of the network's input."""
        return (shapes["own_grid"][0], self.size, self.size, 3)

    def call(self, batch: dict[str, Any]) -> Any:
        """Returns `(batch, size, size, 3)` float32 in [-1, 1]."""
        return ops.repeat(self.redraw(batch)[..., None] / 127.5 - 1, 3, axis=-1)

    def redraw(self, batch: dict[str, Any]) -> Any:
        """Returns `(batch, size, size)` float32: the grey levels, whole numbers from 0 to 255."""
        grid = _warp(batch["own_grid"], batch["own_place"], batch["own_border"], self.size)
        donor = _warp(batch["donor_grid"], batch["donor_place"], batch["donor_border"], self.size)
        lungs = _interpolate(batch["own_lungs"], batch["own_place"], self.size, edge=False) / 255
        grid = _borrow_levels(grid, donor, batch["levels"])
        grid = _borrow_texture(grid, donor, batch["texture"])
        grid = _change_surroundings(grid, donor, lungs, batch)
        black, white = (ops.cast(batch["marks"][:, side], "float32") for side in (0, 1))
        grid = ops.round(black + grid * (white - black) / 255)
        grid = self._change_looks(grid, batch)
        grid = self._hide_patches(grid, batch)
        if self.view == CUT:
            return grid
        inside = self._outline(batch)
        if self.view == EQUALISED:
            grid = _equalise(grid, inside)
        level = _sum(grid * inside) / ops.maximum(_sum(inside), 1)
        return ops.round(level + inside * (grid - level))

    def _change_looks(self, grid: Any, batch: dict[str, Any]) -> Any:
        blur = ops.where(
            _each(batch["smaller"]) > 0,
            _reducing(batch["smaller"], self.size),
            _blurring(batch["blur"], self.size),
        )
        grid = _scale_detail(grid, blur, batch["kept"])
        contrast = _blurring(batch["contrast_radius"], self.size)
        grid = _scale_detail(grid, contrast, batch["contrast"])
        grid = _change_brightness(grid, batch)
        grid = self._add_noise(grid, batch)
        return ops.where(_each(batch["compressed"]) > 0, _compress(grid, batch["steps"]), grid)

    def _add_noise(self, grid: Any, batch: dict[str, Any]) -> Any:
        sheet = sheet_of_noise(self.size)
        steps = ops.arange(self.size, dtype="int32")
        rows = ops.cast(batch["row"], "int32")[:, None, None] + steps[:, None]
        columns = ops.cast(batch["column"], "int32")[:, None, None] + steps
        grain = ops.take(ops.convert_to_tensor(sheet.ravel()), rows * sheet.shape[1] + columns)
        return _round(grid + grain * _each(batch["noise"]))

    def _hide_patches(self, grid: Any, batch: dict[str, Any]) -> Any:
        steps = ops.arange(self.size, dtype="int32")
        top, left, bottom, right = (batch["boxes"][..., side, None] for side in range(4))
        rows = ops.logical_and(steps >= top, steps < bottom)  # (batch, boxes, size)
        columns = ops.logical_and(steps >= left, steps < right)
        hidden = ops.any(ops.logical_and(rows[..., None], columns[:, :, None]), axis=1)
        blur = _blurring(ops.full_like(batch["blurred"], self.size * HIDING_BLUR), self.size)
        grey = ops.floor(_sum(grid) / self.size**2)
        blurred = _scale_detail(grid, blur, ops.zeros_like(batch["blurred"]))
        fill = ops.where(_each(batch["blurred"]) > 0, blurred, grey)
        return ops.where(hidden, fill, grid)

    def _outline(self, batch: dict[str, Any]) -> Any:
        own, donor = (
            _interpolate(batch[f"{whose}_distance"], batch[f"{whose}_place"], self.size, edge=True)
            for whose in ("own", "donor")
        )
        distance = ops.where(_each(batch["other_outline"]) > 0, donor, own)
        units = Image.fromarray(np.eye(6, dtype=np.float32))
        bend = np.asarray(units.resize((6, self.size), Image.Resampling.BICUBIC))
        distance = distance + _both_ways(ops.convert_to_tensor(bend), batch["waves"])
        ramp = (_each(batch["reach"]) - distance) / _each(batch["softness"])
        return ops.clip(0.5 + ramp, 0, 1)


def _each(numbers: Any) -> Any:
    """Returns `(batch,)` as `(batch, 1, 1)`: one number for a whole picture."""
    return numbers[:, None, None]


def _sum(values: Any) -> Any:
    return ops.sum(values, axis=(1, 2), keepdims=True)


def _round(grid: Any) -> Any:
    """Returns whole grey levels from 0 to 255."""
    return ops.clip(ops.round(grid), 0, 255)


def _both_ways(matrix: Any, pictures: Any) -> Any:
    """Applies `(size, n)` or `(batch, size, n)` to the columns and the rows of `(batch, n, n)`."""
    return ops.matmul(ops.matmul(matrix, pictures), ops.swapaxes(matrix, -1, -2))


def _scale_detail(grid: Any, blur: Any, factor: Any) -> Any:
    """Scales what a blur takes away, 0 to leave the blurred picture and 1 the picture itself."""
    ground = _both_ways(blur, grid)
    return ops.where(_each(factor) == 1, grid, _round(ground + _each(factor) * (grid - ground)))


def _blurring(deviation: Any, size: int) -> Any:
    """Returns `(batch, size, size)` matrices of a Gaussian blur; the edge goes on beyond it.

    A pixel gets the share of the bell that lies over it, whose variance that adds to is taken off
    before. So small a deviation that none is left blurs nothing.
    """
    steps = ops.arange(size, dtype="float32")
    spread = ops.sqrt(ops.maximum(2 * (deviation**2 - 1 / 12), 1e-6))[:, None, None]
    edges = steps[1:] - 0.5 - steps[:, None]  # between neighbours, seen from each pixel
    below = (1 + ops.erf(edges / spread)) / 2
    nothing, all_ = ops.zeros_like(below[..., :1]), ops.ones_like(below[..., :1])
    shares = ops.concatenate([nothing, below, all_], axis=-1)
    return shares[..., 1:] - shares[..., :-1]


def _reducing(side: Any, size: int) -> Any:
    """Returns `(batch, size, size)` matrices: to `side` by a triangle filter, and back again."""
    side = ops.maximum(side, 1.0)[:, None, None]
    steps = ops.arange(size, dtype="float32") + 0.5
    ratio = size / side
    down = ops.maximum(1 - ops.abs(steps / ratio - steps[:, None]), 0)
    down = ops.where(steps[:, None] < side, down, 0)
    down = down / ops.maximum(ops.sum(down, axis=-1, keepdims=True), 1e-6)
    up = ops.maximum(1 - ops.abs(steps - steps[:, None] / ratio), 0)
    up = ops.where(steps < side, up, 0)
    return ops.matmul(up / ops.sum(up, axis=-1, keepdims=True), down)


def _places(place: Any, size: int) -> tuple[Any, Any]:
    """Returns where each pixel of a cut lies on the radiograph's unit square: x and y."""
    steps = (ops.arange(size, dtype="float32") + 0.5) / size
    across, down = steps[None, None], steps[None, :, None]
    a, b, c, d, left, top = (place[:, number, None, None] for number in range(6))
    return a * across + b * down + left, c * across + d * down + top


def _warp(grids: Any, place: Any, border: Any, size: int) -> Any:
    """Cuts as `framing.Cut` does, by Pillow's bicubic kernel (with a parameter of -1).

    Args:
        grids: `(batch, side, side)` uint8.
        place: `(batch, 6)`, matrix and offset of a `framing.Placing`.
        border: `(batch,)`, number in `framing.BORDERS`.
        size: Side of the cuts.

    Returns:
        `(batch, size, size)` float32, whole grey levels.
    """
    side = grids.shape[1]
    flat = ops.reshape(grids, (-1, side * side))
    x, y = (side * way - 0.5 for way in _places(place, size))
    mode = border[:, None, None]
    rows, columns = (_taps(way, side, mode) for way in (y, x))
    total: Any = 0.0
    for row, down in rows:
        for column, across in columns:
            place_ = ops.reshape(row * side + column, (-1, size * size))
            values = ops.cast(ops.take_along_axis(flat, place_, axis=1), "float32")
            total = total + down * across * ops.reshape(values, (-1, size, size))
    pad = side * PAD // FINDER_SIZE
    seen = [ops.logical_and(way >= -pad - 0.5, way < side + pad - 0.5) for way in (x, y)]
    # Pillow cuts off what follows the point, where it resamples by a map.
    return ops.where(ops.logical_and(*seen), ops.clip(ops.floor(total + 1e-3), 0, 255), 0.0)


def _taps(way: Any, side: int, mode: Any) -> list[tuple[Any, Any]]:
    """Returns the four pixels along one way that make up each of the cut's, and their weights."""
    low = ops.floor(way)
    t = way - low
    weights = (
        ((2 - t) * t - 1) * t,
        (t - 2) * t * t + 1,
        ((1 - t) * t + 1) * t,
        (t - 1) * t * t,
    )
    taps = []
    for step, weight in enumerate(weights, -1):
        place = ops.cast(low, "int32") + step
        mirrored = ops.abs(place)
        mirrored = ops.where(mirrored >= side, 2 * (side - 1) - mirrored, mirrored)
        outside = ops.logical_or(place < 0, place >= side)
        dark = ops.logical_and(outside, mode == BORDERS.index("constant"))
        place = ops.where(mode == BORDERS.index("reflect"), mirrored, place)
        taps.append((ops.clip(place, 0, side - 1), ops.where(dark, 0.0, weight)))
    return taps


def _interpolate(cells: Any, place: Any, size: int, edge: bool) -> Any:
    """Cuts maps of cells as `framing.Cut` does: bilinear, `(batch, size, size)` float32.

    Beyond the picture they go on as at its edge, or are 0.
    """
    side = cells.shape[1]
    flat = ops.reshape(ops.cast(cells, "float32"), (-1, side * side))
    x, y = (side * way - 0.5 for way in _places(place, size))
    total: Any = 0.0
    for row in (ops.floor(y), ops.floor(y) + 1):
        for column in (ops.floor(x), ops.floor(x) + 1):
            share = (1 - ops.abs(y - row)) * (1 - ops.abs(x - column))
            if not edge:
                inside = ops.logical_and(row >= 0, row < side)
                inside = ops.logical_and(inside, ops.logical_and(column >= 0, column < side))
                share = ops.where(inside, share, 0.0)
            index = ops.clip(row, 0, side - 1) * side + ops.clip(column, 0, side - 1)
            index = ops.reshape(ops.cast(index, "int32"), (-1, size * size))
            values = ops.reshape(ops.take_along_axis(flat, index, axis=1), (-1, size, size))
            total = total + share * values
    return total


def _histogram(grid: Any, weights: Any) -> Any:
    """Returns `(batch, 256)`: the sum of the weights at each grey level."""
    size = grid.shape[1] * grid.shape[2]
    levels = ops.reshape(ops.cast(grid, "int32"), (-1, size))
    count = ops.shape(levels)[0]
    if not isinstance(count, int):  # while the model is drawn up, its batch has no size yet
        count = ops.cast(count, "int32")
    places = levels + LEVELS * ops.arange(count, dtype="int32")[:, None]
    sums = ops.segment_sum(ops.reshape(weights, (-1,)), ops.reshape(places, (-1,)), LEVELS * count)
    return ops.reshape(sums, (-1, LEVELS))


def _look_up(table: Any, grid: Any) -> Any:
    """Exchanges the grey levels of `(batch, size, size)` by tables `(batch, 256)`."""
    levels = ops.reshape(ops.cast(grid, "int32"), (-1, grid.shape[1] * grid.shape[2]))
    return ops.reshape(ops.take_along_axis(table, levels, axis=1), (-1, *grid.shape[1:]))


def _borrow_levels(grid: Any, donor: Any, amount: Any) -> Any:
    """Does what `appearance.borrow_levels` does: as bright as the donor, level by level."""
    ones = ops.ones_like(grid)
    own, theirs = (ops.cumsum(_histogram(each, ones), axis=-1) for each in (grid, donor))

    def first_reaching(counts: Any) -> Any:  # the lowest of the donor's levels with as many below
        below = theirs[:, None] < counts[:, :, None] - 0.5
        return ops.sum(ops.cast(below, "int32"), axis=-1)

    high = ops.minimum(first_reaching(own), LEVELS - 1)
    before = ops.take_along_axis(theirs, ops.maximum(high - 1, 0), axis=1)
    low = ops.minimum(first_reaching(before), LEVELS - 1)
    reached = ops.take_along_axis(theirs, high, axis=1)
    share = (own - before) / ops.maximum(reached - before, 1)
    first = ops.logical_or(high == 0, before < 0.5)  # below it the donor has no level
    high, low = ops.cast(high, "float32"), ops.cast(low, "float32")
    matched = ops.where(first, high, low + (high - low) * share)
    levels = ops.arange(LEVELS, dtype="float32")
    return _look_up(_round(levels + amount[:, None] * (matched - levels)), grid)


def _borrow_texture(grid: Any, donor: Any, amount: Any) -> Any:
    """Does what `appearance.borrow_texture` does, by whole Fourier transforms."""
    size = grid.shape[1]
    half = size // 2 + 1
    frequencies = np.fft.fftfreq(size, 1 / size)
    radius = np.hypot(frequencies, frequencies[:, None])
    ring = radius.astype(np.int32)
    taper = np.clip((radius - LOWEST_FREQUENCY) / LOWEST_FREQUENCY, 0, 1).astype(np.float32)
    window = np.hanning(size).astype(np.float32)
    window = ops.convert_to_tensor(window * window[:, None])
    counts = np.bincount(ring[:, :half].ravel(), minlength=ring.max() + 1)

    def mean_power(pictures: Any) -> Any:
        values = (pictures - _sum(pictures) / size**2) * window
        real, imaginary = ops.fft2((values, ops.zeros_like(values)))
        power = (ops.square(real) + ops.square(imaginary))[:, :, :half]
        flat = ops.transpose(ops.reshape(power, (-1, size * half)))
        rings = ops.convert_to_tensor(ring[:, :half].ravel())
        sums = ops.transpose(ops.segment_sum(flat, rings, len(counts)))
        return sums / np.maximum(counts, 1).astype(np.float32) + 1e-3

    ratio = mean_power(donor) / mean_power(grid)
    gain = ops.clip(ops.sqrt(ratio), 1 / HIGHEST_GAIN, HIGHEST_GAIN) ** amount[:, None]
    gain = 1 + taper * (ops.take(gain, ops.convert_to_tensor(ring), axis=1) - 1)
    real, imaginary = ops.fft2((grid, ops.zeros_like(grid)))
    changed, _ = ops.ifft2((real * gain, imaginary * gain))
    return ops.where(_each(amount) > 0, _round(changed), grid)


def _change_surroundings(grid: Any, donor: Any, lungs: Any, batch: dict[str, Any]) -> Any:
    """Paints the lungs over, or puts them into the donor's surroundings."""
    mean = _sum(grid) / (grid.shape[1] * grid.shape[2])
    level = ops.where(_each(batch["paint"]) < 0, mean, _each(batch["paint"]))
    painted = grid + ops.clip(lungs * _each(batch["painted"]), 0, 1) * (level - grid)
    elsewhere = donor + lungs * (grid - donor)
    changed = ops.where(_each(batch["exchanged"]) > 0, elsewhere, painted)
    return ops.round(changed)


def _change_brightness(grid: Any, batch: dict[str, Any]) -> Any:
    """Does what `augment.change_brightness` does; the equalisation is Pillow's."""
    counts = ops.cast(_histogram(grid, ops.ones_like(grid)), "int32")
    levels = ops.arange(LEVELS, dtype="int32")
    last = ops.max(ops.where(counts > 0, levels, 0), axis=1, keepdims=True)
    step = (grid.shape[1] * grid.shape[2] - ops.take_along_axis(counts, last, axis=1)) // 255
    below = ops.cumsum(counts, axis=1) - counts + step // 2
    table = ops.where(step > 0, below // ops.maximum(step, 1), levels)
    equal = _look_up(ops.cast(ops.clip(table, 0, 255), "float32"), grid)
    blended = ops.floor(grid + _each(batch["equalised"]) * (equal - grid) + 1e-3)
    return _look_up(ops.cast(batch["table"], "float32"), blended)


def _equalise(grid: Any, inside: Any) -> Any:
    """Does what `lung_field.equalise` does."""
    counts = _histogram(grid, inside)
    darker = ops.cumsum(counts, axis=1) - counts / 2
    total = ops.maximum(ops.sum(counts, axis=1, keepdims=True), 1)
    return _look_up(ops.round(darker * (255 / total)), grid)


def _compress(grid: Any, steps: Any) -> Any:
    """Does to grey levels what saving them as JPEG and reading them again does.

    Args:
        grid: `(batch, size, size)`.
        steps: `(batch, 8, 8)`, to whose multiples the coefficients are rounded.
    """
    size = grid.shape[1]
    blocks = -(-size // BLOCK)
    more = blocks * BLOCK - size
    padded = ops.concatenate([grid, ops.repeat(grid[:, -1:], more, axis=1)], axis=1)
    padded = ops.concatenate([padded, ops.repeat(padded[:, :, -1:], more, axis=2)], axis=2)
    tiles = ops.reshape(padded - 128, (-1, blocks, BLOCK, blocks, BLOCK))
    tiles = ops.transpose(tiles, (0, 1, 3, 2, 4))
    numbers = np.arange(BLOCK)
    cosines = np.cos(np.pi * (2 * numbers + 1) * numbers[:, None] / (2 * BLOCK)) / 2
    cosines[0] /= np.sqrt(2)
    transform = ops.convert_to_tensor(cosines.astype(np.float32))
    back = ops.transpose(transform)
    steps = steps[:, None, None]
    coefficients = ops.round(ops.matmul(ops.matmul(transform, tiles), back) / steps) * steps
    tiles = ops.matmul(ops.matmul(back, coefficients), transform)
    tiles = ops.transpose(tiles, (0, 1, 3, 2, 4))
    whole = ops.reshape(tiles, (-1, blocks * BLOCK, blocks * BLOCK))
    return _round(whole[:, :size, :size] + 128)
