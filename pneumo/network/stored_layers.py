"""A file of weights, layer by layer, without the library that wrote it."""

from pathlib import Path

import numpy as np

from pneumo.network.weights_files import refuse_weights

NORMALIZATION_EPSILON = 1e-3
"""Of Keras' batch normalisation, unless told otherwise; no layer here is."""


class StoredLayers:
    """The layers of a `.weights.h5` of Keras 3, kind by kind in the order of the network.

    Keras counts the layers of each kind: `conv2d`, `conv2d_1`, and so on, whatever they are called
    in the network.
    """

    def __init__(self, path: Path) -> None:
        """Opens a file.

        Raises:
            WeightsError: It is missing or no such file.
        """
        import h5py

        self._path = path
        try:
            with h5py.File(path) as file:
                self._layers = {
                    name: [np.asarray(group["vars"][key], np.float32) for key in group["vars"]]
                    for name, group in file["layers"].items()
                }
        except (OSError, KeyError) as error:
            raise refuse_weights(path, error) from error
        self._taken: dict[str, int] = {}

    def take(self, kind: str) -> list[np.ndarray]:
        """Takes the next layer of a kind that has weights.

        Args:
            kind: `conv2d`, `separable_conv2d`, `batch_normalization` or `dense`.

        Returns:
            Its weights as float32, in the order of Keras.

        Raises:
            WeightsError: There is none.
        """
        number = self._taken.get(kind, 0)
        self._taken[kind] = number + 1
        name = f"{kind}_{number}" if number else kind
        weights = self._layers.pop(name, None)
        if not weights:
            raise refuse_weights(self._path, f"no layer {name}")
        return weights

    def take_folded(self, kind: str) -> list[np.ndarray]:
        """Takes a convolution without bias and the batch normalisation after it, as one.

        Returns:
            Its kernels, the last of them scaled, and the bias that is left of the normalisation.
        """
        norm = self.take("batch_normalization")
        return fold(self.take(kind), norm, NORMALIZATION_EPSILON)

    def require_all_taken(self) -> None:
        """Raises `WeightsError` if the file has weights that the network has no place for."""
        if left := [name for name, weights in self._layers.items() if weights]:
            raise refuse_weights(self._path, f"no place for {', '.join(sorted(left))}")


def fold(kernels: list[np.ndarray], norm: list[np.ndarray], epsilon: float) -> list[np.ndarray]:
    """Makes a convolution and the batch normalisation after it one convolution with a bias.

    Args:
        kernels: Of a convolution without bias, or the depthwise and the pointwise one; output
            channels are the last axis of the last.
        norm: Its gamma, beta, mean and variance, one value a channel.
        epsilon: That is added to the variance.

    Returns:
        The kernels, the last of them scaled, and the bias.
    """
    gamma, beta, mean, variance = norm
    factor = gamma / np.sqrt(variance + np.float32(epsilon))
    *others, last = kernels
    return [*others, last * factor, beta - mean * factor]
