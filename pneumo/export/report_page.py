"""One radiograph with its answer -> one page; the pages together -> a PDF, all in memory."""

import datetime
import io
from dataclasses import dataclass

import numpy as np
from reportlab.lib.colors import HexColor
from reportlab.lib.pagesizes import A4
from reportlab.pdfgen.canvas import Canvas
from reportlab.platypus import Paragraph

from pneumo.export import pdf
from pneumo.export.pdf import PAGE_MARGIN, TEXT_WIDTH
from pneumo.export.rows import ADULT_VERDICT, Row, percent

_TONES = {"NORMAL": HexColor("#1f6fb2"), "PNEUMONIA": HexColor("#b5560f"), ADULT_VERDICT: pdf.SOFT}
"""The app's blue and orange, darker: these stand on white paper."""

_GAP = 14
_CAPTIONS, _VERDICT = 42, 62
"""Heights of the words under the pictures, and of the verdict with its bar, in points."""

_PICTURES = 150, 300
"""Least and greatest height of the pictures."""

_NAME_LETTERS = 400


@dataclass(frozen=True)
class CaseReport:
    """What one page tells.

    Attributes:
        row: Of the worklist; it has a verdict.
        pixels: `(height, width)` uint8 radiograph, which may have been shrunk.
        overlay: `(height, width, 3)` uint8, the heatmap over it; may have a size of its own.
        explanation: What the heatmap is, as in "Grad-CAM, evidence for PNEUMONIA".
        shown: What was done to the pixels for this page alone; empty if nothing was.
        checks: Results of checks of the explanation, a sentence each.
        captions: What stands below the radiograph and below the explanation.
    """

    row: Row
    pixels: np.ndarray
    overlay: np.ndarray
    explanation: str
    shown: str = ""
    checks: tuple[str, ...] = ()
    captions: tuple[str, str] = ("as read", "from no evidence to strong")

    @property
    def probability(self) -> float:
        """P(PNEUMONIA) of the row.

        Raises:
            ValueError: It has no verdict.
        """
        if self.row.p_pneumonia is None:
            raise ValueError(f"{self.row.path} has no verdict, and no page in a report.")
        return self.row.p_pneumonia


@dataclass(frozen=True)
class PackContext:
    """What holds for every case of a pack.

    Attributes:
        model: Name of the model.
        version: Its version.
        weights_sha256: Hexadecimal SHA-256 of the weights that answered.
        date: Of the pack: a date, or a datetime with its time zone.
        sensitivity: At the cases' threshold, in [0, 1].
        sensitivity_ci95: 95 % interval, low and high.
        specificity: At the cases' threshold, in [0, 1].
        specificity_ci95: 95 % interval, low and high.
        measured_on: What these rates were measured on, in a sentence.
        disclaimer: What the answers must not be used for.
    """

    model: str
    version: str
    weights_sha256: str
    date: datetime.date
    sensitivity: float
    sensitivity_ci95: tuple[float, float]
    specificity: float
    specificity_ci95: tuple[float, float]
    measured_on: str
    disclaimer: str

    @property
    def rates(self) -> str:
        """Sensitivity and specificity with their intervals, and what they were measured on."""
        (a, b), (c, d) = self.sensitivity_ci95, self.specificity_ci95
        return (
            f"sensitivity {100 * self.sensitivity:.1f} % "
            f"(95 % interval {100 * a:.1f} to {100 * b:.1f}), "
            f"specificity {100 * self.specificity:.1f} % "
            f"(95 % interval {100 * c:.1f} to {100 * d:.1f}). {self.measured_on}"
        )

    @property
    def day(self) -> str:
        """The date in the order of ISO 8601, and the minute and time zone if it has them."""
        if isinstance(self.date, datetime.datetime):
            return f"{self.date:%Y-%m-%d %H:%M} {self.date.tzname() or ''}".strip()
        return self.date.isoformat()


class PageWriter:
    """Draws one page a case; holds the finished pages, never the cases.

    Args:
        context: What holds for every page.
    """

    def __init__(self, context: PackContext):
        pdf.register_fonts()
        self._context = context
        self._pages = 0
        # Invariant: no clock and no random identifier, so that equal input gives equal bytes.
        self._canvas = Canvas(io.BytesIO(), pagesize=A4, invariant=1, lang="en")
        self._canvas.setTitle("pneumo: evidence, one radiograph a page")
        self._canvas.setSubject("Not a medical device")
        self._canvas.setAuthor("pneumo")
        self._canvas.setCreator("pneumo")
        self._canvas.setDateFormatter(lambda *_: context.date.strftime("D:%Y%m%d%H%M%S"))

    def add(self, case: CaseReport) -> None:
        """Draws the next page."""
        self._pages += 1
        canvas, foot = self._canvas, self._draw_footer()
        top = _draw_header(canvas, case.row.path)
        facts = _facts(case, self._context)
        # Pictures give way to words until they would be too small to see a lung in.
        room = top - _CAPTIONS - _VERDICT - pdf.height_of(facts) - foot
        least, greatest = _PICTURES
        below, beside = case.captions
        captions = ("Radiograph", below), (case.explanation, beside)
        height = min(max(room, least), greatest)
        bottom = pdf.draw_pair(canvas, (case.pixels, case.overlay), captions, top, height)
        top = _draw_verdict(canvas, case, bottom - _CAPTIONS)
        pdf.place(canvas, facts, top, top - foot)
        canvas.showPage()

    def finish(self) -> bytes:
        """Returns the PDF; nothing can be added after it.

        Raises:
            ValueError: No page was drawn.
        """
        if not self._pages:
            raise ValueError("A report needs one case or more, got none. Add a case first.")
        # Every page refers to this form: the number of pages is known only now.
        self._canvas.beginForm("pages", upperx=80, uppery=12)
        pdf.write(self._canvas, 0, 3, f" of {self._pages}", 7.5, colour=pdf.SOFT)
        self._canvas.endForm()
        document: bytes = self._canvas.getpdfdata()
        return document

    def _draw_footer(self) -> float:
        """Draws the foot of the page; returns where it begins."""
        canvas, context = self._canvas, self._context
        look = {"size": 7.5, "colour": pdf.SOFT}
        end = PAGE_MARGIN + pdf.write(canvas, PAGE_MARGIN, 33, f"Page {self._pages}", **look)
        canvas.saveState()
        canvas.translate(end, 30)
        canvas.doForm("pages")
        canvas.restoreState()
        pdf.write(canvas, PAGE_MARGIN + TEXT_WIDTH, 33, context.day, align=1, **look)
        disclaimer = [pdf.paragraph(context.disclaimer, **look)]
        top = 46 + min(pdf.height_of(disclaimer), 60)
        pdf.place(canvas, disclaimer, top, top - 46)
        pdf.draw_rule(canvas, top + 6)
        return top + 6 + _GAP


def _draw_header(canvas: Canvas, name: str) -> float:
    """Draws what this is, what it is not, and the file's name; returns where they end."""
    y = A4[1] - 50
    pdf.write(canvas, PAGE_MARGIN, y, "pneumo", 17, font=pdf.BOLD)
    canvas.setFillColor(pdf.PALE_AMBER)
    canvas.roundRect(PAGE_MARGIN + TEXT_WIDTH - 142, y - 7, 142, 23, 4, stroke=0, fill=1)
    warning = "Not a medical device"
    pdf.write(
        canvas,
        PAGE_MARGIN + TEXT_WIDTH - 71,
        y + 1,
        warning,
        10,
        font=pdf.BOLD,
        colour=pdf.AMBER,
        align=0.5,
    )
    pdf.draw_rule(canvas, y - 16)
    if len(name) > _NAME_LETTERS:
        name = f"{name[: _NAME_LETTERS // 2]} … {name[-_NAME_LETTERS // 2 :]}"
    title = [pdf.paragraph(name.strip() or "(without a name)", 10.5, pdf.BOLD)]
    return pdf.place(canvas, title, y - 26, 46) - 6


def _draw_verdict(canvas: Canvas, case: CaseReport, top: float) -> float:
    """Draws verdict, P(PNEUMONIA) and a bar with the threshold on it; returns where they end."""
    row = case.row
    tone, y = _TONES[row.verdict], top - 18
    verdict = "No verdict for adults" if row.verdict == ADULT_VERDICT else row.verdict
    end = PAGE_MARGIN + pdf.write(canvas, PAGE_MARGIN, y, verdict, 20, font=pdf.BOLD, colour=tone)
    doubts = ["uncertain"] * bool(row.uncertain) + ["with a warning"] * bool(row.findings)
    if doubts:
        pdf.write(canvas, end + 8, y, ", ".join(doubts), 12, font=pdf.BOLD, colour=pdf.AMBER)
    answer = f"P(PNEUMONIA) {percent(case.probability)}"
    pdf.write(canvas, PAGE_MARGIN + TEXT_WIDTH, y, answer, 14, font=pdf.BOLD, align=1)
    pdf.draw_bar(canvas, y - 16, case.probability, row.threshold, tone)
    # The share of the words left of the tick is its place on the bar: they never leave the page.
    words = f"threshold {row.threshold:.3f}"
    tick = PAGE_MARGIN + TEXT_WIDTH * row.threshold
    pdf.write(canvas, tick, y - 28, words, 7.5, colour=pdf.SOFT, align=row.threshold)
    return top - _VERDICT


def _facts(case: CaseReport, context: PackContext) -> list[Paragraph]:
    """Lists what is told in words, each with its label."""
    row = case.row
    side = "at or above" if case.probability >= row.threshold else "below"
    pixels = "; ".join(filter(None, (row.notes, case.shown)))
    checks = [("" if place else "Checks", check) for place, check in enumerate(case.checks)]
    facts = [
        ("Uncertain", row.uncertain),
        ("Warning", row.findings),
        ("Evidence", _evidence(row)),
        ("Stability", f"P(PNEUMONIA) under small changes: {row.stability}"),
        (
            "Threshold",
            f"{row.threshold:.3f}; P(PNEUMONIA) is {side} it. At this threshold {context.rates}",
        ),
        ("Pixels", pixels or "as they are in the file"),
        *checks,
        ("Model", f"{context.model}, version {context.version}"),
        ("Weights", f"SHA-256 {context.weights_sha256}"),
    ]
    return [pdf.paragraph(text, 8.5, label=label) for label, text in facts if text]


def _evidence(row: Row) -> str:
    """Says where the evidence for the verdict lies; empty if nobody knows."""
    if row.evidence_inside is None:
        return ""
    doubt = f". Doubt it: {row.evidence_doubt}" if row.evidence_doubt else ""
    return (
        f"{100 * row.evidence_inside:.0f} % of what speaks for {row.verdict} lies inside the "
        f"lungs; strongest: {row.strongest_place}{doubt}"
    )
