"""The explanation browser: one heatmap, beside the original, two or all methods at once."""

import threading
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import streamlit as st

from pneumo import CLASSES
from pneumo.explain import LAYERS, METHODS
from pneumo.model import LAST_CONVOLUTION
from pneumo.overlay import (
    COLOUR_MAPS,
    blend,
    draw_contours,
    encode_jpeg,
    encode_png,
    fit_within,
    stretch_heatmap,
)
from pneumo.ui.intake import Entry
from pneumo.ui.results import Explanation, Results, run_or_offer
from pneumo.ui.settings import keep
from pneumo.ui.style import show_scale
from pneumo.ui.viewer import Pane, show_linked

VIEWS = ("Overlay", "Beside original", "Two methods", "All methods")
DRAWINGS = ("Heat", "Contours")
SCREEN_SIDE, GRID_SIDE = 1600, 640
"""Longer side of a picture on the page, alone and among many; downloads have the own size."""
PAINTERS = threading.BoundedSemaphore(2)
"""Heatmaps that are drawn at a time in all sessions: a large one takes a hundred megabytes."""


@dataclass(frozen=True)
class Look:
    """How a heatmap is drawn; see `pneumo.overlay`."""

    opacity: float
    colour_map: str
    drawing: str
    above: float

    def draw(self, pixels: np.ndarray, heatmap: np.ndarray) -> np.ndarray:
        """Returns `(height, width, 3)` uint8: a heatmap of any size over a radiograph."""
        with PAINTERS:
            heat = stretch_heatmap(heatmap, pixels.shape)
            if self.drawing == "Contours":
                return draw_contours(pixels, heat, self.colour_map, self.above)
            return blend(pixels, heat, self.opacity, self.colour_map, self.above)


PLAIN_LOOK = Look(opacity=0.45, colour_map=COLOUR_MAPS[0], drawing=DRAWINGS[0], above=0)
"""As long as nobody has chosen another."""


def show_explanations(entry: Entry, results: Results) -> tuple[Explanation, Look]:
    """Shows the pictures, and below them what decides on them.

    Returns:
        The explanation chosen, the first of two, and how it is drawn.
    """
    place = st.container()  # the pictures stand above the controls that they need first
    with st.container(horizontal=True, vertical_alignment="bottom", key="heatmap-controls"):
        class_name = st.segmented_control(
            "Evidence for", CLASSES, required=True, key=keep("class", CLASSES[1])
        )
        view = st.segmented_control("View", VIEWS, required=True, key=keep("view", VIEWS[0]))
        methods = {"Overlay": 1, "Beside original": 1, "Two methods": 2}.get(view, 0)
        label = CLASSES.index(class_name)
        chosen = [_ask_method(number, label) for number in range(methods)]
        look = _ask_look()
    wanted = chosen or [
        Explanation(method, label, layer)
        for method in METHODS
        for layer in (list(LAYERS)[:2] if method == "layercam" else [LAST_CONVOLUTION])
    ]
    with place:
        maps = _compute(entry, wanted, results)
        _show_panes(entry, maps, look, view, results)
    show_scale(look.colour_map)
    for method in dict.fromkeys(explanation.method for explanation in chosen):
        st.caption(
            f"**{METHODS[method].name}** ({METHODS[method].source}). {METHODS[method].reading}"
        )
    if not chosen:
        with st.expander("How to read these methods"):
            for method in METHODS.values():
                st.markdown(f"**{method.name}** ({method.source}). {method.reading}")
    if chosen and maps:
        _offer_download(entry, *next(iter(maps.items())), look)
    return wanted[0], look


def _ask_method(number: int, label: int) -> Explanation:
    method = st.selectbox(
        "Compare with" if number else "Method",
        METHODS,
        format_func=lambda key: METHODS[key].name,
        key=keep(f"method-{number}", "layercam" if number else "gradcam"),
        width=150,
    )
    layer = LAST_CONVOLUTION
    if method == "layercam":
        layer = st.selectbox(
            "Layer",
            LAYERS,
            format_func=LAYERS.get,
            key=keep(f"layer-{number}", LAST_CONVOLUTION),
            width=220,
        )
    return Explanation(method, label, layer)


def _ask_look() -> Look:
    with st.popover("Display", icon=":material/tune:"):
        drawing = st.segmented_control(
            "Draw as", DRAWINGS, required=True, key=keep("drawing", DRAWINGS[0])
        )
        opacity = st.slider(
            "Heatmap opacity", 0, 100, step=5, format="%d %%", key=keep("opacity", 45)
        )
        above = st.slider(
            "Only heat above",
            0,
            90,
            step=10,
            format="%d %%",
            key=keep("above", 0),
            help="Of the strongest place in this radiograph.",
        )
        colour_map = st.selectbox("Colour map", COLOUR_MAPS, key=keep("colour-map", COLOUR_MAPS[0]))
    return Look(opacity / 100, colour_map, drawing, above / 100)


def _compute(
    entry: Entry, wanted: list[Explanation], results: Results
) -> dict[Explanation, np.ndarray]:
    """Returns the heatmaps; slow ones come behind a bar, and are missing once stopped."""
    maps = {}
    for explanation in wanted:
        if results.is_quick(entry, explanation):
            maps[explanation] = results.heatmap(entry, explanation)
            continue
        heatmap = run_or_offer(
            METHODS[explanation.method].name,
            f"{entry.reading.tag}-{explanation.method}-{explanation.label}",
            lambda progress, own=explanation: results.heatmap(entry, own, progress),
        )
        if heatmap is not None:
            maps[explanation] = heatmap
    return maps


def _show_panes(
    entry: Entry,
    maps: dict[Explanation, np.ndarray],
    look: Look,
    view: str,
    results: Results,
) -> None:
    side = GRID_SIDE if view == "All methods" else SCREEN_SIDE
    panes = []
    if view in ("Beside original", "All methods"):
        picture = results.radiograph(entry, side)
        panes.append(Pane("Original", picture, "Radiograph as it was read"))
    for explanation, heatmap in maps.items():
        picture = results.picture(
            (results.identity(entry), explanation, look, side),
            lambda heatmap=heatmap: encode_jpeg(
                look.draw(fit_within(results.pixels(entry), side), heatmap)
            ),
        )
        class_name = CLASSES[explanation.label]
        title = "" if view == "Overlay" else explanation.short_title
        alt = f"Radiograph with the heatmap of evidence for {class_name}"
        panes.append(Pane(title, picture, f"{alt}, {METHODS[explanation.method].name}"))
        if not heatmap.any():
            st.info(
                f"No place in this radiograph speaks for {class_name}: the heatmap of "
                f"{METHODS[explanation.method].name} is empty."
            )
    if panes:
        show_linked(panes, f"pictures-{view}", columns=4 if len(panes) > 4 else 2)


def _offer_download(entry: Entry, wanted: Explanation, heatmap: np.ndarray, look: Look) -> None:
    st.download_button(
        "Overlay as PNG",
        lambda: encode_png(look.draw(entry.read().pixels, heatmap)),
        file_name=f"{Path(entry.name).stem}-{wanted.method}-{CLASSES[wanted.label].lower()}.png",
        mime="image/png",
        icon=":material/download:",
        on_click="ignore",
    )
