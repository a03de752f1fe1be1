"""Where results are to go: found out before the work whether they can, and written whole after."""

import errno
import os
import tempfile
from collections.abc import Iterable, Mapping
from pathlib import Path

from pneumo.errors import OutputError
from pneumo.files import atomic_write


def check_output(path: Path | None, option: str) -> None:
    """Finds out before hours of work whether a file can be written.

    Raises:
        OutputError: It can't, with the reason.
    """
    if path is None or is_device(path):
        return
    if path.is_dir():
        raise OutputError(f"{option} {path} is a folder. Name a file in it.")
    try:
        path.stat()
    except OSError as error:
        if error.errno == errno.ELOOP:
            message = f"{option} {path} is a link that leads back to itself."
            raise OutputError(message) from error
    target = path.resolve()
    if not target.parent.is_dir():
        raise OutputError(f"{option} {path}: there is no folder {target.parent}. Make it first.")
    try:
        # By the user whose rights count, who may be another than the one that started the program.
        effective = os.access in os.supports_effective_ids
        if target.exists() and not os.access(target, os.W_OK, effective_ids=effective):
            raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))
        with tempfile.TemporaryFile(dir=target.parent):
            pass
    except OSError as error:
        raise OutputError(f"{option} {path} cannot be written: {error.strerror}.") from error


def check_folder(path: Path | None, option: str) -> None:
    """Makes a folder for outputs, if it is not there, and finds out whether it takes files.

    Raises:
        OutputError: It doesn't, with the reason.
    """
    if path is None:
        return
    try:
        path.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=path):
            pass
    except OSError as error:
        raise OutputError(f"{option} {path} cannot be written to: {error.strerror}.") from error


def check_apart(
    outputs: Mapping[str, Path | None], heatmaps: Path | None, inputs: Iterable[Path]
) -> None:
    """Refuses outputs that would overwrite each other, or a radiograph.

    Args:
        outputs: Option -> the file that it names, if it does.
        heatmaps: Folder for the overlays, if there is one.
        inputs: Radiographs.

    Raises:
        OutputError: Two are one file.
    """
    taken = {resolve(path): path for path in inputs}
    named: dict[Path, str] = {}
    for option, path in outputs.items():
        if path is None:
            continue
        if resolve(path) in taken:
            raise OutputError(f"{option} {path} would overwrite the radiograph. Name another file.")
        if other := named.get(resolve(path)):
            raise OutputError(
                f"{other} and {option} both name {path}. Give each a file of its own."
            )
        named[resolve(path)] = option
    beside = {path.parent for path in taken if path.suffix.lower() == ".png"}
    if heatmaps is not None and resolve(heatmaps) in beside:
        raise OutputError(
            f"--heatmaps {heatmaps} holds radiographs that overlays would overwrite. Name a folder "
            "of its own."
        )


def resolve(path: Path) -> Path:
    """Returns where a path leads; of a link to itself, which `Path.resolve` refuses, the link."""
    return Path(os.path.realpath(path))


def is_device(path: Path) -> bool:
    """Tells a terminal, a pipe or /dev/null, which is written to and not replaced."""
    return path.exists() and not path.is_file() and not path.is_dir()


def write_whole(path: Path, content: str | bytes) -> None:
    """Writes bytes, or a text as UTF-8, in one step; a link stays one, its file is replaced."""
    data = content.encode() if isinstance(content, str) else content
    if is_device(path):
        path.write_bytes(data)
        return
    with atomic_write(path.resolve()) as draft:
        draft.write_bytes(data)
