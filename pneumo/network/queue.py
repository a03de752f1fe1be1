"""One pass of the network at a time, first come, first served."""

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

Answer = TypeVar("Answer")

# One thread for all sessions, and not a lock: oneDNN keeps its buffers for each thread that has
# run a network, and every run of a page is a thread of its own.
_worker = ThreadPoolExecutor(1, "network")


_asked = 0
_counting = threading.Lock()


def is_idle() -> bool:
    """Tells whether nobody has a turn or waits for one."""
    return not _asked


def run_exclusively(work: Callable[[], Answer]) -> Answer:
    """Does something with a network as soon as all who asked before have had their turn.

    A lock would go again and again to the thread that has just let go of it: somebody with one
    radiograph would wait behind another's two hundred. Must not be called within a turn.
    """
    global _asked
    with _counting:
        _asked += 1
    try:
        return _worker.submit(work).result()
    finally:
        with _counting:
            _asked -= 1
