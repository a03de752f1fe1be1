"""A running app that can be looked into; see tests/watched_app.py."""

import contextlib
import json
import subprocess
import time
import urllib.request
from collections.abc import Iterator

from tests.browser import serve_process

STAY = 6
"""Seconds that it keeps a session whose browser has gone; it closes it after half."""


@contextlib.contextmanager
def watched_server() -> Iterator[tuple[str, subprocess.Popen]]:
    """Starts it and waits for its model; yields address and process."""
    with serve_process(
        "--server.disconnectedSessionTTL", str(STAY), script="tests/watched_app.py"
    ) as (address, process):
        while watch(address)["loading"]:
            time.sleep(0.2)
        yield address, process


def watch(address: str) -> dict[str, int]:
    """Returns what it holds of its visitors."""
    with urllib.request.urlopen(f"{address}/watch", timeout=60) as answer:
        return json.load(answer)
