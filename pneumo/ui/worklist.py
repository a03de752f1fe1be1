"""All radiographs of the session in one list; choosing one shows its case."""

import math

import streamlit as st

from pneumo import CLASSES
from pneumo.quality import REFUSED, describe_findings
from pneumo.ui.gallery import show_gallery
from pneumo.ui.intake import Entry
from pneumo.ui.results import Results, run_or_offer
from pneumo.ui.settings import keep
from pneumo.ui.viewer import data_uri


def show_failures(entries: dict[str, Entry]) -> None:
    """Reports each file that could not be read, beside those that could."""
    for entry in entries.values():
        if entry.error:
            st.error(_plain(entry.error), icon=":material/broken_image:")


UNCERTAIN = "Uncertain"
WARNED = "With warnings"
SHOWN = ("All", *CLASSES, "Close calls", UNCERTAIN, WARNED, REFUSED)
LAYOUTS = ("Table", "Pictures")
ORDERS = ("As dropped", "Closest to the threshold", "Highest P first", "Lowest P first", "Name")
CLOSE = 0.1
"""Distance from the threshold, in probability, below which a verdict is a close call."""


def choose_entry(entries: dict[str, Entry], threshold: float, results: Results) -> Entry | None:
    """Shows the worklist, as a table or as pictures, if there is more than one reading.

    Returns:
        The entry to show, or None if there is no reading or none passes the filter.
    """
    readings = {key: entry for key, entry in entries.items() if entry.reading}
    if len(readings) < 2:
        return next(iter(readings.values()), None)
    verdicts = {key: verdict_shown(entry, threshold, results) for key, entry in readings.items()}
    with st.container(horizontal=True, vertical_alignment="center", key="counts"):
        st.metric("Radiographs", len(readings), width=104)
        for name in (*CLASSES[::-1], UNCERTAIN, REFUSED):
            st.metric(name, list(verdicts.values()).count(name), width=104)
        _offer_stability(readings, results)
    with st.container(horizontal=True, vertical_alignment="bottom", key="worklist-controls"):
        layout = st.segmented_control(
            "Layout", LAYOUTS, required=True, key=keep("layout", LAYOUTS[0])
        )
        shown = st.segmented_control("Show", SHOWN, required=True, key=keep("shown", SHOWN[0]))
        order = st.selectbox("Order", ORDERS, key=keep("order", ORDERS[0]), width=210)
        words = st.text_input("Search names", key=keep("search", ""), width=190)
    keys = _arrange(readings, verdicts, threshold, shown, order, words)
    if not keys:
        st.info("No radiograph passes the filter.")
        return None
    if st.session_state.get("case") not in keys:
        st.session_state.case = keys[0]
    if layout == "Pictures":
        show_gallery({key: readings[key] for key in keys}, verdicts, results)
    else:
        _show_table(keys, readings, verdicts, threshold, results)
    _show_steps(keys)
    return readings[st.session_state.case]


def verdict_shown(entry: Entry, threshold: float, results: Results) -> str:
    """Returns the verdict, `REFUSED`, or "Uncertain" if small changes are known to alter it."""
    stability = results.known_stability(entry)
    if not entry.reading.refused and stability and stability.crossing(threshold):
        return UNCERTAIN
    return entry.reading.verdict(threshold)


def _offer_stability(readings: dict[str, Entry], results: Results) -> None:
    """Offers to try the small changes on all radiographs, not only on those looked at."""
    missing = [
        entry
        for entry in readings.values()
        if not entry.reading.refused and not results.known_stability(entry)
    ]
    if not missing:
        return

    def run(progress) -> bool:
        for done, entry in enumerate(missing):
            progress(done / len(missing))
            results.stability(entry)
        return True

    done = run_or_offer(
        f"the stability of {len(missing)} more", "stability-of-all", run, start=False
    )
    if done:
        st.rerun()


def _p_of(entry: Entry) -> float:
    """Returns the P(PNEUMONIA) of an entry that has a reading; nan if it is refused."""
    return math.nan if entry.reading.refused else entry.reading.probability


def _arrange(
    readings: dict[str, Entry],
    verdicts: dict[str, str],
    threshold: float,
    shown: str,
    order: str,
    words: str,
) -> list[str]:
    """Returns the keys that pass the filter, in the order wanted."""

    def passes(key: str) -> bool:
        entry = readings[key]
        others = {
            "All": True,
            "Close calls": abs(_p_of(entry) - threshold) < CLOSE,
            WARNED: bool(entry.reading.findings) and not entry.reading.refused,
        }
        fits = others.get(shown, verdicts[key] == shown)
        return fits and words.strip().lower() in entry.name.lower()

    def last_if_refused(value: float) -> float:
        return math.inf if math.isnan(value) else value

    ranks = {
        "As dropped": lambda key: 0,
        "Closest to the threshold": lambda key: last_if_refused(
            abs(_p_of(readings[key]) - threshold)
        ),
        "Highest P first": lambda key: last_if_refused(-_p_of(readings[key])),
        "Lowest P first": lambda key: last_if_refused(_p_of(readings[key])),
        "Name": lambda key: readings[key].name.lower(),
    }
    return sorted(filter(passes, readings), key=ranks[order])


def _table_key(keys: list[str]) -> str:
    """A table of its own for each arrangement: a selected row is a number, not a radiograph."""
    return f"worklist-{hash(tuple(keys))}"


def _show_table(
    keys: list[str],
    readings: dict[str, Entry],
    verdicts: dict[str, str],
    threshold: float,
    results: Results,
) -> None:
    """Shows the table; a selected row becomes the case."""
    table = _table_key(keys)

    def pick() -> None:
        rows = st.session_state[table].selection.rows
        if rows:
            st.session_state.case = keys[rows[0]]

    here = keys.index(st.session_state.case)
    chosen = [readings[key] for key in keys]
    st.dataframe(
        {
            "": [data_uri(entry.thumbnail) for entry in chosen],
            "P(PNEUMONIA)": [_known(_p_of(entry)) for entry in chosen],
            "Verdict": [verdicts[key] for key in keys],
            "From threshold": [_known(_p_of(entry) - threshold) for entry in chosen],
            "Stability": [_range(entry, results) for entry in chosen],
            "File": [entry.name for entry in chosen],
            "Notes": [_remarks(entry) for entry in chosen],
        },
        column_config={
            "": st.column_config.ImageColumn(width=60),
            "File": st.column_config.TextColumn(width="medium"),
            "P(PNEUMONIA)": st.column_config.ProgressColumn(
                min_value=0, max_value=1, format="%.3f", width=130
            ),
            "Stability": st.column_config.TextColumn(width=115),
            "From threshold": st.column_config.NumberColumn(format="%+.3f", width=110),
        },
        hide_index=True,
        row_height=48,
        height=min(3 + 36 + 48 * len(chosen), 380),
        key=table,
        on_select=pick,
        selection_mode="single-row",
        selection_default={"selection": {"rows": [here]}},
        alt="Worklist of radiographs with their probability and verdict",
    )


def _known(value: float) -> float | None:
    return None if math.isnan(value) else value


def _remarks(entry: Entry) -> str:
    return f"{describe_findings(entry.reading.findings)} {'; '.join(entry.reading.notes)}".strip()


def _range(entry: Entry, results: Results) -> str:
    stability = results.known_stability(entry)
    if entry.reading.refused:
        return ""
    return f"{stability.low:.3f} to {stability.high:.3f}" if stability else "not tried"


def _show_steps(keys: list[str]) -> None:
    """Shows the steps through the worklist; the case survives filter and order."""
    here = keys.index(st.session_state.case)

    def step(to: int) -> None:
        st.session_state.case = keys[to]
        st.session_state[_table_key(keys)] = {
            "selection": {"rows": [to], "columns": [], "cells": []}
        }

    with st.container(horizontal=True, vertical_alignment="center", key="steps"):
        for name, to, key in (("Previous", here - 1, "K"), ("Next", here + 1, "J")):
            st.button(
                name,
                key=name.lower(),
                on_click=step,
                args=(to,),
                disabled=not 0 <= to < len(keys),
                shortcut=key,
            )
        st.caption(f"{here + 1} of {len(keys)}; choose one, or step with the keys J and K.")


def _plain(text: str) -> str:
    """Escapes what Markdown would interpret, since file names are anybody's text."""
    return "".join("\\" + c if c in "\\`*_{}[]<>()#+-!|~$:" else c for c in text)
