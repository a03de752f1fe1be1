"""The bytes of a picture -> Pillow's image of its first frame, within `limits`.

Only the decoders named in `FORMATS` are used. Pillow knows many more: some run other programs or
have had serious holes. What a decoder would accept in silence though a part is missing is refused
or noted here.
"""

import io
import math
from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np
from PIL import (
    BmpImagePlugin,
    GifImagePlugin,
    Image,
    JpegImagePlugin,
    PngImagePlugin,
    TiffImagePlugin,
    WebPImagePlugin,
)

from pneumo.errors import RadiographError
from pneumo.reading.limits import MAX_DECODED, MAX_PIXELS, MAX_TILE_PIXELS, MIN_SIDE
from pneumo.reading.structure import find_fault, notes_of_jpeg

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
_JPEG = JpegImagePlugin.JpegImageFile
"""Its pictures of several frames too, which are of the format "MPO"."""
_TIFF = TiffImagePlugin.TiffImageFile

_ORIENTATION = 0x0112


class Decoded(NamedTuple):
    """A decoded picture.

    Attributes:
        image: Its first frame.
        orientation: The EXIF orientation, 1 to 8, that it is still to be turned by.
        negative: Whether its greatest value is still to be shown black.
        notes: A line for each thing that the user should know.
    """

    image: Image.Image
    orientation: int
    negative: bool
    notes: list[str]


def decode(data: bytes) -> Decoded:
    """Decodes the first frame of a picture's bytes.

    Raises:
        RadiographError: No picture in one of `FORMATS`, beyond `limits`, or damaged.
        Exception: Nearly any, of damaged data: decoders raise OSError, SyntaxError, struct.error.
    """
    if fault := find_fault(data):
        raise ValueError(fault)
    notes: list[str] = []
    with _open(data) as image:
        check_size(image.size)
        negative = False
        if isinstance(image, _TIFF):
            _check_pieces(image.tag_v2, image.size, len(data))
            negative = _is_negative(image)
        if image.mode == "LAB":
            raise RadiographError(
                "holds its colours as L*a*b*, which is not read here. Save it in grey."
            )
        _check_memory(image)
        if getattr(image, "is_animated", False):
            notes.append("first of several frames used")
        turned = _orientation(image, notes) != 1
        image.load()
        check_size(image.size)  # a GIF's first frame may be larger than its header says
        if isinstance(image, _JPEG):
            corner = image.crop((image.width - 8, image.height - 8, *image.size))
            notes += notes_of_jpeg(np.asarray(corner))
        orientation = _orientation(image, notes)
        if turned or orientation != 1:  # Pillow turns a TIFF itself
            notes.append("turned upright by its EXIF orientation")
        return Decoded(image, orientation, negative, notes)


def check_size(size: tuple[int, int]) -> None:
    """Raises `RadiographError` where `(width, height)` is beyond the limits."""
    width, height = size
    if width * height > MAX_PIXELS:
        raise RadiographError(
            f"has {width} x {height} pixels; at most "
            f"{MAX_PIXELS // 10**6} million are read. Scale it down and try again."
        )
    if min(size) < MIN_SIDE:
        raise RadiographError(
            f"has {width} x {height} pixels; at least {MIN_SIDE} on each "
            "side are needed to show a chest. Use the original radiograph, not a thumbnail."
        )


def _check_memory(image: Image.Image) -> None:
    """Refuses what takes much more memory to decode than its pixels do afterwards."""
    bands = len(image.getbands())
    each = 1 if image.mode in ("1", "L", "P") else 2 if image.mode.startswith("I;16") else 4
    if image.format == "WEBP":
        each = 16  # canvas, canvas before, frame, and Pillow's own
    elif isinstance(image, _JPEG) and "progressive" in image.info:
        each += 2 * bands  # coefficients of all scans
    elif isinstance(image, _TIFF):  # the greatest strip, as it is stored
        bits = np.sum(image.tag_v2.get(258, 1))
        each += bits / 8 * min(image.tag_v2.get(278, image.height) / image.height, 1)
    needed = image.width * image.height * each
    if needed > MAX_DECODED:
        raise RadiographError(
            f"has {image.width} x {image.height} pixels, which take "
            f"{needed / 1e6:.0f} MB of memory as {image.format} in {image.mode}; at most "
            f"{MAX_DECODED // 10**6} are spent. Scale it down and try again."
        )


def _open(data: bytes) -> Image.Image:
    try:
        return Image.open(io.BytesIO(data), formats=FORMATS)
    except Image.DecompressionBombError as error:
        raise RadiographError(
            f"holds more pixels than a radiograph has; at most "
            f"{MAX_PIXELS // 10**6} million are read. Scale it down and try again."
        ) from error
    except Exception as error:  # besides UnidentifiedImageError, what decoders raise
        kinds = "DICOM, JPEG, PNG, WebP, TIFF, BMP or GIF"
        raise RadiographError(
            f"is not a picture that can be read here ({kinds}), whatever its name says."
        ) from error


def _check_pieces(tags: Mapping[int, Any], size: tuple[int, int], length: int) -> None:
    """Checks that a TIFF's strips or tiles are all there; decoders leave missing ones black.

    Raises:
        ValueError: They are not, or a tile is too large.
    """
    width, height = size if tags.get(_ORIENTATION, 1) < 5 else size[::-1]
    if 322 in tags:  # TileWidth; TIFF 6.0 section 15
        across, down = tags[322], tags[323]
        if across * down > MAX_TILE_PIXELS:
            raise ValueError(f"a tile of {across} x {down} pixels, at most 4096 x 4096 are read")
        needed, where = math.ceil(width / across) * math.ceil(height / down), 324
    else:
        needed, where = math.ceil(height / min(tags.get(278, height), height)), 273
    if tags.get(284) == 2:  # PlanarConfiguration: each sample has pieces of its own
        needed *= tags.get(277, 1)
    offsets = tags[where]
    found = sum(0 < offset < length for offset in offsets)
    if found < needed:
        raise ValueError(f"{found} of {needed} strips or tiles found")


def _is_negative(image: TiffImagePlugin.TiffImageFile) -> bool:
    """Tells a deep TIFF of which 0 is white (TIFF 6.0 section 8); Pillow turns shallow ones."""
    return bool(image.tag_v2.get(262) == 0) and image.mode.startswith(("I", "F"))


def _orientation(image: Image.Image, notes: list[str]) -> int:
    try:
        orientation = image.getexif().get(_ORIENTATION, 1)
        return orientation if orientation in range(2, 9) else 1
    except Exception:  # a corrupt EXIF block says nothing about the pixels
        note = "its EXIF block is damaged and was ignored"
        if note not in notes:
            notes.append(note)
        return 1
