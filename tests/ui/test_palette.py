"""Colours: in one place, in step with Streamlit's configuration, and readable."""

import re
import tomllib
from pathlib import Path

import pytest

from pneumo.ui.model_page import charts
from pneumo.ui.theme import palette
from pneumo.ui.theme.palette import COLOURS, chart_words, style_variables, tone
from tests.browser import CHROMIUM, ROOT
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


@pytest.mark.skipif(not CHROMIUM, reason="needs Chromium (apt-get install chromium)")
def test_browser_understands_every_declaration_of_the_style_sheets(browser):
    """It passes over what it does not, a misspelt property or value, without a word."""
    page = browser.new_page()
    declared = [
        (path.name, *declaration)
        for path in SOURCES
        if path.suffix == ".css"
        for block in re.findall(r"\{([^{}]*)\}", _without_comments(path))
        for declaration in re.findall(r"([a-z-]+)\s*:\s*([^;]+)", f" {block}")
    ]
    assert len(declared) > 300
    supports = "declared => declared.filter(([_, name, value]) => !CSS.supports(name, value))"
    known = [d for d in declared if not d[1].startswith("--")]
    plain = [(file, name, value.replace("!important", "").strip()) for file, name, value in known]
    unknown = page.evaluate(supports, [*plain, ("", "colour", "red"), ("", "color", "rod")])
    page.close()
    assert [(name, value) for _, name, value in unknown] == [("colour", "red"), ("color", "rod")]


def _without_comments(path: Path) -> str:
    return re.sub(r"/\*.*?\*/", "", path.read_text(encoding="utf-8"), flags=re.DOTALL)


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
    drawn = (
        charts.draw_loss(history),
        charts.draw_held_out_history(history),
        charts.draw_shifts({"none": rates | {"mean_change": 0.0}}),
        charts.draw_reliability(curve, [3, 4]),
    )
    for chart in drawn:
        config = chart.to_dict()["config"]
        assert config["axis"] == chart_words(dark)["axis"]
        assert config["legend"]["labelColor"] == tone("soft", dark)
