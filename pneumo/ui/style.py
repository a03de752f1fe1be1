"""The little HTML and CSS that Streamlit's own elements do not cover."""

import html

import streamlit as st
from PIL import Image, ImageDraw

from pneumo import CLASSES, PNEUMONIA
from pneumo.operating_point import verdict_of
from pneumo.overlay import colour_table
from pneumo.report import percent
from pneumo.stability import Stability

VERDICT_COLOURS = {"NORMAL": "#63b3f5", "PNEUMONIA": "#f5a05a"}
"""Blue and orange: told apart by colour-blind eyes, and both readable on the dark page."""
WARNING = "Not a medical device"
DISCLAIMER = (
    "A demonstration and a teaching tool, trained on children of 1 to 5 years from one hospital. "
    "Never use it to decide about a patient."
)
DOUBT_COLOUR = "#e8d27a"

_CSS = """
<style>
.block-container {max-width: 1180px; padding-top: 4.4rem; padding-bottom: 3rem}
.pneumo-title {font-size: 2rem; font-weight: 650; letter-spacing: -.02em; line-height: 1.15}
.pneumo-lead {color: #a9b8bf; margin: .35rem 0 .9rem; max-width: 46rem}
.pneumo-warning {border-left: 3px solid #e8c15a; background: #e8c15a14; color: #eadfb9;
  padding: .55rem .8rem; border-radius: 0 8px 8px 0; font-size: .92rem}
.pneumo-verdict {border: 1px solid var(--tone); border-radius: 12px; padding: 1rem 1.1rem;
  background: color-mix(in srgb, var(--tone) 9%, transparent)}
.pneumo-verdict .word {color: var(--tone); font-size: 1.75rem; font-weight: 680; line-height: 1.2}
.pneumo-verdict .why {color: #c3d0d6; font-size: .93rem; margin-top: .25rem}
.pneumo-bar {position: relative; height: 30px; margin: 1.5rem 0 .3rem; border-radius: 6px;
  background: #223039}
.pneumo-bar .fill {height: 100%; border-radius: 6px; background: var(--tone)}
.pneumo-bar .tick {position: absolute; top: -5px; bottom: -5px; width: 2px; background: #fff}
.pneumo-bar .tick span {position: absolute; bottom: 100%; transform: translateX(-50%);
  font-size: .74rem; white-space: nowrap; color: #e6edf0; padding-bottom: 1px}
.pneumo-bar .tick.left span {transform: translateX(-12%)}
.pneumo-bar .tick.right span {transform: translateX(-88%)}
.pneumo-strip {position: relative; height: 18px; margin: .9rem 0 .35rem; border-radius: 4px;
  background: #223039}
.pneumo-strip .range {position: absolute; top: 5px; height: 8px; min-width: 2px;
  border-radius: 4px; background: #7fd6ca88}
.pneumo-strip .dot {position: absolute; top: 2px; width: 3px; height: 14px; margin-left: -1px;
  border-radius: 2px; background: #7fd6ca}
.pneumo-strip .tick {position: absolute; top: -4px; bottom: -4px; width: 2px; background: #fff}
.st-key-case-below > div > [data-testid=stHorizontalBlock] {flex-direction: column}
.st-key-case-below > div > [data-testid=stHorizontalBlock] > [data-testid=stColumn] {
  width: 100%; flex: none}
.pneumo-ends {display: flex; justify-content: space-between; font-size: .9rem}
.pneumo-scale {height: 10px; border-radius: 5px; margin-top: .2rem}
.pneumo-name {margin: 0; padding: 0; font-size: 1.05rem; overflow-wrap: anywhere}
[data-testid=stFileUploaderDropzone] {border: 1.5px dashed #4a626d}
[data-testid=stFileUploaderDropzone]:not(:has([data-testid=stFileUploaderFile])) {
  min-height: 104px}
[data-testid=stFileUploaderDropzone]:hover {border-color: #5cc8ba}
.pneumo-small {color: #94a5ad; font-size: .82rem; overflow-wrap: anywhere}
</style>
"""


def draw_icon() -> Image.Image:
    """Draws the page's icon, two lungs; Streamlit's named icons come from another host."""
    icon = Image.new("RGBA", (128, 128))
    pen = ImageDraw.Draw(icon)
    for x in (8, 72):
        pen.rounded_rectangle((x, 30, x + 48, 118), radius=24, fill="#5cc8ba")
    pen.rectangle((59, 8, 69, 70), fill="#5cc8ba")
    return icon


def inject_style() -> None:
    """Adds the style sheet to the page."""
    st.html(_CSS)


def show_header() -> None:
    """Shows what this is and, before anything else can be done, what it is not."""
    st.html(
        '<div class="pneumo-title">pneumo</div>'
        '<div class="pneumo-lead">Drop chest radiographs. For each, see how likely a neural '
        "network holds pneumonia against normal, and where in the picture it looked.</div>"
    )
    show_warning()


def show_warning() -> None:
    """Shows what the page is not, on every page."""
    st.html(f'<div class="pneumo-warning" role="note"><b>{WARNING}.</b> {DISCLAIMER}</div>')


def show_verdict(probability: float, threshold: float, doubt: str = "") -> None:
    """Shows the verdict in words and colour, and both probabilities with the threshold.

    Args:
        probability: P(PNEUMONIA).
        threshold: Of the slider.
        doubt: Why the verdict is uncertain, empty if it is not.
    """
    verdict = verdict_of(probability, threshold)
    tone = DOUBT_COLOUR if doubt else VERDICT_COLOURS[verdict]
    word = f"Uncertain, nearer to {verdict}" if doubt else verdict
    other = CLASSES[1 - CLASSES.index(verdict)]
    above = verdict == CLASSES[PNEUMONIA]
    edge = " left" if threshold < 0.12 else " right" if threshold > 0.88 else ""
    st.html(
        f'<div class="pneumo-verdict" style="--tone: {tone}"><div class="word">{word}</div>'
        + (f'<div class="why">{html.escape(doubt)}</div>' if doubt else "")
        + f'<div class="why">P(PNEUMONIA) is {html.escape(percent(probability))}, '
        f"{'at or above' if above else 'below'} the threshold of {threshold:.3f}. "
        f"{'A lower' if not above else 'A higher'} threshold can turn this into {other}.</div>"
        '<div class="pneumo-bar">'
        f'<div class="fill" style="width: {100 * probability:.2f}%"></div>'
        f'<div class="tick{edge}" style="left: {100 * threshold:.1f}%">'
        f"<span>threshold {threshold:.3f}</span></div></div>"
        '<div class="pneumo-ends">'
        f"<span>NORMAL <b>{html.escape(percent(1 - probability))}</b></span>"
        f"<span>PNEUMONIA <b>{html.escape(percent(probability))}</b></span></div></div>"
    )


def show_refusal() -> None:
    """Shows, where a verdict would be, that there is none."""
    st.html(
        f'<div class="pneumo-verdict" style="--tone: {DOUBT_COLOUR}"><div class="word">No verdict'
        '</div><div class="why">The model has no say on this picture as it is.</div></div>'
    )


def show_stability(stability: Stability, threshold: float) -> None:
    """Shows the answers to small changes as a strip from 0 to 1, with the threshold in it."""
    marks = "".join(
        f'<div class="dot" style="left: {100 * p:.2f}%" title="{html.escape(name)}: {p:.3f}"></div>'
        for name, p in stability.varied.items()
    )
    low, high = stability.low, stability.high
    same = "no verdict changes" if not stability.crossing(threshold) else "the verdict changes"
    st.html(
        '<div class="pneumo-strip" role="img" aria-label="Range of P(PNEUMONIA) under small '
        f'changes: {low:.3f} to {high:.3f}">'
        f'<div class="range" style="left: {100 * low:.2f}%; width: {100 * (high - low):.2f}%">'
        f'</div>{marks}<div class="tick" style="left: {100 * threshold:.1f}%"></div></div>'
        f'<div class="pneumo-small">Stability: {len(stability.varied)} small changes (shift, '
        f"3 degrees, contrast, JPEG, crop) give P(PNEUMONIA) from {low:.3f} to {high:.3f}; "
        f"{same}.</div>"
    )


def show_scale(colour_map: str) -> None:
    """Shows what the colours of a heatmap mean."""
    table = colour_table(colour_map)
    stops = ", ".join("rgb({}, {}, {})".format(*table[i]) for i in range(0, 256, 17))
    st.html(
        f'<div class="pneumo-scale" style="background: linear-gradient(90deg, {stops})"></div>'
        '<div class="pneumo-ends pneumo-small"><span>no evidence</span>'
        "<span>strongest in this radiograph</span></div>"
    )


def show_small(text: str) -> None:
    """Shows plain text in small grey letters; markup in it is shown, not obeyed."""
    st.html(f'<div class="pneumo-small">{html.escape(text)}</div>')
