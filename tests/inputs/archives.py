"""ZIP archives."""

import zipfile

from tests.conftest import encode
from tests.fuzz_seeds import GREY
from tests.inputs import Kind
from tests.reading.test_archive import encrypted, pack
from tests.reading.test_dicom import make

PICTURE = encode(GREY)


def many(number: int) -> bytes:
    return pack({f"{place}.png": b"" for place in range(number)})


def _archive(name: str, build, *, refusal: str = "", pixels=GREY) -> Kind:
    return Kind("archives", name, lambda: [build()], (), refusal, None if refusal else pixels)


ARCHIVES = [
    _archive("stored", lambda: pack({"a.png": PICTURE})),
    _archive("deflated", lambda: pack({"a.bmp": encode(GREY, "BMP")}, zipfile.ZIP_DEFLATED)),
    _archive(
        "DICOM without a suffix, beside a text",
        lambda: pack({"IM000001": make(GREY), "DICOMDIR": make(GREY), "LIESMICH": b"text"}),
    ),
    _archive("zip slip: a name that climbs out", lambda: pack({"../../a.png": PICTURE})),
    _archive("zip slip: an absolute name", lambda: pack({"/etc/a.png": PICTURE})),
    _archive("zip slip: a Windows name", lambda: pack({"C:\\a\\..\\b.png": PICTURE})),
    _archive(
        "nested beside a picture", lambda: pack({"a.zip": pack({"b.png": b""}), "c.png": PICTURE})
    ),
    _archive(
        "nested only",
        lambda: pack({"a.zip": pack({"b.png": PICTURE})}),
        refusal="holds no pictures",
    ),
    _archive("encrypted", lambda: encrypted(), refusal="is encrypted"),
    _archive("10,000 members", lambda: many(10_000), refusal="has 10,000 members; at most 1,000"),
    _archive("1,001 members", lambda: many(1001), refusal="has 1,001 members"),
    _archive(
        "bzip2 within",
        lambda: pack({"a.bmp": encode(GREY, "BMP")}, zipfile.ZIP_BZIP2),
        refusal="packed in a way",
    ),
    _archive(
        "LZMA within",
        lambda: pack({"a.bmp": encode(GREY, "BMP")}, zipfile.ZIP_LZMA),
        refusal="packed in a way",
    ),
    _archive(
        "a member that unpacks to 1,000 times its size",
        lambda: pack({"a.bmp": bytes(2**22)}, zipfile.ZIP_DEFLATED),
        refusal="more than 100 times",
    ),
    _archive("empty", lambda: pack({}), refusal="holds no pictures"),
    _archive("cut off", lambda: pack({"a.png": PICTURE})[:-30], refusal="damaged ZIP archive"),
    _archive(
        "a damaged member",
        lambda: pack({"a.png": PICTURE}).replace(b"IDAT", b"IDAX", 1),
        refusal="cannot be unpacked",
    ),
]
