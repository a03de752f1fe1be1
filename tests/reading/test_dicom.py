"""Exact pixels for small DICOM objects built here; expectations are worked out by hand."""

import io
import sys

import numpy as np
import pytest
from PIL import Image
from pydicom import dcmread, dcmwrite
from pydicom.config import disable_value_validation
from pydicom.data import get_testdata_file
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.encaps import encapsulate
from pydicom.uid import (
    JPEG2000Lossless,
    JPEGBaseline8Bit,
    JPEGLSLossless,
    RLELossless,
)

from pneumo import __main__ as cli
from pneumo.errors import RadiographError
from pneumo.reading.dicom import ADULT_NOTE, OTHER_AGE_NOTE, read_dicom
from pneumo.reading.limits import MAX_PIXELS
from pneumo.reading.radiograph import read_radiograph
from tests.conftest import encode

IMPLICIT, EXPLICIT, BIG = (f"1.2.840.10008.1.2{end}" for end in ("", ".1", ".2"))
DEFLATED = "1.2.840.10008.1.2.1.99"
DX = "1.2.840.10008.5.1.4.1.1.1.1"
NOISE = np.random.default_rng(0).integers(0, 256, (100, 120), np.uint8)
SECRETS = ("DOE^JANE", "PID4711", "19700101", "Sometown Hospital")


def make_dataset(stored, syntax=EXPLICIT, bits=8, **elements):
    """A DX image of `(rows, columns)`, or with samples last `(rows, columns, 3)`."""
    stored = np.asarray(stored)
    ds = Dataset()
    ds.file_meta = FileMetaDataset()
    ds.file_meta.TransferSyntaxUID = syntax
    ds.SOPClassUID, ds.SOPInstanceUID = DX, "1.2.3"
    ds.PatientName, ds.PatientID, ds.PatientBirthDate, ds.InstitutionName = SECRETS
    ds.Modality = "DX"
    ds.Rows, ds.Columns = stored.shape[:2]
    ds.SamplesPerPixel = 1 if stored.ndim == 2 else 3
    ds.PhotometricInterpretation = "MONOCHROME2" if stored.ndim == 2 else "RGB"
    if stored.ndim == 3:
        ds.PlanarConfiguration = 0
    ds.BitsAllocated, ds.BitsStored, ds.HighBit = 8 if bits <= 8 else 16, bits, bits - 1
    ds.PixelRepresentation = int(stored.min() < 0)
    kind = ("i" if stored.min() < 0 else "u") + ("1" if bits <= 8 else "2")
    ds.PixelData = stored.astype((">" if syntax == BIG else "<") + kind).tobytes()
    ds["PixelData"].VR = "OB" if bits <= 8 else "OW"
    for keyword, value in elements.items():
        setattr(ds, keyword, value)
    return ds


def to_bytes(ds):
    buffer = io.BytesIO()
    dcmwrite(buffer, ds, enforce_file_format=True)
    return buffer.getvalue()


def make(stored, *args, **elements):
    return to_bytes(make_dataset(stored, *args, **elements))


def shown(values, **elements):
    """The greys that stored `values` are shown with, and the notes."""
    stored = np.resize(np.asarray(values), (64, 32 * len(values)))
    radiograph = read_radiograph(make(stored, **elements), "a.dcm")
    np.testing.assert_array_equal(radiograph.pixels, radiograph.pixels[:1].repeat(64, axis=0))
    return radiograph.pixels[0, : len(values)].tolist(), radiograph.info.notes


def lut(entries, first, bits):
    item = Dataset()
    item.LUTDescriptor = [len(entries), first, bits]
    item.LUTData = entries
    item["LUTData"].VR = "US"
    return [item]


def test_eight_bits_without_window_kept_bit_for_bit():
    radiograph = read_radiograph(make(NOISE), "a.dcm")
    np.testing.assert_array_equal(radiograph.pixels, NOISE)
    assert radiograph.info.notes == ()


def test_monochrome1_is_the_negative():
    radiograph = read_radiograph(make(NOISE, PhotometricInterpretation="MONOCHROME1"), "a")
    np.testing.assert_array_equal(radiograph.pixels, 255 - NOISE)
    assert radiograph.info.notes == ("stored as a negative (MONOCHROME1), inverted",)


@pytest.mark.parametrize("bits", [8, 10, 12, 14, 16])
def test_window_of_the_whole_range_at_every_depth(bits):
    full = 2**bits
    stored = [0, full // 4, full // 2, full - 1]
    greys, _ = shown(stored, bits=bits, WindowCenter=full // 2, WindowWidth=full)
    assert greys == [0, 64, 128, 255]


# PS3.3 C.11.2.1.2.1: ((x - (c - 0.5)) / (w - 1) + 0.5), C.11.2.1.3.2: ((x - c) / w + 0.5),
# C.11.2.1.3.1: 1 / (1 + exp(-4 (x - c) / w)); times 255.
WINDOWS = {
    "LINEAR": (1000, 201, [899, 900, 1000, 1099, 1100], [0, 1, 128, 254, 255]),
    "LINEAR_EXACT": (1000, 200, [900, 901, 950, 1000, 1100], [0, 1, 64, 128, 255]),
    "SIGMOID": (1000, 400, [0, 900, 1000, 1100, 1400], [0, 69, 128, 186, 250]),
}


@pytest.mark.parametrize("function", WINDOWS)
def test_window_functions_follow_the_standard(function):
    centre, width, stored, expected = WINDOWS[function]
    window = {"WindowCenter": centre, "WindowWidth": width, "VOILUTFunction": function}
    greys, notes = shown(stored, bits=12, **window)
    assert greys == expected
    assert notes == (f"its window applied: centre {centre}, width {width}",)
    turned, _ = shown(stored, bits=12, PhotometricInterpretation="MONOCHROME1", **window)
    assert [a + b for a, b in zip(greys, turned, strict=True)] == pytest.approx([255] * 5, abs=1)
    assert turned[0] == 255


def test_first_of_several_windows_used_with_note():
    greys, notes = shown(
        [0, 1024, 2048, 4095], bits=12, WindowCenter=[2048, 100], WindowWidth=[4096, 50]
    )
    assert greys == [0, 64, 128, 255]
    assert notes == ("its window applied: centre 2048, width 4096 (the first of 2)",)


@pytest.mark.parametrize(
    "window",
    [
        {"WindowWidth": 0},
        {"WindowWidth": 200, "VOILUTFunction": "CUBIC"},
        {"WindowWidth": 0, "VOILUTFunction": "SIGMOID"},
    ],
)
def test_senseless_window_ignored_with_note(window):
    greys, notes = shown([0, 255, 128], WindowCenter=100, **window)
    assert greys == [0, 255, 128]
    assert notes == ("its window makes no sense and was ignored",)


def test_empty_window_counts_as_none():
    assert shown([0, 255, 128], WindowCenter=None, WindowWidth=None) == ([0, 255, 128], ())


def test_deep_picture_without_window_spread_over_its_middle_with_note():
    stored = np.arange(10_000).reshape(100, 100)
    radiograph = read_radiograph(make(stored, bits=16), "a")
    greys = radiograph.pixels.ravel()
    # 50 of 10,000 values are at or below 49, and 50 above 9949.
    assert greys[[0, 49, 49 + 2475, 49 + 4950, 9949, 9999]].tolist() == [0, 0, 64, 128, 255, 255]
    assert radiograph.info.notes == (
        "no window in it: scaled from 49..9949, the middle 99 % of its values, to 8 bits",
    )


@pytest.mark.parametrize("syntax", [IMPLICIT, EXPLICIT, BIG])
@pytest.mark.parametrize("bits", [12, 16])
def test_signed_values(syntax, bits):
    window = {"WindowCenter": 0, "WindowWidth": 2000, "VOILUTFunction": "LINEAR_EXACT"}
    stored = [-1000, -500, 0, 1000, -2048]
    assert shown(stored, bits=bits, syntax=syntax, **window)[0] == [0, 64, 128, 255, 0]


def test_unused_high_bits_do_not_count():
    stored = np.resize([0x7000, 0x7400, 0x7800, 0x7FFF], (64, 64))
    data = make(stored, bits=16, BitsStored=12, HighBit=11, WindowCenter=2048, WindowWidth=4096)
    assert read_radiograph(data, "a").pixels[0, :4].tolist() == [0, 64, 128, 255]


def test_rescale_before_window():
    elements = {"RescaleSlope": 2, "RescaleIntercept": -1000, "VOILUTFunction": "LINEAR_EXACT"}
    greys, _ = shown([0, 250, 500, 1000], bits=12, WindowCenter=0, WindowWidth=2000, **elements)
    assert greys == [0, 64, 128, 255]


def test_negative_slope_turns_the_greys():
    elements = {"RescaleSlope": -1, "RescaleIntercept": 4095}
    greys, _ = shown([0, 3071, 4095], bits=12, WindowCenter=2048, WindowWidth=4096, **elements)
    assert greys == [255, 64, 0]
    assert shown([0, 55, 255], RescaleSlope=-1, RescaleIntercept=255)[0] == [255, 200, 0]


@pytest.mark.parametrize("bits", [12, 16])
@pytest.mark.parametrize("syntax", [IMPLICIT, EXPLICIT, BIG])
def test_modality_lut_before_window(bits, syntax):
    table = lut([0, 1000, 3000, 4000], 10, bits)
    window = {"WindowCenter": 2000, "WindowWidth": 4000, "VOILUTFunction": "LINEAR_EXACT"}
    greys, _ = shown(
        [0, 10, 11, 12, 13, 900], bits=12, syntax=syntax, ModalityLUTSequence=table, **window
    )
    assert greys == [0, 0, 64, 191, 255, 255]


@pytest.mark.parametrize(
    ("entries", "bits"),
    [([0, 51, 204, 255], 8), ([0, 819, 3276, 4095], 12), ([0, 13107, 52428, 65535], 16)],
)
@pytest.mark.parametrize("syntax", [IMPLICIT, EXPLICIT])
def test_voi_lut_before_monochrome1_and_instead_of_window(entries, bits, syntax):
    elements = {"VOILUTSequence": lut(entries, 100, bits), "bits": 12, "syntax": syntax}
    elements |= {"WindowCenter": 5, "WindowWidth": 5}
    stored = [0, 100, 101, 102, 103, 4000]
    greys, notes = shown(stored, **elements)
    assert greys == [0, 0, 51, 204, 255, 255]
    assert notes == ("its VOI lookup table applied",)
    elements["VOILUTSequence"] = lut(entries, 100, bits)
    greys, _ = shown(stored, PhotometricInterpretation="MONOCHROME1", **elements)
    assert greys == [255, 255, 204, 51, 0, 0]


def test_voi_lut_of_signed_values():
    table = lut([0, 51, 204, 255], -1, 8)
    greys, _ = shown([-1000, -1, 0, 1, 2, 1000], bits=16, VOILUTSequence=table)
    assert greys == [0, 0, 51, 204, 255, 255]


@pytest.mark.parametrize("kind", ["MONOCHROME1", "MONOCHROME2"])
def test_padding_drawn_black(kind):
    elements = {"PixelPaddingValue": 0, "PixelPaddingRangeLimit": 10}
    greys, notes = shown([0, 5, 10, 11, 200], PhotometricInterpretation=kind, **elements)
    assert greys == ([0, 0, 0, 244, 55] if kind == "MONOCHROME1" else [0, 0, 0, 11, 200])
    assert notes[0] == "padding drawn black"


def test_padding_left_out_of_the_spread():
    stored = np.full((64, 100), 4095)
    stored[:, :50] = np.arange(1000, 1050)
    radiograph = read_radiograph(make(stored, bits=12, PixelPaddingValue=4095), "a")
    assert radiograph.pixels[0, [0, 49, 99]].tolist() == [0, 255, 0]


def test_signed_padding_written_as_unsigned_understood():
    ds = make_dataset(np.resize([-2000, 0, 255], (64, 66)), bits=16)
    ds.add_new("PixelPaddingValue", "US", 65536 - 2000)
    ds.WindowCenter, ds.WindowWidth, ds.PhotometricInterpretation = 128, 256, "MONOCHROME1"
    assert read_radiograph(to_bytes(ds), "a").pixels[0, :3].tolist() == [0, 255, 0]


@pytest.mark.parametrize("syntax", [EXPLICIT, RLELossless])
def test_frames_chosen_with_note(syntax):
    ds = make_dataset(np.vstack([NOISE, 255 - NOISE]), Rows=100, NumberOfFrames=2)
    if syntax == RLELossless:
        ds.compress(RLELossless, encoding_plugin="pydicom")
    for frame, expected in enumerate((NOISE, 255 - NOISE)):
        pixels, frames, notes = read_dicom(to_bytes(ds), MAX_PIXELS, frame)
        assert frames == 2
        np.testing.assert_array_equal(pixels, expected)
        assert notes == [f"frame {frame + 1} of 2"]
    with pytest.raises(RadiographError, match="no frame 3"):
        read_dicom(to_bytes(ds), MAX_PIXELS, 2)


@pytest.mark.parametrize("bits", [8, 16])
def test_rgb_becomes_luma(bits):
    colour = np.zeros((80, 80, 3), int)
    colour[:40], colour[40:] = (2**bits - 1, 0, 0), (0, 2**bits - 1, 0)
    radiograph = read_radiograph(make(colour, bits=bits), "a")
    assert (radiograph.pixels[0, 0], radiograph.pixels[79, 0]) == (76, 150)
    assert radiograph.info.notes == ("colour turned to grey",)


def test_planes_of_colour_after_one_another():
    ds = make_dataset(np.dstack([NOISE] * 3), PlanarConfiguration=1)
    ds.PixelData = np.stack([NOISE] * 3).tobytes()
    np.testing.assert_array_equal(read_radiograph(to_bytes(ds), "a").pixels, NOISE)


def test_ybr_full_becomes_luma():
    colour = np.full((80, 80, 3), (100, 128, 128))  # C.7.6.3.1.2: grey 100
    colour[:40] = (76, 85, 255)  # red
    radiograph = read_radiograph(make(colour, PhotometricInterpretation="YBR_FULL"), "a")
    assert (radiograph.pixels[0, 0], radiograph.pixels[79, 0]) == (76, 100)


@pytest.mark.parametrize("depth", [8, 16])
def test_palette_gives_its_greys(depth):
    greys = np.array([10, 60, 150, 240])
    table = greys.astype(np.uint8) if depth == 8 else (greys * 257).astype(np.uint16)
    ds = make_dataset(NOISE, PhotometricInterpretation="PALETTE COLOR")
    for colour in ("Red", "Green", "Blue"):
        setattr(ds, f"{colour}PaletteColorLookupTableDescriptor", [4, 100, depth])
        setattr(ds, f"{colour}PaletteColorLookupTableData", table.tobytes())
    expected = greys[np.clip(NOISE.astype(int) - 100, 0, 3)]
    np.testing.assert_array_equal(read_radiograph(to_bytes(ds), "a").pixels, expected)


@pytest.mark.parametrize(
    ("element", "size"),
    [
        ({"PixelSpacing": [0.2, 0.1]}, (200, 120)),
        ({"ImagerPixelSpacing": [0.1, 0.2]}, (100, 240)),
        ({"PixelAspectRatio": [3, 2]}, (150, 120)),
        ({"PixelSpacing": [0.143, 0.143], "PixelAspectRatio": [2, 1]}, (100, 120)),
        ({"PixelSpacing": [0, 0], "ImagerPixelSpacing": [0.2, 0.1]}, (200, 120)),
    ],
)
def test_pixels_made_square(element, size):
    ramp = np.resize(np.arange(120), (100, 120))
    radiograph = read_radiograph(make(ramp, **element), "a")
    assert radiograph.pixels.shape == size
    if size == (100, 120):
        assert radiograph.info.notes == ()
    else:
        assert radiograph.info.notes == (
            f"pixels are not square: stretched to {size[1]} x {size[0]}",
        )
    columns = radiograph.pixels[:, [0, -1]]  # along a ramp only the ends stay what they were
    np.testing.assert_array_equal(columns, np.resize([0, 119], (size[0], 2)))


@pytest.mark.parametrize("spacing", [[0, 0], [0.2, 0], [-0.1, 0.2]])
def test_spacing_that_is_none(spacing):
    radiograph = read_radiograph(make(NOISE, PixelSpacing=spacing), "a")
    assert radiograph.pixels.shape == NOISE.shape
    [note] = radiograph.info.notes
    assert note == "its pixel spacing is 0 or less: pixels are taken for square"


@pytest.mark.parametrize("syntax", [RLELossless, JPEG2000Lossless, JPEGLSLossless])
@pytest.mark.parametrize("bits", [8, 12])
def test_lossless_compression_gives_equal_pixels(syntax, bits):
    elements = {} if bits == 8 else {"WindowCenter": 2048, "WindowWidth": 4096}
    ds = make_dataset(NOISE if bits == 8 else NOISE * 16, bits=bits, **elements)
    plain = read_radiograph(to_bytes(ds), "a").pixels
    ds.compress(syntax, encoding_plugin="pydicom" if syntax == RLELossless else "")
    np.testing.assert_array_equal(read_radiograph(to_bytes(ds), "a").pixels, plain)


def wrap_frame(ds, coded):
    """The dataset around one frame that is coded already."""
    ds.PixelData = encapsulate([coded + bytes(len(coded) % 2)])
    ds["PixelData"].is_undefined_length = True
    return to_bytes(ds)


def make_jpeg(pixels, **elements):
    jpeg = encode(pixels, "JPEG", quality=95, subsampling=0)
    ds = make_dataset(pixels, JPEGBaseline8Bit, **elements)
    return wrap_frame(ds, jpeg), np.asarray(Image.open(io.BytesIO(jpeg)).convert("L"))


def test_jpeg_baseline_equals_pillow(phantom):
    data, expected = make_jpeg(phantom)
    difference = read_radiograph(data, "a").pixels.astype(int) - expected
    assert np.abs(difference).max() <= 1  # decoders may round the transform differently
    colour = np.dstack([phantom, phantom // 2, phantom // 3])
    data, expected = make_jpeg(colour, PhotometricInterpretation="YBR_FULL_422")
    difference = read_radiograph(data, "a").pixels.astype(int) - expected
    assert np.abs(difference).max() <= 3


def bundled(name):
    """One of pydicom's own files, as a radiograph."""
    ds = dcmread(get_testdata_file(name, download=False))
    ds.Modality = "OT"
    return to_bytes(ds)


def test_jpeg_lossless_equals_the_same_picture_in_rle():
    plain = read_radiograph(bundled("SC_rgb_rle.dcm"), "a").pixels
    coded = bundled("SC_rgb_jpeg_gdcm.dcm")
    assert b"1.2.840.10008.1.2.4.70" in coded
    np.testing.assert_array_equal(read_radiograph(coded, "a").pixels, plain)


@pytest.mark.parametrize(
    ("name", "size"),
    [
        ("JPGExtended.dcm", (1024, 256)),
        ("JPEG2000.dcm", (1024, 256)),
        ("examples_jpeg2k.dcm", (480, 640)),
        ("examples_palette.dcm", (350, 800)),
        ("MR_small_bigendian.dcm", (64, 64)),
        ("SC_rgb_jls_lossy_line.dcm", (100, 100)),
        ("SC_rgb_rle_16bit_2frame.dcm", (100, 100)),
        ("SC_ybr_full_422_uncompressed.dcm", (100, 100)),
    ],
)
def test_files_of_others_read(name, size):
    radiograph = read_radiograph(bundled(name), name)
    assert radiograph.pixels.shape == size
    assert "it names no modality: taken for a radiograph" in radiograph.info.notes


@pytest.mark.parametrize("syntax", [IMPLICIT, EXPLICIT, BIG, DEFLATED])
def test_every_plain_syntax_gives_equal_pixels(syntax):
    np.testing.assert_array_equal(read_radiograph(make(NOISE, syntax), "a").pixels, NOISE)


@pytest.mark.parametrize("syntax", [IMPLICIT, EXPLICIT, BIG])
@pytest.mark.parametrize("keep_meta", [False, True])
def test_file_without_preamble_read(syntax, keep_meta):
    data = make(NOISE, syntax)
    meta_length = int.from_bytes(data[140:144], "little")
    data = data[132:] if keep_meta else data[144 + meta_length :]
    np.testing.assert_array_equal(read_radiograph(data, "IM0001").pixels, NOISE)


def test_read_by_content_whatever_the_name(tmp_path):
    path = tmp_path / "really-dicom.png"
    path.write_bytes(make(NOISE))
    np.testing.assert_array_equal(read_radiograph(path).pixels, NOISE)


@pytest.mark.parametrize("view", ["LATERAL", "LL", "RL"])
def test_lateral_view_noted(view):
    assert read_radiograph(make(NOISE, ViewPosition=view), "a").info.notes == (
        "lateral view by its tag",
    )


def in_syntax(uid):
    """The plain file, said to be in a transfer syntax that pydicom would not write."""
    data, stated = make(NOISE), EXPLICIT.encode() + b"\0"
    at = data.index(stated, 132)
    uid = uid.encode() + b"\0" * (len(uid) % 2)
    return data[: at - 2] + len(uid).to_bytes(2, "little") + uid + data[at + len(stated) :]


def without(ds, *keywords):
    for keyword in keywords:
        del ds[keyword]
    return to_bytes(ds)


def bad_jpeg(claimed):
    """A JPEG frame whose header claims another size than Rows and Columns do."""
    data, _ = make_jpeg(NOISE)
    at = data.index(b"\xff\xc0") + 5
    return data[:at] + b"".join(n.to_bytes(2, "big") for n in claimed) + data[at + 4 :]


def raw(name):
    with open(get_testdata_file(name, download=False), "rb") as file:  # noqa: PTH123
        return file.read()


def jpeg2000():
    ds = make_dataset(NOISE)
    ds.compress(JPEG2000Lossless)
    return to_bytes(ds)


def broken_rle():
    ds = make_dataset(NOISE)
    ds.compress(RLELossless, encoding_plugin="pydicom")
    data = to_bytes(ds)
    return data[:-3000] + b"\x80" * 2992 + data[-8:]


BAD_FILES = {
    "dicomdir": (lambda: raw("DICOMDIR"), "DICOMDIR"),
    "structured report": (lambda: raw("reportsi.dcm"), "no picture.*SR"),
    "ecg": (lambda: raw("waveform_ecg.dcm"), "no picture.*ECG"),
    "radiotherapy plan": (lambda: raw("rtplan.dcm"), "no picture.*RT Plan"),
    "ct": (lambda: raw("CT_small.dcm"), r"modality CT \(computed tomography\).*CR, DX or RG"),
    "mr": (lambda: raw("MR_small.dcm"), r"modality MR \(magnetic"),
    "ultrasound": (lambda: make(NOISE, Modality="US"), "ultrasound"),
    "fluoroscopy": (lambda: make(NOISE, Modality="RF"), "fluoroscopy"),
    "mammogram": (lambda: make(NOISE, Modality="MG"), "mammography"),
    "odd modality": (lambda: make(NOISE, Modality="DOE_JANE"), "some other modality"),
    "no pixels": (lambda: without(make_dataset(NOISE), "PixelData"), "no picture.*X-Ray"),
    "no rows": (lambda: without(make_dataset(NOISE), "Rows", "BitsStored"), "Rows, BitsStored"),
    "truncated": (lambda: make(NOISE)[:-100], "11,900 bytes instead of 12,000"),
    "truncated header": (lambda: make(NOISE)[:500], "no picture"),
    "meta only": (lambda: make(NOISE)[:330], "incomplete"),
    "truncated jpeg 2000": (lambda: jpeg2000()[:2000], "incomplete"),
    "truncated deflated": (lambda: make(NOISE, DEFLATED)[:-200], "incomplete"),
    "damaged rle": (broken_rle, "RLE Lossless.*cannot be decoded"),
    "too few rows": (lambda: make(NOISE, Rows=90), "12,000 bytes instead of 10,800"),
    "too many rows": (lambda: make(NOISE, Rows=101), "12,000 bytes instead of 12,120"),
    "too many frames": (lambda: make(NOISE, NumberOfFrames=3), "instead of 36,000"),
    "jpeg of other shape": (lambda: bad_jpeg((120, 100)), "a frame of 100 x 120"),
    "jpeg bomb": (lambda: bad_jpeg((60000, 60000)), "a frame of 60000 x 60000"),
    "too large": (lambda: make(NOISE, Rows=60000, Columns=60000), "million"),
    "too many samples": (lambda: make(NOISE, NumberOfFrames=10**6), "million"),
    "32 bits": (lambda: make(NOISE, BitsAllocated=32, BitsStored=32), "bits"),
    "cmyk": (lambda: make(NOISE, PhotometricInterpretation="CMYK"), "colours"),
    "video": (lambda: in_syntax("1.2.840.10008.1.2.4.102"), "MPEG-4.*not decoded here"),
    "syntax that is text": (lambda: in_syntax("DOE^JANE"), "syntax not a UID, which"),
    "unknown syntax": (lambda: in_syntax("1.2.3.4"), "syntax 1.2.3.4, which"),
    "spacing": (lambda: make(NOISE, PixelSpacing=[1, 0.00001]), "breaks the DICOM standard"),
    "no number": (
        lambda: make(
            NOISE, RescaleSlope="1e400", RescaleIntercept=0, WindowWidth=9, WindowCenter=1
        ),
        "damaged",
    ),
    "short lut": (lambda: make(NOISE, VOILUTSequence=short_lut()), "damaged"),
    "prefix only": (lambda: bytes(128) + b"DICM", "incomplete"),
    "prefix and noise": (lambda: bytes(128) + b"DICM" + NOISE.tobytes(), "incomplete|damaged"),
    "thumbnail": (lambda: make(NOISE[:20, :20]), "at least 64"),
    "blank": (lambda: make(np.zeros((100, 100), int)), "blank"),
}


def short_lut():
    item = lut([0, 1, 2], 0, 8)
    item[0].LUTDescriptor[0] = 256
    return item


@pytest.mark.filterwarnings("ignore:The value length:UserWarning")
@pytest.mark.parametrize("name", BAD_FILES)
def test_bad_file_refused_with_its_name_and_reason(name, capfd):
    build, reason = BAD_FILES[name]
    data = build()
    with pytest.raises(RadiographError, match=reason) as caught:
        read_radiograph(data, "chest.dcm")
    assert "chest.dcm" in str(caught.value)
    assert not any(secret in str(caught.value) for secret in (*SECRETS, "DOE"))
    assert capfd.readouterr() == ("", "")


def test_missing_pydicom_said_so(monkeypatch):
    monkeypatch.setitem(sys.modules, "pydicom.filereader", None)
    with pytest.raises(
        RadiographError, match=r"a\.dcm is a DICOM file, and pydicom.* not installed"
    ):
        read_radiograph(make(NOISE), "a.dcm")


def test_nothing_that_names_a_person_is_kept():
    radiograph = read_radiograph(make(NOISE, ViewPosition="LL"), "a.dcm")
    assert not any(secret in repr(radiograph) for secret in SECRETS)


@pytest.mark.parametrize(
    ("age", "note"),
    [
        *((age, ADULT_NOTE) for age in ("018Y", "045Y", "230M", "999W")),
        *((age, OTHER_AGE_NOTE) for age in ("006Y", "017Y", "011M", "003D", "050W")),
        *((age, None) for age in ("001Y", "005Y", "012M", "071M", "053W", "000Y", "000D")),
        *((age, None) for age in ("", "45", "45Y", "ADULT", "-01Y")),
    ],
)
@pytest.mark.filterwarnings("ignore::UserWarning")  # pydicom's, when writing
def test_age_serves_a_warning_and_is_not_kept(age, note):
    with disable_value_validation():
        data = make(NOISE, PatientAge=age)
    radiograph = read_radiograph(data, "a.dcm")
    assert radiograph.info.notes == ((note,) if note else ())
    assert not age or age not in repr(radiograph)


@pytest.mark.parametrize("age", [["045Y", "003Y"], "045Y\\003Y"])
def test_age_that_is_two_is_none(age):
    assert read_radiograph(make(NOISE, PatientAge=age), "a.dcm").info.notes == ()


@pytest.mark.parametrize(
    ("dates", "note"),
    [
        ({"StudyDate": "20040826", "SeriesDate": "19950926"}, ADULT_NOTE),
        ({"StudyDate": "19580310"}, ADULT_NOTE),  # just eighteen
        ({"StudyDate": "19440304"}, ""),
        ({"StudyDate": "19480101"}, OTHER_AGE_NOTE),
        ({"AcquisitionDate": "19440304", "StudyDate": "20040826"}, ""),
        ({"AcquisitionDate": "", "ContentDate": "unknown", "StudyDate": "20040826"}, ADULT_NOTE),
        ({"StudyDate": "20040826", "PatientAge": "003Y"}, ""),  # its age is nearer to the matter
        ({"StudyDate": "20040826", "PatientAge": "000Y"}, ADULT_NOTE),
        ({"StudyDate": "19390826"}, ""),  # before birth
        ({"StudyDate": "20640826"}, ""),  # nobody's age
        ({"StudyDate": "2004111"}, ""),
        ({}, ""),
    ],
)
@pytest.mark.filterwarnings("ignore::UserWarning")  # pydicom's, when writing
def test_age_is_told_by_dates_too(dates, note):
    with disable_value_validation():
        data = make(NOISE, PatientBirthDate="19400305", **dates)
    radiograph = read_radiograph(data, "a.dcm")
    assert radiograph.info.notes == ((note,) if note else ())
    assert "1940" not in repr(radiograph)


def test_age_is_in_no_message():
    data = make(NOISE, PatientAge="045Y", Modality="CT")
    with pytest.raises(RadiographError) as caught:
        read_radiograph(data, "a.dcm")
    assert "045" not in str(caught.value)


def test_predict_takes_dicom_from_a_folder(tmp_path, capsys, monkeypatch, stand_in, phantom):
    monkeypatch.setattr("pneumo.cli.predict.load_engine", lambda **flags: stand_in.engine)
    (tmp_path / "chest.dcm").write_bytes(make(phantom))
    (tmp_path / "chest.png").write_bytes(encode(phantom))
    assert cli.main(["predict", str(tmp_path)]) == 0
    lines = [line.split("\t") for line in capsys.readouterr().out.splitlines()]
    assert [line[0][-3:] for line in lines] == ["dcm", "png"]
    assert lines[0][1:] == lines[1][1:]
