"""The page, in the order a person meets it. `streamlit run streamlit_app.py` starts it."""

import streamlit as st

from pneumo.held_out import read_scores
from pneumo.ui.about import show_about, show_welcome
from pneumo.ui.case import show_case
from pneumo.ui.engine import require_engine
from pneumo.ui.evidence import show_evidence
from pneumo.ui.intake import show_intake
from pneumo.ui.style import draw_icon, inject_style, show_header
from pneumo.ui.threshold import show_threshold
from pneumo.ui.worklist import choose_entry, show_failures

st.set_page_config(page_title="pneumo", page_icon=draw_icon(), layout="wide")
inject_style()
show_header()
classifier, explainer = require_engine()
entries = show_intake(classifier, explainer)


@st.fragment
def show_results() -> None:
    """Reruns by itself when a control in it moves: no inference, no upload is touched."""
    show_failures(entries)
    if any(entry.reading for entry in entries.values()):
        scores = read_scores(classifier.card)
        threshold = show_threshold(classifier.card.points, scores)
        chosen = choose_entry(entries, threshold)
        if chosen:
            show_case(chosen, threshold)
        show_evidence(scores, threshold)


if entries:
    show_results()
else:
    show_welcome()
show_about(classifier.card)
