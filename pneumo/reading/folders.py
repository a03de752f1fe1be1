"""Folders -> the radiographs below them, by name; DICOM, which often has no suffix, by content."""

import os
from collections.abc import Iterable, Iterator
from pathlib import Path, PurePath

from pneumo.errors import RadiographError
from pneumo.reading.dicom_file import PREFIX_END, has_prefix
from pneumo.reading.radiograph import SUFFIXES

KINDS = f"{', '.join(SUFFIXES)}, or DICOM by any name"
"""What is searched for, in words."""


def is_hidden(path: PurePath) -> bool:
    """Tells what systems add to folders.

    That is names with a dot before, among them macOS's `._x.png`, its folder in archives, and the
    list of a disc's files (PS3.10 section 8.6).
    """
    added = any(part.startswith((".", "__MACOSX")) for part in path.parts if part != "..")
    return added or path.name.upper() == "DICOMDIR"


def find_files(paths: Iterable[Path]) -> Iterator[Path]:
    """Lists files as given, and in the place of a folder the radiographs below it.

    Raises:
        RadiographError: A folder holds none.
    """
    for path in paths:
        if not path.is_dir():
            yield path
            continue
        inside = find_radiographs(path)
        if not inside:
            raise RadiographError(f"{path} holds no pictures ({KINDS}).")
        yield from inside


def stem_of(path: Path) -> str:
    """Returns a file's name without its suffix; of `1.2.840.113.7` the 7 is none."""
    return path.stem if path.suffix.lower() in SUFFIXES else path.name


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
