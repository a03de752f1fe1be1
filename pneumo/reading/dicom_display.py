"""Stored values of a DICOM frame -> eight-bit picture, by the standard's display pipeline.

Modality LUT (C.11.1), then VOI LUT or window (C.11.2), then MONOCHROME1's inversion (C.7.6.3.1.2).
Every step maps values one by one, so it is done once for each value that can be stored (65,536 at
most) and not for each pixel; pydicom does the steps themselves.

A `dataset` is pydicom's, without empty elements.
"""

from typing import TYPE_CHECKING

import numpy as np
from PIL import Image

if TYPE_CHECKING:
    from pydicom.dataset import Dataset

TAILS = (0.005, 0.995)
"""Quantiles of the values that become black and white where a deep picture brings no window."""
WINDOW_ROWS = 256
"""Rows that are looked up at once: NumPy indexes with 8 bytes a pixel."""
SQUARE = 0.01
"""Greatest relative difference of a pixel's sides that is left as it is."""


def to_picture(dataset: "Dataset", stored: np.ndarray) -> tuple[np.ndarray, list[str]]:
    """Returns stored values as they are meant to be seen.

    Args:
        dataset: The file's elements.
        stored: `(rows, columns)` integers, or `(rows, columns, 3)` in RGB.

    Returns:
        `(rows, columns)` uint8, 0 black to 255 white, or `(rows, columns, 3)` RGB; and a line for
        each thing done.
    """
    notes: list[str] = []
    bits = dataset.BitsStored
    low, high = 0, 2**bits - 1
    if dataset.PixelRepresentation == 1:  # two's complement, C.7.6.3.1
        low, high = -(2 ** (bits - 1)), 2 ** (bits - 1) - 1
    # In the order of their low bits: negative values after the others.
    values = np.r_[0 : high + 1, low:0].astype(np.int32)
    if stored.ndim == 3:
        table = np.rint(np.linspace(0, 255, 2**bits)).astype(np.uint8)
    elif dataset.PhotometricInterpretation == "PALETTE COLOR":
        table = _palette(dataset, values)
    else:
        counts = np.zeros(2**bits, np.int64)
        for start in range(0, len(stored), WINDOW_ROWS):
            places = _places(stored[start : start + WINDOW_ROWS], low, high)
            counts += np.bincount(places.ravel(), minlength=2**bits)
        table = _greys(dataset, values, counts, notes)
    picture = np.empty(stored.shape + table.shape[1:], np.uint8)
    for start in range(0, len(stored), WINDOW_ROWS):
        picture[start : start + WINDOW_ROWS] = table[
            _places(stored[start : start + WINDOW_ROWS], low, high)
        ]
    return picture, notes


def _places(stored: np.ndarray, low: int, high: int) -> np.ndarray:
    """Returns where stored values stand among those from 0 to `high`, then `low` to -1."""
    return np.clip(stored.astype(np.intp), low, high) & (high - low)


def _greys(
    dataset: "Dataset", values: np.ndarray, counts: np.ndarray, notes: list[str]
) -> np.ndarray:
    """Returns `(n,)` uint8, the grey of each of `(n,)` stored values that occurs `counts` times."""
    from pydicom.pixels import apply_modality_lut

    padding = _is_padding(dataset, values)
    if counts[padding].any():
        notes.append("padding drawn black")
    if "ModalityLUTSequence" in dataset:
        # pydicom knows entries of 8 or 16 bits only; devices write 10 and 12 as well.
        dataset.ModalityLUTSequence[0].LUTDescriptor[2] = 16
    modality = apply_modality_lut(values, dataset)
    shown = _apply_voi(dataset, modality, np.where(padding, 0, counts), notes)
    if not np.isfinite(shown).all():
        raise ValueError("rescale or window is no number")
    # By Photometric Interpretation alone: Presentation LUT Shape repeats it (C.8.11.3.1).
    if dataset.PhotometricInterpretation == "MONOCHROME1":
        shown = 1 - shown
        notes.append("stored as a negative (MONOCHROME1), inverted")
    return np.where(padding, 0, np.rint(np.clip(shown, 0, 1) * 255)).astype(np.uint8)


def _is_padding(dataset: "Dataset", values: np.ndarray) -> np.ndarray:
    """Tells which values are padding (C.7.5.1.1.2), `(n,)` bool."""
    if "PixelPaddingValue" not in dataset:
        return np.zeros(values.shape, bool)
    ends = [dataset.PixelPaddingValue]
    ends.append(dataset.get("PixelPaddingRangeLimit", ends[0]))
    if dataset.PixelRepresentation == 1:  # often written as unsigned all the same
        ends = [end - 2**16 if end >= 2**15 else end for end in ends]
    return (values >= min(ends)) & (values <= max(ends))


def _apply_voi(
    dataset: "Dataset", modality: np.ndarray, counts: np.ndarray, notes: list[str]
) -> np.ndarray:
    """Returns `(n,)` float from 0 black to 1 white, for `(n,)` values of the modality's units."""
    from pydicom.pixels import apply_voi, apply_windowing

    luts = dataset.get("VOILUTSequence", ())
    if luts and "LUTDescriptor" in luts[0] and "LUTData" in luts[0]:
        _, first, bits = luts[0].LUTDescriptor
        notes.append("its VOI lookup table applied" + _which(len(luts)))
        # As 16 bits: pydicom counts entries in the table's own depth, and 8 bits would wrap.
        luts[0].LUTDescriptor[2] = 16
        inputs = np.clip(np.rint(modality), first, first + 2**16 - 1).astype(np.int32)
        return apply_voi(inputs, dataset) / (2**bits - 1)
    if "WindowCenter" in dataset and "WindowWidth" in dataset:
        try:
            with np.errstate(all="ignore"):
                # The range that pydicom maps the window to is what it makes of the extremes.
                black, white = apply_windowing(np.array([-np.inf, np.inf]), dataset)
                shown = (apply_windowing(modality, dataset) - black) / (white - black)
        except ValueError:  # a width that the function does not allow, an unknown function
            notes.append("its window makes no sense and was ignored")
        else:
            centre, width = (dataset[tag] for tag in ("WindowCenter", "WindowWidth"))
            which = _which(centre.VM)
            centre, width = (tag.value[0] if tag.VM > 1 else tag.value for tag in (centre, width))
            notes.append(f"its window applied: centre {centre:g}, width {width:g}{which}")
            return shown
    return _spread(modality, counts, dataset.BitsStored, notes)


def _which(number: int) -> str:
    return f" (the first of {number})" if number > 1 else ""


def _spread(modality: np.ndarray, counts: np.ndarray, bits: int, notes: list[str]) -> np.ndarray:
    """Shows a picture without a window: 8 bits whole, deeper ones between `TAILS`.

    Eight bits have been made to be shown. Of deeper ones a part is used, and a marker burned in at
    the greatest value must not leave the chest black.
    """
    if bits <= 8:
        low, high = modality.min(), modality.max()
    elif counts.any():
        low, high = np.quantile(modality, TAILS, weights=counts, method="inverted_cdf")
        notes.append(
            f"no window in it: scaled from {low:g}..{high:g}, the middle 99 % of its values, "
            "to 8 bits"
        )
    else:
        return np.zeros(modality.shape)
    return (modality - low) / max(high - low, 1e-12)


def _palette(dataset: "Dataset", values: np.ndarray) -> np.ndarray:
    """Returns `(n, 3)` uint8, the colour of each of `(n,)` stored values (C.7.6.3.1.5)."""
    from pydicom.pixels import apply_color_lut

    entries, first, _ = dataset.RedPaletteColorLookupTableDescriptor
    # Clipped here: pydicom counts entries in the table's own depth, and 8 bits would wrap.
    values = np.clip(values, first, first + (entries or 2**16) - 1)
    colours = apply_color_lut(values, dataset)
    return (colours >> 8 if colours.dtype == np.uint16 else colours).astype(np.uint8)


def make_square(
    dataset: "Dataset", picture: np.ndarray, max_pixels: int
) -> tuple[np.ndarray, list[str]]:
    """Stretches the shorter side of pixels that are not square; nothing is thrown away.

    Returns the picture, and a line for the user if that was done or could not be told.

    Spacings are millimetres between rows, then columns (C.10.7.1.3); Pixel Aspect Ratio stands for
    them where there are none (C.7.6.3.1.7). Some files hold zeros for what is not known.

    Raises:
        ValueError: The result would have more than `max_pixels`, or a spacing is no number.
    """
    keywords = (
        *("PixelSpacing", "ImagerPixelSpacing", "NominalScannedPixelSpacing"),
        "PixelAspectRatio",
    )
    found = [dataset[keyword].value for keyword in keywords if keyword in dataset]
    if not found:
        return picture, []
    told = [pair for value in found if min(pair := [float(side) for side in value]) > 0]
    if not told:
        return picture, ["its pixel spacing is 0 or less: pixels are taken for square"]
    vertical, horizontal = told[0]
    ratio = vertical / horizontal
    if abs(ratio - 1) <= SQUARE:
        return picture, []
    height, width = picture.shape[:2]
    size = (width, round(height * ratio)) if ratio > 1 else (round(width / ratio), height)
    if not 0 < size[0] * size[1] <= max_pixels:
        raise ValueError("pixel spacing out of range")
    stretched = np.asarray(Image.fromarray(picture).resize(size, Image.Resampling.BILINEAR))
    return stretched, [f"pixels are not square: stretched to {size[0]} x {size[1]}"]
