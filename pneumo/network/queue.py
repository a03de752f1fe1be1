"""One pass of the network at a time, first come, first served."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

Answer = TypeVar("Answer")

# One thread for all sessions, and not a lock: oneDNN keeps its buffers for each thread that has
# run a network, and every run of a page is a thread of its own.
_worker = ThreadPoolExecutor(1, "network")


def run_exclusively(work: Callable[[], Answer]) -> Answer:
    """Does something with a network as soon as all who asked before have had their turn.

    A lock would go again and again to the thread that has just let go of it: somebody with one
    radiograph would wait behind another's two hundred. Must not be called within a turn.
    """
    return _worker.submit(work).result()
