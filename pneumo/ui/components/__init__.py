"""The parts of the page that answer in the browser, each in CSS and JavaScript of its own."""

from pathlib import Path

import streamlit as st
from streamlit.components.v2.types import ComponentRenderer

FOLDER = Path(__file__).resolve().parent


def mount(name: str) -> ComponentRenderer:
    """Registers `name.css` and `name.js` of this folder as a component.

    The functions of `rule.js` stand before every script: how a verdict follows from P and the
    threshold is written once for the browser, as `pneumo.export.rows` has it for Python.
    """
    style, script = FOLDER / f"{name}.css", (FOLDER / f"{name}.js").read_text(encoding="utf-8")
    rule = (FOLDER / "rule.js").read_text(encoding="utf-8")
    return st.components.v2.component(
        f"pneumo.{name}",
        css=style.read_text(encoding="utf-8") if style.exists() else None,
        js=f"{rule}\n{script}",
    )
