"""Files whose parts fit together, of any mode and with any tags: what damage to bytes rarely makes.

Each strategy draws a header field by field, mostly from what the format allows, and gives it as
many pixels as it asks for; so the decoder gets past the header, and what comes after it is tried.
"""

import math
import struct
import warnings
import zlib

import numpy as np
from hypothesis import strategies as st
from PIL import Image, TiffImagePlugin
from pydicom.config import disable_value_validation

from tests.inputs import save
from tests.reading.test_dicom import BIG, DEFLATED, EXPLICIT, IMPLICIT, lut, make_dataset
from tests.reading.test_dicom import to_bytes as dicom_bytes

NOISE = np.random.default_rng(1).integers(0, 256, 2**16, np.uint8).tobytes()
ODD = st.sampled_from([0, 1, 2, 3, 5, 7, 8, 15, 16, 31, 32, 64, 255, 256, 32767, 65535])
WORDS = st.binary(max_size=24)
SIDE = st.integers(64, 100)
MODES = ("1", "L", "LA", "La", "P", "PA", "RGB", "RGBA", "RGBa", "CMYK", "YCbCr", "LAB", "HSV")
MODES += ("I", "I;16", "I;16B", "F", "RGBX")


def _seldom(usual, odd=ODD):
    """Draws `usual` three times of four."""
    return st.integers(0, 3).flatmap(lambda dice: usual if dice else odd)


@st.composite
def tiffs(draw, order: str, compression: int) -> bytes:
    """Any of the pixel layouts that Pillow knows in this order of bytes, or nearly one."""
    layouts = [key for key in TiffImagePlugin.OPEN_INFO if key[0] == order.encode()]
    _, photometric, formats, fill, bits, extra = draw(st.sampled_from(layouts))
    width, height = draw(SIDE), draw(SIDE)
    planar = draw(_seldom(st.just(1), st.sampled_from([2, 0, 3])))
    rows = draw(st.sampled_from([height, height, 1, 16, 2**32 - 1]))
    pixels = _strips(width * sum(bits), height, rows, compression)
    if planar == 2:
        pixels = [
            strip for depth in bits for strip in _strips(width * depth, height, rows, compression)
        ]
    tags = {
        **{256: (4, [width]), 257: (4, [height]), 258: (3, list(bits)), 259: (3, [compression])},
        **{262: (3, [draw(_seldom(st.just(photometric)))]), 266: (3, [fill])},
        **{274: (3, [draw(st.integers(0, 9))]), 277: (3, [len(bits)]), 278: (4, [rows])},
        **{284: (3, [planar]), 339: (3, list(formats))},
    }
    if extra:
        tags[338] = (3, [draw(_seldom(st.just(value))) for value in extra])
    if photometric == 3:
        tags[320] = (3, draw(st.sampled_from([[7 * i for i in range(3 * 2 ** bits[0])], [1, 2]])))
    if draw(st.booleans()):
        tags[317] = (3, [draw(st.sampled_from([1, 2, 3]))])
    tags |= draw(st.dictionaries(st.sampled_from([*tags, *_OTHER_TAGS]), _VALUES, max_size=2))
    for gone in draw(st.sets(st.sampled_from(sorted(tags)), max_size=1)) if draw(_RARE) else ():
        del tags[gone]
    return write_tiff(order, tags, pixels)


def layout_tiff(layout: tuple, compression: int) -> bytes:
    """A sound TIFF of one of the layouts that Pillow knows."""
    mark, photometric, formats, fill, bits, extra = layout
    tags = {
        **{256: (4, [96]), 257: (4, [80]), 258: (3, list(bits)), 259: (3, [compression])},
        **{262: (3, [photometric]), 266: (3, [fill]), 277: (3, [len(bits)]), 278: (4, [80])},
        339: (3, list(formats)),
    }
    if extra:
        tags[338] = (3, list(extra))
    if photometric == 3:
        tags[320] = (3, [257 * (i % 256) for i in range(3 * 2 ** bits[0])])
    return write_tiff(mark.decode(), tags, _strips(96 * sum(bits), 80, 80, compression))


_RARE = st.integers(0, 7).map(lambda dice: not dice)
_OTHER_TAGS = (254, 269, 282, 283, 296, 322, 323, 330, 347, 530, 532, 700, 34377, 34665, 34675)
_VALUES = st.one_of(
    st.tuples(st.sampled_from([3, 4]), st.lists(ODD, min_size=1, max_size=4)),
    st.tuples(st.just(5), st.lists(st.tuples(ODD, ODD), min_size=1, max_size=3)),
    st.tuples(st.sampled_from([1, 2, 7]), WORDS),
)


def _strips(bits: int, height: int, rows: int, compression: int) -> list[bytes]:
    """Returns the strips of a picture of so many bits a row."""
    across = math.ceil(bits / 8)
    heights = [min(rows, height - top) for top in range(0, height, rows)]
    strips = [NOISE * (across * tall // len(NOISE)) for tall in heights]
    strips = [
        strip + NOISE[: across * tall - len(strip)]
        for strip, tall in zip(strips, heights, strict=True)
    ]
    return [zlib.compress(strip, 1) for strip in strips] if compression == 8 else strips


def write_tiff(order: str, tags: dict[int, tuple], strips: list[bytes]) -> bytes:
    """Returns a TIFF of these strips.

    Args:
        order: `II` or `MM`.
        tags: By number; each a type (3 SHORT, 4 LONG, 5 RATIONAL, others bytes) and values.
        strips: As they are stored.
    """
    mark = "<" if order == "II" else ">"
    offsets = [8 + sum(map(len, strips[:place])) for place in range(len(strips))]
    tags = {273: (4, offsets), 279: (4, list(map(len, strips))), **tags}
    data = b"".join(strips)
    start = 8 + len(data)
    entries, rest = b"", b""
    for tag, (kind, values) in sorted(tags.items()):
        if kind == 5:
            count, content = len(values), b"".join(struct.pack(mark + "2I", *v) for v in values)
        elif kind in (3, 4):
            limit = 2**16 - 1 if kind == 3 else 2**32 - 1
            content = struct.pack(
                f"{mark}{len(values)}{' HI'[kind - 2]}", *(min(v, limit) for v in values)
            )
            count = len(values)
        else:
            count, content = len(values), values
        if len(content) > 4:
            place = start + 2 + 12 * len(tags) + 4 + len(rest)
            rest, content = rest + content, struct.pack(mark + "I", place)
        entries += struct.pack(mark + "HHI", tag, kind, count) + content.ljust(4, b"\0")
    head = order.encode() + struct.pack(mark + "HI", 42, start)
    return head + data + struct.pack(mark + "H", len(tags)) + entries + bytes(4) + rest


@st.composite
def pngs(draw, colour: int) -> bytes:
    """Any depth, palette, transparency and chunks beside."""
    width, height = draw(SIDE), draw(SIDE)
    depth = draw(_seldom(st.sampled_from([1, 2, 4, 8, 16]), st.integers(0, 40)))
    samples = {0: 1, 2: 3, 3: 1, 4: 2, 6: 4}[colour]
    row = b"\0" + NOISE[: math.ceil(width * samples * min(depth, 16) / 8)]
    interlaced = draw(st.sampled_from([0, 0, 0, 1, 2]))
    chunks = [(b"IHDR", struct.pack(">IIBBBBB", width, height, depth, colour, 0, 0, interlaced))]
    if colour == 3 or draw(_RARE):
        chunks.append((b"PLTE", NOISE[: 3 * draw(st.sampled_from([256, 2**depth % 257, 1, 0]))]))
    if draw(st.booleans()):
        chunks.append((b"tRNS", NOISE[: draw(st.sampled_from([1, 2, 6, 16, 256]))]))
    kinds = (b"gAMA", b"cHRM", b"iCCP", b"eXIf", b"pHYs", b"sRGB", b"tEXt", b"zTXt", b"iTXt")
    kinds += (b"acTL", b"fcTL", b"sBIT", b"bKGD", b"CgBI")
    for kind in draw(st.lists(st.sampled_from(kinds), max_size=3)):
        chunks.insert(draw(st.integers(1, len(chunks))), (kind, draw(WORDS)))
    chunks += [(b"IDAT", zlib.compress(row * height * (1 + interlaced))), (b"IEND", b"")]
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(content)) + kind + content
        + struct.pack(">I", zlib.crc32(kind + content))
        for kind, content in chunks
    )  # fmt: skip


@st.composite
def bmps(draw, header: int) -> bytes:
    """Any depth, coding and masks."""
    width, height = draw(SIDE), draw(SIDE)
    bits = draw(_seldom(st.sampled_from([1, 4, 8, 16, 24, 32])))
    coding = draw(_seldom(st.sampled_from([0, 0, 1, 2, 3]), st.integers(0, 12)))
    colours = draw(st.sampled_from([0, 2, 16, 256, 257]))
    if header == 12:
        head = struct.pack("<IHHHH", 12, width, height, 1, bits)
    else:
        tall = height * draw(st.sampled_from([1, 1, -1]))
        head = struct.pack("<IiiHHII", header, width, tall, 1, bits, coding, 0)
        head += struct.pack("<iiII", 2835, 2835, colours, 0)
        masks = [0xFF0000, 0xFF00, 0xFF, 0xFF000000, 0xF800, 0x7E0, 0x1F, 0]
        head += b"".join(struct.pack("<I", draw(st.sampled_from(masks))) for _ in range(4))
        head = head.ljust(header, b"\0")[: max(header, 56)]
    head += NOISE[: 4 * (colours or 256)]
    pixels = NOISE[: height * 4 * math.ceil(width * min(bits, 32) / 32)]
    start = draw(_seldom(st.just(14 + len(head))))
    return b"BM" + struct.pack("<IHHI", 14 + len(head) + len(pixels), 0, 0, start) + head + pixels


@st.composite
def jpegs(draw, mode: str) -> bytes:
    """Any sampling, and segments of any content before the pixels."""
    options = {"progressive": draw(st.booleans()), "quality": draw(st.sampled_from([5, 50, 95]))}
    if mode in ("RGB", "YCbCr"):
        options["subsampling"] = draw(st.integers(0, 2))
    data = save(draw_mode(mode, draw(SIDE), draw(SIDE)), "JPEG", **options)
    heads = (b"Adobe\0d\0\0\0\0", b"Exif\0\0II*\0\x08\0\0\0", b"MPF\0II*\0\x08\0\0\0", b"JFIF\0")
    heads += (b"ICC_PROFILE\0\x01\x01", b"Photoshop 3.0\08BIM", b"http://ns.adobe.com/xap/1.0/\0")
    for _ in range(draw(st.integers(1, 3))):
        marker = draw(_seldom(st.sampled_from(range(0xE0, 0xF0)), st.integers(0xC0, 0xFE)))
        content = draw(st.sampled_from(heads)) + draw(WORDS | _ifds())
        data = data[:2] + struct.pack(">BBH", 255, marker, len(content) + 2) + content + data[2:]
    return data


@st.composite
def _ifds(draw) -> bytes:
    """A directory of tags as EXIF and the format of several pictures have them."""
    numbers = [0x0112, 0x011A, 0x8769, 0x8825, 0xB000, 0xB001, 0xB002, 0x9286, 0xFFFF]
    entries = b""
    for number in (chosen := draw(st.lists(st.sampled_from(numbers), max_size=4))):
        entries += struct.pack("<HHII", number, draw(st.integers(0, 14)), draw(ODD), draw(ODD))
    return struct.pack("<H", len(chosen)) + entries + bytes(4)


def draw_mode(mode: str, width: int, height: int) -> Image.Image:
    """Returns noise in any of Pillow's modes."""
    depth = len(Image.new(mode, (1, 1)).tobytes()) if mode != "1" else 1
    size = width * height * depth if mode != "1" else math.ceil(width / 8) * height
    image = Image.frombytes(mode, (width, height), (NOISE * 8)[:size])
    if mode in ("P", "PA"):
        image.putpalette(NOISE[:768])
    return image


@st.composite
def saved(draw, kind: str) -> bytes:
    """Any mode that Pillow saves, of one frame or of several, with what may go along."""
    modes = [mode for mode in MODES if can_save(mode, kind)]
    images = [
        draw_mode(draw(st.sampled_from(modes)), draw(SIDE), draw(SIDE))
        for _ in range(draw(st.integers(1, 3)))
    ]
    if kind == "BMP":
        return save(images[0], kind)
    if kind == "TIFF":
        codings = [None, "tiff_lzw", "tiff_adobe_deflate", "packbits", "zstd"]
        return save(images[0], kind, compression=draw(st.sampled_from(codings)))
    if kind == "GIF":
        images = [image.convert(draw(st.sampled_from(["L", "P", "1", "RGB"]))) for image in images]
    options = {"exif": b"Exif\0\0II*\0\x08\0\0\0" + draw(_ifds()), "icc_profile": draw(WORDS)}
    if kind == "GIF":
        options = {"disposal": draw(st.integers(0, 3)), "transparency": draw(st.integers(0, 255))}
    if len({image.size for image in images}) == 1 and len(images) > 1 or kind == "GIF":
        options |= {"save_all": True, "append_images": images[1:]}
    return save(images[0], kind, **options)


def can_save(mode: str, kind: str) -> bool:
    """Tells whether Pillow writes a mode in a format."""
    try:
        save(draw_mode(mode, 8, 8), kind)
    except (OSError, ValueError, KeyError, TypeError):
        return False
    return True


_SIGNED = st.sampled_from([0, 1, -1, 2, 127, 255, 256, 2048, 4095, -32768, 32767])
_DECIMAL = st.sampled_from(["0", "1", "-1", "0.5", "1e9", "1e-9", "2048", "4096", "-1024", "nan"])
_ELEMENTS = {
    "BitsStored": ODD,
    "BitsAllocated": st.sampled_from([1, 8, 12, 16, 32, 64]),
    "HighBit": ODD,
    "PixelRepresentation": st.integers(0, 2),
    "PlanarConfiguration": st.integers(0, 2),
    "NumberOfFrames": st.sampled_from(["0", "1", "2", "-1", "9999"]),
    "PixelPaddingValue": st.sampled_from([0, 1, 255, 4095]),
    "PixelPaddingRangeLimit": st.sampled_from([0, 1, 255, 4095]),
    "RescaleSlope": _DECIMAL,
    "RescaleIntercept": _DECIMAL,
    "WindowCenter": st.lists(_DECIMAL, min_size=1, max_size=2),
    "WindowWidth": st.lists(_DECIMAL, min_size=1, max_size=2),
    "VOILUTFunction": st.sampled_from(["LINEAR", "LINEAR_EXACT", "SIGMOID", "", "CUBIC"]),
    "PixelSpacing": st.lists(_DECIMAL, min_size=1, max_size=3),
    "ImagerPixelSpacing": st.lists(_DECIMAL, min_size=1, max_size=2),
    "PixelAspectRatio": st.lists(st.sampled_from(["1", "2", "0", "-3"]), min_size=1, max_size=2),
    "Modality": st.sampled_from(["DX", "CR", "OT", "", "CT"]),
    "ViewPosition": st.sampled_from(["AP", "LL", ""]),
    "PatientAge": st.sampled_from(["045Y", "003Y", "000Y", "018M", "", "Y", "12"]),
    "Rows": st.sampled_from([1, 63, 64, 128, 65535]),
    "Columns": st.sampled_from([1, 63, 64, 128, 65535]),
}


@st.composite
def dicoms(draw, photometric: str) -> bytes:
    """Any depth, any values of the elements that a picture is made by."""
    bits = draw(st.sampled_from([8, 10, 12, 16]))
    size = draw(SIDE), draw(SIDE)
    colour = photometric.startswith(("RGB", "YBR"))
    kind = np.uint8 if bits == 8 else np.uint16
    stored = np.frombuffer(NOISE, kind)[: size[0] * size[1] * (3 if colour else 1)] >> (
        kind(0).itemsize * 8 - bits
    )
    stored = stored.reshape(*size, 3) if colour else stored.reshape(size)
    dataset = make_dataset(stored, draw(st.sampled_from([IMPLICIT, EXPLICIT, BIG, DEFLATED])), bits)
    dataset.PhotometricInterpretation = photometric
    if photometric == "PALETTE COLOR":
        depth = draw(st.sampled_from([8, 16]))
        for name in ("Red", "Green", "Blue"):
            number = draw(st.sampled_from([256, 256, 0, 4]))
            entries = [number, draw(st.sampled_from([0, 9])), depth]
            setattr(dataset, f"{name}PaletteColorLookupTableDescriptor", entries)
            setattr(dataset, f"{name}PaletteColorLookupTableData", NOISE[: number * depth // 8])
    if draw(_RARE):
        entries = draw(st.lists(st.integers(0, 255), min_size=1, max_size=9))
        table = lut(entries, draw(st.integers(0, 99)), draw(st.sampled_from([8, 12, 16, 0, 40])))
        setattr(dataset, draw(st.sampled_from(["VOILUTSequence", "ModalityLUTSequence"])), table)
    with warnings.catch_warnings(), disable_value_validation():
        warnings.simplefilter("ignore")  # pydicom's, when it writes odd values
        for keyword in draw(st.lists(st.sampled_from(sorted(_ELEMENTS)), max_size=4)):
            setattr(dataset, keyword, draw(_ELEMENTS[keyword]))
        return dicom_bytes(dataset)


MAKES = {
    **{
        f"tiff {order} {coding}": tiffs(order, number)
        for order in ("II", "MM")
        for coding, number in (("plain", 1), ("deflated", 8))
    },
    **{f"png {colour}": pngs(colour) for colour in (0, 2, 3, 4, 6)},
    **{f"bmp {header}": bmps(header) for header in (12, 40, 56, 124)},
    **{f"jpeg {mode}": jpegs(mode) for mode in ("L", "RGB", "CMYK")},
    **{f"{kind} as saved": saved(kind) for kind in ("TIFF", "PNG", "WEBP", "GIF", "BMP")},
    **{
        f"dicom {photometric}": dicoms(photometric)
        for photometric in ("MONOCHROME1", "MONOCHROME2", "RGB", "YBR_FULL", "PALETTE COLOR")
    },
}
