"""The parts of the page that answer in the browser, each in CSS and JavaScript of its own."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import streamlit as st

FOLDER = Path(__file__).resolve().parent


def mount(name: str) -> Callable[..., Any]:
    """Registers `name.css` and `name.js` of this folder as a component.

    The functions of `rule.js` stand before every script: how a verdict follows from P and the
    threshold is written once for the browser, as `pneumo.export.rows` has it for Python.
    """
    style, script = FOLDER / f"{name}.css", (FOLDER / f"{name}.js").read_text(encoding="utf-8")
    rule = (FOLDER / "rule.js").read_text(encoding="utf-8")
    component = st.components.v2.component(
        f"pneumo.{name}",
        css=style.read_text(encoding="utf-8") if style.exists() else None,
        js=f"{rule}\n{script}",
    )

    def show(*, data: dict[str, Any], **options: Any) -> Any:
        # Of a list or dict Streamlit asks whether it is a data frame, and imports pandas and
        # pyarrow to know: half a second and 80 MB for the first answer of a server.
        plain = {k: tuple(v) if isinstance(v, list) else v for k, v in data.items()}
        return component(data=plain, **options)

    return show
