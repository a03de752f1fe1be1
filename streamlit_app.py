"""The pages, and the order in which a person meets what is on them.

`streamlit run streamlit_app.py` starts them.
"""

import streamlit as st

from pneumo.held_out import read_scores
from pneumo.ui.about import show_about, show_welcome
from pneumo.ui.case import show_case
from pneumo.ui.engine import require_engine
from pneumo.ui.evidence import show_evidence
from pneumo.ui.farewell import prepare_farewell
from pneumo.ui.intake import Entry, keep_dropped, show_intake
from pneumo.ui.model_page import show_model_page
from pneumo.ui.pack import show_pack
from pneumo.ui.results import Results
from pneumo.ui.settings import restore
from pneumo.ui.style import draw_icon, inject_style, show_header, show_warning
from pneumo.ui.threshold import show_threshold
from pneumo.ui.worklist import choose_entry, show_failures

st.set_page_config(page_title="pneumo", page_icon=draw_icon(), layout="wide")


def show_radiographs() -> None:
    """The page on which radiographs are dropped, answered and explained."""
    show_header()
    classifier, explainer = require_engine()
    results = Results(classifier, explainer)
    # Each panel in a container of its own: what is shown now and then in one moves no other, or
    # the page would show the others twice until the run is over.
    with st.container():
        entries = show_intake(classifier, explainer)
    if entries:
        show_answers(entries, results)
    else:
        show_welcome()
    show_about(classifier.card)
    st.page_link(pages[1], label="How it was made and measured, its limits and its failures")


# Not a fragment: while one runs, no control in it can interrupt it, not even its Stop button.
def show_answers(entries: dict[str, Entry], results: Results) -> None:
    """Shows what follows from the threshold; a run without new radiographs needs no network."""
    with st.container():
        show_failures(entries)
    if any(entry.reading for entry in entries.values()):
        card = results.classifier.card
        scores = read_scores(card)
        threshold = show_threshold(card.points, scores)
        with st.container():
            chosen = choose_entry(entries, threshold, results)
        with st.container():
            if chosen:
                shown = show_case(chosen, threshold, results)
                show_pack(entries, threshold, scores, shown, results)
        show_evidence(scores, threshold)


def show_model() -> None:
    """The page on what the answers come from."""
    keep_dropped()
    show_warning()
    classifier, _ = require_engine()
    show_model_page(classifier.card)


pages = [
    st.Page(show_radiographs, title="Radiographs", default=True),
    st.Page(show_model, title="The model", url_path="model"),
]
prepare_farewell()
inject_style()
restore()
st.navigation(pages, position="top").run()
