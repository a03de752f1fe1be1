"""Lines for whoever reads them on a terminal, or at the other end of a pipe."""

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TextIO

from rich.console import Console
from rich.progress import Progress as RichProgress
from rich.progress import ProgressColumn, Task
from rich.text import Text

from pneumo.export.rows import escape_controls
from pneumo.progress import Progress


def say(text: str, stream: TextIO | None = None) -> None:
    """Prints one line at once, with whatever file names are in it.

    Args:
        text: The line; control characters, but for tabs, and letters that the stream's encoding
            lacks are written as escapes.
        stream: By default the standard output.
    """
    stream = stream or sys.stdout
    encoding = getattr(stream, "encoding", None) or "utf-8"
    line = escape_controls(text, keep="\t").encode(encoding, "backslashreplace").decode(encoding)
    print(line, file=stream, flush=True)


def complain(text: str) -> None:
    """Prints one line to the standard error; see `say`."""
    say(text, sys.stderr)


class RateColumn(ProgressColumn):
    """Radiographs a second: of late, and of all once they are done."""

    def render(self, task: Task) -> Text:
        """Returns nothing as long as none is done."""
        speed = task.finished_speed or task.speed
        return Text(f"{speed:.1f} a second" if speed else "")


@contextmanager
def show_progress(description: str, count: int) -> Iterator[Progress]:
    """Yields what moves a bar, on a terminal; elsewhere nothing is shown.

    Beside the bar stand the time left and how many are done a second.

    Args:
        description: What is done.
        count: Of the radiographs that it is done to.
    """
    console = Console(stderr=True)
    columns = (*RichProgress.get_default_columns(), RateColumn())
    with RichProgress(*columns, console=console, disable=not console.is_terminal) as bar:
        task = bar.add_task(description, total=count)
        yield lambda share: bar.update(task, completed=share * count)


def give_up_closed_pipes() -> None:
    """Turns streams that nobody reads any more away, or Python would complain as it ends."""
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except BrokenPipeError:
            os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())
