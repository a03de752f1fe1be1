"""A ZIP archive -> the pictures in it, within bounds that are checked before memory is spent."""

import io
import zipfile
from pathlib import PurePosixPath

from pneumo.errors import RadiographError
from pneumo.limits import MAX_BYTES, MAX_MEMBERS, MAX_RATIO, MAX_TOTAL_BYTES
from pneumo.radiograph import SUFFIXES

_METHODS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)
"""LZMA may ask for gigabytes in its first bytes, and radiographs are not packed by it."""


def is_archive(data: bytes) -> bool:
    """Tells a ZIP archive by its content."""
    return data.startswith((b"PK\x03\x04", b"PK\x05\x06"))


def list_pictures(data: bytes, name: str) -> list[str]:
    """Lists the pictures of an archive, in its order, after checking that it is harmless.

    Folders are gone through; what has no picture's name is passed over, as are archives inside
    and what macOS adds. A member's name is only ever shown, never used as a path.

    Args:
        data: The archive.
        name: Its name, for messages.

    Returns:
        Names within the archive; `unpack_picture` knows them by their place in this list.

    Raises:
        RadiographError: No sound archive, too many members or bytes, encrypted, packed in a way
            that is not read, or no picture.
    """
    # Counted by their marks before `zipfile` makes an object of each, about 1 kB of memory.
    number = data.count(b"PK\x01\x02")
    if number > MAX_MEMBERS:
        raise RadiographError(
            f"{name} has {number:,} members; at most {MAX_MEMBERS:,} are read. Split it."
        )
    with _open(data, name) as archive:
        members = archive.infolist()
    pictures = [member for member in members if _is_picture(member)]
    if not pictures:
        raise RadiographError(
            f"{name} holds no pictures ({', '.join(SUFFIXES)}). Pack the radiographs themselves."
        )
    if sum(member.file_size for member in pictures) > MAX_TOTAL_BYTES:
        raise RadiographError(
            f"{name} unpacks to more than {MAX_TOTAL_BYTES // 2**20} MiB. Split it."
        )
    for member in pictures:
        if member.flag_bits & 1:
            raise RadiographError(f"{name} is encrypted. Unpack it and drop the radiographs.")
        if member.compress_type not in _METHODS:
            raise RadiographError(
                f"{name} is packed in a way that is not read here; plain ZIP is (stored or "
                "deflated). Pack it again, or unpack it and drop the radiographs."
            )
        if member.file_size > MAX_RATIO * max(member.compress_size, 1) + 2**16:
            raise RadiographError(
                f"{name} holds {member.filename}, which unpacks to more than {MAX_RATIO} times "
                "its size: no picture does, so the archive is not opened."
            )
    return [member.filename for member in pictures]


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
    with _open(data, name) as archive:
        member = [member for member in archive.infolist() if _is_picture(member)][place]
        try:
            with archive.open(member) as file:
                return file.read(MAX_BYTES + 1)  # the size that the archive states may be a lie
        except Exception as error:  # BadZipFile, zlib.error, EOFError, NotImplementedError ...
            raise RadiographError(
                f"{member.filename} in {name} cannot be unpacked ({error}). Pack it again."
            ) from error


def _open(data: bytes, name: str) -> zipfile.ZipFile:
    try:
        return zipfile.ZipFile(io.BytesIO(data))
    except Exception as error:  # BadZipFile, ValueError, struct.error ...
        raise RadiographError(
            f"{name} is a damaged ZIP archive ({error}). Pack it again."
        ) from error


def _is_picture(member: zipfile.ZipInfo) -> bool:
    path = PurePosixPath(member.filename.replace("\\", "/"))
    hidden = any(part.startswith((".", "__MACOSX")) for part in path.parts if part != "..")
    return not member.is_dir() and not hidden and path.suffix.lower() in SUFFIXES
