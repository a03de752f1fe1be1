"""Radiographs by address, in whatever store fsspec knows, beside those by path."""

from collections.abc import Iterable, Iterator
from functools import partial
from pathlib import Path, PurePosixPath

from pneumo.cli.scoring import RemoteFile
from pneumo.errors import RadiographError
from pneumo.export.rows import escape_controls
from pneumo.reading.folders import find_files, is_hidden, stem_of, suffix_of
from pneumo.reading.radiograph import SUFFIXES, check_length


def is_url(name: str) -> bool:
    """Tells a place for fsspec, such as `s3://bucket/x-rays`, from a path."""
    return "://" in name


def open_file(name: str) -> Path | RemoteFile:
    """Returns a file by its path or its address, not read yet."""
    if not is_url(name):
        return Path(name)
    return RemoteFile(name, stem_of(Path(name)), partial(_fetch, name))


def _fetch(address: str) -> bytes:
    from fsspec.core import url_to_fs

    try:
        system, path = url_to_fs(address)
        size = system.size(path)
        if size is not None:
            check_length(size, address)  # before it is fetched
        data: bytes = system.cat_file(path)
    except RadiographError:
        raise
    except Exception as error:  # every kind of store has errors of its own
        cause = f"{address} cannot be fetched ({type(error).__name__})."
        raise RadiographError(cause) from error
    return data


def list_files(sources: Iterable[str]) -> Iterator[str]:
    """Lists paths and addresses of files, each once; in the place of a folder those below it.

    Of a store elsewhere nothing is opened to see what it is: files that end as pictures do are
    taken, and those without an ending or with a number for one, as DICOM often is.

    Raises:
        RadiographError: A folder holds none, a store cannot be asked, or an address leads into a
            file at another (`zip://::…`).
    """
    seen: set[str] = set()
    for source in sources:
        found = _list_store(source) if is_url(source) else map(str, find_files([Path(source)]))
        for name in found:
            if name in seen:
                continue
            seen.add(name)
            try:
                name.encode()
            except UnicodeEncodeError as error:
                raise RadiographError(
                    f"{escape_controls(name)} has a name that is not UTF-8. Rename it."
                ) from error
            yield name


def _list_store(address: str) -> list[str]:
    from fsspec.core import url_to_fs

    if "::" in address:
        raise RadiographError(f"{address} lies within another address, which is not followed.")
    try:
        system, top = url_to_fs(address)
        found = system.find(top)
    except Exception as error:  # as above; a missing package for the scheme is ImportError
        raise RadiographError(
            f"{address} cannot be listed ({type(error).__name__}: {error})."
        ) from error
    pictures = [
        path
        for path in found
        if path == top
        or (
            suffix_of(PurePosixPath(path)) in (*SUFFIXES, "")
            and not is_hidden(PurePosixPath(path.removeprefix(top).lstrip("/")))
        )
    ]
    if not pictures:
        raise RadiographError(f"{address} holds no pictures ({', '.join(SUFFIXES)}, or DICOM).")
    return [system.unstrip_protocol(path) for path in sorted(pictures)]
