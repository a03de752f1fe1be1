"""The two networks, drawn operation by operation on the graph of a runtime other than Keras.

The same architectures as `pneumo.network.architecture` and `pneumo.network.lung_finder` build for
Keras, as they are after training: batch normalisation is part of the convolution before it. Tests
hold both against each other.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Generic, NamedTuple, Protocol, TypeVar

import numpy as np

from pneumo.network.architecture import Layout, Tiling, tiling_of
from pneumo.network.lung_finder import FINDER_SIZE, WIDTHS
from pneumo.network.stored_layers import StoredLayers

Node = TypeVar("Node")
ENTRY_CHANNELS, EXIT_CHANNELS = 728, 2048
"""Feature maps at the end of Xception's entry flow, and at its own end."""


class Graph(Protocol[Node]):
    """What a runtime's graph is asked for; pictures are `(n, channels, height, width)`.

    Padding that is the same as in Keras goes to the bottom and the right first.
    """

    def input(self, side: int, channels: int) -> Node:
        """Takes `(n, side, side, channels)` float32, any n; channels come first from here on."""
        ...

    def pad(self, x: Node, before: int, after: int) -> Node:
        """Puts so many rows and columns of zeros around a picture."""
        ...

    def rearrange(
        self, x: Node, cut: Sequence[int], order: Sequence[int], joined: Sequence[int]
    ) -> Node:
        """Reshapes, transposes and reshapes again; -1 is what is left."""
        ...

    def convolve(
        self, x: Node, kernel: np.ndarray, bias: np.ndarray, stride: int = 1, pad: bool = True
    ) -> Node:
        """Convolves by a kernel `(height, width, in, out)`, padded to the same size or not."""
        ...

    def convolve_depthwise(self, x: Node, kernel: np.ndarray) -> Node:
        """Convolves each channel by its own of `(height, width, channels, 1)`, padded."""
        ...

    def relu(self, x: Node) -> Node:
        """Returns what is above 0."""
        ...

    def sigmoid(self, x: Node) -> Node:
        """Returns the logistic function."""
        ...

    def softmax(self, x: Node) -> Node:
        """Returns the softmax of `(n, classes)`."""
        ...

    def dense(self, x: Node, kernel: np.ndarray, bias: np.ndarray) -> Node:
        """Multiplies `(n, in)` by `(in, out)` and adds the bias."""
        ...

    def max_pool(self, x: Node, size: int, stride: int) -> Node:
        """Takes the largest of each window, padded."""
        ...

    def mean_pool(self, x: Node, size: int) -> Node:
        """Averages blocks of `size` by `size`."""
        ...

    def mean(self, x: Node) -> Node:
        """Averages over all places: `(n, channels)`."""
        ...

    def double(self, x: Node) -> Node:
        """Doubles height and width, interpolating linearly with half-pixel centres."""
        ...

    def add(self, x: Node, y: Node) -> Node:
        """Adds two of a shape."""
        ...

    def join(self, *parts: Node) -> Node:
        """Joins along the channels, or along the last axis of `(n, length)`."""
        ...

    def channels_last(self, x: Node) -> Node:
        """Returns `(n, height, width, channels)`."""
        ...

    def flatten(self, x: Node) -> Node:
        """Returns `(n, height * width * channels)`, channels changing fastest."""
        ...


class DrawnClassifier(NamedTuple, Generic[Node]):
    """A classifier on some runtime's graph, and its head.

    Attributes:
        outputs: Feature maps `(n, h, w, 2048)` and probabilities `(n, 2)`.
        kernel: `(2048, 2)` float32, of the Dense layer.
        bias: `(2,)` float32.
    """

    outputs: list[Node]
    kernel: np.ndarray
    bias: np.ndarray


def draw_classifier(graph: Graph[Node], path: Path, layout: Layout) -> DrawnClassifier[Node]:
    """Draws what `build_classifier` builds, with the weights of a file.

    Args:
        graph: Empty.
        path: A `.weights.h5` of the classifier, with or without batch normalisation frozen.
        layout: Of the network.

    Raises:
        WeightsError: The file holds other weights.
    """
    stored = StoredLayers(path)

    def separable(x: Node) -> Node:
        depthwise, pointwise, bias = stored.take_folded("separable_conv2d")
        return graph.convolve(graph.convolve_depthwise(x, depthwise), pointwise, bias)

    def shorten(x: Node, shortcut_from: Node, stride: int = 2) -> Node:
        kernel, bias = stored.take_folded("conv2d")
        shortcut = graph.convolve(shortcut_from, kernel, bias, stride)
        return graph.add(graph.max_pool(x, 3, stride), shortcut)

    image_size, last_stride, tiles = layout
    tiling = tiling_of(image_size, tiles) if tiles else None
    x = graph.input(image_size, 3)
    if tiling:
        x = graph.pad(x, *tiling.padding)
    for stride in (2, 1):
        kernel, bias = stored.take_folded("conv2d")
        x = graph.relu(graph.convolve(x, kernel, bias, stride, pad=False))
    for block in (2, 3, 4):
        start = x
        x = separable(x if block == 2 else graph.relu(x))  # block 1 ends with a ReLU
        x = shorten(separable(graph.relu(x)), start)
    if tiling:
        x = _cut(graph, x, tiling)
    for _ in range(5, 13):
        start = x
        for _ in range(3):
            x = separable(graph.relu(x))
        x = graph.add(x, start)
    start = x
    x = separable(graph.relu(separable(graph.relu(x))))
    x = shorten(x, start, last_stride)
    x = separable(graph.relu(separable(x)))
    if tiling:
        x = _join(graph, x, tiling, -(-tiling.side // last_stride))
    maps = graph.relu(x)
    kernel, bias = stored.take("dense")
    stored.require_all_taken()
    probabilities = graph.softmax(graph.dense(graph.mean(maps), kernel, bias))
    return DrawnClassifier([graph.channels_last(maps), probabilities], kernel, bias)


def _cut(graph: Graph[Node], x: Node, tiling: Tiling) -> Node:
    """Makes the tiles of n pictures n times as many pictures, row by row."""
    n, side = tiling.tiles, tiling.side
    cut = (-1, ENTRY_CHANNELS, n, side, n, side)
    return graph.rearrange(x, cut, (0, 2, 4, 1, 3, 5), (-1, ENTRY_CHANNELS, side, side))


def _join(graph: Graph[Node], x: Node, tiling: Tiling, side: int) -> Node:
    """Puts the tiles together again, which are of another side by now."""
    n = tiling.tiles
    cut = (-1, n, n, EXIT_CHANNELS, side, side)
    joined = (-1, EXIT_CHANNELS, n * side, n * side)
    return graph.rearrange(x, cut, (0, 3, 1, 4, 2, 5), joined)


def draw_finder(graph: Graph[Node], path: Path) -> list[Node]:
    """Draws what `build_finder` and `with_features` build, with the weights of a file.

    Returns:
        Lungs `(n, 128, 128, 1)` and features `(n, 512)`.

    Raises:
        WeightsError: The file holds other weights.
    """
    stored = StoredLayers(path)

    def level(x: Node) -> Node:
        for _ in range(2):
            kernel, bias = stored.take_folded("conv2d")
            x = graph.relu(graph.convolve(x, kernel, bias))
        return x

    x = graph.input(FINDER_SIZE, 1)
    down: list[Node] = []
    for depth in range(len(WIDTHS)):
        x = level(graph.max_pool(x, 2, 2) if depth else x)
        down.append(x)
    for finer in reversed(down[:-1]):
        x = level(graph.join(graph.double(x), finer))
    kernel, bias = stored.take("conv2d")
    lungs = graph.sigmoid(graph.convolve(x, kernel, bias))
    stored.require_all_taken()
    features = graph.join(
        graph.flatten(graph.mean_pool(down[4], FINDER_SIZE // 2**4 // 2)),
        graph.mean(down[3]),
        graph.mean(down[2]),
        graph.flatten(graph.mean_pool(lungs, FINDER_SIZE // 4)),
    )
    return [graph.channels_last(lungs), features]
