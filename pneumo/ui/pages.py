"""The pages, and the order in which a person meets what is on them."""

import time
from collections.abc import Callable, Mapping
from functools import partial

import streamlit as st
from streamlit.delta_generator import DeltaGenerator
from streamlit.navigation.page import StreamlitPage

from pneumo import CLASSES
from pneumo.evaluation.held_out import HeldOutScores, Rates, read_scores
from pneumo.explaining.overlay import Look
from pneumo.network.card import ModelCard
from pneumo.ui.about import show_about, show_welcome
from pneumo.ui.case.panel import show_case
from pneumo.ui.explanations.browser import AT_FIRST
from pneumo.ui.measures.own_cases import (
    end_test_without_cases,
    labelled_cases,
    show_own_cases,
    show_score,
    show_test_switch,
)
from pneumo.ui.measures.threshold import show_threshold
from pneumo.ui.server.engine import find_card, is_loading, require_engine
from pneumo.ui.server.memory import give_back_memory
from pneumo.ui.server.session_cleanup import prepare_session_cleanup
from pneumo.ui.session import state
from pneumo.ui.session.results import Results
from pneumo.ui.session.values import Entry, Explanation, ReadEntry
from pneumo.ui.theme.style import ICON, inject_style, show_header, show_warning
from pneumo.ui.worklist.address import (
    follow_address,
    leave_address,
    warn_before_leaving,
    write_address,
)
from pneumo.ui.worklist.chooser import choose_entry, show_failures
from pneumo.ui.worklist.intake import ask_for_radiographs, score_radiographs
from pneumo.ui.worklist.small_changes import try_small_changes
from pneumo.ui.worklist.sources import keep_dropped

AWAITED = '<div class="pneumo-awaited">The first picture is being read …</div>'
"""Where the picture will be, in place of what the page showed before the first file."""
PICTURE_DRAWN = 0.2
"""Seconds in which the browser, often on this very machine, has the processor to draw an answer."""


def show_pages() -> None:
    """Shows the page that the session is on: one run of Streamlit's."""
    st.set_page_config(page_title="pneumo", page_icon=ICON, layout="wide")
    pages = [st.Page(_show_radiographs, title="Radiographs", default=True), _model_page()]
    prepare_session_cleanup()
    inject_style()
    state.restore_settings()
    st.navigation(pages, position="top").run()


def _model_page() -> StreamlitPage:
    return st.Page(_show_model, title="The model", url_path="model")


def import_panels() -> None:
    """Imports what the page has below its first radiograph.

    Charts and documents take their libraries half a second, for which no drop zone is to wait.
    """
    from pneumo.ui.explanations import checks  # noqa: F401
    from pneumo.ui.measures import rates  # noqa: F401
    from pneumo.ui.worklist import pack  # noqa: F401


# Not a fragment: while one runs, no control in it can interrupt it, not even its Stop button.
def _show_radiographs() -> None:
    """The page on which radiographs are dropped, answered and explained."""
    # Each panel in a container of its own: what is shown now and then in one moves no other, or
    # the page would show the others twice until the run is over.
    follow_address()
    header = st.empty()
    with st.container(key="workstation"):
        left, middle, right = st.columns([1, 2, 1])
    with header.container():
        show_header(busy=bool(state.ENTRIES.get()))
    with left:
        intake = st.container(key="intake")
    with intake:
        if not is_loading():
            require_engine()  # or nothing is asked for
        wanted = ask_for_radiographs()
    with header.container():
        show_header(busy=bool(wanted))
    if not wanted:
        _show_nothing_yet(middle, intake)
        return
    awaited, known = middle.empty(), set(state.ENTRIES.get())
    if known.isdisjoint(wanted):
        awaited.html(AWAITED)
    with intake:
        engine = require_engine()
        entries = score_radiographs(wanted, engine)
    awaited.empty()
    warn_before_leaving(entries.values())  # now, and not after what takes seconds
    end_test_without_cases(entries)
    if entries:
        compute_rest = _show_answers(entries, Results(engine), left, middle, right)
        if entries.keys() - known:
            time.sleep(PICTURE_DRAWN)
            give_back_memory()  # of what was read; a blink, for which no answer is to wait
        # All is drawn. What takes seconds comes last, so that any click finds its answer in the
        # next run before that goes on.
        compute_rest()
    else:  # reading was stopped before the first
        write_address(None)
        with middle:
            show_welcome()
    _show_foot(engine.classifier.card)


def _show_nothing_yet(middle: DeltaGenerator, intake: DeltaGenerator) -> None:
    """Shows the page without radiographs, for which nothing need be loaded."""
    state.ENTRIES.ensure().clear()
    state.ASKED.take()
    warn_before_leaving(())
    end_test_without_cases({})
    write_address(None)
    with middle:
        show_welcome()
    _show_foot(find_card())
    with intake:
        require_engine()


def _show_foot(card: ModelCard | None) -> None:
    with st.container():
        if card:
            show_about(card)
        words = "How it was made and measured, its limits and its failures"
        st.page_link(_model_page(), label=words)


def _show_answers(
    entries: dict[str, Entry],
    results: Results,
    left: DeltaGenerator,
    middle: DeltaGenerator,
    right: DeltaGenerator,
) -> Callable[[], None]:
    """Shows what follows from the threshold; a run without new radiographs needs no network.

    Returns:
        What computes the rest.
    """
    from pneumo.ui.measures.rates import show_curves

    if not any(isinstance(entry, ReadEntry) for entry in entries.values()):
        with left, st.container():
            show_failures(entries)
        write_address(None)
        return lambda: None
    card = results.classifier.card
    scores = read_scores(card)
    rates = show_threshold(card.points, scores, card.weights_sha256)
    threshold = rates.threshold
    with left:
        # The steps come first: below a list of any length the pinned bar would cover them.
        steps_place = st.container(key="steps-bar")
        # A phone has the list in a drawer, which the steps open: without steps, no drawer.
        list_place = st.container(key="list" if len(entries) > 1 else "alone")
    testing = state.TESTING.get(False)
    with list_place:
        controls_place = st.container(
            horizontal=True, vertical_alignment="center", key="worklist-controls", gap="small"
        )
        score_place = st.container(key="score") if testing else None
        chosen = choose_entry(entries, threshold, results, steps_place, controls_place)
        bar = st.container(key="small-changes")
        with controls_place:
            show_test_switch()
        if score_place:
            with score_place:
                show_score(entries)
    write_address(chosen)  # now, since the case's stability takes seconds
    with left, st.container(key="failures"):
        if not testing:
            show_failures(entries)
    if chosen:
        wanted, look, compute_case = show_case(chosen, entries, threshold, results, (middle, right))
    with right:
        show_curves(scores, rates)
    with middle, st.container(key="panels"):
        shown = (wanted, look) if chosen else AT_FIRST
        _show_panels(_panels_of(entries, chosen, shown, (scores, rates), results))

    def compute_rest() -> None:
        if chosen:
            compute_case()
        with bar:
            try_small_changes(entries, results)

    return compute_rest


PANELS = {
    "checks": "Checks of this heatmap",
    "threshold": "What this threshold does",
    "export": "Export",
    "own": "Your labelled radiographs",
}


def _panels_of(
    entries: dict[str, Entry],
    chosen: ReadEntry | None,
    shown: tuple[Explanation, Look],
    measured: tuple[HeldOutScores, Rates],
    results: Results,
) -> dict[str, Callable[[], None]]:
    """Returns which of `PANELS` there are for these radiographs, and what shows each."""
    from pneumo.ui.explanations.checks import show_checks
    from pneumo.ui.measures.rates import show_effects
    from pneumo.ui.worklist.pack import show_pack

    scores, rates = measured
    panels: dict[str, Callable[[], None]] = {"threshold": partial(show_effects, scores, rates)}
    if not state.TESTING.get(False):
        panels["export"] = partial(show_pack, entries, rates, scores, shown, results)
    if chosen and not chosen.reading.refused and not state.hides(chosen):
        panels["checks"] = partial(show_checks, chosen, shown[0], results)
    if {entry.label for entry in labelled_cases(entries)} == set(CLASSES):
        panels["own"] = partial(show_own_cases, entries, rates.threshold)
    return panels


def _show_panels(panels: Mapping[str, Callable[[], None]]) -> None:
    """Shows the tabs below the case; a closed one draws nothing, for each move of the slider."""
    names = [name for name in PANELS if name in panels]
    if state.PANEL.get(None) not in names:
        state.PANEL.put(None)
    chosen = st.segmented_control(
        "More on this",
        names,
        format_func=PANELS.__getitem__,
        key=state.PANEL.widget(None),
        label_visibility="collapsed",
    )
    with st.container():
        if chosen:
            panels[chosen]()


def _show_model() -> None:
    """The page on what the answers come from."""
    from pneumo.ui.model_page.page import show_model_page

    keep_dropped()
    leave_address()
    show_warning()
    warn_before_leaving(state.ENTRIES.get().values())
    if card := find_card():
        show_model_page(card)
    else:
        require_engine()  # which says what is wrong
