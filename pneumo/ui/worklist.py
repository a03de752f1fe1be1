"""All radiographs of the session in one table; choosing a row shows its case."""

import base64

import streamlit as st

from pneumo import CLASSES
from pneumo.operating_point import verdict_of
from pneumo.ui.intake import Entry


def show_failures(entries: dict[str, Entry]) -> None:
    """Reports each file that could not be read, beside those that could."""
    for entry in entries.values():
        if entry.error:
            st.error(_plain(entry.error), icon=":material/broken_image:")


SHOWN = ("All", *CLASSES, "Close calls")
ORDERS = ("As dropped", "Closest to the threshold", "Highest P first", "Lowest P first", "Name")
CLOSE = 0.1
"""Distance from the threshold, in probability, below which a verdict is a close call."""


def choose_entry(entries: dict[str, Entry], threshold: float) -> Entry | None:
    """Shows the worklist if there is more than one reading.

    Returns:
        The entry to show, or None if there is no reading or none passes the filter.
    """
    readings = {key: entry for key, entry in entries.items() if entry.reading}
    if len(readings) < 2:
        return next(iter(readings.values()), None)
    verdicts = {key: verdict_of(p_of(entry), threshold) for key, entry in readings.items()}
    with st.container(horizontal=True, key="counts"):
        st.metric("Radiographs", len(readings), width=104)
        for name in CLASSES[::-1]:
            st.metric(name, list(verdicts.values()).count(name), width=104)
    with st.container(horizontal=True, vertical_alignment="bottom", key="worklist-controls"):
        shown = st.segmented_control("Show", SHOWN, default="All", required=True, key="shown")
        order = st.selectbox("Order", ORDERS, key="order", width=210)
        words = st.text_input("Search names", key="search", width=190)
    keys = _arrange(readings, verdicts, threshold, shown, order, words)
    if not keys:
        st.info("No radiograph passes the filter.")
        return None
    return readings[_choose(keys, readings, verdicts, threshold)]


def p_of(entry: Entry) -> float:
    """Returns the P(PNEUMONIA) of an entry that has a reading."""
    return entry.reading.probability


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
        close = abs(p_of(entry) - threshold) < CLOSE
        fits = {"All": True, "Close calls": close}.get(shown, verdicts[key] == shown)
        return fits and words.strip().lower() in entry.name.lower()

    ranks = {
        "As dropped": lambda key: 0,
        "Closest to the threshold": lambda key: abs(p_of(readings[key]) - threshold),
        "Highest P first": lambda key: -p_of(readings[key]),
        "Lowest P first": lambda key: p_of(readings[key]),
        "Name": lambda key: readings[key].name.lower(),
    }
    return sorted(filter(passes, readings), key=ranks[order])


def _choose(
    keys: list[str], readings: dict[str, Entry], verdicts: dict[str, str], threshold: float
) -> str:
    """Shows the table and the steps through it; the choice survives filter and order.

    Returns:
        The key of the radiograph to show.
    """
    if st.session_state.get("case") not in keys:
        st.session_state.case = keys[0]
    # A table of its own for each arrangement: a selected row is a number, not a radiograph.
    table = f"worklist-{hash(tuple(keys))}"

    def pick() -> None:
        rows = st.session_state[table].selection.rows
        if rows:
            st.session_state.case = keys[rows[0]]

    def step(to: int) -> None:
        st.session_state.case = keys[to]
        st.session_state[table] = {"selection": {"rows": [to], "columns": [], "cells": []}}

    here = keys.index(st.session_state.case)
    chosen = [readings[key] for key in keys]
    st.dataframe(
        {
            "": [_data_uri(entry.thumbnail) for entry in chosen],
            "P(PNEUMONIA)": [p_of(entry) for entry in chosen],
            "Verdict": [verdicts[key] for key in keys],
            "From threshold": [p_of(entry) - threshold for entry in chosen],
            "File": [entry.name for entry in chosen],
            "Notes": ["; ".join(entry.reading.radiograph.notes) for entry in chosen],
        },
        column_config={
            "": st.column_config.ImageColumn(width=60),
            "File": st.column_config.TextColumn(width="medium"),
            "P(PNEUMONIA)": st.column_config.ProgressColumn(
                min_value=0, max_value=1, format="%.3f", width=130
            ),
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
    with st.container(horizontal=True, vertical_alignment="center", key="steps"):
        st.button(
            "Previous",
            key="previous",
            on_click=step,
            args=(here - 1,),
            disabled=not here,
            shortcut="K",
        )
        st.button(
            "Next",
            key="next",
            on_click=step,
            args=(here + 1,),
            disabled=here == len(keys) - 1,
            shortcut="J",
        )
        st.caption(f"{here + 1} of {len(keys)}; choose a row, or step with the keys J and K.")
    return st.session_state.case


def _data_uri(png: bytes) -> str:
    return "data:image/png;base64," + base64.b64encode(png).decode()


def _plain(text: str) -> str:
    """Escapes what Markdown would interpret, since file names are anybody's text."""
    return "".join("\\" + c if c in "\\`*_{}[]<>()#+-!|~$:" else c for c in text)
