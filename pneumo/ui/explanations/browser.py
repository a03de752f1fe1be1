"""The explanation browser: one heatmap, beside the original, two or all methods at once."""

import threading
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

import numpy as np
import streamlit as st

from pneumo import CLASSES, PNEUMONIA
from pneumo.explaining.methods import (
    ALL_METHODS,
    METHODS,
    describe_coarseness,
)
from pneumo.explaining.overlay import Look
from pneumo.images import encode_jpeg, encode_png, fit_within
from pneumo.network.architecture import Layout
from pneumo.network.lung_field import LungField
from pneumo.ui.explanations.controls import COMPARED, Choice, ask_heatmaps
from pneumo.ui.explanations.viewer import Pane, show_linked
from pneumo.ui.session import state
from pneumo.ui.session.results import Results, has_common_scale, run_or_offer
from pneumo.ui.session.values import Explanation, ReadEntry
from pneumo.ui.theme.style import show_scale

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
    choice = ask_heatmaps(results.classifier.card.layout)
    wanted, look = choice.wanted, choice.look
    quick = [explanation for explanation in wanted if results.is_quick(entry, explanation)]
    maps = {explanation: results.heatmap(entry, explanation) for explanation in quick}
    _show_pictures(entry, maps if choice.heat else {}, choice, beside, results)
    common = [e for e in wanted if has_common_scale(results.classifier.card, e)]
    strongest = "strong (scale: see title)"
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
            _explain(entry, wanted, results.classifier.card.layout)
        if choice.arrangement in COMPARED and not state.TESTING.get(False):
            _offer_comparison(entry, beside)
        if choice.one_by_one and maps and not state.TESTING.get(False):  # its name is the file's
            _offer_download(entry, *next(iter(maps.items())), look)
    return wanted[0], look, compute_rest


def _show_pictures(
    entry: ReadEntry,
    maps: dict[Explanation, np.ndarray],
    choice: Choice,
    beside: Beside | None,
    results: Results,
) -> None:
    arrangement = choice.arrangement
    panes = _panes(entry, maps, choice.look, arrangement if choice.heat else "", results)
    narrow = 0
    if beside and arrangement in COMPARED:
        wanted = choice.wanted[0]
        panes.insert(0, _pane_beside(beside, wanted, choice.look, choice.heat, results))
        narrow = 2
    columns = 4 if len(panes) > 4 else min(len(panes), 3)
    show_linked(panes, f"pictures-{arrangement}", columns, narrow)


def _explain(entry: ReadEntry, wanted: list[Explanation], layout: Layout) -> None:
    for method in dict.fromkeys(explanation.method for explanation in wanted):
        own = METHODS[method]
        st.caption(f"**{own.name}** ({own.source}). {own.reading}")
    if entry.reading.input.field is not None:
        st.caption(
            "The blue line is the edge of what the network was shown: the lungs and what "
            "lies between them."
        )
    st.caption(describe_coarseness(layout))
    if missing := [one.name for key, one in ALL_METHODS.items() if key not in METHODS]:
        names = ", ".join(missing)
        st.caption(f"Not offered by this server, since it has no TensorFlow: {names}.")


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
        picture = _picture(entry, (explanation, look), heatmap, side, results)
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
    picture = _picture(entry, (wanted, look), heatmap, SCREEN_SIDE, results)
    words = f"{beside.words}. {wanted.short_title}"
    return Pane(words, picture, f"The radiograph kept for comparison, {wanted.title}")


def _picture(
    entry: ReadEntry,
    shown: tuple[Explanation, Look],
    heatmap: np.ndarray,
    side: int,
    results: Results,
) -> bytes:
    explanation, look = shown
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
