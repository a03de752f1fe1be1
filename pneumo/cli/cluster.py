"""`predict --engine ray`: the same rows from many processes, on this machine or on a cluster.

Ray Data (Moritz et al. 2018, https://arxiv.org/abs/1712.05889) hands files to workers, each with
the networks in its memory; rows go to Parquet as soon as a block of them is done, and are never in
one place. A worker that dies is started again, and its files are done again.
"""

import logging
import re
import socket
from collections.abc import Iterable, Iterator
from dataclasses import replace
from functools import partial
from pathlib import Path, PurePosixPath
from typing import Any

import numpy as np

from pneumo.cli.scoring import RemoteFile, Scorer
from pneumo.cli.stopping import keep_heeding
from pneumo.errors import OutputError, RadiographError
from pneumo.export.rows import (
    FAILED,
    Row,
    escape_controls,
    escape_text,
    parquet_schema,
    row_of_failure,
    to_table,
)
from pneumo.inference import load_engine
from pneumo.network import openvino_runtime
from pneumo.network.card import read_card
from pneumo.network.weights_files import CARD_NAME, WEIGHTS_FOLDER
from pneumo.reading.folders import find_files, is_hidden, stem_of, suffix_of
from pneumo.reading.radiograph import SUFFIXES, check_length

FILES_A_BLOCK = 64
"""Files that are one worker's task: a block of rows, and a file of Parquet."""
_SECONDS = 10
_NAME_BY_RAY = re.compile(r"(\w+_)?[0-9a-f]{32}_\d{6}-\d+\.parquet")
"""Of a file that a job writes: `{data set}_{job}_{task}-{number}.parquet`."""


def is_url(name: str) -> bool:
    """Tells a place for fsspec, such as `s3://bucket/x-rays`, from a path."""
    return "://" in name


class Worker:
    """Scores files; one in each process of the cluster."""

    def __init__(
        self, threshold: float | None, stability: bool, given: tuple[str, ...], precision: str
    ) -> None:
        """Loads the networks.

        Args:
            threshold: Least P(PNEUMONIA) called PNEUMONIA; None for the model card's.
            stability: Whether small changes are tried too.
            given: Files and folders as the user named them; see `Scorer`.
            precision: See `load_classifier`.
        """
        openvino_runtime.use_threads(1)  # as many workers as processors
        engine = load_engine(precision=precision)
        least = engine.classifier.card.default.threshold if threshold is None else threshold
        self._scorer = Scorer(engine, least, stability, None, tuple(map(Path, given)))

    def __call__(self, batch: dict[str, np.ndarray]) -> Any:
        """Returns the rows of a batch of names, as a table of Arrow."""
        return to_table([self._score(str(name)) for name in batch["path"]])

    def _score(self, name: str) -> Row:
        try:
            return self._scorer.score(self._scorer.open(open_file(name)), 0).row
        except Exception as error:  # a job of a million files is not to end with one of them
            scorer = self._scorer
            weights = scorer.engine.classifier.card.weights_sha256
            cause = f"{name} cannot be scored ({type(error).__name__}: {error})."
            row = row_of_failure(name, cause, scorer.threshold, weights)
            return replace(row, precision=scorer.engine.classifier.precision)


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


def predict_on_ray(
    sources: list[str],
    output: str,
    *,
    address: str | None,
    workers: int | None,
    threshold: float | None,
    stability: bool,
    precision: str,
    resume: bool,
) -> int:
    """Scores files on Ray; writes a folder of Parquet.

    Args:
        sources: Paths and addresses of files and folders.
        output: Path or address of a folder for the rows.
        address: Of a Ray cluster; None to start one on this machine.
        workers: Processes; None for one a processor.
        threshold: See `Worker`.
        stability: See `Worker`.
        precision: See `load_classifier`.
        resume: Whether files whose rows are there already are left out; those that failed are tried
            again.

    Returns:
        1 if a file was refused or could not be read, else 0.

    Raises:
        OutputError: Ray is missing or cannot be reached, its workers cannot start, or the folder
            cannot be looked into, holds something else than rows, rows of other settings, or in
            the end not every row.
        RadiographError: There is nothing to score.
        WeightsError: This machine is to score and cannot; see `load_classifier`.
    """
    _require_ray()
    settings = threshold, stability, precision
    if resume:
        forget_cut_files(output)
    done = read_done(output, *settings) if resume else _require_empty(output)
    names = [name for name in list_files(sources) if escape_text(name) not in done]
    if not names:
        return _status(output)
    if address:
        _require_listener(address)
    else:  # in one line, before Ray is started and tells it as the traces of its own processes
        load_engine(precision=precision)
    _begin_ray(address, workers)
    worker = threshold, stability, tuple(sources), precision
    _score_on_ray(names, output, workers, worker)
    return _status(output, names)


def _require_ray() -> None:
    """Raises `OutputError` if Ray is missing, or too old."""
    try:
        from ray.data import SaveMode  # noqa: F401 - of all that is used here the newest
    except ImportError as error:
        raise OutputError("--engine ray needs Ray: pip install 'pneumo[scale]'") from error


def _begin_ray(address: str | None, workers: int | None) -> None:
    """Joins a cluster, or starts one on this machine; raises `OutputError` if it cannot."""
    import ray

    try:
        with keep_heeding():
            ray.init(
                address or "local",  # not whatever runs here by chance
                num_cpus=None if address else workers,
                include_dashboard=False,
                log_to_driver=False,
                logging_level=logging.ERROR,
            )
    except (ConnectionError, RuntimeError, ValueError, OSError) as error:
        raise OutputError(
            f"No Ray cluster can be used ({error}). If it asks for a token, as those begun by "
            "`ray start` do, put it into ~/.ray/auth_token and set RAY_AUTH_MODE=token."
        ) from error


def _score_on_ray(
    names: list[str], output: str, workers: int | None, worker: tuple[Any, ...]
) -> None:
    """Scores files on the cluster that was begun, adds their rows to the folder, and leaves it.

    Args:
        names: Paths and addresses of the files.
        output: See `predict_on_ray`.
        workers: See `predict_on_ray`.
        worker: What each `Worker` is made with.

    Raises:
        OutputError: Ray has given up.
    """
    import ray
    from ray.data import ActorPoolStrategy, DataContext, SaveMode
    from ray.exceptions import RayError

    try:
        system, place = _store_of(output)
        count = workers or max(1, int(ray.cluster_resources().get("CPU", 1)))
        context = DataContext.get_current()
        context.enable_progress_bars = False  # in its place Ray logs what it does
        context.actor_task_retry_on_errors = True
        blocks = -(-len(names) // FILES_A_BLOCK)
        files = ray.data.from_items(
            [{"path": name} for name in names], override_num_blocks=max(blocks, count)
        )
        rows = files.map_batches(
            Worker,
            batch_size=FILES_A_BLOCK,
            compute=ActorPoolStrategy(size=min(count, len(names))),
            num_cpus=1,
            fn_constructor_args=worker,
        )
        forget_failures(output, names)
        rows.write_parquet(
            place,
            filesystem=system,  # as it was looked into: Arrow, which Ray would ask, knows fewer
            mode=SaveMode.APPEND,
            # The workers hold every processor until the last file is scored. What asked for one
            # to write with would wait as long, and a job that is stopped leave no row.
            ray_remote_args={"num_cpus": 0},
        )
    except RayError as error:
        raise OutputError(
            f"Ray has given up ({type(error).__name__}: {_last_line(error)}). The rows that are "
            f"done are in {output}; --resume goes on from there."
        ) from error
    finally:
        ray.shutdown()


def _last_line(error: Exception) -> str:
    """Returns what went wrong, of an error that is told with the traces of other processes."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return escape_controls(lines[-1]) if lines else ""


def _require_listener(address: str) -> None:
    """Raises `OutputError` if nobody listens there, for which Ray would wait for ever."""
    host, _, port = address.removeprefix("ray://").rpartition(":")
    try:
        socket.create_connection((host, int(port)), _SECONDS).close()
    except (OSError, ValueError) as error:
        raise OutputError(
            f"No Ray cluster can be used at {address} ({error}). Give HOST:PORT of its head."
        ) from error


def _store_of(output: str) -> tuple[Any, str]:
    """Returns the file system of fsspec that holds a folder, and the folder's path in it.

    Raises:
        OutputError: There is none that all workers could write to.
    """
    from fsspec.core import url_to_fs
    from fsspec.implementations.memory import MemoryFileSystem

    try:
        system, path = url_to_fs(output)
    except Exception as error:  # as in `_list_store`
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

    system, path = _store_of(output)
    try:
        is_empty = not system.exists(path) or not system.find(path)
    except Exception as error:  # as in `_list_store`
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


def _require_empty(output: str) -> set[str]:
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
            f"The unfinished run in {output} had other settings ({', '.join(differ)}). Give it the "
            "same, or begin anew in another folder."
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
        system, _ = _store_of(output)
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
    system, _ = _store_of(output)
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


def _status(output: str, names: Iterable[str] = ()) -> int:
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
