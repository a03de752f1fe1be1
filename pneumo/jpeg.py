"""What the bytes of a JPEG or JPEG-LS tell that its decoders pass over in silence.

In coded pixels 0xFF is followed by 0 (JPEG-LS: by less than 0x80), so that any other pair is a
marker (ITU-T T.81, B.1.1.2).
"""

import numpy as np

from pneumo.limits import MAX_SCANS, MAX_SEGMENTS

_START_OF_SCAN, _END = b"\xff\xda", b"\xff\xd9"


def find_fault(data: bytes) -> str:
    """Returns what is wrong with a JPEG, in a few words, or nothing.

    A decoder goes over the whole picture for each scan, and Pillow puts up EXIF segments one by
    one, copying what it has each time: a small file of many can take hours. Where the end is
    missing, zeros that follow are decoded as if they were pixels.
    """
    if data.count(_START_OF_SCAN) > MAX_SCANS:
        return f"it has more than {MAX_SCANS} scans, as no radiograph needs"
    if _count_segments(data) > MAX_SEGMENTS:
        return f"it has more than {MAX_SEGMENTS} segments, as no radiograph needs"
    if data.rfind(_END) < data.rfind(_START_OF_SCAN):
        return "its end is missing"
    return ""


def _count_segments(data: bytes) -> int:
    """Counts the segments before the first scan, at most one more than are allowed."""
    at, number = 2, 0
    while number <= MAX_SEGMENTS:
        at = data.find(b"\xff", at)
        marker = data[at + 1 : at + 2] if at >= 0 else b""
        if marker in (b"", b"\xda"):
            break
        if marker in (b"\x00", b"\xff"):
            at += 1
            continue
        number += 1
        at += 2 + int.from_bytes(data[at + 2 : at + 4])
    return number


def note_cut_off(pixels: np.ndarray, notes: list[str]) -> None:
    """Notes an even grey in the last corner: what libjpeg draws where a scan ends early.

    Args:
        pixels: `(height, width)` or `(height, width, channels)` uint8, as decoded.
        notes: Gets a line.
    """
    # CMYK is stored as its negative.
    if np.isin(pixels[-8:, -8:], (127, 128)).all():
        notes.append("its end is one even grey: it may have been cut off")
