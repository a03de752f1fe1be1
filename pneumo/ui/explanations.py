"""The explanation browser: one heatmap, beside the original, two or all methods at once."""

import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

import numpy as np
import streamlit as st

from pneumo import CLASSES, PNEUMONIA
from pneumo.explaining.methods import (
    ALL_METHODS,
    LAYERS,
    METHODS,
    describe_coarseness,
    describe_layer,
)
from pneumo.explaining.overlay import COLOUR_MAPS, Look
from pneumo.images import encode_jpeg, encode_png, fit_within
from pneumo.network.architecture import LAST_CONVOLUTION, Layout
from pneumo.network.lung_field import LungField
from pneumo.ui import state
from pneumo.ui.results import Results, has_common_scale, run_or_offer
from pneumo.ui.state import Setting
from pneumo.ui.style import show_scale
from pneumo.ui.values import Explanation, ReadEntry
from pneumo.ui.viewer import Pane, show_linked

ARRANGEMENTS = ("Overlay", "Beside original", "Two methods", "All methods")
COMPARED = ARRANGEMENTS[:2]
"""Views that have room for another radiograph."""
DRAWINGS = ("Heat", "Contours")
SCREEN_SIDE, GRID_SIDE = 1600, 640
"""Longer side of a picture on the page, alone and among many; downloads have the own size."""
PAINTERS = threading.BoundedSemaphore(2)
"""Heatmaps that are drawn at a time in all sessions: a large one takes a hundred megabytes."""


AT_FIRST = Explanation("gradcam", PNEUMONIA), Look()
"""What is explained and how it is drawn where no case with a heatmap is open."""


def draw(
    look: Look, pixels: np.ndarray, heatmap: np.ndarray, field: LungField | None
) -> np.ndarray:
    """Draws a heatmap as `Look.draw` does, as soon as no two others are being drawn."""
    with PAINTERS:
        return look.draw(pixels, heatmap, field)


@dataclass(frozen=True)
class Beside:
    """Another radiograph that is shown beside the case.

    Attributes:
        entry: With a reading.
        words: Its name and answer.
    """

    entry: ReadEntry
    words: str


def show_explanations(
    entry: ReadEntry, results: Results, beside: Beside | None
) -> tuple[Explanation, Look, Callable[[], None]]:
    """Shows the pictures that are there, and below them what decides on them.

    Args:
        entry: The case.
        results: Of the session.
        beside: Shown at the left of it, in the same way; None for nothing.

    Returns:
        The explanation chosen, the first of two; how it is drawn; and what computes the next
        heatmap that takes seconds, to be called when the rest of the page is there.
    """
    with st.container(
        horizontal=True, vertical_alignment="center", gap="xsmall", key="heatmap-controls"
    ):
        heat = _ask_heat()
        with st.container(
            horizontal=True, vertical_alignment="center", gap="xsmall", width="content"
        ):
            words = '<span class="pneumo-small" aria-hidden="true">Evidence for</span>'
            st.html(words, width="content")
            class_name = _ask_one("Evidence for", CLASSES, CLASSES[1], state.CLASS)
        # One each: what stood behind a method that is gone would be seen twice until the run ends.
        methods_place, display_place = (
            st.container(horizontal=True, gap="xsmall", width="content") for _ in range(2)
        )
        arrangement = _ask_one("View", ARRANGEMENTS, ARRANGEMENTS[0], state.ARRANGEMENT)
    with methods_place:
        methods = {"Overlay": 1, "Beside original": 1, "Two methods": 2}.get(arrangement, 0)
        label = CLASSES.index(class_name)
        layout = results.classifier.card.layout
        chosen = [_ask_method(number, label, layout) for number in range(methods)]
    with display_place:
        look = _ask_look()
    wanted = chosen or [
        Explanation(method, label, layer, state.RELATIVE.get(False))
        for method in METHODS
        for layer in (list(LAYERS)[:2] if method == "layercam" else [LAST_CONVOLUTION])
    ]
    quick = [explanation for explanation in wanted if results.is_quick(entry, explanation)]
    maps = {explanation: results.heatmap(entry, explanation) for explanation in quick}
    panes = _panes(entry, maps if heat else {}, look, arrangement if heat else "", results)
    narrow = 0
    if beside and arrangement in COMPARED:
        panes.insert(0, _pane_beside(beside, wanted[0], look, heat, results))
        narrow = 2
    columns = 4 if len(panes) > 4 else min(len(panes), 3)
    show_linked(panes, f"pictures-{arrangement}", columns, narrow)
    common = [e for e in wanted if has_common_scale(results.classifier.card, e)]
    strongest = "strong, by its title"
    if len(common) in (0, len(wanted)):
        strongest = "strong in any radiograph" if common else "strongest in this radiograph"
    show_scale(look.colour_map, strongest)
    bars = st.container()

    def compute_rest() -> None:
        with bars:
            # Each once, though two methods may be the same one.
            _compute([each for each in dict.fromkeys(wanted) if each not in maps], entry, results)

    with st.container(horizontal=True, key="below-picture"):
        with st.popover("How to read this", icon=":material/menu_book:"):
            for method in dict.fromkeys(explanation.method for explanation in wanted):
                own = METHODS[method]
                st.caption(f"**{own.name}** ({own.source}). {own.reading}")
            if entry.reading.input.field is not None:
                st.caption(
                    "The blue line is the edge of what the network was shown: the lungs and what "
                    "lies between them."
                )
            st.caption(describe_coarseness(results.classifier.card.layout))
            if missing := [one.name for key, one in ALL_METHODS.items() if key not in METHODS]:
                st.caption(
                    f"Not offered by this server, for want of TensorFlow: {', '.join(missing)}."
                )
        if arrangement in COMPARED and not state.TESTING.get(False):
            _offer_comparison(entry, beside)
        if chosen and maps and not state.TESTING.get(False):  # its name is the file's
            _offer_download(entry, *next(iter(maps.items())), look)
    return wanted[0], look, compute_rest


def _offer_comparison(entry: ReadEntry, beside: Beside | None) -> None:
    kept = state.KEPT.get()
    st.button(
        "Stop comparing" if kept else "Compare with another",
        key="compare",
        icon=":material/compare:",
        on_click=state.KEPT.put,
        args=("" if kept else entry.key,),
        help="Keeps this radiograph at the left of the one that you open next.",
    )
    if kept and not beside:
        st.caption("Kept: open another radiograph to see both.")


def _ask_heat() -> bool:
    shown = state.HEAT.get()
    st.button(
        "Heat off" if shown else "Heat on",
        key="heat-button",
        on_click=state.HEAT.put,
        args=(not shown,),
        shortcut="H",
    )
    return shown


def _ask_one(words: str, options: Sequence[str], default: str, setting: Setting[str]) -> str:
    answer = st.segmented_control(
        words,
        options,
        default=default,
        required=True,
        key=setting.widget(default),
        bind="query-params",
        label_visibility="collapsed",
    )
    return answer or default  # an address may say `view=` and nothing


def _ask_method(number: int, label: int, layout: Layout) -> Explanation:
    default = ("layercam" if "layercam" in METHODS else "evidence") if number else "gradcam"
    method = st.selectbox(
        "Compare with" if number else "Method",
        METHODS,
        index=list(METHODS).index(default),
        format_func=lambda key: METHODS[key].name,
        key=state.method_setting(number).widget(default),
        bind="query-params",
        label_visibility="collapsed",
        width=150,
    )
    layer = LAST_CONVOLUTION
    if method == "layercam":
        layer = st.selectbox(
            "Layer",
            LAYERS,
            format_func=lambda name: describe_layer(name, layout),
            key=state.layer_setting(number).widget(LAST_CONVOLUTION),
            label_visibility="collapsed",
            width=220,
        )
    return Explanation(method, label, layer, state.RELATIVE.get(False))


def _ask_look() -> Look:
    with st.popover("Display", icon=":material/tune:"):
        st.segmented_control(
            "Draw as", DRAWINGS, required=True, key=state.DRAWING.widget(DRAWINGS[0])
        )
        opacity = st.slider(
            "Heatmap opacity", 0, 100, step=5, format="%d %%", key=state.OPACITY.widget(45)
        )
        above = st.slider(
            "Only heat above",
            0,
            90,
            step=10,
            format="%d %%",
            key=state.ABOVE.widget(0),
            help="Of the hottest colour of the scale.",
        )
        st.toggle(
            "Relative to this radiograph",
            key=state.RELATIVE.widget(False),
            help="Draws the strongest place hottest, however weak it is. Otherwise Grad-CAM and "
            "the evidence map have one scale for all radiographs: a chest with little evidence "
            "stays dark.",
        )
        colour_map = st.selectbox(
            "Colour map", COLOUR_MAPS, key=state.COLOUR_MAP.widget(COLOUR_MAPS[0])
        )
    contours = state.DRAWING.value == DRAWINGS[1]
    return Look(opacity / 100, colour_map, contours, above / 100)


def _compute(missing: list[Explanation], entry: ReadEntry, results: Results) -> None:
    """Computes slow heatmaps behind a bar; the page is drawn again as each is there."""
    for explanation in missing:
        method = METHODS[explanation.method]
        loading = " (loads TensorFlow first, once)" * (method.gradients and results.must_load())
        heatmap = run_or_offer(
            method.name + loading,
            f"{entry.reading.info.tag}-{explanation.method}-{explanation.label}-{explanation.layer}",
            partial(results.heatmap, entry, explanation),
        )
        if heatmap is not None:
            state.draw_again()


def _panes(
    entry: ReadEntry,
    maps: dict[Explanation, np.ndarray],
    look: Look,
    arrangement: str,
    results: Results,
) -> list[Pane]:
    side = GRID_SIDE if arrangement == "All methods" else SCREEN_SIDE
    panes = []
    if arrangement in ("Beside original", "All methods", "") or not maps:
        panes.append(_original(entry, side, results))
    for explanation, heatmap in maps.items():
        picture = _picture(entry, explanation, heatmap, look, side, results)
        class_name = CLASSES[explanation.label]
        own = has_common_scale(results.classifier.card, explanation)
        scale = "one scale for all radiographs" if own else "relative to this radiograph"
        title = f"{explanation.short_title}, {'common' if own else 'own'} scale"
        if arrangement != "All methods":
            title = f"{explanation.title} ({scale})"
        alt = f"Radiograph with the heatmap of evidence for {class_name}"
        panes.append(Pane(title, picture, f"{alt}, {METHODS[explanation.method].name}"))
        if not heatmap.any():
            st.info(
                f"No place in this radiograph speaks for {class_name}: the heatmap of "
                f"{METHODS[explanation.method].name} is empty."
            )
    if arrangement == "Overlay" and maps and state.WIDE.get() and not state.KEPT.get():
        # A wide window has room for the original as well.
        panes.append(replace(_original(entry, side, results), wide=True))
    return panes


def _pane_beside(
    beside: Beside, wanted: Explanation, look: Look, heat: bool, results: Results
) -> Pane:
    """Returns the other radiograph, with its heatmap if that takes no seconds."""
    entry = beside.entry
    if not heat or entry.reading.refused or not results.is_quick(entry, wanted):
        original = _original(entry, SCREEN_SIDE, results)
        return replace(original, title=f"{beside.words}. {original.title}")
    heatmap = results.heatmap(entry, wanted)
    picture = _picture(entry, wanted, heatmap, look, SCREEN_SIDE, results)
    words = f"{beside.words}. {wanted.short_title}"
    return Pane(words, picture, f"The radiograph kept for comparison, {wanted.title}")


def _picture(
    entry: ReadEntry,
    explanation: Explanation,
    heatmap: np.ndarray,
    look: Look,
    side: int,
    results: Results,
) -> bytes:
    return results.picture(
        (results.identity(entry), explanation, look, side),
        partial(_draw, entry, look, heatmap, side, results),
    )


def _original(entry: ReadEntry, side: int, results: Results) -> Pane:
    return Pane("Original", results.radiograph(entry, side), "Radiograph as it was read")


def _draw(entry: ReadEntry, look: Look, heatmap: np.ndarray, side: int, results: Results) -> bytes:
    pixels = fit_within(results.pixels(entry), side)
    return encode_jpeg(draw(look, pixels, heatmap, entry.reading.input.field))


def _offer_download(entry: ReadEntry, wanted: Explanation, heatmap: np.ndarray, look: Look) -> None:
    st.download_button(
        "Overlay as PNG",
        lambda: encode_png(draw(look, entry.read().pixels, heatmap, entry.reading.input.field)),
        file_name=f"{Path(entry.name).stem}-{wanted.method}-{CLASSES[wanted.label].lower()}.png",
        mime="image/png",
        icon=":material/download:",
        on_click="ignore",
    )
