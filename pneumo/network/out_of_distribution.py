"""What is this picture, and how far is it from the training data? By the lung finder's features.

Two questions to the mean activations of three layers of the finder, which sees the whole picture,
where the classifier sees the lung field alone:

- *Distance*: what is left of the features, in standard deviations, beside the directions in which
  radiographs of the training patients differ. A large rest is something the network has never met,
  whatever it may be. (Squared prediction error, Jackson and Mudholkar 1979,
  doi:10.1080/00401706.1979.10489779.)
- *Kind*: a linear classifier of what is often dropped by mistake. It gives the reason in words,
  and the remedy.

`pneumo.training.scope` fits both; its report, in the model card, says how often they err.
"""

import io
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from pneumo.errors import WeightsError

SCOPE_NAME = "scope.npz"

CHILD, ADULT, INVERTED, LEFT, UPSIDE_DOWN, RIGHT, PART, SCREEN, OTHER = KINDS = (
    "child's chest",
    "adult's chest",
    "inverted",
    "turned to the left",
    "upside down",
    "turned to the right",
    "part of a chest",
    "photograph of a screen",
    "other picture",
)


@dataclass(frozen=True)
class Scope:
    """What was fitted; d features, q directions, one column a kind.

    Attributes:
        mean: `(d,)` of the training patients' features.
        scale: `(d,)` their standard deviations.
        directions: `(d, q)` orthonormal: how standardised features of the training patients
            differ.
        kernel: `(d, len(KINDS))` of the classifier, on standardised features.
        bias: `(len(KINDS),)`.
        limits: `(len(KINDS),)` probability from which a kind is taken for certain; that of
            `CHILD` is without meaning.
        warn_distance: Above it a picture is unlike the training data.
        refuse_distance: Above it, too unlike for any answer.
    """

    mean: np.ndarray
    scale: np.ndarray
    directions: np.ndarray
    kernel: np.ndarray
    bias: np.ndarray
    limits: np.ndarray
    warn_distance: float
    refuse_distance: float

    def distances(self, features: np.ndarray) -> np.ndarray:
        """Returns `(n,)` distances of `(n, d)` features, root mean squares over the features."""
        z = self._standardise(features)
        rest = z - (z @ self.directions) @ self.directions.T
        return np.sqrt(np.mean(rest**2, axis=1))

    def kinds(self, features: np.ndarray) -> np.ndarray:
        """Returns `(n, len(KINDS))` probabilities of `(n, d)` features."""
        logits = self._standardise(features) @ self.kernel + self.bias
        powers = np.exp(logits - logits.max(axis=1, keepdims=True))
        return powers / powers.sum(axis=1, keepdims=True)

    def certain_kinds(self, features: np.ndarray) -> list[str]:
        """Returns for each picture the kind it is taken for; `CHILD` if no other is certain."""
        kinds = self.kinds(features)
        kinds[:, KINDS.index(CHILD)] = -1
        best = kinds.argmax(axis=1)
        certain = kinds[np.arange(len(kinds)), best] >= self.limits[best]
        return [KINDS[i] if sure else CHILD for i, sure in zip(best, certain, strict=True)]

    def _standardise(self, features: np.ndarray) -> np.ndarray:
        return (features - self.mean) / self.scale


def write_scope(path: Path, scope: Scope) -> None:
    """Writes a scope as NumPy arrays of 32 bits."""
    arrays = {name: np.float32(value) for name, value in vars(scope).items()}
    np.savez(path, allow_pickle=False, **arrays)


def read_scope(path: Path) -> Scope:
    """Reads what `write_scope` wrote; never runs what is in the file.

    Raises:
        WeightsError: The file is missing, damaged, or not a scope of this version.
    """
    try:
        with np.load(io.BytesIO(path.read_bytes()), allow_pickle=False) as found:
            arrays = {name: found[name] for name in found.files}
        for name in ("warn_distance", "refuse_distance"):
            arrays[name] = float(arrays[name])
        scope = Scope(**arrays)
        if scope.kernel.shape != (len(scope.mean), len(KINDS)):
            raise ValueError(f"its classifier has the shape {scope.kernel.shape}")
    except Exception as error:  # zipfile, NumPy and Scope raise errors of many kinds
        raise WeightsError(
            f"{path} is missing, damaged or of another version ({error}). Restore it with "
            "'git checkout -- weights', or fit it anew with 'python -m pneumo.training.scope'."
        ) from error
    return scope
