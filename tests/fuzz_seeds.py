"""Sound files of every kind that is read, small so that thousands can be tried."""

import io
import zipfile
from functools import cache
from pathlib import Path

import numpy as np
from PIL import Image
from pydicom.dataset import Dataset
from pydicom.uid import HTJ2KLossless, JPEG2000Lossless, JPEGLSLossless, RLELossless

from pneumo.training.phantom import draw_phantom
from tests.conftest import encode
from tests.reading.test_archive import pack
from tests.reading.test_dicom import (
    BIG,
    DEFLATED,
    EXPLICIT,
    IMPLICIT,
    bundled,
    lut,
    make,
    make_dataset,
    make_jpeg,
    wrap_frame,
)
from tests.reading.test_dicom import to_bytes as dicom_bytes

ROOT = Path(__file__).resolve().parents[1]
GREY = draw_phantom(1, np.random.default_rng(0), size=96)[:80]
DEEP = GREY.astype(np.uint16) * 16
WINDOW = {"WindowCenter": 2048, "WindowWidth": 4096}
CODED = ROOT / "tests" / "inputs" / "htj2k"
COLOUR = np.dstack([GREY, GREY // 2, GREY // 3])


def _frames(kind: str, **options) -> bytes:
    buffer = io.BytesIO()
    first, *others = (Image.fromarray(np.roll(GREY, shift, axis=1)) for shift in (0, 9, 18))
    first.save(buffer, kind, save_all=True, append_images=others, **options)
    return buffer.getvalue()


def _exif(kind: str) -> bytes:
    exif = Image.Exif()
    exif[0x0112], exif[0x010E] = 6, "described"
    return encode(GREY, kind, exif=exif)


def _dataset(bits: int, syntax: str = EXPLICIT) -> Dataset:
    """Returns a DICOM object of `GREY`, or of `DEEP` with a window for all of it."""
    if bits == 8:
        return make_dataset(GREY, syntax)
    return make_dataset(DEEP, syntax, bits, **WINDOW)


def _compressed(syntax: str, bits: int = 8) -> bytes:
    dataset = _dataset(bits)
    dataset.compress(syntax, encoding_plugin="pydicom" if syntax == RLELossless else "")
    return dicom_bytes(dataset)


def _smallest_sample() -> bytes:
    return min(ROOT.glob("samples/*/*.jpeg"), key=lambda path: path.stat().st_size).read_bytes()


PICTURES = {
    "jpeg sample": _smallest_sample,
    "jpeg": lambda: encode(GREY, "JPEG"),
    "jpeg exif": lambda: _exif("JPEG"),
    "jpeg progressive": lambda: encode(COLOUR, "JPEG", progressive=True),
    "jpeg cmyk": lambda: _cmyk(),
    "png": lambda: encode(GREY),
    "png 16 bit": lambda: encode(DEEP),
    "png palette": lambda: _palette("PNG"),
    "png exif": lambda: _exif("PNG"),
    "png rgba": lambda: encode(np.dstack([COLOUR, GREY])),
    "tiff": lambda: encode(GREY, "TIFF"),
    "tiff 16 bit": lambda: encode(DEEP, "TIFF"),
    "tiff float": lambda: encode(GREY.astype(np.float32), "TIFF", compression="tiff_lzw"),
    "tiff deflate": lambda: encode(GREY, "TIFF", compression="tiff_adobe_deflate"),
    "tiff lzw colour": lambda: encode(COLOUR, "TIFF", compression="tiff_lzw"),
    "tiff jpeg": lambda: encode(GREY, "TIFF", compression="jpeg"),
    "tiff packbits": lambda: encode(GREY, "TIFF", compression="packbits"),
    "tiff fax": lambda: encode(GREY > 127, "TIFF", compression="group4"),
    "tiff pages": lambda: _frames("TIFF", compression="tiff_lzw"),
    "webp": lambda: encode(COLOUR, "WEBP"),
    "webp lossless": lambda: encode(GREY, "WEBP", lossless=True),
    "webp animated": lambda: _frames("WEBP"),
    "gif": lambda: encode(GREY, "GIF"),
    "gif animated": lambda: _frames("GIF"),
    "bmp": lambda: encode(GREY, "BMP"),
    "bmp colour": lambda: encode(COLOUR, "BMP"),
}
DICOM = {
    "dicom implicit": lambda: make(GREY, IMPLICIT),
    "dicom explicit 12 bit": lambda: make(DEEP, bits=12, **WINDOW),
    "dicom big endian": lambda: make(DEEP, BIG, bits=16),
    "dicom deflated": lambda: make(GREY, DEFLATED),
    "dicom lut": lambda: make(GREY, VOILUTSequence=lut([0, 51, 204, 255], 60, 8)),
    "dicom colour": lambda: make(COLOUR),
    "dicom frames": lambda: make(np.vstack([GREY, GREY]), Rows=80, NumberOfFrames=2),
    "dicom jpeg": lambda: make_jpeg(GREY)[0],
    "dicom jpeg extended": lambda: bundled("JPGExtended.dcm"),
    "dicom jpeg lossless": lambda: bundled("SC_rgb_jpeg_gdcm.dcm"),
    "dicom rle": lambda: _compressed(RLELossless),
    "dicom rle 12 bit": lambda: _compressed(RLELossless, 12),
    "dicom jpeg 2000": lambda: _compressed(JPEG2000Lossless),
    "dicom jpeg 2000 12 bit": lambda: _compressed(JPEG2000Lossless, 12),
    "dicom jpeg-ls": lambda: _compressed(JPEGLSLossless),
    "dicom jpeg-ls 12 bit": lambda: _compressed(JPEGLSLossless, 12),
    "dicom htj2k": lambda: wrap_htj2k(HTJ2KLossless),
    "dicom htj2k 16 bit": lambda: wrap_htj2k(HTJ2KLossless, 16),
}
ARCHIVES = {
    "zip stored": lambda: pack({"a.png": encode(GREY), "b/c.jpg": encode(GREY, "JPEG")}),
    "zip deflated": lambda: pack(
        {"a.bmp": encode(GREY, "BMP"), "b.dcm": make(GREY)}, zipfile.ZIP_DEFLATED
    ),
    "zip lzma": lambda: pack({"a.bmp": encode(GREY, "BMP")}, zipfile.ZIP_LZMA),
    "zip bzip2": lambda: pack({"a.bmp": encode(GREY, "BMP")}, zipfile.ZIP_BZIP2),
}


def wrap_htj2k(syntax: str, bits: int = 8) -> bytes:
    """Returns `GREY` or, of 16 bits, `DEEP` in high-throughput JPEG 2000, without loss.

    No decoder here encodes it: the code streams were made once, by OpenJPH 0.26.3 through
    `imagecodecs.htj2k_encode`.
    """
    code = (CODED / ("grey.j2c" if bits == 8 else "deep.j2c")).read_bytes()
    return wrap_frame(_dataset(bits, syntax), code)


def _cmyk() -> bytes:
    buffer = io.BytesIO()
    Image.fromarray(COLOUR).convert("CMYK").save(buffer, "JPEG")
    return buffer.getvalue()


def _palette(kind: str) -> bytes:
    buffer = io.BytesIO()
    image = Image.fromarray(GREY).quantize(16)
    image.save(buffer, kind, transparency=3)
    return buffer.getvalue()


@cache
def seed(name: str) -> bytes:
    """Returns the sound file of that name."""
    return (PICTURES | DICOM | ARCHIVES)[name]()
