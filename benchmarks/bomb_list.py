"""The files that `bombs.py` measures."""

from collections.abc import Callable
from dataclasses import dataclass

from pydicom.uid import JPEG2000Lossless, JPEGLSLossless

from benchmarks import bomb_archives as archives
from benchmarks import bomb_pictures as pictures
from benchmarks.bomb_pictures import chunk, deflate_zeros, gradient, png, tiff


@dataclass(frozen=True)
class Bomb:
    """A file that asks for much.

    Attributes:
        name: What it is.
        becomes: What it would unpack to, or ask of the processor.
        words: A pattern of the refusal, or "read" where it is within the limits.
        build: Returns the file.
    """

    name: str
    becomes: str
    words: str
    build: Callable[[], bytes]


GIB = 2**30
BOMBS = (
    Bomb("PNG", "13,000 x 13,000 pixels", "40 million", lambda: png(13000, 13000, 1, 0)),
    Bomb("PNG, wide", "60,000 x 6,000 pixels", "more pixels", lambda: png(60000, 6000, 1, 0)),
    Bomb(
        "PNG with packed text",
        "1 GiB of text",
        "not a picture",
        lambda: png(100, 100, 8, 0, chunk(b"zTXt", b"a\0\0" + deflate_zeros(GIB))),
    ),
    Bomb(
        "PNG of many chunks",
        "2 million chunks",
        "chunks",
        lambda: png(100, 100, 8, 0, chunk(b"abCd") * 2_000_000),
    ),
    Bomb("JPEG header", "65,000 x 65,000 pixels", "pixels", lambda: pictures.jpeg_header(65000)),
    Bomb(
        "JPEG of many scans",
        "36 million pixels 5,000 times over",
        "more than 64 scans",
        lambda: pictures.jpeg_of_scans(6000, 5000),
    ),
    Bomb(
        "JPEG of many EXIF segments",
        "2 million copies of up to 30 MB",
        "more than 500 segments",
        lambda: pictures.jpeg_of_segments(2_000_000),
    ),
    Bomb(
        "BMP header",
        "2 billion x 2 billion pixels",
        "pixels",
        lambda: pictures.bmp_header(2**31 - 1),
    ),
    Bomb("WebP header", "16,383 x 16,383 pixels", "pixels", lambda: pictures.webp_header(16383)),
    Bomb("WebP canvas", "13,000 x 13,000 pixels", "million", lambda: pictures.webp_canvas(13000)),
    Bomb("WebP of many frames", "10,000 frames", "read", lambda: pictures.webp_of_frames(10_000)),
    Bomb("GIF of many frames", "2 million frames", "blocks", lambda: pictures.gif(2_000_000)),
    Bomb(
        "GIF of comments",
        "6 million comments",
        "more than 200,000 blocks",
        lambda: pictures.gif_of_comments(6_000_000),
    ),
    Bomb("JPEG of filling", "30 MB of 0xFF", "500 segments", lambda: pictures.jpeg_of_filling()),
    Bomb(
        "GIF of short blocks",
        "15 million blocks",
        "more than 200,000 blocks",
        lambda: pictures.gif_of_blocks(15_000_000),
    ),
    Bomb("GIF, first frame", "60,000 x 60,000 pixels", "pixels", lambda: pictures.gif(0, 60000)),
    Bomb(
        "TIFF",
        "100,000 x 100,000 pixels",
        "pixels",
        lambda: tiff(100_000, 100_000, pixels=deflate_zeros(GIB)),
    ),
    Bomb(
        "TIFF with one large tile",
        "a tile of 30,000 x 30,000",
        "tile",
        lambda: tiff(100, 100, (322, 30_000), (323, 30_000), pixels=deflate_zeros(GIB)),
    ),
    Bomb("TIFF of many pages", "100,000 pages", "read", lambda: pictures.tiff_of_pages(100_000)),
    Bomb("ZIP", "a member of 3 GiB", "512 MiB", lambda: archives.zip_of(3 * GIB)),
    Bomb(
        "ZIP that understates",
        "a member of 3 GiB, said to have 1 MiB",
        "cannot be unpacked|damaged|MiB",
        lambda: archives.zip_of(3 * GIB, 2**20),
    ),
    Bomb(
        "ZIP of many members",
        "2 million members",
        "members",
        lambda: archives.zip_of_members(2_000_000),
    ),
    Bomb("DICOM, deflated", "1 GiB", "inflates to more", lambda: archives.dicom_deflated(GIB)),
    Bomb(
        "DICOM of many items",
        "10 million items",
        "20,000 items",
        lambda: archives.dicom_of_items(10_000_000),
    ),
    Bomb(
        "DICOM of many values",
        "a window with 15 million centres",
        "an element of",
        lambda: archives.dicom_of_values(15_000_000),
    ),
    Bomb(
        "DICOM header", "65,535 x 65,535 pixels", "million", lambda: archives.dicom_claiming(65535)
    ),
    Bomb("DICOM, RLE", "6,300 x 6,300 pixels", "blank", lambda: archives.dicom_rle(6300)),
    Bomb("WebP", "6,000 x 6,000 colour", "MB of memory", lambda: gradient(6000, "WEBP", "RGB")),
    Bomb("largest WebP", "4,000 x 4,000 colour", "read", lambda: gradient(4000, "WEBP", "RGB")),
    Bomb("largest PNG", "6,300 x 6,300 RGBA", "read", lambda: gradient(6300, "PNG", "RGBA")),
    Bomb(
        "largest TIFF",
        "6,300 x 6,300 float",
        "read",
        lambda: gradient(6300, "TIFF", "F", compression="tiff_adobe_deflate"),
    ),
    Bomb(
        "TIFF in one strip",
        "6,300 x 6,300 float",
        "MB of memory",
        lambda: gradient(
            6300,
            "TIFF",
            "F",
            compression="tiff_adobe_deflate",
            tiffinfo={278: 6300},
            strip_size=10**9,
        ),
    ),
    Bomb(
        "largest progressive JPEG",
        "5,000 x 5,000 colour",
        "read",
        lambda: gradient(5000, "JPEG", "RGB", progressive=True, subsampling=0),
    ),
    Bomb(
        "largest DICOM, JPEG 2000",
        "5,600 x 5,600 of 16 bits",
        "read",
        lambda: archives.dicom_coded(5600, JPEG2000Lossless),
    ),
    Bomb(
        "largest DICOM, JPEG-LS",
        "5,600 x 5,600 of 16 bits",
        "read",
        lambda: archives.dicom_coded(5600, JPEGLSLossless),
    ),
)
