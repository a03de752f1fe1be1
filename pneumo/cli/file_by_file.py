"""Files one after the other: rows kept and told as soon as they are known, until told to stop."""

import threading
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import Future
from pathlib import Path

from pneumo.cli.outputs import Outputs, Scored
from pneumo.cli.scoring import OpenedFile, RemoteFile, Scorer
from pneumo.cli.stopping import Stop
from pneumo.cli.terminal import complain, say
from pneumo.export.rows import Row, escape_controls
from pneumo.network.triage import REFUSED
from pneumo.progress import Progress, follow, unseen


def predict_files(
    files: Sequence[Path | RemoteFile],
    scorer: Scorer,
    outputs: Outputs,
    stop: Stop,
    *,
    done: Iterable[Scored] = (),
    progress: Progress = unseen,
) -> int:
    """Scores files one after the other, and keeps and tells each row as soon as it is known.

    The next file is read while the network is busy with the one before it.

    Args:
        files: To be scored, in the order of the rows.
        scorer: Makes the rows.
        outputs: Where they go; written whole however this ends, by an exception too.
        stop: Ends the work after the file at hand.
        done: What an unfinished run has done already.
        progress: Called before each file that is not done already.

    Returns:
        The exit status: 0, 1 if a file was refused or failed, or that of the signal.
    """
    counts: Counter[str] = Counter()
    wanted = {}
    for file in files:
        wanted[str(file), counts[str(file)]] = file
        counts[str(file)] += 1
    known = {entry.key: entry for entry in done}
    left = [(key, file) for key, file in wanted.items() if key not in known]
    stop.patient = True
    try:
        ahead = _open_ahead(scorer, [file for _, file in left])
        for key, _ in follow(left, progress):
            if stop.signal:
                break
            known[key] = entry = scorer.score(next(ahead), key[1])
            outputs.add(entry)
            tell(entry.row)
    except KeyboardInterrupt:
        pass  # asked twice: what is at hand is given up
    finally:
        order = [key for key in known if key not in wanted] + [
            key for key in wanted if key in known
        ]
        rows = [known[key].row for key in order]
        complete = known.keys() >= wanted.keys()
        if rows:
            outputs.finish(rows, complete)
    if not complete:
        complain(_describe_stop(len(rows), len(known.keys() | wanted.keys()), outputs))
        return stop.status
    return int(any(row.p_pneumonia is None for row in rows))


def _open_ahead(scorer: Scorer, files: Sequence[Path | RemoteFile]) -> Iterator[OpenedFile]:
    """Opens files in their order, each while the one before it is in use."""
    rest = iter(files)
    following = _begin_to_open(scorer, next(rest)) if files else None
    while following:
        opened = following.result()
        following = next((_begin_to_open(scorer, file) for file in rest), None)
        yield opened


def _begin_to_open(scorer: Scorer, file: Path | RemoteFile) -> Future[OpenedFile]:
    """Opens a file in a thread of its own, which nobody who gives up has to wait for."""
    future: Future[OpenedFile] = Future()

    def work() -> None:
        try:
            future.set_result(scorer.open(file))
        except BaseException as error:  # for whoever asks for the result
            future.set_exception(error)

    threading.Thread(target=work, daemon=True, name="reading").start()
    return future


def tell(row: Row) -> None:
    """Prints the line of one file: a verdict to the standard output, all else to the error."""
    if row.error:
        complain(row.error)
    elif row.verdict == REFUSED:
        complain(f"{row.path} is refused. {row.findings}")
    else:
        doubt = f"Uncertain. {row.uncertain} " if row.uncertain else ""
        path = escape_controls(row.path)  # its tabs too: they part the columns
        line = f"{path}\t{row.p_pneumonia:.4f}\t{row.verdict}\t{doubt}{row.findings}"
        say(line.rstrip())


def _describe_stop(done: int, total: int, outputs: Outputs) -> str:
    text = f"pneumo: interrupted after {done} of {total} files."
    if done and str(outputs):
        text += f" Their rows are in {outputs}"
        text += ", and --resume goes on from there." if outputs.resumable else "."
    return text
