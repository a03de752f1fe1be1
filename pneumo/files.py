"""Files that are either whole or not there, and what is in those of JSON."""

import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

JsonObject = dict[str, Any]
"""An object of JSON: what the card, a report or a settings file holds; its values are anything."""


@contextmanager
def atomic_write(path: Path) -> Iterator[Path]:
    """Gives a place beside a file to write to, and puts it there in one step at the end.

    A reader never meets half a file, and a full disk or a killed program leaves the old one.

    Args:
        path: The file to be made or replaced.

    Yields:
        The path to write to, in the same folder; gone again if the block fails.
    """
    # A name that nobody else writes to or has a file of; its ending tells Keras the format.
    draft = path.with_name(f"part-{secrets.token_hex(4)}.{path.name}")
    try:
        yield draft
        draft.replace(path)
    finally:
        draft.unlink(missing_ok=True)
