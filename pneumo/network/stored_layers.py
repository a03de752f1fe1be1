"""A file of weights, layer by layer, without the library that wrote it."""

from pathlib import Path

import numpy as np

from pneumo.errors import WeightsError

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
            raise self.refuse(str(error)) from error
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
            raise self.refuse(f"no layer {name}")
        return weights

    def take_folded(self, kind: str) -> list[np.ndarray]:
        """Takes a convolution without bias and the batch normalisation after it, as one.

        Returns:
            Its kernels, the last of them scaled, and the bias that is left of the normalisation.
        """
        *kernels, last = self.take(kind)
        gamma, beta, mean, variance = self.take("batch_normalization")
        factor = gamma / np.sqrt(variance + np.float32(NORMALIZATION_EPSILON))
        return [*kernels, last * factor, beta - mean * factor]

    def require_all_taken(self) -> None:
        """Raises `WeightsError` if the file has weights that the network has no place for."""
        if left := [name for name, weights in self._layers.items() if weights]:
            raise self.refuse(f"no place for {', '.join(sorted(left))}")

    def refuse(self, reason: str) -> WeightsError:
        """Returns the error for a file that holds something else."""
        return WeightsError(
            f"{self._path.name} is not a set of weights for this version of pneumo ({reason}). "
            "Use the weights and the code of the same release."
        )
