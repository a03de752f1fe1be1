"""Cases -> the evidence pack: a ZIP of worklist, report and overlays, all in memory."""

import io
import textwrap
import unicodedata
import zipfile
from collections.abc import Iterable
from dataclasses import replace
from pathlib import PurePosixPath

from pneumo.export.report_page import CaseReport, PackContext, PageWriter
from pneumo.export.rows import Row, to_csv, to_json
from pneumo.images import encode_png

_STEM_LETTERS = 56
"""Of four bytes each at most: no file system allows a name of more than 255 bytes."""


def write_pack(
    cases: Iterable[CaseReport],
    context: PackContext,
    without_page: Iterable[Row] = (),
) -> bytes:
    """Writes report, worklist and overlays; the same input gives the same bytes.

    Args:
        cases: Gone through once; each is let go as soon as it is packed. With
            `pneumo.progress.follow` somebody may see how far it is.
        context: What holds for all of them.
        without_page: Rows of what was refused or could not be read: last in the worklist.

    Returns:
        A ZIP archive: `README.txt`, `overlays/NNN-stem.png` with the number of the case's page,
        `report.pdf`, `worklist.csv` and `worklist.json`.

    Raises:
        ValueError: There are no cases.
    """
    buffer = io.BytesIO()
    rows, pages = [], PageWriter(context)
    with zipfile.ZipFile(buffer, "w") as archive:

        def add(name: str, data: bytes, method: int = zipfile.ZIP_STORED) -> None:
            # With the context's date and not the clock's; ZIP knows no year before 1980.
            member = zipfile.ZipInfo(name, max(context.date.timetuple()[:6], (1980, 1, 1, 0, 0, 0)))
            member.external_attr = 0o644 << 16
            archive.writestr(member, data, method)

        add("README.txt", _readme(context).encode("utf-8", "backslashreplace"))
        for number, case in enumerate(cases, 1):
            overlay = f"overlays/{number:03d}-{safe_stem(case.row.path)}.png"
            add(overlay, encode_png(case.overlay))
            pages.add(case)
            rows.append(replace(case.row, overlay=overlay))
        add("report.pdf", pages.finish(), zipfile.ZIP_DEFLATED)
        rows += without_page
        add("worklist.csv", to_csv(rows).encode(), zipfile.ZIP_DEFLATED)
        add("worklist.json", to_json(rows).encode(), zipfile.ZIP_DEFLATED)
    return buffer.getvalue()


def safe_stem(name: str) -> str:
    """Makes of a file's name what may be part of a file's name on any system.

    Args:
        name: Any text, with folders and a suffix or without.

    Returns:
        1 to 56 letters, digits, `-`, `_` and single dots, of any script, without folders and
        suffix. Different names may become the same.
    """
    stem = PurePosixPath(name.replace("\\", "/")).stem
    kept = "".join(
        letter if letter in "-." or unicodedata.category(letter)[0] in "LMN" else "_"
        for letter in unicodedata.normalize("NFC", stem)
    )
    while (shorter := kept.replace("__", "_").replace("..", ".")) != kept:
        kept = shorter
    return kept.strip("._-")[:_STEM_LETTERS].rstrip("._-") or "radiograph"


def _readme(context: PackContext) -> str:
    paragraphs = (
        "pneumo: evidence for chest radiographs. Not a medical device.",
        context.disclaimer,
        "File names and pictures are as they were given, and may tell who the patient is.",
        "report.pdf: one page for each radiograph, with its heatmap, verdict and P(PNEUMONIA).",
        "worklist.csv, worklist.json: one row for each file, those without a page in the report "
        "last. An apostrophe at the start of "
        "a text in the CSV file, or within it, keeps a spreadsheet from taking it for a formula.",
        "In the worklist, the column uncertain says which small changes of the radiograph alter "
        "the verdict, p_low and p_high how far they move P(PNEUMONIA); where these two are empty, "
        "it was not tried.",
        "label is the data set's own, where a folder called NORMAL or PNEUMONIA told it.",
        "overlays/: each heatmap over its radiograph, with the number of the page in the report.",
        f"Model: {context.model}, version {context.version}",
        f"SHA-256 of its weights: {context.weights_sha256}",
        f"At the threshold in the worklist: {context.rates}",
        f"Date: {context.day}",
    )
    return "\n\n".join(textwrap.fill(text, 88) for text in paragraphs) + "\n"
