"""`predict --engine ray`: the same rows from many processes, on this machine or on a cluster.

Ray Data (Moritz et al. 2018, https://arxiv.org/abs/1712.05889) hands files to workers, each with
the networks in its memory; rows go to Parquet as soon as a block of them is done, and are never in
one place. A worker that dies is started again, and its files are done again.
"""

import logging
import socket
from pathlib import Path
from typing import Any

import numpy as np

from pneumo import __version__
from pneumo.cli.addresses import list_files, open_file
from pneumo.cli.parquet_folder import (
    forget_cut_files,
    forget_failures,
    read_done,
    require_empty,
    status_of,
    store_of,
)
from pneumo.cli.scoring import Scorer
from pneumo.cli.stopping import keep_heeding
from pneumo.errors import OutputError, PneumoError
from pneumo.export.rows import (
    Row,
    escape_controls,
    escape_text,
    row_of_failure,
    to_table,
)
from pneumo.inference import load_engine
from pneumo.network import openvino_runtime
from pneumo.network.card import read_card
from pneumo.network.weights_files import CARD_NAME, WEIGHTS_FOLDER

FILES_A_BLOCK = 64
"""Files that are one worker's task: a block of rows, and a file of Parquet."""
_SECONDS = 10


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
            precision = scorer.engine.classifier.precision
            return row_of_failure(name, cause, scorer.threshold, weights, precision=precision)


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
        OutputError: Ray is missing or cannot be reached, its workers cannot start or would answer
            otherwise than this machine; or the folder cannot be looked into, holds something else
            than rows, rows of other settings, or in the end not every row.
        RadiographError: There is nothing to score.
        WeightsError: This machine is to score and cannot; see `load_classifier`.
    """
    _require_ray()
    settings = threshold, stability, precision
    if resume:
        forget_cut_files(output)
    done = read_done(output, *settings) if resume else require_empty(output)
    names = [name for name in list_files(sources) if escape_text(name) not in done]
    if not names:
        return status_of(output)
    import ray

    if address:
        _require_listener(address)
    else:  # in one line, before Ray is started and tells it as the traces of its own processes
        load_engine(precision=precision)
    _begin_ray(address, workers)
    try:
        if address:
            _require_alike(precision)
        worker = threshold, stability, tuple(sources), precision
        _score_on_ray(names, output, workers, worker)
    finally:
        ray.shutdown()
    return status_of(output, names)


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


def _require_alike(precision: str) -> None:
    """Raises `OutputError` unless every machine of the cluster would answer as this one."""
    import ray
    from ray.exceptions import RayError
    from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

    nodes = [node for node in ray.nodes() if node["Alive"] and node["Resources"].get("CPU")]
    look = ray.remote(num_cpus=0)(_look_at_machine)
    asked = [
        look.options(
            scheduling_strategy=NodeAffinitySchedulingStrategy(node["NodeID"], soft=False)
        ).remote(precision)
        for node in nodes
    ]
    own = __version__, read_card(WEIGHTS_FOLDER / CARD_NAME).weights_sha256
    for node, answer in zip(nodes, asked, strict=True):
        where = f"The cluster's machine {node['NodeManagerHostname']} cannot score"
        try:
            version, weights, problem = ray.get(answer)
        except RayError as error:
            raise OutputError(f"{where} ({_last_line(error)}).") from error
        if problem:
            raise OutputError(f"{where}: {problem}")
        if (version, weights) != own:
            raise OutputError(
                f"{where} as this one does: pneumo {version} with weights {weights[:8]} there, "
                f"{own[0]} with {own[1][:8]} here. Install the same on all."
            )


def _look_at_machine(precision: str) -> tuple[str, str, str]:
    """Returns version and hash of the weights that are found here, and why they can't be used."""
    try:
        weights = load_engine(precision=precision).classifier.card.weights_sha256
    except PneumoError as error:
        return __version__, "", str(error)
    return __version__, weights, ""


def _score_on_ray(
    names: list[str], output: str, workers: int | None, worker: tuple[Any, ...]
) -> None:
    """Scores files on the cluster that was begun, and adds their rows to the folder.

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
        system, place = store_of(output)
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
