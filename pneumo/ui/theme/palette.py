"""Every colour of the page, once: for style sheets, components, charts and the icon.

Each has a tone for the light page and one for the dark. Words in them have a contrast of 4.5 to 1
or more with the page, lines and shapes 3 to 1 (WCAG 2.2, 1.4.3 and 1.4.11). Blue, orange and violet
are told apart by colour-blind eyes, and every answer has a word and a shape besides.
"""

from typing import TYPE_CHECKING, TypeVar

import streamlit as st

from pneumo.files import JsonObject

if TYPE_CHECKING:
    import altair

Chart = TypeVar("Chart", bound="altair.TopLevelMixin")

COLOURS = {
    "pneumonia": ("#a34a00", "#f5a05a"),
    "normal": ("#1a5fa0", "#63b3f5"),
    "uncertain": ("#6347c4", "#b9a7ff"),
    "none": ("#56646c", "#aab6bc"),
    "accent": ("#08604f", "#5cc8ba"),
    "on-accent": ("#ffffff", "#06231f"),
    "line": ("#12897b", "#7fd6ca"),
    "mark": ("#17232a", "#ffffff"),
    "text": ("#17232a", "#e6edf0"),
    "soft": ("#4a5a63", "#a9b8bf"),
    "track": ("#d5dee3", "#223039"),
    "right": ("#a9d8d1", "#2f6f68"),
    "wrong": ("#f0c3a4", "#8a4b2a"),
    "panel": ("#eef2f4", "#19232a"),
    "edge": ("#b9c6cd", "#2b3941"),
    "caution": ("#6b5200", "#eadfb9"),
    "caution-edge": ("#b88a00", "#e8c15a"),
}
"""Name -> tone on the light page, tone on the dark page."""


def is_dark() -> bool:
    """Tells whether the browser shows the page dark; yes if nobody knows."""
    return st.context.theme.type != "light"


def tone(name: str, dark: bool) -> str:
    """Returns a colour for the light page or the dark one."""
    return COLOURS[name][dark]


def colour(name: str) -> str:
    """Returns a colour for the page as the browser shows it now."""
    return tone(name, is_dark())


def chart_words(dark: bool) -> JsonObject:
    """Returns Vega's configuration of a chart's words: Streamlit's own are too pale to read."""
    soft = tone("soft", dark)
    words = {"labelColor": soft, "titleColor": soft}
    return {"axis": words, "legend": words}


def with_words(chart: Chart) -> Chart:
    """Returns a chart with its words in the page's colour."""
    worded: Chart = chart.configure(**chart_words(is_dark()))
    return worded


def style_variables() -> str:
    """Returns a CSS rule with every colour as `--pneumo-NAME`; components inherit them."""
    lines = (f"--pneumo-{name}: light-dark({a}, {b});" for name, (a, b) in COLOURS.items())
    return f":root {{{' '.join(lines)}}}"
