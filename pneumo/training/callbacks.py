"""What watches a run while it trains."""

import math
import time
from collections.abc import Iterator, Sequence

import keras
from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    TextColumn,
    TimeRemainingColumn,
    track,
)

from pneumo.errors import TrainingError


def follow(items: Sequence, what: str) -> Iterator:
    """Yields items and shows how many are done: a bar on a terminal, else a line a minute."""
    console = Console(stderr=True)
    if console.is_terminal:
        yield from track(items, what, console=console)
        return
    started = spoke = time.monotonic()
    for done, item in enumerate(items):
        now = time.monotonic()
        if now - spoke >= 60:
            left = (now - started) / done * (len(items) - done) / 60
            print(f"{what} {done}/{len(items)}  about {left:.0f} min left", flush=True)
            spoke = now
        yield item


class StopOnNonFiniteLoss(keras.callbacks.Callback):
    """Ends training at the first loss that is not a number, naming the step."""

    def on_train_batch_end(self, batch: int, logs: dict | None = None) -> None:
        """Raises `TrainingError`."""
        if not math.isfinite(logs["loss"]):
            raise TrainingError(
                f"The loss became {logs['loss']} at step {batch + 1} of the epoch. "
                "Lower --learning-rate, or use --precision float32."
            )


class ShowProgress(keras.callbacks.Callback):
    """Shows the loss, the speed and the time left of the whole run.

    On a terminal a bar; elsewhere, such as in a log file, a line a minute.
    """

    def __init__(self, first_epoch: int, epochs: int, steps: int, batch_size: int) -> None:
        """Takes the epochs before this one, those of the run, and the size of each."""
        super().__init__()
        self.before, self.total = first_epoch * steps, epochs * steps
        self.label = f"epoch {first_epoch + 1}/{epochs}"
        self.batch_size = batch_size
        console = Console(stderr=True)
        self.bar = Progress(
            TextColumn("{task.description}"),
            BarColumn(),
            MofNCompleteColumn(),
            TimeRemainingColumn(elapsed_when_finished=True),
            console=console,
            disable=not console.is_terminal,
            transient=True,
        )
        self.lines = not console.is_terminal

    def on_train_begin(self, logs: dict | None = None) -> None:
        """Starts the clock."""
        self.task = self.bar.add_task(self.label, total=self.total, completed=self.before)
        self.started = self.spoke = None

    def on_train_batch_end(self, batch: int, logs: dict | None = None) -> None:
        """Moves the bar, or prints a line if the last is a minute old."""
        now = time.monotonic()
        if self.started is None:  # the first step compiles; counting it would spoil the speed
            self.started, self.first, self.spoke = now, batch, now
            return
        rate = (batch - self.first) / max(now - self.started, 1e-9)
        text = f"{self.label}  loss {logs['loss']:.3f}  {rate * self.batch_size:.1f} images/s"
        self.bar.update(self.task, completed=self.before + batch + 1, description=text)
        if self.lines and now - self.spoke >= 60:
            left = (self.total - self.before - batch - 1) / rate / 60
            print(f"{text}  about {left:.0f} min left", flush=True)
            self.spoke = now
