"""ZIP archives: what is unpacked, and what is refused before it costs memory."""

import io
import zipfile

import numpy as np
import pytest

from pneumo.errors import RadiographError
from pneumo.reading import archive
from pneumo.reading.archive import is_archive, list_pictures, unpack_picture
from tests.conftest import encode

PICTURE = encode(np.tile(np.arange(80, dtype=np.uint8), (80, 1)))


def pack(members: dict[str, bytes], compression: int = zipfile.ZIP_STORED) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", compression) as file:
        for name, content in members.items():
            file.writestr(name, content)
    return buffer.getvalue()


def test_pictures_of_all_folders_and_nothing_else():
    data = pack(
        {
            "ward/a.png": PICTURE,
            "B.JPG": b"damaged, but a picture by its name",
            "notes.txt": b"no picture",
            "inner.zip": pack({"c.png": PICTURE}),
            "__MACOSX/ward/._a.png": b"macOS",
            ".hidden.png": PICTURE,
        }
    )
    assert is_archive(data)
    assert not is_archive(PICTURE)
    assert list_pictures(data, "x.zip") == ["ward/a.png", "B.JPG"]
    assert unpack_picture(data, "x.zip", 0) == PICTURE
    assert unpack_picture(data, "x.zip", 1) == b"damaged, but a picture by its name"


def test_dicom_without_suffix_is_told_by_content_and_unpacked_by_its_place():
    dicom = bytes(128) + b"DICM" + bytes(200)
    members = {"DICOMDIR": dicom, "notes": b"text", "1.2.840.7": dicom, "a.png": PICTURE}
    data = pack(members | {"S/IM01": dicom + b"2", "._IM01": dicom}, zipfile.ZIP_DEFLATED)
    assert list_pictures(data, "x.zip") == ["1.2.840.7", "a.png", "S/IM01"]
    unpacked = [unpack_picture(data, "x.zip", place) for place in range(3)]
    assert unpacked == [dicom, PICTURE, dicom + b"2"]


def test_encrypted_text_is_no_hindrance_and_encrypted_dicom_is_said_so():
    member = bytes(128) + b"DICM" + bytes(200)
    assert list_pictures(encrypted({"b": b"text", "a.png": PICTURE}), "x.zip") == ["a.png"]
    with pytest.raises(RadiographError, match=r"x\.zip is encrypted"):
        list_pictures(encrypted({"IM01": member}), "x.zip")


def test_name_that_climbs_out_is_only_a_name(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    data = pack({"../../evil.png": PICTURE})
    assert list_pictures(data, "x.zip") == ["../../evil.png"]
    assert unpack_picture(data, "x.zip", 0) == PICTURE
    assert list(tmp_path.iterdir()) == []


def encrypted(members: dict[str, bytes] | None = None) -> bytes:
    """Marks the first member as encrypted."""
    data = bytearray(pack(members or {"a.png": PICTURE}))
    for mark, offset in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        data[data.index(mark) + offset] |= 1
    return bytes(data)


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (pack({"a.png": PICTURE})[:-30], "x.zip is a damaged ZIP archive"),
        (b"PK\x03\x04" + bytes(50), "x.zip is a damaged ZIP archive"),
        (encrypted(), "x.zip is encrypted"),
        (pack({}), "x.zip holds no pictures"),
        (pack({"a.txt": b"1"}), "x.zip holds no pictures"),
        (pack({f"{i}.txt": b"" for i in range(1001)}), "x.zip has 1,001 members"),
        (pack({"a.png": bytes(2**24)}, zipfile.ZIP_DEFLATED), "unpacks to more than 100 times"),
    ],
)
def test_hopeless_archive_refused_with_a_reason(data, words):
    with pytest.raises(RadiographError, match=words):
        list_pictures(data, "x.zip")


def test_damaged_member_stops_no_other():
    data = bytearray(pack({"a.png": PICTURE, "b.png": PICTURE}))
    data[data.index(PICTURE) + 30] ^= 255
    with pytest.raises(RadiographError, match=r"x\.zip holds a\.png, which cannot be unpacked"):
        unpack_picture(bytes(data), "x.zip", 0)
    assert unpack_picture(bytes(data), "x.zip", 1) == PICTURE


def test_total_size_is_bounded(monkeypatch):
    monkeypatch.setattr(archive, "MAX_TOTAL_BYTES", 2 * len(PICTURE))
    pair = {"a.png": PICTURE, "b.png": PICTURE}
    assert len(list_pictures(pack(pair), "x.zip")) == 2
    with pytest.raises(RadiographError, match="unpacks to more than"):
        list_pictures(pack(pair | {"c.png": PICTURE}), "x.zip")


def test_stated_size_is_not_believed(monkeypatch):
    monkeypatch.setattr(archive, "MAX_BYTES", 1000)
    big = np.random.default_rng(0).integers(0, 256, 5000, np.uint8).tobytes()
    assert len(unpack_picture(pack({"a.png": big}), "x.zip", 0)) == 1001
