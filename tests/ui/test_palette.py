"""Colours: in one place, in step with Streamlit's configuration, and readable."""

import re
import tomllib

import pytest

from pneumo.ui import model_charts, palette
from pneumo.ui.palette import COLOURS, chart_words, style_variables, tone
from tests.browser import ROOT
from tests.colours import contrast

PAGES = tomllib.loads((ROOT / ".streamlit/config.toml").read_text(encoding="utf-8"))["theme"]
SOURCES = [
    path
    for path in sorted((ROOT / "pneumo/ui").rglob("*"))
    if path.suffix in (".py", ".css", ".js") and path.name != "palette.py"
]
both = pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])


def test_contrast_is_that_of_the_standard():
    assert contrast("#000000", "rgb(255, 255, 255)") == pytest.approx(21)
    assert contrast("#777777", "#ffffff") == pytest.approx(4.48, abs=0.01)


def test_no_colour_stands_outside_the_palette():
    """But black and white, around and upon pictures, which are dark on either page."""
    assert len(SOURCES) > 30
    found = {
        (path.name, colour)
        for path in SOURCES
        for colour in re.findall(r"#[0-9a-fA-F]{3,8}\b", path.read_text(encoding="utf-8"))
    }
    assert {colour for _, colour in found} <= {"#000", "#000b", "#fff"}, found


def test_style_sheets_name_colours_that_there_are():
    used = {
        name
        for path in SOURCES
        for name in re.findall(r"var\(--pneumo-([a-z-]+)", path.read_text(encoding="utf-8"))
    } - {"drawer"}
    assert used <= COLOURS.keys()
    assert used <= set(re.findall(r"--pneumo-([a-z-]+):", style_variables()))


@both
def test_streamlit_is_told_the_same_colours(dark):
    page = PAGES["dark" if dark else "light"]
    told = {"primaryColor": "accent", "textColor": "text", "borderColor": "edge"}
    told |= {"secondaryBackgroundColor": "panel"}
    assert {key: page[key] for key in told} == {key: tone(told[key], dark) for key in told}


@both
def test_words_and_shapes_can_be_told_from_the_page(dark):
    page = PAGES["dark" if dark else "light"]
    grounds = page["backgroundColor"], page["secondaryBackgroundColor"]
    words = ["pneumonia", "normal", "uncertain", "none", "accent", "text", "soft", "caution"]
    low = [(n, g) for n in words for g in grounds if contrast(tone(n, dark), g) < 4.5]
    assert not low
    assert contrast(tone("on-accent", dark), tone("accent", dark)) >= 4.5
    assert contrast(page["linkColor"], page["backgroundColor"]) >= 4.5
    shapes = [("line", grounds[0]), ("mark", grounds[0]), ("caution-edge", grounds[0])]
    shapes += [(name, tone("track", dark)) for name in ("line", "mark", *words[:4])]
    low = [(name, ground) for name, ground in shapes if contrast(tone(name, dark), ground) < 3]
    assert not low


@both
def test_words_of_charts_are_the_page_s(dark, monkeypatch):
    monkeypatch.setattr(palette, "is_dark", lambda: dark)
    history = [{"epoch": n, "loss": 1 / n, "held_out_auc": 0.9} for n in (1, 2)]
    rates = {"sensitivity": 0.9, "specificity": 0.8, "balanced_accuracy": 0.85, "auc": 0.9}
    curve = {"probability": [0.1, 0.9], "observed": [0.1, 0.9], "weight": [0.5, 0.5]}
    charts = (
        model_charts.draw_loss(history),
        model_charts.draw_held_out_history(history),
        model_charts.draw_shifts({"none": rates | {"mean_change": 0.0}}),
        model_charts.draw_reliability(curve, [3, 4]),
    )
    for chart in charts:
        config = chart.to_dict()["config"]
        assert config["axis"] == chart_words(dark)["axis"]
        assert config["legend"]["labelColor"] == tone("soft", dark)
