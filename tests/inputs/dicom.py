"""DICOM, whose pixels are checked one by one in `tests/reading/test_dicom.py`."""

import io

import numpy as np
from pydicom import dcmread
from pydicom.encaps import generate_frames
from pydicom.uid import (
    HTJ2K,
    HTJ2KLossless,
    HTJ2KLosslessRPCL,
    JPEG2000Lossless,
    JPEGLSLossless,
    RLELossless,
)

from pneumo.reading.dicom import ADULT_NOTE, OTHER_AGE_NOTE
from tests.fuzz_seeds import COLOUR, DEEP, GREY, WINDOW, seed, wrap_htj2k
from tests.inputs import Kind
from tests.inputs.malformed import CUT_OFF
from tests.reading.test_dicom import (
    BAD_FILES,
    BIG,
    DEFLATED,
    EXPLICIT,
    IMPLICIT,
    bundled,
    lut,
    make,
    make_dataset,
    make_jpeg,
    to_bytes,
    wrap_frame,
)

WINDOWED = "its window applied: centre 2048, width 4096"
DEEP_SHOWN = np.rint(DEEP / 4095 * 255).astype(np.uint8)  # that window is 0 to 4095
NEGATIVE = "stored as a negative (MONOCHROME1), inverted"
TABLE = "its VOI lookup table applied"
WITH_END = ("jpeg-ls", "jpeg-ls 12 bit", "htj2k", "htj2k 16 bit")
UNTOLD = "it names no modality: taken for a radiograph"


def without_preamble(syntax: str) -> list[bytes]:
    """With the file meta group, and without."""
    data = make(GREY, syntax)
    return [data[132:], data[144 + int.from_bytes(data[140:144], "little") :]]


def compressed(syntax: str, bits: int) -> bytes:
    dataset = make_dataset(GREY if bits == 8 else DEEP, bits=bits)
    dataset.compress(syntax, encoding_plugin="pydicom" if syntax == RLELossless else "")
    return to_bytes(dataset)


def cut_frames(name: str, end: bytes = b"") -> list[bytes]:
    """The file around the frame is whole, the coded frame is not."""
    files = []
    for share in (0.3, 0.6, 0.9):
        dataset = dcmread(io.BytesIO(seed(name)))
        frame = next(generate_frames(dataset.PixelData, number_of_frames=1))
        coded = frame[: int(len(frame) * share)] + end
        files.append(wrap_frame(dataset, coded))
    return files


def voi(**elements) -> bytes:
    return make(GREY, VOILUTSequence=lut([0, 51, 204, 255], 60, 8), **elements)


def _dicom(name: str, build, *notes: str, refusal: str = "", pixels=None) -> Kind:
    return Kind("DICOM", name, build, notes, refusal, pixels)


DICOM = [
    *(
        Kind("DICOM", name, lambda build=build: [build()], refusal=words)
        for name, (build, words) in BAD_FILES.items()
    ),
    _dicom(
        "uncompressed and deflated syntaxes",
        lambda: [make(GREY, syntax) for syntax in (IMPLICIT, EXPLICIT, BIG, DEFLATED)],
        pixels=GREY,
    ),
    _dicom(
        "no preamble, with and without file meta group",
        lambda: [data for syntax in (IMPLICIT, EXPLICIT, BIG) for data in without_preamble(syntax)],
        pixels=GREY,
    ),
    _dicom(
        "RLE, JPEG-LS, JPEG 2000, 8 bits",
        lambda: [compressed(s, 8) for s in (RLELossless, JPEGLSLossless, JPEG2000Lossless)],
        pixels=GREY,
    ),
    _dicom(
        "HTJ2K in its three syntaxes, 8 bits",
        lambda: [wrap_htj2k(s) for s in (HTJ2KLossless, HTJ2KLosslessRPCL, HTJ2K)],
        pixels=GREY,
    ),
    _dicom("HTJ2K, 16 bits", lambda: [seed("dicom htj2k 16 bit")], WINDOWED, pixels=DEEP_SHOWN),
    _dicom("JPEG baseline, grey", lambda: [make_jpeg(GREY)[0]]),
    _dicom(
        "JPEG lossless (GDCM)",
        lambda: [bundled("SC_rgb_jpeg_gdcm.dcm")],
        UNTOLD,
        ADULT_NOTE,
        COLOURED := "colour turned to grey",
    ),
    _dicom("RGB", lambda: [make(COLOUR)], COLOURED),
    _dicom("YBR", lambda: [make(COLOUR, PhotometricInterpretation="YBR_FULL")], COLOURED),
    _dicom(
        "palette (pydicom's example)", lambda: [bundled("examples_palette.dcm")], UNTOLD, COLOURED
    ),
    _dicom(
        "multi-frame",
        lambda: [make(np.vstack([GREY, 255 - GREY]), Rows=80, NumberOfFrames=2)],
        "frame 1 of 2",
        pixels=GREY,
    ),
    _dicom(
        "10, 12, 14 and 16 bits with a window",
        lambda: (
            [make(DEEP, bits=bits, **WINDOW) for bits in (12, 14, 16)]
            + [make(DEEP // 4, bits=10, WindowCenter=2048, WindowWidth=4096)]
        ),
        WINDOWED,
    ),
    _dicom(
        "signed pixels, rescale",
        lambda: [
            make(DEEP.astype(int) - 2000, bits=16, RescaleSlope=1, RescaleIntercept=2000, **WINDOW)
        ],
        WINDOWED,
    ),
    _dicom(
        "several windows",
        lambda: [make(DEEP, bits=12, WindowCenter=[2048, 9], WindowWidth=[4096, 9])],
        WINDOWED + " (the first of 2)",
    ),
    _dicom(
        "sigmoid window",
        lambda: [make(DEEP, bits=12, VOILUTFunction="SIGMOID", **WINDOW)],
        WINDOWED,
    ),
    _dicom("VOI LUT sequence", lambda: [voi()], TABLE),
    _dicom(
        "MONOCHROME1",
        lambda: [make(GREY, PhotometricInterpretation="MONOCHROME1")],
        NEGATIVE,
        pixels=255 - GREY,
    ),
    _dicom(
        "MONOCHROME1 with VOI LUT",
        lambda: [voi(PhotometricInterpretation="MONOCHROME1")],
        TABLE,
        NEGATIVE,
    ),
    _dicom(
        "of an adult, by its tag",
        lambda: [make(GREY, PatientAge="045Y")],
        ADULT_NOTE,
        pixels=GREY,
    ),
    _dicom(
        "of an adult, by the dates of birth and picture",
        lambda: [make(GREY, PatientBirthDate="19400305", StudyDate="20040826")],
        ADULT_NOTE,
        pixels=GREY,
    ),
    _dicom(
        "with a pixel spacing of 0",
        lambda: [make(GREY, PixelSpacing=[0, 0])],
        "its pixel spacing is 0 or less: pixels are taken for square",
        pixels=GREY,
    ),
    _dicom(
        "of a child of another age, by its tag",
        lambda: [make(GREY, PatientAge=age) for age in ("009Y", "010M")],
        OTHER_AGE_NOTE,
        pixels=GREY,
    ),
    _dicom(
        "lateral view",
        lambda: [make(GREY, ViewPosition=view) for view in ("LL", "RL", "LATERAL")],
        "lateral view by its tag",
        pixels=GREY,
    ),
    _dicom(
        "coded frame cut off: JPEG, JPEG-LS, JPEG 2000, HTJ2K, RLE",
        lambda: [
            data
            for name in ("jpeg", "jpeg 2000", *WITH_END, "rle", "rle 12 bit")
            for data in cut_frames(f"dicom {name}")
        ],
        refusal="damaged or incomplete",
    ),
    _dicom(
        "coded frame cut off and closed: JPEG-LS, JPEG 2000, HTJ2K",
        lambda: [
            data
            for name in ("jpeg 2000", *WITH_END)
            for data in cut_frames(f"dicom {name}", b"\xff\xd9")
        ],
        refusal="damaged or incomplete",
    ),
    _dicom("JPEG frame cut off and closed", lambda: cut_frames("dicom jpeg", b"\xff\xd9"), CUT_OFF),
]
