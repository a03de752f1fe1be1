"""Which radiographs the list shows, in which order: no Streamlit in here."""

import math
from collections.abc import Container
from dataclasses import dataclass

from pneumo import CLASSES
from pneumo.export.rows import FAILED, UNCERTAIN, Row
from pneumo.network.triage import REFUSED

WARNED = "With warnings"
ADULT_CHIP = "Adult"
"""Stands in the place of the verdict on an adult, of whom the model knows nothing."""
FILTERS = ("All", *CLASSES[::-1], UNCERTAIN, "Close calls", ADULT_CHIP, WARNED, REFUSED, FAILED)
ORDERS = ("As dropped", "Closest to the threshold", "Highest P first", "Lowest P first", "Name")
CLOSE = 0.1
"""Distance from the threshold, in probability, below which a verdict is a close call."""


@dataclass(frozen=True)
class Wanted:
    """What a person asks of the list.

    Attributes:
        shown: One of `FILTERS`.
        order: One of `ORDERS`.
        search: Part of the names, in small or capital letters.
    """

    shown: str
    order: str
    search: str


def arrange(
    rows: dict[str, Row], answers: dict[str, str], wanted: Wanted, opened: Container[str]
) -> list[str]:
    """Returns the keys that pass the filter or did when they were opened, in the order wanted.

    Those refused are last.

    Args:
        rows: By key.
        answers: What stands for each in the list, by key.
        wanted: Filter, order and search.
        opened: Keys that stay whatever they have become since.
    """

    def passes(key: str) -> bool:
        if key in opened:
            return True
        row = rows[key]
        refused = row.p_pneumonia is None
        others = {
            "All": True,
            "Close calls": _distance(row) < CLOSE,
            WARNED: bool(row.findings) and not refused,
        }
        fits = others.get(wanted.shown, answers[key] == wanted.shown)
        return fits and wanted.search.lower() in row.path.lower()

    def rank(key: str) -> float:
        row, p = rows[key], rows[key].p_pneumonia
        if p is None:
            return math.inf
        return {"Highest P first": -p, "Lowest P first": p}.get(wanted.order, _distance(row))

    kept = list(filter(passes, rows))
    if wanted.order == ORDERS[0]:
        return kept
    if wanted.order == ORDERS[-1]:
        return sorted(kept, key=lambda key: rows[key].path.lower())
    return sorted(kept, key=rank)


def _distance(row: Row) -> float:
    """Returns how far from the threshold a probability is; infinite where there is none."""
    return math.inf if row.p_pneumonia is None else abs(row.p_pneumonia - row.threshold)
