"""The pages, and the order in which a person meets what is on them."""

import streamlit as st
from streamlit.delta_generator import DeltaGenerator
from streamlit.navigation.page import StreamlitPage

from pneumo.evaluation.held_out import read_scores
from pneumo.ui import state
from pneumo.ui.about import show_about, show_welcome
from pneumo.ui.address import (
    follow_address,
    leave_address,
    warn_before_leaving,
    write_address,
)
from pneumo.ui.case import show_case
from pneumo.ui.engine import require_engine
from pneumo.ui.evidence import show_evidence
from pneumo.ui.farewell import prepare_farewell
from pneumo.ui.intake import show_intake
from pneumo.ui.model_page import show_model_page
from pneumo.ui.own_cases import end_test_without_cases, show_own_cases, show_test_switch
from pneumo.ui.pack import show_pack
from pneumo.ui.results import Results
from pneumo.ui.sources import keep_dropped
from pneumo.ui.style import draw_icon, inject_style, show_header, show_warning
from pneumo.ui.threshold import show_threshold
from pneumo.ui.trust import show_checks
from pneumo.ui.values import Entry, ReadEntry
from pneumo.ui.worklist import choose_entry, show_failures, try_small_changes


def show_pages() -> None:
    """Shows the page that the session is on: one run of Streamlit's."""
    st.set_page_config(page_title="pneumo", page_icon=draw_icon(), layout="wide")
    pages = [st.Page(_show_radiographs, title="Radiographs", default=True), _model_page()]
    prepare_farewell()
    inject_style()
    state.restore_settings()
    st.navigation(pages, position="top").run()
    warn_before_leaving(state.ENTRIES.get().values())


def _model_page() -> StreamlitPage:
    return st.Page(_show_model, title="The model", url_path="model")


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
    with left, st.container(key="intake"):
        classifier, explainer = require_engine()
        results = Results(classifier, explainer)
        entries = show_intake(classifier, explainer)
    end_test_without_cases(entries)
    with header.container():
        show_header(busy=bool(entries))
    if entries:
        _show_answers(entries, results, left, middle, right)
    else:
        write_address(None)
        with middle:
            show_welcome()
    with st.container():
        show_about(classifier.card)
        words = "How it was made and measured, its limits and its failures"
        st.page_link(_model_page(), label=words)


def _show_answers(
    entries: dict[str, Entry],
    results: Results,
    left: DeltaGenerator,
    middle: DeltaGenerator,
    right: DeltaGenerator,
) -> None:
    """Shows what follows from the threshold; a run without new radiographs needs no network."""
    if not any(isinstance(entry, ReadEntry) for entry in entries.values()):
        with left, st.container():
            show_failures(entries)
        write_address(None)
        return
    card = results.classifier.card
    scores = read_scores(card)
    threshold = show_threshold(card.points, scores)
    with left:
        # The steps come first: below a list of any length the pinned bar would cover them.
        steps_place, list_place = st.container(key="steps-bar"), st.container(key="list")
    testing = state.TESTING.get(False)
    with list_place:
        score_place = st.container(key="score") if testing else None
        chosen = choose_entry(entries, threshold, results, steps_place)
        bar = st.container(key="small-changes")
        with score_place or st.container(key="test"):
            show_test_switch(entries)
    write_address(chosen)  # now, since the case's stability takes seconds
    with left, st.container(key="failures"):
        if not testing:
            show_failures(entries)
    if chosen:
        wanted, look, compute_rest = show_case(chosen, entries, threshold, results, middle, right)
        with st.container():
            if not chosen.reading.refused and not state.hides(chosen):
                show_checks(chosen, wanted, results)
            if not testing:
                show_pack(entries, threshold, scores, (wanted, look), results)
    show_evidence(scores, threshold)
    with st.container():
        show_own_cases(entries, threshold)
    # All is drawn. What takes seconds comes last, so that any click finds its answer in the next
    # run before that goes on.
    if chosen:
        compute_rest()
    with bar:
        try_small_changes(entries, results)


def _show_model() -> None:
    """The page on what the answers come from."""
    keep_dropped()
    leave_address()
    show_warning()
    classifier, _ = require_engine()
    show_model_page(classifier.card)
