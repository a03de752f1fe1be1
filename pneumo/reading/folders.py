"""Folders -> the radiographs below them, by name; DICOM, which often has no suffix, by content."""

import io
import os
from collections.abc import Callable, Iterable, Iterator
from functools import cache
from pathlib import Path, PurePath

from pneumo.errors import RadiographError
from pneumo.reading.dicom_file import PREFIX_END, has_prefix
from pneumo.reading.radiograph import SUFFIXES, read_bytes
from pneumo.reading.silence import silence

READABLE = f"{', '.join(SUFFIXES)}, or DICOM by any name"
"""What is searched for, in words."""

_DISC_LIST = "DICOMDIR"


def is_hidden(path: PurePath) -> bool:
    """Tells what systems add to folders.

    That is names with a dot before, among them macOS's `._x.png`, its folder in archives, and the
    list of a disc's files (PS3.10 section 8.6).
    """
    added = any(part.startswith((".", "__MACOSX")) for part in path.parts if part != "..")
    return added or _plain(path.name) == _DISC_LIST


def find_files(paths: Iterable[Path]) -> Iterator[Path]:
    """Lists files as given; in the place of a folder or a DICOMDIR the radiographs below it.

    Raises:
        RadiographError: A folder holds none, or a DICOMDIR cannot be read.
    """
    for path in paths:
        if _is_disc_list(path):
            yield from read_disc_list(path)
            continue
        if not path.is_dir():
            yield path
            continue
        inside = find_radiographs(path)
        if not inside:
            raise RadiographError(f"{path} holds no pictures ({READABLE}).")
        yield from inside


def _is_disc_list(path: Path) -> bool:
    return _plain(path.name) == _DISC_LIST and path.is_file()


def read_disc_list(path: Path) -> list[Path]:
    """Lists the pictures that a DICOMDIR names (PS3.3 F.3), in its order.

    Those that are not on the disc are listed all the same: whoever reads them learns it.

    Args:
        path: Of the DICOMDIR; the names in it are relative to its folder.

    Raises:
        RadiographError: It is none, or damaged, or names no pictures.
    """
    from pydicom import dcmread
    from pydicom.filereader import read_file_meta_info
    from pydicom.uid import ExplicitVRLittleEndian

    data = read_bytes(path, str(path))
    try:
        with silence():
            # PS3.10 section 8.6 allows no other; a deflated one could fill the memory.
            if read_file_meta_info(path).TransferSyntaxUID != ExplicitVRLittleEndian:
                raise ValueError
            records = dcmread(io.BytesIO(data)).DirectoryRecordSequence
            named = [
                [str(part) for part in _as_list(record.ReferencedFileID)]
                for record in records
                if record.get("DirectoryRecordType") == "IMAGE" and record.get("ReferencedFileID")
            ]
    except Exception as error:  # pydicom raises nearly any of damaged elements
        raise RadiographError(
            f"{path} is not a list of a disc's files, or is damaged ({type(error).__name__}). Name "
            "the folder instead."
        ) from error
    names_in = cache(_names_in)  # a disc may have thousands of files in one folder
    # The standard allows capitals, digits and underscores, and nothing that leads elsewhere.
    files = [_find_on_disc(path.parent, parts, names_in) for parts in named if _stay_below(parts)]
    if not files:
        raise RadiographError(f"{path} names no pictures. Name the folder instead.")
    return files


def _find_on_disc(
    folder: Path, parts: list[str], names_in: Callable[[Path], dict[str, str]]
) -> Path:
    """Follows the names of a DICOMDIR from a folder, whatever a system makes of capitals.

    Linux shows those of a disc in small letters, and may leave its `;1` on (ISO 9660).
    """
    place = folder
    for part in parts:
        names = names_in(place)
        place /= names.get(part) or names.get(_plain(part), part)
    return place


def _names_in(folder: Path) -> dict[str, str]:
    """Returns the names in a folder, by themselves and by how a DICOMDIR has them."""
    try:
        names = sorted(path.name for path in folder.iterdir())
    except OSError:  # whoever reads the file learns what is wrong
        return {}
    return {_plain(name): name for name in names} | {name: name for name in names}


def _plain(name: str) -> str:
    return name.upper().removesuffix(";1").removesuffix(".")


def _as_list(value: object) -> list[object]:
    return [value] if isinstance(value, str) else list(value)  # type: ignore[call-overload]


def _stay_below(parts: list[str]) -> bool:
    return not any(part in ("", ".", "..") or set(part) & set("/\\\0") for part in parts)


def stem_of(path: Path) -> str:
    """Returns a file's name without its suffix, if that is one of `SUFFIXES`."""
    return path.stem if suffix_of(path) in SUFFIXES else path.name


def suffix_of(path: PurePath) -> str:
    """Returns a file's suffix in small letters; empty if it has none: not 7 of `1.2.840.113.7`."""
    suffix = path.suffix.lower()
    return "" if suffix[1:].isdecimal() else suffix


def find_radiographs(folder: Path) -> list[Path]:
    """Lists what looks like a radiograph below a folder, sorted by path.

    Links are followed, but not in circles. What is hidden is passed over. A name that leads to no
    file, as of a broken link, is listed all the same, and so is a folder that may not be looked
    into: whoever reads them learns why, and nothing is lost in silence.
    """
    found: list[Path] = []
    _search(folder, (), found)
    return sorted(found)


def _search(folder: Path, above: tuple[tuple[int, int], ...], found: list[Path]) -> None:
    """Adds to `found`; `above` are device and number of the folders that led here."""
    try:
        status = folder.stat()
        inside = list(os.scandir(folder))
    except OSError:
        found.append(folder)
        return
    own = status.st_dev, status.st_ino
    if own in above:
        return
    for entry in inside:
        path = folder / entry.name
        if is_hidden(PurePath(entry.name)):
            continue
        if _is_folder(entry):
            _search(path, (*above, own), found)
        elif path.suffix.lower() in SUFFIXES or _begins_as_dicom(path):
            found.append(path)


def _is_folder(entry: os.DirEntry[str]) -> bool:
    try:
        return entry.is_dir()
    except OSError:  # a link to itself
        return False


def _begins_as_dicom(path: Path) -> bool:
    try:
        if not path.is_file():  # a pipe would be waited for
            return False
        with path.open("rb") as file:
            return has_prefix(file.read(PREFIX_END))
    except OSError:  # nothing says that it is a radiograph
        return False
