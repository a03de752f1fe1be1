"""The little HTML and CSS that Streamlit's own elements do not cover."""

import html
from pathlib import Path

import streamlit as st

from pneumo import CLASSES, PNEUMONIA
from pneumo.evaluation.stability import Stability, describe_doubt
from pneumo.explaining.overlay import colour_table
from pneumo.export.rows import percent
from pneumo.network.operating_points import verdict_of
from pneumo.ui.theme.palette import style_variables

WARNING = "Not a medical device"
DISCLAIMER = (
    "A demonstration and teaching tool, trained on children of 1 to 5 years from one hospital. "
    "Never use it to decide about a patient."
)

P_MEANS = (
    "How likely the network thinks pneumonia is, rather than a normal chest, if half of all "
    "radiographs showed pneumonia"
)
THRESHOLD_PLACE = "pneumo-threshold"
"""Name of the place just before the slider, for those who come by keyboard."""

_HERE = Path(__file__).resolve().parent
_CSS, _EMPTY, _DRAWER = (
    (_HERE / f"{name}.css").read_text(encoding="utf-8") for name in ("style", "empty", "drawer")
)
ICON = str(_HERE / "icon.png")
"""Two lungs; Streamlit's named icons come from another host."""


def inject_style() -> None:
    """Adds the style sheet to the page."""
    st.html(f"<style>{style_variables()}\n{_CSS}</style>")


def open_drawer() -> None:
    """Shows the list on a phone."""
    st.html(f"<style>{_DRAWER}</style>")


_WARNING_BOX = f'<div class="pneumo-warning" role="note"><b>{WARNING}.</b> {DISCLAIMER}</div>'


def show_header(busy: bool) -> None:
    """Shows what this is and, before anything else can be done, what it is not.

    Args:
        busy: Whether radiographs are there: then one line is enough, and the case is the page.
    """
    if busy:
        st.html(
            f'<a class="pneumo-skip" href="#{THRESHOLD_PLACE}">Skip to the threshold</a>'
            f'<div class="pneumo-top"><h1>pneumo</h1><span role="note"><b>{WARNING}.</b> Children '
            "of 1 to 5 years from one hospital only.</span></div>"
        )
        return
    st.html(
        '<h1 class="pneumo-title">pneumo</h1>'
        '<div class="pneumo-lead">Drop chest radiographs. For each, see how likely a neural '
        "network thinks pneumonia is, rather than normal, and where in the picture it looked.</div>"
        f"<style>{_EMPTY}</style>{_WARNING_BOX}"
    )


def show_warning() -> None:
    """Shows what the page is not, on every page."""
    st.html(_WARNING_BOX)


def show_verdict(probability: float, threshold: float, stability: Stability | None = None) -> None:
    """Shows the verdict in words and colour, and both probabilities with the threshold.

    What follows from the threshold is marked, so that it can follow the slider in the browser; see
    `components/live.js`.

    Args:
        probability: P(PNEUMONIA).
        threshold: Of the slider.
        stability: How far small changes move the answer, if that is known.
    """
    verdict = verdict_of(probability, threshold)
    doubt = describe_doubt(stability, threshold) if stability else ""
    word = f"Uncertain, nearer to {verdict}" if doubt else verdict
    tone = "uncertain" if doubt else verdict.lower()
    other = CLASSES[1 - CLASSES.index(verdict)]
    above = verdict == CLASSES[PNEUMONIA]
    edge = " left" if threshold < 0.12 else " right" if threshold > 0.88 else ""
    span = f'data-low="{stability.low}" data-high="{stability.high}"' if stability else ""
    st.html(
        f'<div class="pneumo-verdict" data-tone="{tone}" data-p="{probability}" {span}>'
        f'<div role="status" aria-live="polite"><div class="word">{word}</div></div>'
        f'<div class="why doubt"{"" if doubt else " hidden"}>{html.escape(doubt)}</div>'
        f'<div class="why"><abbr title="{P_MEANS}">P(PNEUMONIA)</abbr> is '
        f"{html.escape(percent(probability))}, "
        f'<span class="side">{"at or above" if above else "below"}</span> the threshold of '
        f'<span class="at">{threshold:.3f}</span>. '
        f'<span class="turn">{"A higher" if above else "A lower"}</span> threshold can turn this '
        f'into <span class="other">{other}</span>.</div>'
        '<div class="pneumo-bar">'
        f'<div class="fill" style="width: {100 * probability:.2f}%"></div>'
        f'<div class="tick{edge}" style="left: {100 * threshold:.1f}%">'
        f"<span>threshold {threshold:.3f}</span></div></div>"
        '<div class="pneumo-ends">'
        f"<span>NORMAL <b>{html.escape(percent(1 - probability))}</b></span>"
        f"<span>PNEUMONIA <b>{html.escape(percent(probability))}</b></span></div></div>"
    )


def show_no_verdict(word: str, why: str) -> None:
    """Shows, where a verdict would be, that there is none, and why."""
    st.html(
        '<div class="pneumo-verdict" data-tone="none">'
        f'<div role="status" aria-live="polite"><div class="word">{html.escape(word)}</div></div>'
        f'<div class="why">{html.escape(why)}</div></div>'
    )


def show_stability(stability: Stability | None, threshold: float, judged: bool = True) -> None:
    """Shows the answers to small changes as a strip from 0 to 1, with the threshold in it.

    Mark and words follow the slider in the browser; see `components/live.js`.

    Args:
        stability: None while it is computed: then its place is kept by as many words, since what
            comes in seconds later would push away what somebody is about to press.
        threshold: Of the slider.
        judged: Whether there is a verdict, of which to say whether it changes.
    """
    if stability is None:
        st.html(
            '<div class="pneumo-strip-awaited"></div>'
            '<div class="pneumo-small">Stability: some small changes (shift, 3 degrees, contrast, '
            "JPEG, crop) are being tried; how far P(PNEUMONIA) moves will follow.</div>"
        )
        return
    marks = "".join(
        f'<div class="dot" style="left: {100 * p:.2f}%" title="{html.escape(name)}: {p:.3f}"></div>'
        for name, p in stability.varied.items()
    )
    low, high = stability.low, stability.high
    same = "no verdict changes" if not stability.crossing(threshold) else "the verdict changes"
    effect = f'<span class="pneumo-crossing" data-low="{low}" data-high="{high}">{same}</span>'
    st.html(
        '<div class="pneumo-strip" role="img" aria-label="Range of P(PNEUMONIA) under small '
        f'changes: {low:.3f} to {high:.3f}">'
        f'<div class="range" style="left: {100 * low:.2f}%; width: {100 * (high - low):.2f}%">'
        f'</div>{marks}<div class="tick" style="left: {100 * threshold:.1f}%"></div></div>'
        f'<div class="pneumo-small">Stability: {len(stability.varied)} small changes (shift, '
        f"3 degrees, contrast, JPEG, crop) give P(PNEUMONIA) from {low:.3f} to {high:.3f}"
        f"{f'; {effect}' if judged else ''}.</div>"
    )


def show_scale(colour_map: str, strongest: str) -> None:
    """Shows what the colours of a heatmap mean, with words for the hottest."""
    table = colour_table(colour_map)
    stops = ", ".join("rgb({}, {}, {})".format(*table[i]) for i in range(0, 256, 17))
    st.html(
        f'<div class="pneumo-scale" style="background: linear-gradient(90deg, {stops})"></div>'
        '<div class="pneumo-ends pneumo-small"><span>no evidence</span>'
        f"<span>{html.escape(strongest)}</span></div>"
    )


def show_small(text: str) -> None:
    """Shows plain text in small grey letters; markup in it is shown, not obeyed."""
    st.html(f'<div class="pneumo-small">{html.escape(text)}</div>')


def plain(text: str) -> str:
    """Escapes what Markdown would interpret, since file names are anybody's text."""
    return "".join("\\" + c if c in "\\`*_{}[]<>()#+-!|~$:" else c for c in text)
