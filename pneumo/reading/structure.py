"""What the structure of a file tells that its decoder does not look at, or passes over in silence.

Decoders written in Python read JPEG, PNG and GIF block by block: a file of nothing but blocks keeps
them busy, or fills memory with an object for each.
"""

import struct
import zlib
from collections.abc import Iterator

import numpy as np

from pneumo.reading.limits import MAX_BLOCKS, MAX_CHUNKS, MAX_SCANS, MAX_SEGMENTS

_PNG = b"\x89PNG\r\n\x1a\n"


def find_fault(data: bytes) -> str:
    """Returns what is wrong with a picture, in a few words, or nothing."""
    if data.startswith(b"\xff\xd8"):
        return _find_jpeg_fault(data)
    if data.startswith(_PNG):
        return _find_png_fault(data)
    if data.startswith((b"GIF87a", b"GIF89a")) and _count_blocks(data) > MAX_BLOCKS:
        return f"it has more than {MAX_BLOCKS:,} blocks; no radiograph needs so many"
    return ""


def _find_jpeg_fault(data: bytes) -> str:
    """Looks at the markers of a JPEG or JPEG-LS.

    In coded pixels 0xFF is followed by 0 (JPEG-LS: by less than 0x80), so that any other pair is a
    marker (ITU-T T.81, B.1.1.2). A decoder goes over the whole picture for each scan. Pillow puts
    up EXIF segments one by one, copying what it has each time. Zeros in place of the end are
    decoded as if they were pixels.
    """
    if data.count(b"\xff\xda") > MAX_SCANS:
        return f"it has more than {MAX_SCANS} scans; no radiograph needs so many"
    segments, scan = _find_scan(data)
    if segments > MAX_SEGMENTS:
        return f"it has more than {MAX_SEGMENTS} segments; no radiograph needs so many"
    if scan >= 0 and data.find(b"\xff\xd9", scan) < 0:
        return "its end is missing"
    return ""


def _find_scan(data: bytes) -> tuple[int, int]:
    """Goes through the segments before the first scan, past a thumbnail within one of them.

    Returns:
        How many there are, at most one more than are allowed, and where the scan begins; -1 if
        there is none.
    """
    at = 2
    for number in range(MAX_SEGMENTS + 1):
        at = data.find(b"\xff", at)
        marker = data[at + 1 : at + 2] if at >= 0 else b""
        if marker in (b"", b"\xda"):
            return number, at if marker else -1
        filling = marker in (b"\x00", b"\xff")
        at += 1 if filling else 2 + int.from_bytes(data[at + 2 : at + 4])
    return MAX_SEGMENTS + 1, -1


def _find_png_fault(data: bytes) -> str:
    """Looks at the chunks of a PNG, and at the checksums of its pixels, as Pillow does not."""
    for number, (kind, content, checksum) in enumerate(_chunks(data)):
        if number >= MAX_CHUNKS:
            return f"it has more than {MAX_CHUNKS:,} chunks; no radiograph needs so many"
        if kind == b"IDAT" and zlib.crc32(content, zlib.crc32(kind)) != checksum:
            return "a checksum of its pixels is wrong"
    return ""


def _chunks(data: bytes) -> Iterator[tuple[bytes, memoryview, int]]:
    """Yields kind, content and checksum of a PNG's chunks as far as they are whole."""
    view, at = memoryview(data), len(_PNG)
    while at + 12 <= len(data):
        length, kind = struct.unpack_from(">I4s", data, at)
        if at + 12 + length > len(data):
            return
        checksum = struct.unpack_from(">I", data, at + 8 + length)[0]
        yield kind, view[at + 8 : at + 8 + length], checksum
        at += 12 + length


def _count_blocks(data: bytes) -> int:
    """Counts the blocks of a GIF's extensions and pictures (GIF89a, 15); stops at the limit."""
    at, number = 13, 0
    if len(data) > 10 and data[10] & 0x80:
        at += 6 << (data[10] & 7)
    while at < len(data) and number <= MAX_BLOCKS:
        kind = data[at : at + 1]
        if kind == b"!":
            at += 2
        elif kind == b"," and at + 9 < len(data):
            palette = 6 << (data[at + 9] & 7) if data[at + 9] & 0x80 else 0
            at += 11 + palette
        elif kind == b";":
            break
        else:  # Pillow skips it byte by byte
            at += 1
            number += 1
            continue
        while at < len(data) and data[at] and number <= MAX_BLOCKS:
            at += 1 + data[at]
            number += 1
        at += 1
        number += 1
    return number


def notes_of_jpeg(pixels: np.ndarray) -> list[str]:
    """Tells of an even grey in the last corner: what libjpeg draws where a scan ends early.

    Args:
        pixels: `(height, width)` or `(height, width, channels)` uint8, as decoded.
    """
    # CMYK is stored as its negative.
    even = bool(np.isin(pixels[-8:, -8:], (127, 128)).all())
    return ["its end is one even grey: it may have been cut off"] * even
