"""Pictures in every pixel format."""

from pathlib import Path

import numpy as np
from PIL import Image

from tests.conftest import encode
from tests.fuzz_seeds import GREY, seed
from tests.fuzz_tags import write_tiff
from tests.inputs import Kind, save

SAMPLES = sorted((Path(__file__).resolve().parents[2] / "samples").glob("*/*.jpeg"))
SEVERAL = ("first of several frames used",)
SCALED = ("scaled from 100..4100 to 8 bits",)


def of_mode(mode: str, kind: str = "PNG", **options) -> bytes:
    return save(Image.fromarray(GREY).convert(mode), kind, **options)


def frames(kind: str, **options) -> bytes:
    first, second = Image.fromarray(GREY), Image.fromarray(255 - GREY)
    return save(first, kind, save_all=True, append_images=[second], **options)


def deep(kind: str, dtype: type, **options) -> bytes:
    """A ramp from 100 to 4,100."""
    return encode(
        np.linspace(100, 4100, 101 * 100).reshape(101, 100).astype(dtype), kind, **options
    )


def is_ramp(pixels: np.ndarray) -> None:
    np.testing.assert_allclose(pixels, np.linspace(0, 255, 10_100).reshape(101, 100), atol=0.6)


def near(expected: np.ndarray, tolerance: int):
    def compare(pixels: np.ndarray) -> None:
        assert np.abs(pixels.astype(int) - expected).max() <= tolerance

    return compare


def tiff(stored: np.ndarray, photometric: int, *, kind: int = 1, extra: int = -1) -> bytes:
    """A TIFF of one strip, for what Pillow does not write.

    Args:
        stored: `(height, width)`, or with samples last.
        photometric: 0 where 0 is white, 1 where it is black, 8 for L*a*b*.
        kind: 1 for whole numbers, 3 for others.
        extra: 1 for associated alpha, 2 for the usual one, -1 for none.
    """
    samples = 1 if stored.ndim == 2 else stored.shape[2]
    height, width = stored.shape[:2]
    tags = {
        **{256: (3, [width]), 257: (3, [height]), 258: (3, [stored.itemsize * 8] * samples)},
        **{259: (3, [1]), 262: (3, [photometric]), 277: (3, [samples]), 278: (3, [height])},
        339: (3, [kind] * samples),
    }
    if extra >= 0:
        tags[338] = (3, [extra])
    return write_tiff("II", tags, [stored.tobytes()])


HALF = np.where(np.arange(GREY.shape[1]) < 48, 255, 0).astype(np.uint8) + np.zeros_like(GREY)
CLEAR = ("transparent parts shown as black",)
WHITE_IS_ZERO = "stored as a negative (WhiteIsZero), inverted"

FORMATS = [
    Kind(
        "pixel formats",
        "grey TIFF with alpha, associated or not",
        lambda: [
            tiff(np.dstack([np.where(HALF, GREY, 0).astype(np.uint8), HALF]), 1, extra=extra)
            for extra in (1, 2)
        ],
        CLEAR,
        pixels=np.where(HALF, GREY, 0),
    ),
    Kind(
        "pixel formats",
        "TIFF of 8 bits in which 0 is white",
        lambda: [tiff(255 - GREY, 0)],
        pixels=GREY,
    ),
    Kind(
        "pixel formats",
        "TIFF of 16 bits or of floats in which 0 is white",
        lambda: [
            tiff(np.linspace(4100, 100, 101 * 100).reshape(101, 100).astype(dtype), 0, kind=kind)
            for dtype, kind in ((np.uint16, 1), (np.float32, 3))
        ],
        (*SCALED, WHITE_IS_ZERO),
        pixels=is_ramp,
    ),
    Kind(
        "pixel formats",
        "L*a*b* TIFF",
        lambda: [tiff(np.dstack([GREY, GREY, GREY]), 8)],
        refusal="L.a.b., which is not read here",
    ),
    Kind("pixel formats", "the samples", lambda: [path.read_bytes() for path in SAMPLES]),
    Kind(
        "pixel formats",
        "8 bits without loss: PNG, TIFF in five codings, BMP, GIF, WebP",
        lambda: [
            *(encode(GREY, kind) for kind in ("PNG", "TIFF", "BMP", "GIF")),
            *(
                encode(GREY, "TIFF", compression=coding)
                for coding in ("tiff_lzw", "tiff_adobe_deflate", "packbits", "zstd")
            ),
            encode(GREY, "WEBP", lossless=True),
        ],
        pixels=GREY,
    ),
    Kind(
        "pixel formats",
        "grey JPEG: baseline and progressive; in TIFF",
        lambda: [
            encode(GREY, "JPEG", quality=95),
            encode(GREY, "JPEG", quality=95, progressive=True),
            encode(GREY, "TIFF", compression="jpeg", quality=95),
        ],
        pixels=near(GREY, 12),
    ),
    Kind("pixel formats", "16-bit PNG", lambda: [deep("PNG", np.uint16)], SCALED, pixels=is_ramp),
    Kind(
        "pixel formats",
        "16-bit TIFF, plain and packed",
        lambda: [deep("TIFF", np.uint16), deep("TIFF", np.uint16, compression="tiff_lzw")],
        SCALED,
        pixels=is_ramp,
    ),
    Kind(
        "pixel formats",
        "32-bit integer TIFF",
        lambda: [deep("TIFF", np.int32)],
        SCALED,
        pixels=is_ramp,
    ),
    Kind(
        "pixel formats",
        "32-bit float TIFF",
        lambda: [deep("TIFF", np.float32)],
        SCALED,
        pixels=is_ramp,
    ),
    Kind(
        "pixel formats",
        "1 bit: PNG, TIFF, BMP",
        lambda: [save(Image.fromarray(GREY > 127), kind) for kind in ("PNG", "TIFF", "BMP")],
        pixels=np.where(GREY > 127, 255, 0),
    ),
    Kind(
        "pixel formats",
        "grey as L, LA, P, RGB, RGBA",
        lambda: [of_mode(mode) for mode in ("L", "LA", "P", "RGB", "RGBA")],
        pixels=GREY,
    ),
    Kind("pixel formats", "CMYK TIFF", lambda: [of_mode("CMYK", "TIFF")], pixels=near(GREY, 1)),
    Kind(
        "pixel formats",
        "animated GIF and WebP, TIFF of several pages, moving PNG",
        lambda: [
            frames("GIF"),
            frames("WEBP", lossless=True),
            frames("TIFF"),
            frames("PNG"),
        ],
        SEVERAL,
        pixels=GREY,
    ),
    Kind(
        "pixel formats",
        "transparent colour of a palette",
        lambda: [seed("png palette")],
        ("transparent parts shown as black",),
    ),
]
