"""The folder of Parquet that a job on Ray writes: what is in it, what is missing, what is cut off.

Ray names its files `{data set}_{job}_{task}-{number}.parquet`.
"""

import re
from collections.abc import Iterable
from pathlib import PurePosixPath
from typing import Any

from pneumo.errors import OutputError
from pneumo.export.rows import FAILED, escape_text, parquet_schema
from pneumo.network.card import read_card
from pneumo.network.weights_files import CARD_NAME, WEIGHTS_FOLDER

_NAME_BY_RAY = re.compile(r"(\w+_)?[0-9a-f]{32}_\d{6}-\d+\.parquet")
"""Of a file that a job writes: `{data set}_{job}_{task}-{number}.parquet`."""


def store_of(output: str) -> tuple[Any, str]:
    """Returns the file system of fsspec that holds a folder, and the folder's path in it.

    Raises:
        OutputError: There is none that all workers could write to.
    """
    from fsspec.core import url_to_fs
    from fsspec.implementations.memory import MemoryFileSystem

    try:
        system, path = url_to_fs(output)
    except Exception as error:  # every kind of store has errors of its own
        raise _no_entry(output, error) from error
    if isinstance(system, MemoryFileSystem):
        raise OutputError(
            f"--parquet {output} is the memory of one process, and gone with it. Name a folder "
            "here, or an address that all workers can write to."
        )
    return system, str(path)


def _no_entry(output: str, error: Exception) -> OutputError:
    return OutputError(
        f"--parquet {output} cannot be looked into ({type(error).__name__}: {error}). Name a "
        "folder here, or an address whose package is installed and whose store lets you in."
    )


def _open_rows(output: str) -> Any:
    """Returns the dataset of what a folder holds; None if there is no folder yet.

    Raises:
        OutputError: The place cannot be looked into.
    """
    from pyarrow import dataset

    system, path = store_of(output)
    try:
        is_empty = not system.exists(path) or not system.find(path)
    except Exception as error:  # every kind of store has errors of its own
        raise _no_entry(output, error) from error
    if is_empty:
        return None
    return dataset.dataset(path, filesystem=system, format="parquet", schema=parquet_schema())


def _read_rows(rows: Any, output: str, **what: Any) -> Any:
    """Returns a table of what was opened; raises `OutputError` if that is something else."""
    from pyarrow import ArrowException

    try:
        return rows.to_table(**what)
    except ArrowException as error:
        raise OutputError(
            f"--parquet {output} holds something other than whole rows ({error}). Name another "
            "folder, or take that out of this one."
        ) from error


def require_empty(output: str) -> set[str]:
    """Returns that nothing is done.

    Raises:
        OutputError: The folder holds something.
    """
    if _open_rows(output) is not None:
        raise OutputError(
            f"--parquet {output} holds something already. Name another folder, or go on with the "
            "rows in it by --resume."
        )
    return set()


def read_done(output: str, threshold: float | None, stability: bool, precision: str) -> set[str]:
    """Returns the files whose rows are there, but for those that failed.

    Args:
        output: See `predict_on_ray`.
        threshold: See `Worker`.
        stability: See `Worker`.
        precision: See `load_classifier`.

    Raises:
        OutputError: The rows are of other settings, or the folder cannot be read or holds something
            else than rows.
    """
    from pyarrow import compute

    rows = _open_rows(output)
    if rows is None:
        return set()
    card = read_card(WEIGHTS_FOLDER / CARD_NAME)
    settings = {
        "threshold": card.default.threshold if threshold is None else threshold,
        "weights_sha256": card.weights_sha256,
        "precision": precision,
    }
    columns = ["path", "verdict", "p_pneumonia", "p_low", *settings]
    there = _read_rows(rows, output, columns=columns)
    differ = [name for name, value in settings.items() if _has_other(there[name], value)]
    answered = there.filter(compute.is_valid(there["p_pneumonia"]))
    if _has_other(compute.is_valid(answered["p_low"]), stability):
        differ.append("stability")
    if differ:
        raise OutputError(
            f"The unfinished run in {output} had other settings ({', '.join(differ)}). Use the "
            "same settings, or begin anew in another folder."
        )
    return set(there.filter(compute.field("verdict") != FAILED)["path"].to_pylist())


def forget_cut_files(output: str) -> None:
    """Takes away what a job that was killed has not written to the end; its rows are done again.

    Args:
        output: See `predict_on_ray`.

    Raises:
        OutputError: The folder cannot be looked into.
    """
    from pyarrow import ArrowException

    rows = _open_rows(output)
    if rows is None:
        return
    try:
        rows.count_rows()  # of many files at a time; one by one they are asked only if one is odd
    except ArrowException:
        system, _ = store_of(output)
        for place in rows.files:
            if _NAME_BY_RAY.fullmatch(PurePosixPath(place).name) and _is_cut(system, place):
                system.rm_file(place)


def _is_cut(system: Any, place: str) -> bool:
    """Tells whether a file lacks the end by which Parquet is read, and which is written last."""
    from pyarrow import ArrowException, parquet

    with system.open(place, "rb") as file:
        try:
            parquet.read_metadata(file)
        except ArrowException:
            return True
    return False


def _has_other(column: Any, value: object) -> bool:
    return any(found != value for found in column.unique().to_pylist())


def forget_failures(output: str, names: Iterable[str]) -> None:
    """Takes away the rows of files that are tried again, so that none has two.

    Each file of Parquet is replaced in one step: whatever ends this, no other row is lost.

    Args:
        output: See `predict_on_ray`.
        names: Files that have no row, or one that says that they failed.

    Raises:
        OutputError: The folder cannot be read, or holds something other than rows.
    """
    import pyarrow
    from pyarrow import compute, parquet

    rows = _open_rows(output)
    if rows is None:
        return
    is_failed = compute.field("verdict") == FAILED
    failed = _read_rows(rows, output, columns=["path", "__filename"], filter=is_failed)
    again = set(failed["path"].to_pylist()) & {escape_text(name) for name in names}
    is_tried_again = compute.field("path").isin(pyarrow.array(again, pyarrow.string()))
    system, _ = store_of(output)
    for place in failed.filter(is_tried_again)["__filename"].unique().to_pylist():
        with system.open(place, "rb") as file:
            table = parquet.read_table(file)
        kept = table.filter(~is_tried_again)
        if not kept.num_rows:
            system.rm_file(place)
            continue
        draft = str(PurePosixPath(place).with_name("_" + PurePosixPath(place).name))
        with system.open(draft, "wb") as file:  # which is passed over by whoever reads the folder
            parquet.write_table(kept, file)
        system.mv(draft, place)


def status_of(output: str, names: Iterable[str] = ()) -> int:
    """Returns the exit status of a job that is done.

    Raises:
        OutputError: Not every one of the files has its row where this process can see it.
    """
    rows = _open_rows(output)
    paths, failed = [], 0
    if rows is not None:
        table = _read_rows(rows, output, columns=["path", "p_pneumonia"])
        paths, failed = table["path"].to_pylist(), table["p_pneumonia"].null_count
    missing = {escape_text(name) for name in names}.difference(paths)
    if missing:
        raise OutputError(
            f"The rows of {len(missing)} files are not in {output}, {min(missing)} for one. All "
            "machines of a cluster must write to one place: name a shared folder, or an address."
        )
    return int(failed > 0)
