"""Answers -> rows -> CSV and JSON: the one row that page, exports, PDF and command line show."""

import csv
import io
import json
import re
import unicodedata
from collections.abc import Iterable
from dataclasses import asdict, dataclass, fields, replace
from typing import TYPE_CHECKING, Any

from pneumo import CLASSES
from pneumo.evaluation.stability import Stability, describe_doubt
from pneumo.inference import Reading
from pneumo.network.triage import describe_findings

if TYPE_CHECKING:
    import pyarrow

FAILED = "ERROR"
"""Stands in the place of the verdict on a file that could not be read."""

ADULT_VERDICT = "ADULT"
"""Stands there on an adult, as long as nobody has asked for a verdict on adults."""

UNCERTAIN = "Uncertain"
"""What a list shows in the place of a verdict that small changes alter."""


@dataclass(frozen=True)
class Row:
    """One file's line in a report. Each attribute is a column of CSV and a key of JSON.

    New ones join at the end, with a default, and are filled in by `row_of`.

    Attributes:
        path: As given by the user.
        p_pneumonia: P(PNEUMONIA) in [0, 1]; None if the file could not be read or was refused.
        verdict: `PNEUMONIA`, `NORMAL`, `REFUSED` (see `pneumo.network.triage`), `ERROR`, or in what
            the page writes `ADULT`.
        threshold: The threshold of the verdict.
        findings: What speaks against a verdict, in sentences.
        notes: What was done to the pixels, separated by semicolons.
        error: Why the file could not be read; empty if it could.
        weights_sha256: The weights that answered.
        uncertain: Why the verdict is uncertain; empty if it is not, or was not tried.
        overlay: Where its picture with the heatmap was written; empty if none was.
        p_low: Least P(PNEUMONIA) under small changes (see `stability`); None if not tried.
        p_high: Greatest P(PNEUMONIA) under small changes; None if not tried.
        evidence_inside: Share of the evidence for the verdict that lies inside the lungs, in
            [0, 1]; None if there is none to speak of, no verdict, or no lungs to compare it with.
        strongest_place: Where the strongest of it lies, in words; empty likewise.
        evidence_doubt: Why that evidence is to be doubted, such as "the strongest place is outside
            the lungs"; empty if nothing speaks against it.
        label: The data set's own label, `PNEUMONIA` or `NORMAL`; empty if it is not known.
        precision: Of the arithmetic that answered, one of `pneumo.network.classifier.PRECISIONS`.
    """

    path: str
    p_pneumonia: float | None
    verdict: str
    threshold: float
    findings: str
    notes: str
    error: str
    weights_sha256: str
    uncertain: str = ""
    overlay: str = ""
    p_low: float | None = None
    p_high: float | None = None
    evidence_inside: float | None = None
    strongest_place: str = ""
    label: str = ""
    precision: str = "float32"
    evidence_doubt: str = ""

    @property
    def answer(self) -> str:
        """The verdict as a list shows it: "Uncertain" if small changes alter it."""
        return UNCERTAIN if self.uncertain else self.verdict

    @property
    def stability(self) -> str:
        """The range of P(PNEUMONIA) under small changes in words; empty without a verdict."""
        if self.p_pneumonia is None:
            return ""
        return "not tried" if self.p_low is None else f"{self.p_low:.3f} to {self.p_high:.3f}"

    @property
    def remarks(self) -> str:
        """What speaks against the verdict and what was done to the pixels, as one text."""
        return f"{self.findings} {self.notes}".strip()


COLUMNS = tuple(field.name for field in fields(Row))


def row_of(
    path: str,
    reading: Reading,
    threshold: float,
    weights_sha256: str,
    stability: Stability | None = None,
    *,
    label: str = "",
    precision: str = "float32",
) -> Row:
    """Makes the row of a file that was read.

    Args:
        path: As given by the user.
        reading: Of the network.
        threshold: Least P(PNEUMONIA) that is called PNEUMONIA.
        weights_sha256: The weights that answered.
        stability: How far small changes move the answer, if that was tried.
        label: The data set's own, if it is known.
        precision: Of the arithmetic, see `Row`.
    """
    refused, verdict = reading.refused, reading.verdict(threshold)
    tried = None if refused else stability
    found = None if refused else reading.whereabouts(CLASSES.index(verdict))
    return Row(
        path=path,
        p_pneumonia=None if refused else reading.probability,
        verdict=verdict,
        threshold=threshold,
        findings=describe_findings(reading.findings),
        notes="; ".join(reading.info.notes),
        error="",
        weights_sha256=weights_sha256,
        uncertain=describe_doubt(tried, threshold) if tried else "",
        p_low=tried.low if tried else None,
        p_high=tried.high if tried else None,
        evidence_inside=round(found.inside, 4) if found else None,
        strongest_place=found.words if found else "",
        evidence_doubt=found.doubt if found else "",
        label=label,
        precision=precision,
    )


def withhold_verdict(row: Row) -> Row:
    """Returns the row of an adult without a verdict and what belongs to one; the score stays."""
    return replace(
        row,
        verdict=ADULT_VERDICT,
        uncertain="",
        evidence_inside=None,
        strongest_place="",
        evidence_doubt="",
    )


def row_of_failure(
    path: str,
    error: str,
    threshold: float,
    weights_sha256: str,
    *,
    label: str = "",
    precision: str = "float32",
) -> Row:
    """Makes the row of a file that could not be read; see `row_of`."""
    return Row(
        *(path, None, FAILED, threshold, "", "", error, weights_sha256),
        label=label,
        precision=precision,
    )


def percent(probability: float) -> str:
    """Writes a probability as a percentage that never claims certainty."""
    if probability > 0.999:
        return "> 99.9 %"
    if probability < 0.001:
        return "< 0.1 %"
    return f"{100 * probability:.1f} %"


def to_csv(rows: Iterable[Row], header: bool = True) -> str:
    r"""Writes rows as CSV (RFC 4180) that is safe to open in a spreadsheet, whatever it splits by.

    Text stands in quotes, so that a semicolon in it parts no cell where commas do too. What a
    spreadsheet could take for a formula gets an apostrophe before it, at the start of a text and
    wherever a program that does not split by commas alone could make a cell begin.

    Args:
        rows: The rows.
        header: Whether the names of the columns come first.

    Returns:
        Text that UTF-8 can hold: bytes of a file name that are no letters are written as `\udcff`,
        and control characters, which could steer a terminal, as `\x1b`.
    """
    buffer = io.StringIO()
    if header:
        csv.writer(buffer).writerow(COLUMNS)
    writer = csv.writer(buffer, quoting=csv.QUOTE_NONNUMERIC)
    for row in rows:
        writer.writerow(_harmless(value) for value in asdict(row).values())
    return buffer.getvalue()


def to_json(rows: Iterable[Row]) -> str:
    r"""Writes rows as a JSON list of objects, names letter by letter.

    Returns:
        Text that UTF-8 can hold: what it cannot is written as JSON does, `\udcff`, and is in
        Python the name as before.
    """
    text = json.dumps([asdict(row) for row in rows], indent=2, ensure_ascii=False) + "\n"
    return text.encode("utf-8", "backslashreplace").decode()


def parquet_schema() -> "pyarrow.Schema":
    """Returns the columns of Parquet: text, and numbers of 64 bits."""
    import pyarrow

    kinds = {field.name: str(field.type) for field in fields(Row)}
    return pyarrow.schema(
        [
            (name, pyarrow.float64() if "float" in kind else pyarrow.string())
            for name, kind in kinds.items()
        ]
    )


def to_parquet(rows: Iterable[Row]) -> bytes:
    """Writes rows as one file of Parquet; see `to_table`."""
    from pyarrow import parquet

    buffer = io.BytesIO()
    parquet.write_table(to_table(rows), buffer)
    return buffer.getvalue()


def to_table(rows: Iterable[Row]) -> Any:
    """Returns rows as a table of Arrow; what UTF-8 cannot hold of a name is as in `to_csv`."""
    import pyarrow

    records = [
        {
            name: escape_text(value) if isinstance(value, str) else value
            for name, value in asdict(row).items()
        }
        for row in rows
    ]
    return pyarrow.Table.from_pylist(records, parquet_schema())


def escape_text(text: str) -> str:
    """Writes a name or message as a cell of a table holds it; see `escape_controls`."""
    return escape_controls(text, keep="\t\r\n")


def escape_controls(text: str, keep: str = "") -> str:
    r"""Writes as `\x1b`, `\n` or `\u202e` what would act on a screen instead of being seen.

    That is control characters, breaks of lines and marks that turn the direction of text around;
    and halves of letters, as which Python holds the bytes of a file name that are not UTF-8.

    Args:
        text: A file name, or a message with one in it.
        keep: Characters to leave as they are.
    """
    return "".join(
        letter
        if letter in keep or not _acts(letter)
        else letter.encode("unicode_escape").decode("ascii")
        for letter in text
    )


def _acts(letter: str) -> bool:
    return unicodedata.category(letter) in ("Cc", "Cs", "Zl", "Zp") or (
        unicodedata.bidirectional(letter)
        in ("LRE", "RLE", "LRO", "RLO", "PDF", "LRI", "RLI", "FSI", "PDI")
    )


_STARTS = r"[=+\-@＝＋－＠]"
"""What begins a formula; the wide forms do so in Japanese spreadsheets (OWASP, CSV injection)."""
_FORMULA = re.compile(rf'(?:(?<=[,;|\t\r\n])|^)((?:[^\S\t\r\n]|")*)(?={_STARTS})')


def _harmless(value: object) -> object:
    """Disarms text that a spreadsheet would run as a formula, wherever it splits it."""
    if not isinstance(value, str):
        return value
    text = _FORMULA.sub(r"\1'", value)
    if text.startswith(("\t", "\r", "\n")) or (text != value and re.match(r'[\s"]', text)):
        text = "'" + text
    return escape_text(text)
