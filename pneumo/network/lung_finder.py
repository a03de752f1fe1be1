"""Where are the lungs? A small network that draws them on any frontal chest radiograph.

A U-Net (Ronneberger, Fischer, Brox 2015, https://arxiv.org/abs/1505.04597) of a few layers. It
learns from lung fields drawn by people (V7 Labs, *COVID-19 X-ray dataset*, CC BY 4.0,
https://github.com/v7labs/covid-19-xray-dataset); `pneumo.training.lungs` trains and measures it.
"""

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from pneumo.errors import WeightsError
from pneumo.network.preprocess import resize_to_grid

if TYPE_CHECKING:
    import keras

FINDER_SIZE = 128
"""Side of the finder's input and of the lungs that it draws, in cells."""

FINDER_NAME, FINDER_REPORT_NAME = "lung_finder.weights.h5", "lung_finder.json"

WIDTHS = (8, 24, 48, 64, 96)
"""Channels from the finest level to the coarsest, each half as wide as the one before."""


class FinderPass(NamedTuple):
    """What one pass of the finder tells of n radiographs.

    Attributes:
        lungs: `(n, 128, 128)` float32, how probable each cell is lung.
        features: `(n, 512)` float32, see `with_features`.
    """

    lungs: np.ndarray
    features: np.ndarray


Finder = Callable[[np.ndarray], FinderPass]
"""`(n, 128, 128, 1)` float32, see `to_finder_input` -> `FinderPass`."""


def build_finder(kernels: str = "glorot_uniform") -> "keras.Model":
    """Builds the untrained network.

    Args:
        kernels: The initialiser of Keras for the kernels; `zeros` where weights are loaded next,
            since JAX compiles the random numbers of each shape.

    Returns:
        A `keras.Model` from `(n, 128, 128, 1)` to `(n, 128, 128, 1)` probabilities of lung.
    """
    import keras

    def level(x: "keras.KerasTensor", width: int, name: str) -> "keras.KerasTensor":
        for part in ("a", "b"):
            conv = keras.layers.Conv2D(
                *(width, 3),
                padding="same",
                use_bias=False,
                kernel_initializer=kernels,
                name=name + part,
            )
            x = keras.layers.BatchNormalization(name=f"{name}{part}_norm")(conv(x))
            x = keras.layers.ReLU(name=f"{name}{part}_relu")(x)
        return x

    image = x = keras.Input((FINDER_SIZE, FINDER_SIZE, 1), name="radiograph")
    finer = []
    for depth, width in enumerate(WIDTHS):
        x = level(keras.layers.MaxPooling2D()(x) if depth else x, width, f"down{depth}")
        finer.append(x)
    for depth in reversed(range(len(WIDTHS) - 1)):
        x = keras.layers.UpSampling2D(interpolation="bilinear")(x)
        x = keras.layers.Concatenate()([x, finer[depth]])
        x = level(x, WIDTHS[depth], f"up{depth}")
    lung = keras.layers.Conv2D(
        *(1, 1), activation="sigmoid", kernel_initializer=kernels, dtype="float32", name="lung"
    )
    return keras.Model(image, lung(x), name="lung_finder")


def to_finder_input(pictures: list[np.ndarray]) -> np.ndarray:
    """Stretches pictures to the finder's square and evens out brightness and contrast.

    Args:
        pictures: n `(height, width)` uint8.

    Returns:
        `(n, 128, 128, 1)` float32, each with mean 0 and standard deviation 1.
    """
    grids = np.stack([resize_to_grid(pixels, FINDER_SIZE) for pixels in pictures])
    values = grids.astype(np.float32)
    mean = values.mean(axis=(1, 2), keepdims=True)
    spread = values.std(axis=(1, 2), keepdims=True)
    return ((values - mean) / np.maximum(spread, 1))[..., np.newaxis]


def load_finder_model(path: Path) -> "keras.Model":
    """Loads a finder's weights into its `keras.Model`.

    Raises:
        WeightsError: The file is missing or no finder's.
    """
    model = build_finder("zeros")
    try:
        model.load_weights(path)
    except Exception as error:  # h5py and Keras raise OSError, ValueError, KeyError ...
        raise WeightsError(
            f"{path} is missing or holds no lung finder of this version ({error}). Restore it "
            "with 'git checkout -- weights', or train it with 'python -m pneumo.training.lungs'."
        ) from error
    return model


def load_finder(path: Path) -> Finder:
    """Loads a finder, on any backend of Keras; raises as `load_finder_model`."""
    return finder_of(load_finder_model(path))


def with_features(model: "keras.Model") -> "keras.Model":
    """Returns the finder with a second output: what kind of picture is this?

    The finder sees the whole picture, the classifier the lung field alone. So it is the finder
    that can tell a turned or inverted chest, an adult's, or a photograph: by the means of three of
    its levels (of the coarsest in each quarter of the picture, so that up differs from down) and
    by how the lungs lie in a grid of 4 x 4.
    """
    import keras

    coarse, middle, fine = (model.get_layer(f"down{depth}b_relu").output for depth in (4, 3, 2))
    quarters = keras.layers.AveragePooling2D(coarse.shape[1] // 2)(coarse)
    lay = keras.layers.AveragePooling2D(FINDER_SIZE // 4)(model.output)
    parts = [
        keras.layers.Flatten()(quarters),
        keras.layers.GlobalAveragePooling2D()(middle),
        keras.layers.GlobalAveragePooling2D()(fine),
        keras.layers.Flatten()(lay),
    ]
    return keras.Model(model.input, [model.output, keras.layers.Concatenate()(parts)])


def finder_of(model: "keras.Model") -> Finder:
    """Wraps a finder's model, on any backend of Keras."""
    import keras

    both = with_features(model)

    def find(batch: np.ndarray) -> FinderPass:
        # Filled up to a power of two: every number of radiographs would be compiled for itself.
        spare = np.repeat(batch[-1:], (1 << (len(batch) - 1).bit_length()) - len(batch), axis=0)
        found = both.predict_on_batch(np.concatenate([batch, spare]))
        lungs, features = (keras.ops.convert_to_numpy(part)[: len(batch)] for part in found)
        return FinderPass(lungs[..., 0], features)

    return find


def find_lungs(find: Finder, pictures: list[np.ndarray], batch_size: int = 32) -> FinderPass:
    """Runs the finder on n `(height, width)` uint8 pictures, some at a time."""
    starts = range(0, len(pictures), batch_size)
    parts = [find(to_finder_input(pictures[i : i + batch_size])) for i in starts]
    return FinderPass(*map(np.concatenate, zip(*parts, strict=True)))
