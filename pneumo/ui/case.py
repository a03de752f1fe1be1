"""One radiograph: answer and its stability on the left, explanations on the right."""

import html

import streamlit as st

from pneumo import PNEUMONIA
from pneumo.stability import describe_doubt
from pneumo.ui.adjust import show_adjust, show_findings
from pneumo.ui.explanations import PLAIN_LOOK, SCREEN_SIDE, VIEWS, Look, show_explanations
from pneumo.ui.intake import Entry
from pneumo.ui.results import Explanation, Results
from pneumo.ui.style import show_refusal, show_small, show_stability, show_verdict
from pneumo.ui.trust import show_checks


def show_case(entry: Entry, threshold: float, results: Results) -> tuple[Explanation, Look]:
    """Shows everything about one radiograph.

    Returns:
        The explanation on the page, and how it is drawn.
    """
    # Several pictures want the width of the page. The style sheet puts one column below the other:
    # another layout would leave the old controls beside the new ones until the run is over.
    alone = st.session_state.get("view", VIEWS[0]) == VIEWS[0]
    if entry.reading.refused:
        return _show_refused(entry, results)
    with st.container(key="case-beside" if alone else "case-below"):
        answer, picture = st.columns([2, 3], gap="medium")
    with answer:
        st.html(f"<h4 class='pneumo-name'>{html.escape(entry.name)}</h4>")
        verdict = st.empty()
        show_findings(entry)
        strip = st.empty()
        _show_details(entry)
        show_adjust(entry, results)
    with verdict.container():  # at once; the stability may change it a second later
        known = results.known_stability(entry)
        doubt = describe_doubt(known, threshold) if known else ""
        show_verdict(entry.reading.probability, threshold, doubt)
    with picture:
        wanted, look = show_explanations(entry, results)
        show_checks(entry, wanted, results)
    with strip.container():
        if not known:
            with st.spinner("Trying small changes …"):
                results.stability(entry)
            st.rerun()  # the verdict and the worklist may read otherwise now
        show_stability(known, threshold)
    return wanted, look


def _show_refused(entry: Entry, results: Results) -> tuple[Explanation, Look]:
    """Shows a picture that gets no verdict, why, and what can be done."""
    with st.container(key="case-beside"):
        reasons, picture = st.columns([2, 3], gap="medium")
    with reasons:
        st.html(f"<h4 class='pneumo-name'>{html.escape(entry.name)}</h4>")
        show_refusal()
        show_findings(entry)
        _show_details(entry)
        show_adjust(entry, results)
    with picture:
        st.image(
            results.radiograph(entry, SCREEN_SIDE),
            width="stretch",
            alt="The picture that was dropped",
        )
    return Explanation("gradcam", PNEUMONIA), PLAIN_LOOK


def _show_details(entry: Entry) -> None:
    height, width = entry.reading.shape
    parts = [f"{width} x {height} pixels", *entry.reading.notes]
    if entry.label:
        parts.insert(0, f"The data set's own label: {entry.label}")
    show_small(" · ".join(parts))
