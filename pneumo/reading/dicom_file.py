"""The bytes of a DICOM file -> the elements that a picture needs (PS3.10, PS3.5 section 7).

Nothing in `_TAGS` names a person; pydicom skips everything else. The age is there for a warning:
neither message nor note has it. Deflated files are inflated here,
within a limit, and a transfer syntax that cannot be decoded is refused before anything is read.
"""

import io
import zlib
from typing import TYPE_CHECKING, NamedTuple

from pneumo.errors import RadiographError
from pneumo.reading.limits import MAX_ELEMENT, MAX_ITEMS

if TYPE_CHECKING:
    from pydicom.dataset import Dataset
    from pydicom.uid import UID

_TAGS = (
    *("SOPClassUID", "Modality", "ViewPosition", "PatientAge", "PatientBirthDate"),
    *("AcquisitionDate", "ContentDate", "SeriesDate", "StudyDate"),
    *("NumberOfFrames", "Rows", "Columns"),
    *("SamplesPerPixel", "PhotometricInterpretation", "PlanarConfiguration", "BitsAllocated"),
    *("BitsStored", "PixelRepresentation", "PixelPaddingValue", "PixelPaddingRangeLimit"),
    *("ModalityLUTSequence", "RescaleSlope", "RescaleIntercept"),
    *("VOILUTSequence", "WindowCenter", "WindowWidth", "VOILUTFunction"),
    *("PixelSpacing", "ImagerPixelSpacing", "NominalScannedPixelSpacing", "PixelAspectRatio"),
    *(
        f"{colour}PaletteColorLookupTable{part}"
        for colour in ("Red", "Green", "Blue")
        for part in ("Descriptor", "Data")
    ),
    "PixelData",
)
_PIXEL_DATA = 0x7FE00010
_DICOMDIR = "1.2.840.10008.1.3.10"
_IMPLICIT, _EXPLICIT, _BIG_ENDIAN = (f"1.2.840.10008.1.2{end}" for end in ("", ".1", ".2"))

PREFIX_END = 132
"""First bytes of a file that `has_prefix` looks at."""


def has_prefix(head: bytes) -> bool:
    """Tells DICOM by the prefix that every file on a disc has to have (PS3.10 section 7.1)."""
    return head[128:PREFIX_END] == b"DICM"


def is_dicom(data: bytes) -> bool:
    """Tells DICOM by its content: the prefix, or without it a first element of group 2 or 8."""
    return has_prefix(data) or _guess_syntax(data) is not None


def _guess_syntax(data: bytes) -> str | None:
    """Returns the native transfer syntax whose first element of group 2 or 8 `data` begins with."""
    is_vr = data[4:6].isalpha() and data[4:6].isupper()
    if data[:2] in (b"\x02\x00", b"\x08\x00") and data[3:4] in (b"\x00", b"\x01"):
        length = int.from_bytes(data[4:8], "little")
        if is_vr:
            return _EXPLICIT
        return _IMPLICIT if length <= 64 and length % 2 == 0 and len(data) > 8 + length else None
    return _BIG_ENDIAN if data[:3] == b"\x00\x08\x00" and is_vr else None


def parse_dicom(data: bytes, max_inflated: int) -> "Dataset":
    """Reads the elements of a picture.

    Not by `dcmread`, which inflates a deflated file whole, whatever its size (PS3.5 A.5).

    Args:
        data: The file; `is_dicom` is true of it.
        max_inflated: Most bytes that a deflated file may become.

    Returns:
        pydicom's `Dataset` of those `_TAGS` that are there and not empty, with the transfer syntax
        of its pixels in `file_meta`.

    Raises:
        RadiographError: A DICOMDIR, incomplete, or in a coding that cannot be decoded here.
    """
    from pydicom.dataset import FileMetaDataset
    from pydicom.filereader import read_dataset
    from pydicom.tag import Tag
    from pydicom.uid import DeflatedExplicitVRLittleEndian, ExplicitVRLittleEndian

    file, syntax, is_list = read_meta(data)
    if is_list:
        raise RadiographError(
            "is a DICOMDIR, the list of a disc's files. Open the radiographs themselves."
        )
    if syntax == DeflatedExplicitVRLittleEndian:
        data, syntax = _inflate(data[file.tell() :], max_inflated), ExplicitVRLittleEndian
        file = io.BytesIO(data)
    _require_decoder(syntax)
    _check_items(data)
    dataset = read_dataset(
        file,
        is_implicit_VR=syntax.is_implicit_VR,
        is_little_endian=syntax.is_little_endian,
        specific_tags=[Tag(tag) for tag in _TAGS],
    )
    if not dataset:
        raise RadiographError(
            "is damaged or incomplete: no picture's elements are found. Export it again."
        )
    _check_elements(dataset)
    for element in list(dataset):
        if element.is_empty:
            del dataset[element.tag]
    dataset.file_meta = FileMetaDataset()
    dataset.file_meta.TransferSyntaxUID = syntax
    return dataset


class Meta(NamedTuple):
    """What a file says of itself before its elements begin.

    Attributes:
        file: The whole of it, to be read on from there.
        syntax: Transfer syntax of the elements, a guess by the first where none is told.
        is_list: Whether it is a DICOMDIR.
    """

    file: io.BytesIO
    syntax: "UID"
    is_list: bool


def read_meta(data: bytes) -> Meta:
    """Reads the file meta information, if there is any (PS3.10 section 7.1)."""
    from pydicom.filereader import read_dataset
    from pydicom.tag import Tag
    from pydicom.uid import UID

    file = io.BytesIO(data)
    file.seek(PREFIX_END if has_prefix(data) else 0)
    meta = read_dataset(
        file,
        is_implicit_VR=False,
        is_little_endian=True,
        stop_when=lambda tag, vr, length: tag >> 16 != 2,
        specific_tags=[Tag("MediaStorageSOPClassUID"), Tag("TransferSyntaxUID")],
    )
    start = file.tell()
    syntax = meta.get("TransferSyntaxUID") or _guess_syntax(data[start : start + 80]) or _IMPLICIT
    return Meta(file, UID(syntax), meta.get("MediaStorageSOPClassUID") == _DICOMDIR)


def _inflate(data: bytes, limit: int) -> bytes:
    """Inflates at most `limit` bytes."""
    inflater = zlib.decompressobj(-zlib.MAX_WBITS)
    inflated = inflater.decompress(data, limit + 1)
    if len(inflated) > limit:
        raise RadiographError(
            f"inflates to more than {limit // 2**20} MiB: no radiograph is that large. "
            "Save it uncompressed if it is one."
        )
    if not inflater.eof:
        raise RadiographError("is incomplete: its deflated data end early. Export it again.")
    return inflated


def _check_items(data: bytes) -> None:
    """Counts the tags of items (PS3.5 7.5) in either order of bytes; among pixels they are rare."""
    if data.count(b"\xfe\xff\x00\xe0") + data.count(b"\xff\xfe\xe0\x00") > MAX_ITEMS:
        raise RadiographError(
            f"has more than {MAX_ITEMS:,} items in its sequences, as no radiograph has. "
            "Export it again."
        )


def _check_elements(dataset: "Dataset") -> None:
    """Refuses a long element before its values are looked at; pydicom converts them then."""
    for tag in dataset.keys():  # noqa: SIM118, PERF102 - values() would convert them
        value = dataset.get_item(tag).value
        if isinstance(value, bytes):
            if len(value) > MAX_ELEMENT and tag != _PIXEL_DATA:
                raise RadiographError(
                    f"has an element of {len(value):,} bytes beside its pixels; at most "
                    f"{MAX_ELEMENT:,} are read. Export it again."
                )
        elif isinstance(value, list):
            for item in value:
                _check_elements(item)


def _require_decoder(syntax: "UID") -> None:
    """Refuses a transfer syntax (PS3.5 section 10) that no installed package decodes."""
    from pydicom.pixels import get_decoder

    try:
        known = get_decoder(syntax).is_available
    except NotImplementedError:
        known = False
    if not known:
        # Only registered names and digits are shown: a UID may be any text in a hostile file.
        number = str(syntax) if str(syntax).replace(".", "").isdigit() else "not a UID"
        label = number if syntax.name == str(syntax) else f"{syntax.name} ({number})"
        raise RadiographError(
            f"is coded in the transfer syntax {label}, which is not decoded here. "
            "Save it uncompressed, or as JPEG, JPEG-LS, JPEG 2000 or RLE."
        )
