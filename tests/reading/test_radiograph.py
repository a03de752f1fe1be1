import io
import struct
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from pneumo.errors import RadiographError
from pneumo.reading import radiograph as module
from pneumo.reading.limits import MAX_BYTES
from pneumo.reading.radiograph import read_radiograph
from tests.conftest import encode


def _flat_png(width, height):
    buffer = io.BytesIO()
    Image.new("1", (width, height)).save(buffer, "PNG")
    return buffer.getvalue()


def _png_header(width, height):
    """A PNG that claims a size and holds next to nothing."""
    data = bytearray(_flat_png(8, 8))
    data[16:24] = struct.pack(">II", width, height)
    import zlib

    data[29:33] = struct.pack(">I", zlib.crc32(data[12:29]))
    return bytes(data)


NOISE = np.random.default_rng(0).integers(0, 256, (100, 120), np.uint8)

BAD_FILES = {
    "empty": (b"", "empty"),
    "text": (b"Dear colleague, please find attached", "not a picture"),
    "html": (b"<html><body><script>alert(1)</script></body></html>", "not a picture"),
    "pdf": (b"%PDF-1.7\n1 0 obj\n<<>>\nendobj\n", "not a picture"),
    "svg": (b'<svg xmlns="http://www.w3.org/2000/svg" width="200" height="200"/>', "not a picture"),
    "eps": (b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 200 200\n", "not a picture"),
    "fits": (b"SIMPLE  =                    T" + b" " * 2850, "not a picture"),
    "zip": (b"PK\x03\x04" + bytes(60), "not a picture"),
    "truncated png": (encode(NOISE)[:3000], "damaged"),
    "truncated jpeg": (encode(NOISE, "JPEG")[:2000], "damaged"),
    "jpeg header only": (b"\xff\xd8\xff\xe0", "not a picture"),
    "png bomb": (_png_header(13000, 13000), "million"),
    "png beyond pillow's limit": (_png_header(60000, 60000), "pixels"),
    "one pixel": (_flat_png(1, 1), "at least"),
    "very narrow": (_flat_png(10000, 10), "at least"),
    "all black": (encode(np.zeros((100, 100), np.uint8)), "blank"),
    "all white": (encode(np.full((100, 100), 255, np.uint8)), "blank"),
    "not a number": (encode(np.full((100, 100), np.nan, np.float32), "TIFF"), "not numbers"),
    "too many bytes": (b"\xff\xd8" + bytes(MAX_BYTES), "MiB"),
}


@pytest.mark.parametrize("name", BAD_FILES)
def test_bad_file_refused_with_its_name_and_reason(name):
    data, reason = BAD_FILES[name]
    with pytest.raises(RadiographError, match=reason) as caught:
        read_radiograph(data, "chest.jpg")
    assert "chest.jpg" in str(caught.value)


def test_missing_file_refused(tmp_path):
    with pytest.raises(RadiographError, match=r"gone\.png cannot be read: No such file"):
        read_radiograph(tmp_path / "gone.png")


def test_eight_bit_grey_kept_bit_for_bit():
    radiograph = read_radiograph(encode(NOISE), "a.png")
    np.testing.assert_array_equal(radiograph.pixels, NOISE)
    assert radiograph.info.notes == ()
    assert radiograph.name == "a.png"


def test_wrong_suffix_read_by_content(tmp_path):
    path = tmp_path / "really-a-png.jpg"
    path.write_bytes(encode(NOISE))
    np.testing.assert_array_equal(read_radiograph(path).pixels, NOISE)


@pytest.mark.parametrize("kind", ["PNG", "TIFF", "BMP", "GIF", "WEBP"])
def test_lossless_formats_give_equal_pixels(kind):
    options = {"lossless": True} if kind == "WEBP" else {}
    radiograph = read_radiograph(encode(NOISE, kind, **options), "a")
    np.testing.assert_array_equal(radiograph.pixels, NOISE)


@pytest.mark.parametrize("mode", ["RGB", "RGBA", "LA"])
def test_grey_in_colour_modes_gives_equal_pixels_without_note(mode):
    data = encode(np.asarray(Image.fromarray(NOISE).convert(mode)))
    radiograph = read_radiograph(data, "a.png")
    np.testing.assert_array_equal(radiograph.pixels, NOISE)
    assert radiograph.info.notes == ()


def test_palette_gives_the_palette_s_greys():
    image = Image.fromarray(NOISE // 64)
    image.putpalette([value for grey in (10, 60, 150, 240) for value in (grey,) * 3])
    buffer = io.BytesIO()
    image.save(buffer, "PNG")
    expected = np.array([10, 60, 150, 240], np.uint8)[NOISE // 64]
    np.testing.assert_array_equal(read_radiograph(buffer.getvalue(), "a").pixels, expected)


def test_one_bit_becomes_black_and_white():
    buffer = io.BytesIO()
    Image.fromarray(NOISE > 127).save(buffer, "PNG")
    expected = np.where(NOISE > 127, 255, 0)
    np.testing.assert_array_equal(read_radiograph(buffer.getvalue(), "a").pixels, expected)


def test_colour_becomes_bt601_luma_with_note():
    colour = np.zeros((80, 80, 3), np.uint8)
    colour[:40], colour[40:] = (255, 0, 0), (0, 255, 0)
    radiograph = read_radiograph(encode(colour), "a.png")
    assert (radiograph.pixels[0, 0], radiograph.pixels[79, 0]) == (76, 150)
    assert radiograph.info.notes == ("colour turned to grey",)


def test_cmyk_jpeg_read_as_grey():
    buffer = io.BytesIO()
    grey = Image.fromarray(np.repeat(np.arange(100, dtype=np.uint8)[:, None] * 2, 100, axis=1))
    grey.convert("CMYK").save(buffer, "JPEG", quality=100)
    pixels = read_radiograph(buffer.getvalue(), "a.jpg").pixels.astype(int)
    assert np.abs(pixels - np.asarray(grey)).max() <= 3


def test_transparency_becomes_black_with_note():
    rgba = np.dstack([np.full((80, 80, 3), 200, np.uint8), np.full((80, 80), 255, np.uint8)])
    rgba[:40, :, 3] = 0
    radiograph = read_radiograph(encode(rgba), "a.png")
    assert (radiograph.pixels[0, 0], radiograph.pixels[79, 0]) == (0, 200)
    assert radiograph.info.notes == ("transparent parts shown as black",)


@pytest.mark.parametrize(
    ("dtype", "kind"), [(np.uint16, "PNG"), (np.uint16, "TIFF"), (np.float32, "TIFF")]
)
def test_deep_pixels_scaled_from_their_own_range_with_note(dtype, kind):
    deep = np.linspace(100, 4100, 101 * 100).reshape(101, 100).astype(dtype)
    radiograph = read_radiograph(encode(deep, kind), "a")
    assert radiograph.pixels[0, 0] == 0
    assert radiograph.pixels[50, 50] in (127, 128)
    assert radiograph.pixels[-1, -1] == 255
    assert radiograph.info.notes == ("scaled from 100..4100 to 8 bits",)


def test_animation_gives_first_frame_with_note():
    frames = [Image.fromarray(NOISE), Image.fromarray(255 - NOISE)]
    buffer = io.BytesIO()
    frames[0].save(buffer, "TIFF", save_all=True, append_images=frames[1:])
    radiograph = read_radiograph(buffer.getvalue(), "a")
    np.testing.assert_array_equal(radiograph.pixels, NOISE)
    assert radiograph.info.notes == ("first of several frames used",)


@pytest.mark.parametrize("orientation", range(1, 9))
def test_exif_orientation_undone(orientation):
    # How each EXIF value stores an upright picture (Exif 2.32, tag 0x0112).
    stored = {
        1: NOISE,
        2: NOISE[:, ::-1],
        3: NOISE[::-1, ::-1],
        4: NOISE[::-1],
        5: NOISE.T,
        6: np.rot90(NOISE),
        7: NOISE[::-1, ::-1].T,
        8: np.rot90(NOISE, -1),
    }[orientation]
    image = Image.fromarray(np.ascontiguousarray(stored))
    exif = Image.Exif()
    exif[0x0112] = orientation
    buffer = io.BytesIO()
    image.save(buffer, "PNG", exif=exif)
    radiograph = read_radiograph(buffer.getvalue(), "a.png")
    np.testing.assert_array_equal(radiograph.pixels, NOISE)
    assert bool(radiograph.info.notes) == (orientation > 1)


def test_corrupt_exif_and_icc_ignored():
    data = encode(NOISE, "PNG", exif=b"Exif\x00\x00II*\x00\xff\xff\xff\xff", icc_profile=b"junk")
    np.testing.assert_array_equal(read_radiograph(data, "a.png").pixels, NOISE)


def _mpo(width, height, progressive):
    first, second = (Image.new("RGB", (width, height), grey) for grey in ("grey", "white"))
    buffer = io.BytesIO()
    first.save(buffer, "MPO", save_all=True, append_images=[second], progressive=progressive)
    return buffer.getvalue()


def test_memory_of_a_progressive_picture_of_several_frames_is_counted():
    data = _mpo(5600, 4800, True)
    with Image.open(io.BytesIO(data)) as image:
        assert (image.format, "progressive" in image.info) == ("MPO", True)
    with pytest.raises(RadiographError, match="take 269 MB of memory as MPO"):
        read_radiograph(data, "a.jpg")


def test_cut_off_picture_of_several_frames_is_noted():
    image = Image.fromarray(NOISE)
    buffer = io.BytesIO()
    image.save(buffer, "MPO", save_all=True, append_images=[image], quality=95)
    data = buffer.getvalue()
    end = data.index(b"\xff\xd9")
    cut = data[: end // 2] + data[end:]
    assert (
        "its end is one even grey: it may have been cut off" in read_radiograph(cut, "a").info.notes
    )


@pytest.mark.parametrize(
    ("failure", "words"),
    [
        (ValueError("conversion from La to L not supported"), "damaged .*La to L.* Export"),
        (KeyError(7), "damaged .*7.* Export"),
        (MemoryError(), "more memory than there is left. Scale it down"),
        (AssertionError(), "damaged .*AssertionError.* Export"),
        (RecursionError("deep"), "damaged .*deep.* Export"),
    ],
)
@pytest.mark.parametrize("step", ["decode", "_to_grey", "_upright"])
def test_whatever_is_raised_while_reading_is_a_refusal(monkeypatch, step, failure, words):
    def fail(*_):
        raise failure

    monkeypatch.setattr(module, step, fail)
    with pytest.raises(RadiographError, match=f"^chest.jpg .*{words}"):
        read_radiograph(encode(NOISE), "chest.jpg")


def test_file_that_grows_is_not_read_beyond_the_limit(monkeypatch, tmp_path):
    path = tmp_path / "growing.png"
    path.write_bytes(bytes(100))
    monkeypatch.setattr(module, "MAX_BYTES", 50)
    stat = Path.stat
    monkeypatch.setattr(Path, "stat", lambda own: _Grown(stat(own)))
    with pytest.raises(RadiographError, match="51 bytes; at most"):
        read_radiograph(path)


class _Grown:
    """What was known of a file before it grew."""

    def __init__(self, status):
        self.st_mode, self.st_size = status.st_mode, 10
