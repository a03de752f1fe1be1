"""Text and pictures onto an A4 page; sizes in points, heights counted from the foot of the page."""

import io
from functools import cache
from pathlib import Path
from typing import Any

import matplotlib
import numpy as np
from PIL import Image
from reportlab.lib.colors import Color, HexColor
from reportlab.lib.enums import TA_RIGHT
from reportlab.lib.pagesizes import A4
from reportlab.lib.styles import ParagraphStyle
from reportlab.lib.utils import ImageReader
from reportlab.pdfbase import pdfmetrics
from reportlab.pdfbase.ttfonts import TTFont
from reportlab.pdfgen.canvas import Canvas
from reportlab.platypus import Paragraph

from pneumo.export.text_direction import join_letters, order_line, runs_leftwards

PAGE_MARGIN = 48
TEXT_WIDTH = A4[0] - 2 * PAGE_MARGIN
"""Between the margins."""

INK, SOFT, LINE = HexColor("#1b262b"), HexColor("#58676e"), HexColor("#d3dadd")
AMBER, PALE_AMBER = HexColor("#7a5000"), HexColor("#fbf0d5")

PLAIN, BOLD = "DejaVuSans", "DejaVuSans-Bold"
"""Matplotlib ships them: Latin, Greek, Cyrillic, Hebrew, Arabic, and not Chinese or Indic."""

LABELS = 78
"""Width of the column of labels."""

_GUTTER = 14
"""Between two pictures."""

_PICTURE_SIDE = 720
"""Most pixels of the longer side of an embedded picture: 200 an inch."""

_PICTURE_BYTES = 120_000
"""Most bytes of it; a radiograph takes about half."""


@cache
def register_fonts() -> None:
    """Makes the two fonts known to reportlab; they are read once a process."""
    folder = Path(matplotlib.get_data_path(), "fonts", "ttf")
    for name in (PLAIN, BOLD):
        pdfmetrics.registerFont(TTFont(name, folder / f"{name}.ttf"))


def to_line(text: str, font: str = PLAIN) -> str:
    """Puts text on one line and replaces what cannot be shown by U+FFFD, a question mark.

    That is letters the font lacks, and control characters, which could turn the line around.
    Beyond U+FFFF reportlab draws, but records a wrong letter for whoever searches or copies.
    """
    known = pdfmetrics.getFont(font).face.charToGlyph
    line = join_letters(" ".join(text.split()), known)
    return "".join(
        letter
        if letter.isprintable() and ord(letter) in known and letter <= "\uffff"
        else "\N{REPLACEMENT CHARACTER}"
        for letter in line
    )


class _Paragraph(Paragraph):  # type: ignore[misc]  # reportlab has no types
    """Any text; its lines are put in the order of drawing, once it is known where they end."""

    def __init__(self, text: str, style: ParagraphStyle, label: str | None):
        super().__init__("x", style, bulletText=label)
        self.frags[0].text = text  # not parsed: markup in it is shown, not obeyed

    def breakLines(self, width: float | list[float]) -> Any:  # noqa: N802, D102 - reportlab's
        broken = super().breakLines(width)
        leftwards = runs_leftwards(self.frags[0].text)
        broken.lines = [
            (room, [order_line(" ".join(words), leftwards)]) for room, words in broken.lines
        ]
        return broken


def paragraph(
    text: str, size: float = 8, font: str = PLAIN, colour: Color = INK, label: str | None = None
) -> Paragraph:
    """Sets any text; markup in it is shown, not obeyed, and words of any length are broken.

    Args:
        text: Any text; it stands on the right if it begins in letters that run to the left.
        size: Of the letters.
        font: `PLAIN` or `BOLD`.
        colour: Of the letters.
        label: Stands in the column of labels before the text, which may be empty: only a label of
            None gives the text the whole width.
    """
    style = ParagraphStyle(
        "",
        fontName=font,
        fontSize=size,
        leading=1.4 * size,
        textColor=colour,
        leftIndent=0 if label is None else LABELS,
        bulletFontName=BOLD,
        bulletFontSize=size,
        bulletColor=colour,
        spaceAfter=0.5 * size,
    )
    line = to_line(text, font)
    if runs_leftwards(line):
        style.alignment = TA_RIGHT
    return _Paragraph(line, style, label)


def height_of(paragraphs: list[Paragraph], width: float = TEXT_WIDTH) -> float:
    """Returns the height of paragraphs below each other in a column."""
    heights = (item.wrap(width, A4[1])[1] + item.getSpaceAfter() for item in paragraphs)
    return float(sum(heights))


def place(
    canvas: Canvas,
    paragraphs: list[Paragraph],
    top: float,
    height: float,
    *,
    left: float = PAGE_MARGIN,
    width: float = TEXT_WIDTH,
) -> float:
    """Draws paragraphs below each other, all smaller if they are too many for their place.

    Returns:
        Where they end; at least `top - height`.
    """
    scale = 1.0
    # Smaller letters make wider lines too, so that any text fits in the end.
    while (used := scale * height_of(paragraphs, width / scale)) > height:
        scale *= 0.97
    canvas.saveState()
    canvas.translate(left, top)
    canvas.scale(scale, scale)
    y = 0
    for item in paragraphs:
        y -= item.height
        item.drawOn(canvas, 0, y)
        y -= item.getSpaceAfter()
    canvas.restoreState()
    return top - used


def write(
    canvas: Canvas,
    x: float,
    y: float,
    text: str,
    size: float = 8,
    *,
    font: str = PLAIN,
    colour: Color = INK,
    align: float = 0,
) -> float:
    """Writes one line that is known to fit.

    Args:
        canvas: To write on.
        x: Where the line starts, ends or has its middle.
        y: Its base line.
        text: In letters that the fonts have.
        size: Of the letters.
        font: `PLAIN` or `BOLD`.
        colour: Of the letters.
        align: Share of the line that is left of x.

    Returns:
        The width of the line.
    """
    width: float = pdfmetrics.stringWidth(text, font, size)
    canvas.setFont(font, size)
    canvas.setFillColor(colour)
    canvas.drawString(x - align * width, y, text)
    return width


def draw_rule(canvas: Canvas, y: float) -> None:
    """Draws a hairline between the margins."""
    canvas.setStrokeColor(LINE)
    canvas.setLineWidth(0.6)
    canvas.line(PAGE_MARGIN, y, PAGE_MARGIN + TEXT_WIDTH, y)


def draw_bar(canvas: Canvas, y: float, share: float, tick: float, colour: Color) -> None:
    """Draws a bar between the margins, filled to a share in [0, 1], with a tick at another."""
    for width, fill in ((TEXT_WIDTH, LINE), (TEXT_WIDTH * share, colour)):
        canvas.setFillColor(fill)
        canvas.rect(PAGE_MARGIN, y, width, 7, stroke=0, fill=1)
    canvas.setFillColor(INK)
    canvas.rect(PAGE_MARGIN + TEXT_WIDTH * tick - 0.6, y - 3, 1.2, 13, stroke=0, fill=1)


def draw_pair(
    canvas: Canvas,
    pictures: tuple[np.ndarray, np.ndarray],
    captions: tuple[tuple[str, str], tuple[str, str]],
    top: float,
    height: float,
) -> float:
    """Draws two pictures side by side, undistorted, with a title and a line below each.

    Args:
        canvas: To draw on.
        pictures: `(height, width)` or `(height, width, 3)` uint8.
        captions: Title and line for each, within the 35 points below the pictures.
        top: Where the pictures begin.
        height: That they have at most.

    Returns:
        Where the pictures end.
    """
    column = (TEXT_WIDTH - _GUTTER) / 2
    scales = [min(column / p.shape[1], height / p.shape[0]) for p in pictures]
    bottom: float = top - max(p.shape[0] * scale for p, scale in zip(pictures, scales, strict=True))
    for place_of, (pixels, scale) in enumerate(zip(pictures, scales, strict=True)):
        left = PAGE_MARGIN + place_of * (column + _GUTTER)
        tall, wide = pixels.shape[0] * scale, pixels.shape[1] * scale
        x = left + (column - wide) / 2
        canvas.drawImage(ImageReader(_to_jpeg(pixels)), x, top - tall, wide, tall)
        title, line = captions[place_of]
        words = [paragraph(title, 8, BOLD), paragraph(line, 7.5, colour=SOFT)]
        place(canvas, words, bottom - 5, 30, left=left, width=column)
    return bottom


def _to_jpeg(pixels: np.ndarray) -> io.BytesIO:
    """Encodes a picture as JPEG, no finer than paper shows it; coarser if it is mere noise."""
    image, side = Image.fromarray(pixels), _PICTURE_SIDE
    while True:
        image.thumbnail((side, side), Image.Resampling.LANCZOS)
        buffer = io.BytesIO()
        image.save(buffer, "JPEG", quality=88)
        if buffer.tell() <= _PICTURE_BYTES:
            return buffer
        side = side * 3 // 4
