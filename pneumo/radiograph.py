"""Bytes -> Radiograph: one channel, upright, eight bits, with notes on what was done to get there.

A file is recognised by its content, never by its name, and only by the decoders named in
`FORMATS`, or as DICOM. Pillow knows many more: some run other programs or have had serious holes.
"""

import hashlib
import io
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import (
    BmpImagePlugin,
    GifImagePlugin,
    Image,
    ImageOps,
    JpegImagePlugin,
    PngImagePlugin,
    TiffImagePlugin,
    WebPImagePlugin,
)

from pneumo.adjust import AS_IS, Adjustment
from pneumo.dicom import read_dicom
from pneumo.dicom_file import is_dicom
from pneumo.errors import RadiographError

# Pillow would import these, and forty more, at its first `open` of something unusual.
_DECODERS = (
    BmpImagePlugin,
    GifImagePlugin,
    JpegImagePlugin,
    PngImagePlugin,
    TiffImagePlugin,
    WebPImagePlugin,
)

FORMATS = ("JPEG", "PNG", "WEBP", "TIFF", "BMP", "GIF")
SUFFIXES = (".jpg", ".jpeg", ".png", ".webp", ".tif", ".tiff", ".bmp", ".gif", ".dcm")
"""File name endings that a folder is searched for; a file given by itself may have any name."""

MAX_BYTES = 32 * 2**20
MAX_PIXELS = 40_000_000
MIN_SIDE = 64

_GREYSCALE_TOLERANCE = (
    12  # JPEG rounding tints grey pixels by a few levels; a photograph goes far beyond
)


@dataclass(frozen=True)
class Radiograph:
    """A radiograph as the rest of the program sees it.

    Attributes:
        name: File name, without folders, for display.
        pixels: `(height, width)` uint8, 0 black to 255 white, upright.
        sha256: Hexadecimal SHA-256 of the file's bytes; the identity used by caches.
        notes: What was done on the way, in words for the user; empty for a plain 8-bit grey image.
        adjustment: What the user changed.
        frames: How many a DICOM file has to choose from; 1 for all others.
    """

    name: str
    pixels: np.ndarray
    sha256: str
    notes: tuple[str, ...] = ()
    adjustment: Adjustment = AS_IS
    frames: int = 1

    @property
    def identity(self) -> tuple[str, Adjustment]:
        """What an answer depends on, besides the weights."""
        return self.sha256, self.adjustment


def read_radiograph(
    source: bytes | str | Path, name: str | None = None, adjustment: Adjustment = AS_IS
) -> Radiograph:
    """Decodes one radiograph.

    Args:
        source: The file's bytes, or its path.
        name: Name to show; by default the path's own.
        adjustment: Applied last, when the radiograph is upright as the file tells it.

    Returns:
        The decoded `Radiograph`. More than 8 bits a pixel are scaled from their minimum and
        maximum to 0..255, colour becomes ITU-R BT.601 luma, transparency becomes black. DICOM is
        shown as it says itself (see `dicom`).

    Raises:
        RadiographError: The file is missing, too large, no picture in one of `FORMATS` and no
            projection radiograph in DICOM, damaged, smaller than `MIN_SIDE` pixels on a side, or
            of one single brightness.
    """
    data, name = _read_bytes(source, name)
    notes: list[str] = []
    frames = 1
    if is_dicom(data):
        picture, frames, notes = read_dicom(data, name, MAX_PIXELS, adjustment.frame)
        image = Image.fromarray(picture)
        _check_size(image, name)
    else:
        image = _decode(data, name, notes)
    pixels = _to_grey(image, name, notes)
    if pixels.max() - pixels.min() < 8:
        raise RadiographError(
            f"{name} is blank: all its pixels have nearly the same brightness. "
            "Check that the right image was exported."
        )
    return Radiograph(
        name,
        adjustment.apply(pixels),
        hashlib.sha256(data).hexdigest(),
        (*notes, *adjustment.notes),
        adjustment,
        frames,
    )


def _read_bytes(source: bytes | str | Path, name: str | None) -> tuple[bytes, str]:
    if not isinstance(source, bytes):
        path = Path(source)
        name = name or path.name
        try:
            size = path.stat().st_size
            data = b"" if size > MAX_BYTES else path.read_bytes()
        except OSError as error:
            raise RadiographError(f"{name} cannot be read: {error.strerror}.") from error
    else:
        data, size = source, len(source)
    name = name or "radiograph"
    if size > MAX_BYTES:
        raise RadiographError(
            f"{name} has {size / 2**20:.0f} MiB; at most {MAX_BYTES // 2**20} MiB are read."
        )
    if not data:
        raise RadiographError(f"{name} is empty. Export or download it again.")
    return data, name


def _decode(data: bytes, name: str, notes: list[str]) -> Image.Image:
    with _open(data, name) as image:
        _check_size(image, name)
        if getattr(image, "n_frames", 1) > 1:
            notes.append(f"first of {image.n_frames} frames used")
        try:
            image.load()
        except (
            Exception
        ) as error:  # decoders raise OSError, SyntaxError, struct.error, ValueError ...
            raise RadiographError(
                f"{name} is damaged or incomplete ({error}). Export or download it again."
            ) from error
        return _upright(image, notes)


def _check_size(image: Image.Image, name: str) -> None:
    if image.width * image.height > MAX_PIXELS:
        raise RadiographError(
            f"{name} has {image.width} x {image.height} pixels; at most "
            f"{MAX_PIXELS // 10**6} million are read. Scale it down and try again."
        )
    if min(image.size) < MIN_SIDE:
        raise RadiographError(
            f"{name} has {image.width} x {image.height} pixels; at least {MIN_SIDE} on each "
            "side are needed to show a chest. Use the original radiograph, not a thumbnail."
        )


def _open(data: bytes, name: str) -> Image.Image:
    try:
        return Image.open(io.BytesIO(data), formats=FORMATS)
    except (Image.DecompressionBombError, Image.DecompressionBombWarning) as error:
        raise RadiographError(
            f"{name} holds more pixels than a radiograph has; at most "
            f"{MAX_PIXELS // 10**6} million are read."
        ) from error
    except Exception as error:  # see `_decode`
        kinds = "DICOM, JPEG, PNG, WebP, TIFF, BMP or GIF"
        raise RadiographError(
            f"{name} is not a picture that can be read here ({kinds}), whatever its name says."
        ) from error


def _upright(image: Image.Image, notes: list[str]) -> Image.Image:
    try:
        if image.getexif().get(0x0112, 1) in range(2, 9):
            image = ImageOps.exif_transpose(image)
            notes.append("turned upright by its EXIF orientation")
    except Exception:  # a corrupt EXIF block says nothing about the pixels
        notes.append("its EXIF block is damaged and was ignored")
    return image


def _to_grey(image: Image.Image, name: str, notes: list[str]) -> np.ndarray:
    if image.mode.startswith(("I", "F")):
        values = np.asarray(image, dtype=np.float64)
        if not np.isfinite(values).all():
            raise RadiographError(f"{name} holds pixels that are not numbers. Export it again.")
        low, high = values.min(), values.max()
        notes.append(f"scaled from {low:g}..{high:g} to 8 bits")
        return np.rint((values - low) * (255 / max(high - low, 1e-12))).astype(np.uint8)
    if image.mode in ("L", "1"):
        return np.asarray(image.convert("L"))
    if "A" in image.getbands() or "transparency" in image.info:
        image = image.convert("RGBA")
        if image.getchannel("A").getextrema()[0] < 255:
            notes.append("transparent parts shown as black")
        image = Image.alpha_composite(Image.new("RGBA", image.size, "black"), image)
    image = image.convert("RGB")
    channels = np.asarray(image).astype(np.int16)
    if np.percentile(np.ptp(channels, axis=2), 99) > _GREYSCALE_TOLERANCE:
        notes.append("colour turned to grey")
    return np.asarray(image.convert("L"))
