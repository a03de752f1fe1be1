"""Keeps decoders quiet about files that are judged here: their warnings and their log lines."""

import logging
import threading
import warnings
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

_lock = threading.Lock()
_within = 0
_filters = ExitStack()

for _package in ("PIL", "pydicom"):  # they log tracebacks of files that we refuse
    logging.getLogger(_package).addHandler(logging.NullHandler())
    logging.getLogger(_package).propagate = False


@contextmanager
def silence() -> Iterator[None]:
    """Ignores warnings in the block, from several threads at once as well.

    Python's filters are the process's. `warnings.catch_warnings` in two threads that overlap would
    put back each other's, so here the first to come sets them and the last to go puts them back.
    """
    global _within
    with _lock:
        if _within == 0:
            _filters.enter_context(warnings.catch_warnings())
            warnings.simplefilter("ignore")
        _within += 1
    try:
        yield
    finally:
        with _lock:
            _within -= 1
            if _within == 0:
                _filters.close()
