"""A ZIP archive -> the pictures in it, within bounds that are checked before memory is spent."""

import io
import zipfile
from collections.abc import Iterator
from itertools import islice
from pathlib import PurePosixPath

from pneumo.errors import RadiographError
from pneumo.reading.dicom_file import PREFIX_END, has_prefix
from pneumo.reading.folders import READABLE, is_hidden
from pneumo.reading.limits import MAX_BYTES, MAX_MEMBERS, MAX_RATIO, MAX_TOTAL_BYTES
from pneumo.reading.radiograph import SUFFIXES, naming

_METHODS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)
"""LZMA may ask for gigabytes in its first bytes, and radiographs are not packed by it."""


def is_archive(data: bytes) -> bool:
    """Tells a ZIP archive by its content."""
    return data.startswith((b"PK\x03\x04", b"PK\x05\x06"))


def list_pictures(data: bytes, name: str) -> list[str]:
    """Lists the pictures of an archive, in its order, after checking that it is harmless.

    Folders are gone through; what has no picture's name and does not begin as DICOM is passed
    over, as are archives inside and what is hidden. A member's name is only ever shown, never used
    as a path.

    Args:
        data: The archive.
        name: Its name, for messages.

    Returns:
        Names within the archive; `unpack_picture` knows them by their place in this list.

    Raises:
        RadiographError: No sound archive, too many members or bytes, encrypted, packed in a way
            that is not read, or no picture.
    """
    with naming(name):
        return [member.filename for member in _accepted(data)]


def _accepted(data: bytes) -> list[zipfile.ZipInfo]:
    # Counted by their marks before `zipfile` makes an object of each, about 1 kB of memory.
    number = data.count(b"PK\x01\x02")
    if number > MAX_MEMBERS:
        raise RadiographError(
            f"has {number:,} members; at most {MAX_MEMBERS:,} are read. Split it."
        )
    with _open(data) as archive:
        pictures = list(_pictures(archive))
        members = archive.infolist()
    if any(map(_is_encrypted, pictures or members)):
        raise RadiographError("is encrypted. Unpack it and drop the radiographs.")
    if not pictures:
        raise RadiographError(f"holds no pictures ({READABLE}). Pack the radiographs themselves.")
    if sum(member.file_size for member in pictures) > MAX_TOTAL_BYTES:
        raise RadiographError(f"unpacks to more than {MAX_TOTAL_BYTES // 2**20} MiB. Split it.")
    for member in pictures:
        if member.compress_type not in _METHODS:
            raise RadiographError(
                "is packed in a way that is not read here; plain ZIP is (stored or deflated). "
                "Pack it again, or unpack it and drop the radiographs."
            )
        if member.file_size > MAX_RATIO * max(member.compress_size, 1) + 2**16:
            raise RadiographError(
                f"holds {member.filename}, which unpacks to more than {MAX_RATIO} times its size: "
                "no picture does, so the archive is not opened."
            )
    return pictures


def unpack_picture(data: bytes, name: str, place: int) -> bytes:
    """Unpacks one picture in memory.

    Args:
        data: The archive, which `list_pictures` has accepted.
        name: Its name, for messages.
        place: In that list.

    Returns:
        At most one byte more than `limits.MAX_BYTES`: enough for the decoder to refuse it.

    Raises:
        RadiographError: The member is damaged.
    """
    with naming(name), _open(data) as archive:
        member = next(islice(_pictures(archive), place, None))
        try:
            with archive.open(member) as file:
                return file.read(MAX_BYTES + 1)  # the size that the archive states may be a lie
        except Exception as error:  # BadZipFile, zlib.error, EOFError, NotImplementedError ...
            raise RadiographError(
                f"holds {member.filename}, which cannot be unpacked ({error}). Pack it again."
            ) from error


def _open(data: bytes) -> zipfile.ZipFile:
    try:
        return zipfile.ZipFile(io.BytesIO(data))
    except Exception as error:  # BadZipFile, ValueError, struct.error ...
        raise RadiographError(f"is a damaged ZIP archive ({error}). Pack it again.") from error


def _is_encrypted(member: zipfile.ZipInfo) -> bool:
    return bool(member.flag_bits & 1)


def _pictures(archive: zipfile.ZipFile) -> Iterator[zipfile.ZipInfo]:
    """Yields the members that are pictures by their names, or DICOM by their first bytes."""
    for member in archive.infolist():
        path = PurePosixPath(member.filename.replace("\\", "/"))
        if member.is_dir() or is_hidden(path):
            continue
        if path.suffix.lower() in SUFFIXES or _begins_as_dicom(archive, member):
            yield member


def _begins_as_dicom(archive: zipfile.ZipFile, member: zipfile.ZipInfo) -> bool:
    if _is_encrypted(member) or member.compress_type not in _METHODS:
        return False
    try:
        with archive.open(member) as file:
            return has_prefix(file.read(PREFIX_END))
    except Exception:  # see `unpack_picture`; nothing says that it is a picture
        return False
