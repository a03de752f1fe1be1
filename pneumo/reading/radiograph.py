"""Bytes -> Radiograph: one channel, upright, eight bits, with notes on what was done to get there.

A file is recognised by its content, never by its name: `decode` for pictures, `dicom` for DICOM.
"""

import errno
import hashlib
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image

from pneumo.errors import RadiographError
from pneumo.reading.adjustment import AS_IS, Adjustment
from pneumo.reading.decode import check_size, decode
from pneumo.reading.dicom import read_dicom
from pneumo.reading.dicom_file import is_dicom
from pneumo.reading.limits import MAX_BYTES, MAX_PIXELS, MIN_SPREAD
from pneumo.reading.silence import silence

SUFFIXES = (".jpg", ".jpeg", ".png", ".webp", ".tif", ".tiff", ".bmp", ".gif", ".dcm")
"""File name endings that a folder is searched for; a file given by itself may have any name."""

_BAND = 2**20
"""Pixels turned to grey at once: a picture at the limit costs its own memory and little more."""
_GREYSCALE_TOLERANCE = 12
"""JPEG rounding tints grey pixels by a few levels; a photograph goes far beyond."""
_COLOURED = 0.01
"""Share of pixels beyond that tolerance, of a coloured letter or two."""


@dataclass(frozen=True)
class RadiographInfo:
    """What is known of a radiograph besides its pixels.

    Attributes:
        sha256: Hexadecimal SHA-256 of the file's bytes; the identity used by caches.
        shape: Height and width in pixels.
        notes: What was done on the way, in words for the user; empty for a plain 8-bit grey image.
        adjustment: What the user changed.
        frames: How many a DICOM file has to choose from; 1 for all others.
    """

    sha256: str
    shape: tuple[int, int]
    notes: tuple[str, ...] = ()
    adjustment: Adjustment = AS_IS
    frames: int = 1

    @property
    def identity(self) -> tuple[str, Adjustment]:
        """What an answer depends on, besides the weights."""
        return self.sha256, self.adjustment

    @property
    def tag(self) -> str:
        """The identity in a few letters, for the keys of widgets."""
        changed = self.adjustment
        return f"{self.sha256[:12]}-{changed.frame}-{changed.turns}-{int(changed.inverted)}"


@dataclass(frozen=True)
class Radiograph:
    """A radiograph as the rest of the program sees it.

    Attributes:
        name: File name, without folders, for display.
        pixels: `(height, width)` uint8, 0 black to 255 white, upright.
        info: What else is known of it, which may be kept when the pixels are let go of.
    """

    name: str
    pixels: np.ndarray
    info: RadiographInfo


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
    name = name or (Path(source).name if not isinstance(source, bytes) else "radiograph")
    data = read_bytes(source, name)
    with silence(), naming(name), _refusing(data):
        pixels, frames, notes = _read_pixels(data, adjustment.frame)
        if int(pixels.max()) - int(pixels.min()) < MIN_SPREAD:
            raise RadiographError(
                "is blank: all its pixels have nearly the same brightness. "
                "Check that the right image was exported."
            )
        pixels = adjustment.apply(pixels)
    digest = hashlib.sha256(data).hexdigest()
    info = RadiographInfo(digest, pixels.shape, (*notes, *adjustment.notes), adjustment, frames)
    return Radiograph(name, pixels, info)


def check_length(size: int, name: str) -> None:
    """Raises `RadiographError` if a file of so many bytes is not read."""
    if size > MAX_BYTES:
        raise RadiographError(
            f"{name} has {size:,} bytes; at most {MAX_BYTES // 2**20} MiB are read. "
            "Scale it down and try again."
        )


def read_bytes(source: bytes | str | Path, name: str) -> bytes:
    """Returns the bytes of a file within the limits.

    Args:
        source: Its path, or its bytes, which are only checked.
        name: For messages.

    Raises:
        RadiographError: It is missing, too large or empty.
    """
    if not isinstance(source, bytes):
        try:
            size, data = _read_file(Path(source))
        except OSError as error:
            raise RadiographError(f"{name} cannot be read: {error.strerror}.") from error
    else:
        data, size = source, len(source)
    check_length(size, name)
    if not data:
        raise RadiographError(f"{name} is empty. Export or download it again.")
    return data


def _read_file(path: Path) -> tuple[int, bytes]:
    """Returns a file's size, and its bytes unless it is too large.

    Raises:
        OSError: It cannot be read, or is a pipe or a device: those may keep one waiting, or never
            end.
    """
    status = path.stat()
    if not (stat.S_ISREG(status.st_mode) or stat.S_ISDIR(status.st_mode)):
        raise OSError(errno.EINVAL, "a pipe or a device, not a file. Save it as a file")
    with path.open("rb") as file:
        data = b"" if status.st_size > MAX_BYTES else file.read(MAX_BYTES + 1)
    return max(status.st_size, len(data)), data  # it may have grown


def _read_pixels(data: bytes, frame: int) -> tuple[np.ndarray, int, list[str]]:
    """Returns `(height, width)` uint8, the number of frames and notes; may raise anything."""
    if is_dicom(data):
        picture, frames, notes = read_dicom(data, MAX_PIXELS, frame)
        image = Image.fromarray(picture)
        check_size(image.size)
        grey, greyed = _to_grey(image)
        return grey, frames, [*notes, *greyed]
    image, orientation, negative, notes = decode(data)
    grey, greyed = _to_grey(image)
    pixels = _upright(grey, orientation)
    if negative:
        greyed.append("stored as a negative (WhiteIsZero), inverted")
        np.subtract(255, pixels, out=pixels)
    return pixels, 1, [*notes, *greyed]


@contextmanager
def naming(name: str) -> Iterator[None]:
    """Says of which file it is that something is wrong: readers say what is, and not of which.

    Raises:
        RadiographError: In the place of one without the name.
    """
    try:
        yield
    except RadiographError as error:
        raise RadiographError(f"{name} {error}") from error


@contextmanager
def _refusing(data: bytes) -> Iterator[None]:
    """Turns whatever a decoder raises into a refusal of its file: no file stops another.

    Raises:
        RadiographError: With cause and remedy.
    """
    try:
        yield
    except RadiographError:
        raise
    except ImportError as error:  # training may be set up without pydicom
        raise RadiographError(
            f"is {'a DICOM file' if is_dicom(data) else 'a picture'}, and {error.name} is "
            "not installed. Install what requirements.txt lists."
        ) from error
    except MemoryError as error:
        raise RadiographError(
            "takes more memory than there is left. Scale it down, or try again later."
        ) from error
    except Exception as error:
        if is_dicom(data):  # the text of an error may quote the file
            cause = f"is damaged, incomplete or breaks the DICOM standard ({type(error).__name__})"
            raise RadiographError(f"{cause}. Export it again.") from error
        cause = f"is damaged or incomplete ({str(error) or type(error).__name__})"
        raise RadiographError(f"{cause}. Export or download it again.") from error


def _upright(pixels: np.ndarray, orientation: int) -> np.ndarray:
    """Undoes an EXIF orientation (Exif 2.32, tag 0x0112)."""
    if orientation >= 5:
        pixels = pixels.T
    if orientation in (3, 4, 7, 8):
        pixels = pixels[::-1]
    if orientation in (2, 3, 6, 7):
        pixels = pixels[:, ::-1]
    return np.ascontiguousarray(pixels)


def _to_grey(image: Image.Image) -> tuple[np.ndarray, list[str]]:
    """Returns `(height, width)` uint8, made band by band, and notes."""
    if image.mode.startswith(("I", "F")):
        return _scale(image)
    grey = np.empty((image.height, image.width), np.uint8)
    translucent, coloured = False, 0
    for rows, band in _bands(image):
        if band.mode not in ("L", "1"):
            if band.mode == "La":  # grey with associated alpha, which converts to nothing else
                band = band.convert("LA")
            if "A" in band.getbands() or "transparency" in image.info:
                band = band.convert("RGBA")
                translucent |= bool(np.asarray(band.getchannel("A")).min() < 255)
                band = Image.alpha_composite(Image.new("RGBA", band.size, "black"), band)
            band = band.convert("RGB")
            # Apart: NumPy takes ten times as long over three values that lie side by side.
            channels = [np.asarray(channel) for channel in band.split()]
            spread = np.maximum.reduce(channels) - np.minimum.reduce(channels)
            coloured += int(np.count_nonzero(spread > _GREYSCALE_TOLERANCE))
        grey[rows] = np.asarray(band.convert("L"))
    notes = []
    if translucent:
        notes.append("transparent parts shown as black")
    if coloured > _COLOURED * grey.size:
        notes.append("colour turned to grey")
    return grey, notes


def _scale(image: Image.Image) -> tuple[np.ndarray, list[str]]:
    """Scales deep pixels from their least and greatest value to 0..255; returns a note too."""
    low, high = np.inf, -np.inf
    for _, band in _bands(image):
        values = np.asarray(band)
        if not np.isfinite(values).all():
            raise RadiographError("holds pixels that are not numbers. Export it again.")
        low, high = min(low, float(values.min())), max(high, float(values.max()))
    grey = np.empty((image.height, image.width), np.uint8)
    for rows, band in _bands(image):
        values = np.asarray(band, dtype=np.float64)
        grey[rows] = np.rint((values - low) * (255 / max(high - low, 1e-12)))
    return grey, [f"scaled from {low:g}..{high:g} to 8 bits"]


def _bands(image: Image.Image) -> Iterator[tuple[slice, Image.Image]]:
    """Yields an image's rows, some at a time."""
    step = max(1, _BAND // image.width)
    for top in range(0, image.height, step):
        bottom = min(top + step, image.height)
        yield slice(top, bottom), image.crop((0, top, image.width, bottom))
