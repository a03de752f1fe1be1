"""Being asked to stop: by Ctrl-C, or by the system."""

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

_SIGNALS = (signal.SIGINT, signal.SIGTERM)


@dataclass
class Stop:
    """Whether somebody asked.

    Attributes:
        signal: Number of the signal that asked; 0 if none did.
        patient: Whether there is work at hand that is to be finished first.
    """

    signal: int = 0
    patient: bool = False

    @property
    def status(self) -> int:
        """The exit status by which shells tell a program that a signal ended: 130, or 143."""
        return 128 + (self.signal or signal.SIGINT)


@contextmanager
def heed_signals() -> Iterator[Stop]:
    """Takes note of SIGINT and SIGTERM in the block, instead of ending in the middle of a line.

    Without patience the first raises `KeyboardInterrupt`. With it the first is noted for the block
    to look at, and only a second raises, for whoever can't wait. A signal that is ignored, as a
    shell does for what it starts in the background, stays so. After the block of somebody who was
    asked, signals are ignored: the program is about to end, and another could only bring a
    traceback.
    """
    stop = Stop()

    def note(number: int, frame: object) -> None:
        at_once = bool(stop.signal) or not stop.patient
        stop.signal = number
        if at_once:
            raise KeyboardInterrupt

    before = {}
    if threading.current_thread() is threading.main_thread():  # Python allows it there alone
        for number in _SIGNALS:
            if signal.getsignal(number) is not signal.SIG_IGN:
                before[number] = signal.signal(number, note)
    try:
        yield stop
    finally:
        for number, handler in before.items():
            signal.signal(number, signal.SIG_IGN if stop.signal else handler)


@contextmanager
def keep_heeding() -> Iterator[None]:
    """Sets the handlers of signals again that a library replaces in the block by its own."""
    before = {number: signal.getsignal(number) for number in _SIGNALS}
    try:
        yield
    finally:
        if threading.current_thread() is threading.main_thread():
            for number, handler in before.items():
                if handler is not None:  # one that Python did not set cannot be set by it
                    signal.signal(number, handler)
