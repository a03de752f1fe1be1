"""One pass of the network at a time, first come, first served."""

import threading
from collections import deque


class Turns:
    """A lock that is given in the order in which it was asked for.

    A plain lock may go again and again to the thread that has just let go of it: somebody with one
    radiograph would wait behind another's two hundred. Not reentrant.
    """

    def __init__(self) -> None:
        """Nobody waits yet."""
        self._guard = threading.Lock()
        self._waiting: deque[threading.Event] = deque()
        self._taken = False

    def __enter__(self) -> None:
        """Waits for the turn."""
        with self._guard:
            if not self._taken:
                self._taken = True
                return
            turn = threading.Event()
            self._waiting.append(turn)
        turn.wait()

    def __exit__(self, *_) -> None:
        """Passes the turn on to who has waited longest."""
        with self._guard:
            if self._waiting:
                self._waiting.popleft().set()
            else:
                self._taken = False
