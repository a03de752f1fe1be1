"""A DICOM file -> one frame's picture; what is no chest radiograph's object is refused by name.

pydicom decodes; this module decides what may be decoded, before memory is spent on it. No value of
the file but sizes, windows and well-known codes gets into a note or a message. Sections are those
of the DICOM standard: PS3.3 (objects) unless PS3.5 (encoding) is named.
"""

import re
from datetime import date, datetime
from typing import TYPE_CHECKING

import numpy as np

from pneumo.errors import RadiographError
from pneumo.reading.dicom_display import make_square, to_picture
from pneumo.reading.dicom_file import parse_dicom
from pneumo.reading.limits import MAX_DECODED, MAX_INFLATED
from pneumo.reading.silence import silence
from pneumo.reading.structure import find_fault, notes_of_jpeg

if TYPE_CHECKING:
    from pydicom.dataset import Dataset
    from pydicom.uid import UID

_REQUIRED = (
    *("Rows", "Columns", "SamplesPerPixel", "PhotometricInterpretation"),
    *("BitsAllocated", "BitsStored", "PixelRepresentation"),
)

# Modality (0008,0060), C.7.3.1.1.1: computed and digital radiography, and scanned film. Not RF
# and XA, whose frames are of a series in motion, at a fluoroscope's dose and often with bone dark.
RADIOGRAPHY = ("CR", "DX", "RG")
_UNTOLD = ("", "OT")  # de-identified or secondary captures: no more is known of them than of a PNG
_OTHER_MODALITIES = {
    "BMD": "bone densitometry",
    "CT": "computed tomography",
    "ES": "endoscopy",
    "IO": "intra-oral radiography",
    "MG": "mammography",
    "MR": "magnetic resonance",
    "NM": "nuclear medicine",
    "OP": "ophthalmic photography",
    "PT": "positron emission tomography",
    "PX": "panoramic radiography",
    "RF": "fluoroscopy",
    "RTDOSE": "radiotherapy dose",
    "RTIMAGE": "radiotherapy positioning",
    "SEG": "segmentation",
    "SM": "slide microscopy",
    "US": "ultrasound",
    "XA": "angiography",
    "XC": "photography",
}
_LATERAL = ("LL", "RL", "LAT", "LATERAL")  # View Position (0018,5101), C.8.7.1, C.8.11.5
LATERAL_NOTE = "lateral view by its tag"
ADULT_NOTE = "an adult, by its tags"
OTHER_AGE_NOTE = "of a child younger than 1 or older than 5, by its tags"
_A_YEAR = {"D": 365.25, "W": 52.18, "M": 12, "Y": 1}
_KNOWN_AGES = 1, 6
"""In years: of those that the model learned from; five lasts until the sixth birthday."""
_GROWN_UP = 18
_OLDEST = 110
_TAKEN = ("AcquisitionDate", "ContentDate", "SeriesDate", "StudyDate")
"""Dates of a picture, the nearest to its making first."""
_SAMPLES = {
    **{"MONOCHROME1": 1, "MONOCHROME2": 1, "PALETTE COLOR": 1},
    **dict.fromkeys(("RGB", "YBR_FULL", "YBR_FULL_422", "YBR_ICT", "YBR_RCT"), 3),
}


def read_dicom(data: bytes, max_pixels: int, frame: int = 0) -> tuple[np.ndarray, int, list[str]]:
    """Decodes one frame as it is meant to be seen.

    Args:
        data: The file; `is_dicom` is true of it.
        max_pixels: Most samples in all frames together, and most pixels in the result.
        frame: Which of several, from 0.

    Returns:
        `(height, width)` uint8, 0 black to 255 white, or `(height, width, 3)` RGB; pixels are
        square. Then the number of frames, and notes on what was done, in words for the user.

    Raises:
        RadiographError: No projection radiograph, beyond the limits, damaged, or in a coding that
            cannot be decoded here.
        Exception: Nearly any, of damaged elements. Its text may quote the file.
    """
    with silence():
        dataset = parse_dicom(data, MAX_INFLATED)
        notes = [*_check_kind(dataset), *_notes_of_age(dataset)]
        frames = _check_size(dataset, max_pixels, frame)
        _check_length(dataset, frames, frame)
        if frames > 1:
            notes.append(f"frame {frame + 1} of {frames}")
        stored, decoded = _decode(dataset, frame)
        shown, drawn = to_picture(dataset, stored)
        picture, stretched = make_square(dataset, shown, max_pixels)
        return picture, frames, [*notes, *decoded, *drawn, *stretched]


def _check_kind(dataset: "Dataset") -> list[str]:
    """Refuses what is no projection radiograph; returns notes on what may be none of a chest."""
    if "PixelData" not in dataset:
        uid = dataset.get("SOPClassUID")
        kind = uid.name if uid and uid.name != str(uid) else "object of another kind"
        raise RadiographError(
            f"holds no picture (no Pixel Data): it is a DICOM {kind}, or incomplete. "
            "A chest radiograph is expected (modality CR, DX or RG)."
        )
    modality = str(dataset.get("Modality", "")).strip().upper()
    if modality not in (*_UNTOLD, *RADIOGRAPHY):
        meaning = _OTHER_MODALITIES.get(modality)
        label = f"modality {modality} ({meaning})" if meaning else "some other modality"
        raise RadiographError(
            f"is of {label}. A chest radiograph is expected (modality CR, DX or RG)."
        )
    untold = ["it names no modality: taken for a radiograph"] * (modality in _UNTOLD)
    lateral = str(dataset.get("ViewPosition", "")).strip().upper() in _LATERAL
    return [*untold, *[LATERAL_NOTE] * lateral]


def _notes_of_age(dataset: "Dataset") -> list[str]:
    """Tells of an age that the model does not know; the age itself goes no further."""
    years = _age_of(dataset)
    if years >= _GROWN_UP:
        return [ADULT_NOTE]
    known = not years or _KNOWN_AGES[0] <= years < _KNOWN_AGES[1]
    return [] if known else [OTHER_AGE_NOTE]


def _age_of(dataset: "Dataset") -> float:
    """Returns how old the patient was in years, 0 for not told.

    Patient's Age (0010,1010), C.7.2.2, is an Age String as in `045Y` or `018M` (PS3.5 6.2). Zero
    stands for unknown in many files whose patients were made nameless. Where it says nothing, the
    days of birth and of the picture do; a birth in 1900 or so is no birth but a place-holder.
    """
    age = re.fullmatch(r"(\d{3})([DWMY])", str(dataset.get("PatientAge", "")).strip().upper())
    if age and int(age[1]):
        return int(age[1]) / _A_YEAR[age[2]]
    born = _day_of(dataset, "PatientBirthDate")
    taken = next(filter(None, (_day_of(dataset, keyword) for keyword in _TAKEN)), None)
    years = (taken - born).days / _A_YEAR["D"] if born and taken else 0
    return years if 0 < years < _OLDEST else 0


def _day_of(dataset: "Dataset", keyword: str) -> date | None:
    """Returns a date (PS3.5 6.2); None if there is none, or no such day."""
    text = str(dataset.get(keyword, "")).strip()
    try:
        return datetime.strptime(text, "%Y%m%d").date() if len(text) == 8 else None
    except ValueError:
        return None


def _check_size(dataset: "Dataset", max_pixels: int, frame: int) -> int:
    """Checks the Image Pixel Module (C.7.6.3) and returns the number of frames."""
    missing = [keyword for keyword in _REQUIRED if keyword not in dataset]
    if missing:
        raise RadiographError(f"lacks {', '.join(missing)}. Export it again.")
    rows, columns = dataset.Rows, dataset.Columns
    frames = max(1, int(dataset.get("NumberOfFrames", 1)))
    if rows * columns * dataset.SamplesPerPixel * frames > max_pixels:
        raise RadiographError(
            f"has {columns} x {rows} pixels of {dataset.SamplesPerPixel} samples in "
            f"{frames} frames; at most {max_pixels // 10**6} million are read. "
            "Scale it down and try again."
        )
    # The decoder's values, pydicom's, and two copies in between.
    needed = 4 * rows * columns * dataset.SamplesPerPixel * dataset.BitsAllocated // 8
    if needed > MAX_DECODED:
        raise RadiographError(
            f"has {columns} x {rows} pixels of {dataset.BitsAllocated} bits, which take "
            f"{needed / 1e6:.0f} MB of memory; at most {MAX_DECODED // 10**6} are spent. "
            "Scale it down and try again."
        )
    if not 0 <= frame < frames:
        raise RadiographError(f"has {frames} frames; there is no frame {frame + 1}.")
    samples = _SAMPLES.get(dataset.PhotometricInterpretation)
    if samples != dataset.SamplesPerPixel or (samples == 3 and dataset.BitsAllocated > 16):
        raise RadiographError(
            "has colours in a form that is not read here. "
            "Expected are MONOCHROME1 or 2, RGB, YBR or a palette."
        )
    if not 1 <= dataset.BitsStored <= min(16, dataset.BitsAllocated):
        raise RadiographError(
            f"stores {dataset.BitsStored} of {dataset.BitsAllocated} bits a sample; "
            "1 to 16 are expected. Export it again."
        )
    return frames


def _check_length(dataset: "Dataset", frames: int, frame: int) -> None:
    """Compares Rows and Columns with the pixels, or with what the coded frame says of itself."""
    from pydicom.encaps import get_frame
    from pydicom.pixels.utils import get_expected_length

    rows, columns = dataset.Rows, dataset.Columns
    syntax = dataset.file_meta.TransferSyntaxUID
    if syntax.is_encapsulated:
        coded = get_frame(dataset.PixelData, frame, number_of_frames=frames)
        if coded.startswith(b"\xff\xd8") and (fault := find_fault(coded)):
            raise RadiographError(f"is damaged or incomplete ({fault}). Export it again.")
        size = _coded_size(coded, syntax)
        if size in (None, (rows, columns)):
            return
        found = f"a frame of {size[1]} x {size[0]}"
    else:
        expected, length = get_expected_length(dataset), len(dataset.PixelData)
        if expected <= length < expected + max(2, expected // (rows * frames)):
            return  # less than one row too many is padding
        found = f"{length:,} bytes instead of {expected:,}"
    raise RadiographError(
        f"claims {columns} x {rows} pixels and holds {found}: it is incomplete, or its "
        "size is wrong. Export it again."
    )


def _coded_size(frame: bytes, syntax: "UID") -> tuple[int, int] | None:
    """Reads height and width of a frame from its own header; RLE has none (PS3.5 G).

    A decoder would spend memory on what the header claims, and pixels of another shape but equal
    number would be shown scrambled.
    """
    from pydicom.pixels.utils import _get_jpg_parameters  # reads markers only; no public equal
    from pydicom.uid import JPEG2000TransferSyntaxes, RLELossless

    if syntax == RLELossless:
        return None
    if syntax in JPEG2000TransferSyntaxes:
        from openjpeg.utils import get_parameters

        header = get_parameters(frame)
        return int(header["rows"]), int(header["columns"])
    header = _get_jpg_parameters(frame)
    return int(header["height"]), int(header["width"])


def _decode(dataset: "Dataset", frame: int) -> tuple[np.ndarray, list[str]]:
    """Returns the stored values of one frame, `(rows, columns)` or RGB, and notes."""
    from pydicom.pixels import pixel_array
    from pydicom.uid import JPEGBaseline8Bit, JPEGLSTransferSyntaxes, RLELossless

    syntax = dataset.file_meta.TransferSyntaxUID
    # One decoder each. pylibjpeg's for RLE ends in a panic, no exception, on bad data; those for
    # JPEG and JPEG-LS, which pydicom would fall back to, make up what is missing in silence.
    chosen = {RLELossless: "pydicom", JPEGBaseline8Bit: "pillow"}
    chosen |= dict.fromkeys(JPEGLSTransferSyntaxes, "pyjpegls")
    try:
        stored = pixel_array(dataset, index=frame, decoding_plugin=chosen.get(syntax, ""))
    except Exception as error:  # decoders raise RuntimeError, ValueError, struct.error ...
        raise RadiographError(
            f"is damaged or incomplete: its pixels ({syntax.name}) cannot be decoded. "
            "Export it again."
        ) from error
    return stored, notes_of_jpeg(stored) if syntax == JPEGBaseline8Bit else []
