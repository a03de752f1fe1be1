"""Pictures that are malformed, turned or called by another name."""

import zlib

from PIL import Image

from benchmarks.bomb_pictures import chunk, tiff
from tests.conftest import encode
from tests.fuzz_seeds import GREY, PICTURES, seed
from tests.inputs import Kind, save
from tests.reading.test_radiograph import BAD_FILES

CUTS = (0.3, 0.6, 0.9)
SINGLE = [name for name in PICTURES if name not in ("tiff pages", "gif animated")]
"""Of several frames only the first is needed, so that a cut behind it takes nothing away."""
JPEGS = ("jpeg sample", "jpeg", "jpeg cmyk")
EXIF_DAMAGED = "its EXIF block is damaged and was ignored"
CUT_OFF = "its end is one even grey: it may have been cut off"


def cut(data: bytes, share: float) -> bytes:
    return data[: int(len(data) * share)]


def turned(orientation: int) -> bytes:
    """An upright picture as a camera would store it that was held in this orientation."""
    image = Image.fromarray(GREY)
    undo = {2: 0, 3: 3, 4: 1, 5: 5, 6: 2, 7: 6, 8: 4}  # Pillow's numbers of the inverse
    if orientation > 1:
        image = image.transpose(Image.Transpose(undo[orientation]))
    exif = Image.Exif()
    exif[0x0112] = orientation
    return save(image, exif=exif)


def tiffs_of_missing_strips() -> list[bytes]:
    """They say that a strip has 8 rows, and list the first of the ten that this takes."""
    plain, packed = GREY.tobytes(), zlib.compress(GREY[:8].tobytes())
    return [
        tiff(96, 80, (278, 8), (259, 1), pixels=plain),
        tiff(96, 80, (278, 8), pixels=packed),
    ]


def png_with_flipped_bit() -> bytes:
    data = bytearray(encode(GREY))
    data[data.index(b"IDAT") + 100] ^= 1
    return bytes(data)


def png_with(kind: bytes, content: bytes) -> bytes:
    data = encode(GREY)
    return data[:33] + chunk(kind, content) + data[33:]


MALFORMED = [
    *(
        Kind("malformed", name, lambda data=data: [data], refusal=words)
        for name, (data, words) in BAD_FILES.items()
        if name != "zip"  # which the page takes for an archive
    ),
    Kind(
        "malformed",
        "cut off, every format",
        lambda: [cut(seed(name), share) for name in SINGLE for share in CUTS],
        refusal="damaged or incomplete|not a picture",
    ),
    Kind(
        "malformed",
        "JPEG cut off and filled up with zeros",
        lambda: [cut(seed(n), s) + bytes(5000) for n in JPEGS for s in CUTS],
        refusal="its end is missing",
    ),
    Kind(
        "malformed",
        "JPEG cut off and closed with an end marker",
        lambda: [cut(seed(name), share) + b"\xff\xd9" for name in JPEGS[:2] for share in CUTS],
        notes=(CUT_OFF,),
    ),
    Kind(
        "malformed",
        "JPEG with other bytes behind its end",
        lambda: [seed("jpeg") + b"a camera's own \xff\xda", seed("jpeg") + bytes(5000)],
    ),
    Kind("malformed", "TIFF that lacks strips", tiffs_of_missing_strips, refusal="1 of 10"),
    Kind(
        "malformed",
        "PNG with one bit flipped",
        lambda: [png_with_flipped_bit()],
        refusal="checksum",
    ),
    Kind(
        "malformed",
        "wrong file name ending",
        lambda: [encode(GREY), encode(GREY, "TIFF"), encode(GREY, "BMP")],
        pixels=GREY,
    ),
    Kind(
        "malformed",
        "corrupt colour profile",
        lambda: [
            encode(GREY, icc_profile=b"junk"),
            encode(GREY, "TIFF", icc_profile=b"junk"),
            encode(GREY, "WEBP", icc_profile=b"junk", lossless=True),
            png_with(b"iCCP", b"name\0\0no deflate"),
        ],
        pixels=GREY,
    ),
    Kind(
        "malformed",
        "corrupt EXIF",
        lambda: [
            encode(GREY, exif=b"Exif\x00\x00II*\x00\xff\xff\xff\xff"),
            encode(GREY, exif=b"Exif\x00\x00II*\x00\x08\x00\x00\x00\xff\xff"),
        ],
        pixels=GREY,
    ),
    Kind(
        "malformed",
        "EXIF that is none",
        lambda: [encode(GREY, exif=b"Exif\x00\x00junk"), encode(GREY, exif=b"junk")],
        notes=(EXIF_DAMAGED,),
        pixels=GREY,
    ),
    Kind("malformed", "EXIF orientation 1", lambda: [turned(1)], pixels=GREY),
    Kind(
        "malformed",
        "EXIF orientations 2 to 8",
        lambda: [turned(orientation) for orientation in range(2, 9)],
        notes=("turned upright by its EXIF orientation",),
        pixels=GREY,
    ),
]
