"""Small pictures that ask for much; `bombs.py` measures them, tests use the same."""

import io
import struct
import zlib

import numpy as np
from PIL import Image


def deflate_zeros(count: int, raw: bool = False) -> bytes:
    """Returns zeros compressed, by repeating one compressed MiB; raw, or as zlib writes them."""
    whole, rest = (zlib.compressobj(9, zlib.DEFLATED, -zlib.MAX_WBITS) for _ in range(2))
    block = whole.compress(bytes(2**20)) + whole.flush(zlib.Z_FULL_FLUSH)
    end = rest.compress(bytes(count % 2**20)) + rest.flush()
    body = block * (count // 2**20) + end
    return body if raw else b"\x78\xda" + body + struct.pack(">HH", count % 65521, 1)  # Adler-32


def chunk(kind: bytes, content: bytes = b"") -> bytes:
    """A chunk of a PNG."""
    return struct.pack(">I", len(content)) + kind + content + _crc(kind + content)


def _crc(data: bytes) -> bytes:
    return struct.pack(">I", zlib.crc32(data))


def png(width: int, height: int, bits: int, colours: int, before: bytes = b"") -> bytes:
    """A black PNG; `colours` is its colour type and `before` are chunks before its pixels."""
    samples = {0: 1, 2: 3, 6: 4}[colours]
    row = 1 + (width * bits * samples + 7) // 8
    return (
        b"\x89PNG\r\n\x1a\n"
        + chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, bits, colours, 0, 0, 0))
        + before
        + chunk(b"IDAT", deflate_zeros(row * height))
        + chunk(b"IEND")
    )


def tiff(width: int, height: int, *tags: tuple[int, int], pixels: bytes = b"") -> bytes:
    """A TIFF of 8-bit grey in one deflated strip, or as further tags say; pixels follow."""
    entries = {256: width, 257: height, 258: 8, 259: 8, 262: 1, 277: 1, 278: height} | dict(tags)
    where, length = (324, 325) if 322 in entries else (273, 279)
    entries |= {where: 0, length: len(pixels)}
    start = 8 + 2 + 12 * len(entries) + 4
    entries[where] = start
    fields = b"".join(struct.pack("<HHII", tag, 4, 1, entries[tag]) for tag in sorted(entries))
    return b"II*\0" + struct.pack("<IH", 8, len(entries)) + fields + struct.pack("<I", 0) + pixels


def _noise(kind: str, **options) -> bytes:
    buffer = io.BytesIO()
    pixels = np.random.default_rng(0).integers(0, 256, (100, 120), np.uint8)
    Image.fromarray(pixels).save(buffer, kind, **options)
    return buffer.getvalue()


def jpeg_header(side: int) -> bytes:
    """A small JPEG that claims to be a large square."""
    data = bytearray(_noise("JPEG"))
    at = data.index(b"\xff\xc0") + 5
    data[at : at + 4] = struct.pack(">HH", side, side)
    return bytes(data)


def jpeg_of_scans(side: int, count: int) -> bytes:
    """A progressive JPEG that goes over its last bits again and again."""
    buffer = io.BytesIO()
    Image.new("L", (side, side)).save(buffer, "JPEG", progressive=True)
    data = buffer.getvalue()
    return data[:-2] + data[data.rindex(b"\xff\xda") : -2] * count + b"\xff\xd9"


def jpeg_of_segments(count: int) -> bytes:
    """A JPEG whose EXIF block is in many small segments, which Pillow joins one by one."""
    data = _noise("JPEG")
    return data[:2] + b"\xff\xe1\x00\x0aExif\0\0ab" * count + data[2:]


def bmp_header(side: int) -> bytes:
    """A small BMP that claims to be a large square."""
    data = bytearray(_noise("BMP"))
    data[18:26] = struct.pack("<ii", side, side)
    return bytes(data)


def webp_header(side: int) -> bytes:
    """A small lossless WebP that claims to be a large square."""
    data = bytearray(_noise("WEBP", lossless=True))
    bits = struct.unpack_from("<I", data, 21)[0]
    struct.pack_into("<I", data, 21, bits & ~0xFFFFFFF | (side - 1) | (side - 1) << 14)
    return bytes(data)


def webp_canvas(side: int) -> bytes:
    """An animation of one small frame on a huge canvas."""
    buffer = io.BytesIO()
    frames = [Image.new("RGB", (80, 80), colour) for colour in ("black", "white")]
    frames[0].save(buffer, "WEBP", save_all=True, append_images=frames[1:])
    data = bytearray(buffer.getvalue())
    data[24:30] = 2 * struct.pack("<I", side - 1)[:3]
    return bytes(data)


def gif(frames: int, side: int | None = None) -> bytes:
    """A GIF with further frames of one pixel, or with its first frame larger than its screen."""
    data = bytearray(_noise("GIF"))
    at = data.index(b",\0\0\0\0")
    if side:
        struct.pack_into("<HH", data, at + 5, side, side)
    return bytes(data[:-1]) + b",\0\0\0\0\1\0\1\0\0\x02\x01a\0" * frames + b";"


def gif_of_blocks(count: int) -> bytes:
    """A GIF whose pixels are followed by blocks of one byte."""
    return gif(0)[:-2] + b"\x01a" * count + b"\0;"


def gif_of_comments(count: int) -> bytes:
    """A GIF with comments of one letter."""
    data = gif(0)
    at = 13 + 3 * 256
    return data[:at] + b"!\xfe\x01a\0" * count + data[at:]


def jpeg_of_filling() -> bytes:
    """A JPEG with 0xFF, which may stand before any marker, over and over."""
    data = _noise("JPEG")
    return data[:2] + b"\xff" * 30_000_000 + data[2:]


def webp_of_frames(count: int) -> bytes:
    """Repeats the last frame of an animation."""
    buffer = io.BytesIO()
    pixels = np.random.default_rng(0).integers(0, 256, (2, 100, 120), np.uint8)
    first, second = map(Image.fromarray, pixels)
    first.save(buffer, "WEBP", save_all=True, append_images=[second], quality=1)
    data = buffer.getvalue()
    frames = data + data[data.rindex(b"ANMF") :] * count
    return frames[:4] + struct.pack("<I", len(frames) - 8) + frames[8:]


def tiff_of_pages(count: int) -> bytes:
    """A TIFF whose first page is followed by others of one pixel."""
    pixels = np.random.default_rng(0).integers(0, 256, 10_000, np.uint8).tobytes()
    data = tiff(100, 100, pixels=zlib.compress(pixels))
    first = data.index(b"\0\0\0\0", 10 + 12 * 9)
    page = tiff(1, 1, pixels=b"")[8:-4]
    data += bytes(-len(data) % 2)
    parts, at = [data[:first] + struct.pack("<I", len(data)) + data[first + 4 :]], len(data)
    for number in range(1, count):
        at += len(page) + 4
        parts.append(page + struct.pack("<I", at if number < count - 1 else 0))
    return b"".join(parts)


def gradient(side: int, kind: str, mode: str, **options) -> bytes:
    """A picture of a few kilobytes, whatever its side."""
    buffer = io.BytesIO()
    picture = Image.new(mode, (side, side))
    picture.paste(Image.linear_gradient("L").convert(mode), (0, 0))
    picture.save(buffer, kind, **options)
    return buffer.getvalue()
