"""The bytes of a picture -> Pillow's image of its first frame, within `limits`.

Only the decoders named in `FORMATS` are used. Pillow knows many more: some run other programs or
have had serious holes. What a decoder would accept in silence though a part is missing is refused
or noted here.
"""

import io
import math

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
from pneumo.limits import MAX_DECODED, MAX_PIXELS, MAX_TILE_PIXELS, MIN_SIDE
from pneumo.structure import find_fault, note_cut_off

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
_ORIENTATION = 0x0112


def decode(data: bytes, name: str, notes: list[str]) -> tuple[Image.Image, int]:
    """Decodes the first frame.

    Args:
        data: The file.
        name: Its name, for messages.
        notes: Gets a line for each thing that the user should know.

    Returns:
        The image, and the EXIF orientation (1 to 8) that it is still to be turned by.

    Raises:
        RadiographError: No picture in one of `FORMATS`, beyond `limits`, or damaged.
    """
    if fault := find_fault(data):
        raise _damaged(name, fault)
    with _open(data, name) as image:
        check_size(image.size, name)
        try:
            if image.format == "TIFF":
                _check_pieces(image.tag_v2, image.size, len(data))
            _check_memory(image, name)
            if getattr(image, "is_animated", False):
                notes.append("first of several frames used")
            turned = _orientation(image, notes) != 1
            image.load()
        except RadiographError:
            raise
        except Exception as error:  # decoders raise OSError, SyntaxError, struct.error ...
            raise _damaged(name, error) from error
        check_size(image.size, name)  # a GIF's first frame may be larger than its header says
        if image.format == "JPEG":
            corner = image.crop((image.width - 8, image.height - 8, *image.size))
            note_cut_off(np.asarray(corner), notes)
        orientation = _orientation(image, notes)
        if turned or orientation != 1:  # Pillow turns a TIFF itself
            notes.append("turned upright by its EXIF orientation")
        return image, orientation


def check_size(size: tuple[int, int], name: str) -> None:
    """Raises `RadiographError` where `(width, height)` is beyond the limits."""
    width, height = size
    if width * height > MAX_PIXELS:
        raise RadiographError(
            f"{name} has {width} x {height} pixels; at most "
            f"{MAX_PIXELS // 10**6} million are read. Scale it down and try again."
        )
    if min(size) < MIN_SIDE:
        raise RadiographError(
            f"{name} has {width} x {height} pixels; at least {MIN_SIDE} on each "
            "side are needed to show a chest. Use the original radiograph, not a thumbnail."
        )


def _check_memory(image: Image.Image, name: str) -> None:
    """Refuses what takes much more memory to decode than its pixels do afterwards."""
    bands = len(image.getbands())
    each = 1 if image.mode in ("1", "L", "P") else 2 if image.mode.startswith("I;16") else 4
    if image.format == "WEBP":
        each = 16  # canvas, canvas before, frame, and Pillow's own
    elif image.format == "JPEG" and "progressive" in image.info:
        each += 2 * bands  # coefficients of all scans
    elif image.format == "TIFF":  # the greatest strip, as it is stored
        bits = np.sum(image.tag_v2.get(258, 1))
        each += bits / 8 * min(image.tag_v2.get(278, image.height) / image.height, 1)
    needed = image.width * image.height * each
    if needed > MAX_DECODED:
        raise RadiographError(
            f"{name} has {image.width} x {image.height} pixels, which take "
            f"{needed / 1e6:.0f} MB of memory as {image.format} in {image.mode}; at most "
            f"{MAX_DECODED // 10**6} are spent. Scale it down and try again."
        )


def _damaged(name: str, reason: object) -> RadiographError:
    text = str(reason) or type(reason).__name__
    return RadiographError(
        f"{name} is damaged or incomplete ({text}). Export or download it again."
    )


def _open(data: bytes, name: str) -> Image.Image:
    try:
        return Image.open(io.BytesIO(data), formats=FORMATS)
    except Image.DecompressionBombError as error:
        raise RadiographError(
            f"{name} holds more pixels than a radiograph has; at most "
            f"{MAX_PIXELS // 10**6} million are read. Scale it down and try again."
        ) from error
    except Exception as error:  # see `decode`
        kinds = "DICOM, JPEG, PNG, WebP, TIFF, BMP or GIF"
        raise RadiographError(
            f"{name} is not a picture that can be read here ({kinds}), whatever its name says."
        ) from error


def _check_pieces(tags, size: tuple[int, int], length: int) -> None:
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


def _orientation(image: Image.Image, notes: list[str]) -> int:
    try:
        orientation = image.getexif().get(_ORIENTATION, 1)
        return orientation if orientation in range(2, 9) else 1
    except Exception:  # a corrupt EXIF block says nothing about the pixels
        note = "its EXIF block is damaged and was ignored"
        if note not in notes:
            notes.append(note)
        return 1
