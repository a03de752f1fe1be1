"""What watches a run while it trains."""

import time
from collections.abc import Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    TextColumn,
    TimeRemainingColumn,
)
from rich.progress import Progress as RichProgress

from pneumo.progress import Progress


@contextmanager
def show_share(what: str) -> Iterator[Progress]:
    """Yields what shows how far some work is: on a terminal a bar, else a line a minute."""
    console = Console(stderr=True)
    started = spoke = time.monotonic()
    with RichProgress(console=console, disable=not console.is_terminal) as bar:
        task = bar.add_task(what, total=1.0)

        def show(share: float) -> None:
            nonlocal spoke
            bar.update(task, completed=share)
            now = time.monotonic()
            if not console.is_terminal and share and now - spoke >= 60:
                left = (now - started) * (1 - share) / share / 60
                print(f"{what} {100 * share:.0f} %  about {left:.0f} min left", flush=True)
                spoke = now

        yield show


class ShowProgress:
    """Shows the loss, the speed and the time left of the whole run.

    On a terminal a bar; elsewhere, such as in a log file, a line a minute.
    """

    def __init__(self, first_epoch: int, epochs: int, steps: int, batch_size: int) -> None:
        """Takes the epochs before this one, those of the run, and the size of each."""
        self.before, self.total = first_epoch * steps, epochs * steps
        self.label = f"epoch {first_epoch + 1}/{epochs}"
        self.batch_size = batch_size
        console = Console(stderr=True)
        self.bar = RichProgress(
            TextColumn("{task.description}"),
            BarColumn(),
            MofNCompleteColumn(),
            TimeRemainingColumn(elapsed_when_finished=True),
            console=console,
            disable=not console.is_terminal,
            transient=True,
        )
        self.lines = not console.is_terminal

    def __enter__(self) -> "ShowProgress":
        """Starts the clock and shows the bar."""
        self.bar.start()
        self.task = self.bar.add_task(self.label, total=self.total, completed=self.before)
        self.started: tuple[int, float] | None = None
        self.spoke = 0.0
        return self

    def __exit__(self, *_: object) -> None:
        self.bar.stop()

    def __call__(self, step: int, loss: float) -> None:
        """Moves the bar, or prints a line if the last is a minute old.

        Args:
            step: Of the epoch, from 0; it has just been taken.
            loss: Mean of the epoch so far.
        """
        now = time.monotonic()
        if self.started is None:  # the first step compiles; counting it would spoil the speed
            self.started, self.spoke = (step, now), now
            return
        first, began = self.started
        rate = (step - first) / max(now - began, 1e-9)
        text = f"{self.label}  loss {loss:.3f}  {rate * self.batch_size:.1f} images/s"
        self.bar.update(self.task, completed=self.before + step + 1, description=text)
        if self.lines and now - self.spoke >= 60:
            left = (self.total - self.before - step - 1) / rate / 60
            print(f"{text}  about {left:.0f} min left", flush=True)
            self.spoke = now
