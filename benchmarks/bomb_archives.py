"""Small archives and DICOM files that ask for much; `bombs.py` measures them."""

import io
import struct
import zipfile
import zlib

import numpy as np
from pydicom.encaps import encapsulate
from pydicom.uid import RLELossless

from benchmarks.bomb_pictures import deflate_zeros
from tests.reading.test_dicom import DEFLATED, IMPLICIT, NOISE, make, make_dataset, to_bytes


def zip_of(size: int, stated: int | None = None) -> bytes:
    """A ZIP of one member of zeros, whose headers may state another size."""
    content, buffer = deflate_zeros(size, raw=True), io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr("a.png", content)
    data = bytearray(buffer.getvalue())
    stated = size if stated is None else stated
    for mark, kind, length in ((b"PK\x03\x04", 8, 22), (b"PK\x01\x02", 10, 24)):
        at = data.rindex(mark)
        struct.pack_into("<H", data, at + kind, zipfile.ZIP_DEFLATED)
        struct.pack_into("<I", data, at + length, min(stated, 2**32 - 1))
    return bytes(data)


def zip_of_members(count: int) -> bytes:
    """A ZIP that lists one empty member many times."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr("a.png", b"")
    data = buffer.getvalue()
    start, end = data.index(b"PK\x01\x02"), data.index(b"PK\x05\x06")
    directory = data[start:end] * count
    return (
        data[:start]
        + directory
        + struct.pack(
            "<4s4H2LH",
            b"PK\x05\x06",
            0,
            0,
            count & 0xFFFF,
            count & 0xFFFF,
            len(directory),
            start,
            0,
        )
    )


def dicom_deflated(size: int) -> bytes:
    """A DX image of noise, followed by zeros."""
    data = make(NOISE, DEFLATED)
    start = 144 + int.from_bytes(data[140:144], "little")
    deflater = zlib.compressobj(9, zlib.DEFLATED, -zlib.MAX_WBITS)
    image = deflater.compress(zlib.decompress(data[start:], -zlib.MAX_WBITS))
    return data[:start] + image + deflater.flush(zlib.Z_FULL_FLUSH) + deflate_zeros(size, raw=True)


def dicom_with(elements: bytes, syntax: str) -> bytes:
    """A DX image with further elements before its pixels, compressed if the syntax says so."""
    data = make(NOISE, syntax)
    start = 144 + int.from_bytes(data[140:144], "little")
    plain, deflater = data[start:], zlib.compressobj(9, zlib.DEFLATED, -zlib.MAX_WBITS)
    if syntax == DEFLATED:
        plain = zlib.decompress(plain, -zlib.MAX_WBITS)
    at = plain.index(b"\xe0\x7f\x10\x00")
    plain = plain[:at] + elements + plain[at:]
    packed = deflater.compress(plain) + deflater.flush() if syntax == DEFLATED else plain
    return data[:start] + packed


def dicom_of_items(count: int) -> bytes:
    """A DX image with a private sequence of empty items (PS3.5 7.5), deflated."""
    return dicom_with(
        struct.pack("<HH2sHI", 9, 0x1001, b"SQ", 0, 2**32 - 1)
        + struct.pack("<HHI", 0xFFFE, 0xE000, 0) * count
        + struct.pack("<HHI", 0xFFFE, 0xE0DD, 0),
        DEFLATED,
    )


def dicom_of_values(count: int) -> bytes:
    """A DX image whose window has a centre of many values; without VR it may be that long."""
    values = b"1\\" * count
    return dicom_with(struct.pack("<HHI", 0x28, 0x1050, len(values)) + values, IMPLICIT)


def dicom_claiming(side: int, **elements) -> bytes:
    """A DX image whose header claims another size than it has."""
    return make(NOISE, Rows=side, Columns=side, **elements)


def dicom_rle(side: int) -> bytes:
    """An RLE frame of one byte repeated (PS3.5 G)."""
    row = b"\x81\0" * (side * side // 128 + 1)
    frame = struct.pack("<16I", 1, 64, *[0] * 14) + row
    dataset = make_dataset(np.zeros((64, 64), np.uint8), RLELossless, Rows=side, Columns=side)
    dataset.PixelData = encapsulate([frame + b"\0" * (len(frame) % 2)])
    dataset["PixelData"].is_undefined_length = True
    return to_bytes(dataset)


def dicom_coded(side: int, syntax: str) -> bytes:
    """A DX image of 16 bits, compressed."""
    dataset = make_dataset(np.tile(np.arange(side, dtype=np.uint16), (side, 1)), bits=16)
    dataset.compress(syntax)
    return to_bytes(dataset)
