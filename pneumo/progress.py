"""How work that takes a while tells how far it is: one way for app, command line and training."""

from collections.abc import Callable, Iterator, Sequence
from typing import TypeVar

Item = TypeVar("Item")

Progress = Callable[[float], None]
"""Is called with the share that is done, from 0 to 1; what it raises ends the work."""


def unseen(share: float) -> None:
    """Shows nobody how far it is."""


def follow(items: Sequence[Item], progress: Progress) -> Iterator[Item]:
    """Yields items, and tells before each and after the last what share is done."""
    for done, item in enumerate(items):
        progress(done / len(items))
        yield item
    progress(1.0)
