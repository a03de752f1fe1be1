"""Rows on their way to disk: kept as soon as they are known, whole files whenever the work ends."""

import contextlib
import json
from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TextIO

from pneumo.cli.writable import is_device, write_whole
from pneumo.errors import OutputError
from pneumo.export.rows import COLUMNS, FAILED, Row, to_csv, to_json, to_parquet
from pneumo.files import JsonObject
from pneumo.network.weights_files import sha256_of

JOURNAL_SUFFIX = ".unfinished"
"""Beside the CSV file, or the JSON file if there is none: a line of JSON for the settings of the
run, then one for each row. It goes when all files are done."""


@dataclass(frozen=True)
class Scored:
    """One file's row, and what tells whether it still holds.

    Attributes:
        path: The file, letter by letter as it was listed.
        number: How often this path was listed before, from 0: it may be named twice.
        row: Its row.
        sha256: Of the file that was read; empty if it could not be.
        stem: Of the names of its overlay and heatmap; empty if none was written.
    """

    path: str
    number: int
    row: Row
    sha256: str = ""
    stem: str = ""

    @property
    def key(self) -> tuple[str, int]:
        """What tells it from all others of a run."""
        return self.path, self.number

    @property
    def holds(self) -> bool:
        """Whether it need not be done again: what failed or has changed since does."""
        path = Path(self.path)
        if self.row.verdict == FAILED:
            return False
        if not path.exists():
            return True  # somebody took away what was done
        try:
            return path.is_file() and sha256_of(path) == self.sha256
        except OSError:
            return False


class Outputs:
    """The files of one run of `predict`.

    While it goes on, each row is in the journal and in the CSV file as soon as it is known. When
    it ends, however it does, CSV and JSON are written whole, in one step each.

    Args:
        csv: Where the rows go as CSV, if anywhere.
        json: Where they go as JSON, if anywhere.
        parquet: Where they go as Parquet, if anywhere.
    """

    def __init__(self, csv: Path | None, json: Path | None, parquet: Path | None = None) -> None:
        ways: tuple[tuple[Path | None, Callable[[list[Row]], str | bytes]], ...]
        ways = (csv, to_csv), (json, to_json), (parquet, to_parquet)
        self._texts = {path: write for path, write in ways if path is not None}
        self._csv = None if csv is None or is_device(csv) else csv.resolve()
        base = next((path.resolve() for path in self._texts if not is_device(path)), None)
        self._journal = base and base.with_name(base.name + JOURNAL_SUFFIX)
        self._open: list[TextIO] = []
        self._settings: JsonObject = {}

    def __str__(self) -> str:
        return " and ".join(map(str, self._texts))

    @property
    def resumable(self) -> bool:
        """Whether an unfinished run can be taken up."""
        return self._journal is not None

    def begin(self, settings: JsonObject, resume: bool) -> list[Scored] | None:
        """Takes up an unfinished run, or makes ready for a new one.

        Args:
            settings: What the rows depend on, besides the files.
            resume: Whether to take it up.

        Returns:
            What an unfinished run has done and still holds; None if there is none.

        Raises:
            OutputError: It was run with other settings, or its journal is none.
        """
        # By way of JSON, so that what is read compares equal to what was written.
        self._settings = json.loads(json.dumps({**settings, "columns": COLUMNS}))
        if not resume or self._journal is None or not self._journal.exists():
            return None
        try:
            header, *lines = self._journal.read_text(encoding="ascii").splitlines()
            earlier = json.loads(header)
            differ = [name for name, value in self._settings.items() if earlier[name] != value]
            done = {} if differ else {entry.key: entry for entry in _read_entries(lines)}
            holding = [entry for entry in done.values() if entry.holds]
        except (ValueError, KeyError, TypeError) as error:
            raise OutputError(
                f"{self._journal} is not a list of finished rows ({error}). Remove it, and begin "
                "anew without --resume."
            ) from error
        if differ:
            raise OutputError(
                f"The unfinished run in {self._journal} had other settings ({', '.join(differ)}). "
                "Use the same settings, or begin anew without --resume."
            )
        self._start(holding)
        return holding

    def add(self, entry: Scored) -> None:
        """Keeps one row at once."""
        if not self._open:
            self._start([])
        lines = [_to_line(asdict(entry)), to_csv([entry.row], header=False)]
        for file, line in zip(self._open, lines, strict=False):
            file.write(line)
            file.flush()

    def finish(self, rows: list[Row], complete: bool) -> None:
        """Writes the rows whole, in their order; if they are all, nothing else is left behind."""
        self._close()
        for path, write in self._texts.items():
            write_whole(path, write(rows))
        if complete and self._journal:
            self._journal.unlink(missing_ok=True)

    def _start(self, done: Iterable[Scored]) -> None:
        """Makes journal and CSV file, with what is done so far, and holds them open."""
        self._close()
        done = list(done)
        lines = [self._settings, *map(asdict, done)]
        texts = {self._journal: "".join(map(_to_line, lines))} if self._journal else {}
        if self._csv:
            texts[self._csv] = to_csv(entry.row for entry in done)
        for path, text in texts.items():
            write_whole(path, text)
            self._open.append(path.open("a", encoding="utf-8", newline=""))

    def _close(self) -> None:
        while self._open:
            with contextlib.suppress(OSError):  # a full disk: told when the whole is written
                self._open.pop().close()


def _to_line(value: JsonObject) -> str:
    return json.dumps(value) + "\n"  # in ASCII, which holds any file name letter by letter


def _read_entries(lines: list[str]) -> Iterable[Scored]:
    """Reads what a journal holds; a last line that was cut off in the middle is none."""
    for number, line in enumerate(lines, 1):
        try:
            entry = json.loads(line)
        except ValueError:
            if number == len(lines):
                return
            raise
        yield Scored(**{**entry, "row": Row(**entry["row"])})
