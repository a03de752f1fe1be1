"""What the list says of each radiograph of the session."""

from pneumo import CLASSES
from pneumo.export.rows import (
    ADULT_VERDICT,
    UNCERTAIN,
    Row,
    escape_controls,
    row_of,
    row_of_failure,
    withhold_verdict,
)
from pneumo.files import JsonObject
from pneumo.network.triage import REFUSED
from pneumo.ui.explanations.viewer import data_uri
from pneumo.ui.session import state
from pneumo.ui.session.results import Results
from pneumo.ui.session.values import Entry, ReadEntry
from pneumo.ui.worklist.arrangement import ADULT_CHIP

UNANSWERED = "Your turn"
"""Stands in the place of the verdict while people test themselves and have not answered."""


def make_row(entry: Entry, threshold: float, results: Results) -> Row:
    """Makes the row of a file, with its stability if that is known; computes nothing.

    On an adult it has a verdict only if the page shows one.
    """
    weights = results.classifier.card.weights_sha256
    if not isinstance(entry, ReadEntry):
        return row_of_failure(entry.name, entry.error, threshold, weights, label=entry.label)
    stability = results.known_stability(entry)
    row = row_of(entry.name, entry.reading, threshold, weights, stability, label=entry.label)
    return withhold_verdict(row) if state.withholds(entry.reading) else row


def rows_of(entries: dict[str, Entry], threshold: float, results: Results) -> list[Row]:
    """Returns the worklist: a row for each file, unreadable and refused ones too."""
    return [make_row(entry, threshold, results) for entry in entries.values()]


def answer_of(row: Row) -> str:
    """Returns what stands for a file in list and counts: adults are counted apart."""
    return ADULT_CHIP if row.verdict == ADULT_VERDICT else row.answer


def describe_row(entry: Entry, row: Row) -> JsonObject:
    """Returns what the list shows of a file, and what decides on its answer in the browser."""
    reading = entry.reading
    name = escape_controls(state.name_of(entry))
    thumbnail = data_uri(entry.thumbnail) if entry.thumbnail else ""
    warning = "adult" if reading and reading.adult else "warned" if row.findings else ""
    if state.hides(entry):  # what reaches the browser can be read there
        hidden = dict.fromkeys(("reason", "stability", "remarks"), "")
        hidden |= {"key": entry.key, "name": name, "thumbnail": thumbnail, "fixed": UNANSWERED}
        hidden |= {"marks": warning}
        return hidden | {
            "answer": UNANSWERED,
            "warned": False,
            "p": None,
            "low": None,
            "high": None,
        }
    answer = answer_of(row)
    reason = row.findings if row.verdict == REFUSED else row.error.removeprefix(f"{row.path} ")
    follows = answer in (*CLASSES, UNCERTAIN)  # the threshold, that is
    marks = ", ".join(filter(None, (warning, f"is {row.label}" if row.label else "")))
    return {
        "key": entry.key,
        "name": name,
        "thumbnail": thumbnail,
        "p": row.p_pneumonia,
        "low": row.p_low,
        "high": row.p_high,
        "fixed": "" if follows else answer,
        "answer": answer,
        "marks": marks if follows else "",
        "warned": bool(row.findings) and row.p_pneumonia is not None,
        "reason": escape_controls(reason),
        "stability": row.stability,
        "remarks": row.remarks,
    }
