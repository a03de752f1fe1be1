"""Readings -> rows -> CSV and JSON."""

import csv
import io
import json
from dataclasses import asdict, dataclass, fields


@dataclass(frozen=True)
class Row:
    """One file's line in a report.

    Attributes:
        path: As given by the user.
        p_pneumonia: P(PNEUMONIA) in [0, 1]; None if the file could not be read or was refused.
        verdict: `PNEUMONIA`, `NORMAL`, `REFUSED` (see `pneumo.quality`) or `ERROR`.
        threshold: The threshold of the verdict.
        findings: What speaks against a verdict, in sentences.
        notes: What was done to the pixels, separated by semicolons.
        error: Why the file could not be read; empty if it could.
        weights_sha256: The weights that answered.
    """

    path: str
    p_pneumonia: float | None
    verdict: str
    threshold: float
    findings: str
    notes: str
    error: str
    weights_sha256: str


def percent(probability: float) -> str:
    """Writes a probability as a percentage that never claims certainty."""
    if probability > 0.999:
        return "> 99.9 %"
    if probability < 0.001:
        return "< 0.1 %"
    return f"{100 * probability:.1f} %"


def to_csv(rows: list[Row], kind: type[Row] = Row) -> str:
    """Writes rows as CSV (RFC 4180, with a header) that is safe to open in a spreadsheet.

    Args:
        rows: All of one kind.
        kind: `Row`, or a kind of it with more columns.
    """
    buffer = io.StringIO()
    writer = csv.writer(buffer)
    writer.writerow(field.name for field in fields(kind))
    for row in rows:
        writer.writerow(_harmless(value) for value in asdict(row).values())
    return buffer.getvalue()


def to_json(rows: list[Row]) -> str:
    """Writes rows as a JSON list of objects."""
    return json.dumps([asdict(row) for row in rows], indent=2, ensure_ascii=False) + "\n"


def _harmless(value: object) -> object:
    """Disarms text that a spreadsheet would run as a formula (OWASP, CSV injection)."""
    if isinstance(value, str) and value.startswith(("=", "+", "-", "@", "\t", "\r")):
        return "'" + value
    return value
