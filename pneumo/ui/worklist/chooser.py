"""All radiographs of the session in one list; choosing one shows its case."""

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from pneumo.export.rows import Row, escape_controls
from pneumo.ui.components import mount
from pneumo.ui.session import state
from pneumo.ui.session.results import Results
from pneumo.ui.session.values import Entry, ReadEntry
from pneumo.ui.theme.style import open_drawer, plain
from pneumo.ui.worklist.address import take_wanted
from pneumo.ui.worklist.arrangement import CLOSE, FILTERS, ORDERS, Wanted, arrange
from pneumo.ui.worklist.gallery import show_gallery
from pneumo.ui.worklist.rows import answer_of, describe_row, make_row

LAYOUTS = ("List", "Pictures")

_list = mount("worklist")


def show_failures(entries: dict[str, Entry]) -> None:
    """Reports each file that could not be read, beside those that could."""
    for entry in entries.values():
        if entry.error:
            st.error(plain(escape_controls(entry.error)), icon=":material/broken_image:")


def choose_entry(
    entries: dict[str, Entry],
    threshold: float,
    results: Results,
    steps_place: DeltaGenerator,
    controls_place: DeltaGenerator,
) -> ReadEntry | None:
    """Shows the worklist, as a list or as pictures, if there is more than one file.

    Args:
        entries: Of the session.
        threshold: Of the slider.
        results: Of the session.
        steps_place: Where the steps from one case to the next go: on a phone beside the picture,
            with the button that opens the list, which is a drawer there.
        controls_place: Where order, search and layout go, a row.

    Returns:
        The entry to show, which has a reading, or None if none passes the filter.
    """
    readings = {key: entry for key, entry in entries.items() if isinstance(entry, ReadEntry)}
    if linked := take_wanted(readings.values()):
        state.CASE.put(linked)
    if len(entries) < 2:
        return next(iter(readings.values()), None)
    rows = {key: make_row(entry, threshold, results) for key, entry in entries.items()}
    if state.TESTING.get(False):
        return _choose_tested(readings, rows, threshold, steps_place)
    with controls_place:
        wanted = _ask_wanted()
    answers = {key: answer_of(row) for key, row in rows.items()}
    # What is found out of a case while somebody looks at it, or after, does not take it from the
    # list: that is narrowed by what was known when they asked for it.
    narrowed = (wanted.shown, wanted.search, threshold)
    before, opened = state.LOOKED_AT.get()
    opened = opened if before == narrowed else frozenset()
    keys = arrange(rows, answers, wanted, opened)
    steps = [key for key in keys if key in readings]
    if steps and state.CASE.get() not in steps:
        state.CASE.put(steps[0])
    state.LOOKED_AT.put((narrowed, opened | {state.CASE.get()} if steps else opened))
    pictures = state.LAYOUT.value == LAYOUTS[1]
    # Among pictures too a file that has none is a row, with its reason.
    listed = [key for key in keys if key not in readings] if pictures else keys
    _show_list(listed, entries, rows, threshold, pictures)
    with steps_place:
        _show_steps(steps, len(entries))
        if not steps:
            st.info(_say_why_none(keys, wanted))
            return None
    if pictures:
        show_gallery({key: readings[key] for key in steps}, answers, results)
    return readings[state.CASE.get()]


def _ask_wanted() -> Wanted:
    """Shows order, search and layout; the counts in the list choose the filter."""
    order = st.selectbox(
        "Order",
        ORDERS,
        key=state.ORDER.widget(ORDERS[0]),
        width=138,
        label_visibility="collapsed",
    )
    search = st.text_input(
        "Search names",
        key=state.SEARCH.widget(""),
        width=138,
        placeholder="Search names",
        label_visibility="collapsed",
    )
    st.segmented_control(
        "Layout",
        LAYOUTS,
        required=True,
        key=state.LAYOUT.widget(LAYOUTS[0]),
        label_visibility="collapsed",
    )
    return Wanted(state.LIST_FILTER.get(), order, search.strip())


def _say_why_none(keys: list[str], wanted: Wanted) -> str:
    if keys:
        return "None of these could be read as a radiograph: there is no case to show."
    if not wanted.search:
        return "No radiograph passes the filter."
    narrower = "" if wanted.shown == FILTERS[0] else f" among those of the filter {wanted.shown}"
    return f"No name{narrower} has “{plain(escape_controls(wanted.search))}” in it."


def _choose_tested(
    readings: dict[str, ReadEntry],
    rows: dict[str, Row],
    threshold: float,
    steps_place: DeltaGenerator,
) -> ReadEntry | None:
    """Shows the list to those who test themselves: by number, without order or search by answer."""
    asked = {key: entry for key, entry in readings.items() if not entry.reading.refused}
    keys = sorted(asked, key=lambda key: state.number_of(asked[key]))
    if keys and state.CASE.get() not in keys:
        state.CASE.put(keys[0])
    state.LIST_FILTER.put(FILTERS[0])
    _show_list(keys, dict(asked), {key: rows[key] for key in keys}, threshold)
    with steps_place:
        _show_steps(keys, len(keys))
    return asked.get(state.CASE.get())


def _show_list(
    keys: list[str],
    entries: dict[str, Entry],
    rows: dict[str, Row],
    threshold: float,
    pictures: bool = False,
) -> None:
    """Shows the list, with or without pictures below; click or arrow key make a row the case."""

    def open_row() -> None:
        # Streamlit keeps this function after the list has gone: it must hold nobody's entries.
        key = state.hear("open")
        if key and isinstance(state.ENTRIES.get().get(key), ReadEntry):
            state.CASE.put(key)
            state.DRAWER.put(False)

    def choose_filter() -> None:
        if (name := state.hear("filter")) in FILTERS:
            state.LIST_FILTER.put(name)

    data = {
        "filters": FILTERS,
        "filter": state.LIST_FILTER.get(),
        "close": CLOSE,
        "rows": [describe_row(entries[key], row) for key, row in rows.items()],
        "shown": keys,
        "here": state.CASE.get() or None,
        "threshold": threshold,
        "pictures": pictures,
    }
    _list(data=data, key=state.WORKLIST, on_open_change=open_row, on_filter_change=choose_filter)


def _show_steps(keys: list[str], files: int) -> None:
    """Shows the steps through the worklist; the case survives filter and order."""
    here = keys.index(state.CASE.get()) if keys else -1

    def step(to: int) -> None:
        state.CASE.put(keys[to])

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
        is_open = state.DRAWER.get()
        st.button(
            "Close list" if is_open else f"List ({files})",
            key="drawer-button",
            on_click=state.DRAWER.put,
            args=(not is_open,),
        )
        st.html(f'<span class="pneumo-small">{here + 1} of {len(keys)}</span>')
    if is_open:
        open_drawer()
