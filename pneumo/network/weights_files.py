"""Files of weights: where they are, how they are written, how they are verified."""

import hashlib
import io
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from pneumo.errors import WeightsError
from pneumo.files import atomic_write

if TYPE_CHECKING:
    import keras

_PACKAGE = Path(__file__).resolve().parents[1]
_INSTALLED = _PACKAGE / "_weights"
WEIGHTS_FOLDER = _INSTALLED if _INSTALLED.is_dir() else _PACKAGE.parent / "weights"
"""The shipped weights: within an installed package, beside `pneumo/` in the repository."""
CARD_NAME = "model_card.json"


def sha256_of(path: Path) -> str:
    """Returns the hexadecimal SHA-256 of a file."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def refuse_weights(path: Path, reason: object) -> WeightsError:
    """Returns the error for a file of weights that holds something other than it should."""
    return WeightsError(
        f"{path.name} is not a set of weights for this version of pneumo ({reason}). "
        "Use the weights and the code of the same release."
    )


def save_weights_fp16(model: "keras.Model", path: Path) -> None:
    """Saves a model's weights with every float rounded to 16 bits, in one step.

    Half the download for answers that stay within 0.002; Keras widens them when loading.

    Raises:
        WeightsError: The file cannot be written; an older one of that name stays.
    """
    import h5py

    wide, narrow = path.with_name("wide." + path.name), io.BytesIO()
    try:
        model.save_weights(wide)
        with h5py.File(wide) as source, h5py.File(narrow, "w") as target:

            def copy(name: str, item: h5py.Dataset | h5py.Group) -> None:
                if isinstance(item, h5py.Dataset):
                    small = np.issubdtype(item.dtype, np.floating)
                    target.create_dataset(name, data=item[()].astype("f2") if small else item[()])
                else:
                    target.require_group(name)
                for key, value in item.attrs.items():
                    target[name].attrs[key] = value

            source.visititems(copy)
        with atomic_write(path) as draft:
            draft.write_bytes(narrow.getbuffer())
    except (OSError, RuntimeError) as error:  # h5py raises either when a write fails
        raise WeightsError(
            f"{path} cannot be written ({error}). Make room there, about 150 MB."
        ) from error
    finally:
        wide.unlink(missing_ok=True)


def verify(path: Path, expected: str) -> None:
    """Makes sure that a file is the one that a model card names.

    Args:
        path: Of the file.
        expected: Its hexadecimal SHA-256.

    Raises:
        WeightsError: It is missing, a Git LFS pointer, or another file.
    """
    remedy = "Restore it with 'git checkout -- weights', or download the release again."
    if not path.is_file():
        raise WeightsError(f"The weights {path.name} are missing from {path.parent}. {remedy}")
    with path.open("rb") as file:
        start = file.read(64)
    if start.startswith(b"version https://git-lfs"):
        raise WeightsError(
            f"{path.name} is a Git LFS pointer, not the weights themselves. Run 'git lfs pull'."
        )
    received = sha256_of(path)
    if received != expected:
        raise WeightsError(
            f"{path.name} is not the file that the model card was written for: expected SHA-256 "
            f"{expected[:12]}..., received {received[:12]}.... {remedy}"
        )
