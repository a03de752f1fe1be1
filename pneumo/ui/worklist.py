"""All radiographs of the session in one list; choosing one shows its case."""

import math
import time
from collections.abc import Container

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from pneumo import CLASSES
from pneumo.export.rows import (
    ADULT,
    FAILED,
    UNCERTAIN,
    Row,
    escape_controls,
    row_of,
    row_of_failure,
    withhold_verdict,
)
from pneumo.files import JsonObject
from pneumo.network.queue import is_idle
from pneumo.network.triage import REFUSED
from pneumo.progress import Progress
from pneumo.ui import state
from pneumo.ui.address import take_wanted
from pneumo.ui.components import mount
from pneumo.ui.gallery import show_gallery
from pneumo.ui.results import Results, run_or_offer
from pneumo.ui.style import plain
from pneumo.ui.values import Entry, ReadEntry, judged
from pneumo.ui.viewer import data_uri


def show_failures(entries: dict[str, Entry]) -> None:
    """Reports each file that could not be read, beside those that could."""
    for entry in entries.values():
        if entry.error:
            st.error(plain(escape_controls(entry.error)), icon=":material/broken_image:")


WARNED = "With warnings"
ADULT_CHIP = "Adult"
"""Stands in the place of the verdict on an adult, of whom the model knows nothing."""
UNANSWERED = "Your turn"
"""Stands in the place of the verdict while people test themselves and have not answered."""
SHOWN = ("All", *CLASSES[::-1], UNCERTAIN, "Close calls", ADULT_CHIP, WARNED, REFUSED, FAILED)
LAYOUTS = ("List", "Pictures")
ORDERS = ("As dropped", "Closest to the threshold", "Highest P first", "Lowest P first", "Name")
STABILITY_OF_ALL = "stability-of-all"
IDLE_SECONDS = 30.0
REDRAW_SECONDS = 4
"""After which the list shows what is known by then."""
SECONDS_EACH = 3
"""That the small changes to one radiograph take, about, on a small computer."""
CLOSE = 0.1
"""Distance from the threshold, in probability, below which a verdict is a close call."""

OPEN_DRAWER = "<style>:root {--pneumo-drawer: block}</style>"
"""Shows the list on a phone, where style.css hides it otherwise."""

_list = mount("worklist")


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
    if wanted := take_wanted(readings.values()):
        state.CASE.put(wanted)
    if len(entries) < 2:
        return next(iter(readings.values()), None)
    rows = {key: make_row(entry, threshold, results) for key, entry in entries.items()}
    if state.TESTING.get(False):
        return _choose_tested(readings, rows, threshold, steps_place)
    with controls_place:
        shown = state.LIST_FILTER.get()  # the counts in the list choose it
        order = st.selectbox(
            "Order",
            ORDERS,
            key=state.ORDER.widget(ORDERS[0]),
            width=138,
            label_visibility="collapsed",
        )
        words = st.text_input(
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
    answers = {key: answer_of(row) for key, row in rows.items()}
    # What is found out of a case while somebody looks at it, or after, does not take it from the
    # list: that is narrowed by what was known when they asked for it.
    narrowed = (shown, words, threshold)
    before, opened = state.LOOKED_AT.get()
    opened = opened if before == narrowed else frozenset()
    keys = _arrange(rows, answers, shown, order, words, opened)
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
            reason = "No radiograph passes the filter."
            if keys:
                reason = "None of these could be read as a radiograph: there is no case to show."
            elif words.strip():
                narrower = "" if shown == SHOWN[0] else f" among those of the filter {shown}"
                reason = f"No name{narrower} has “{plain(escape_controls(words.strip()))}” in it."
            st.info(reason)
            return None
    if pictures:
        show_gallery({key: readings[key] for key in steps}, answers, results)
    return readings[state.CASE.get()]


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
    state.LIST_FILTER.put(SHOWN[0])
    _show_list(keys, dict(asked), {key: rows[key] for key in keys}, threshold)
    with steps_place:
        _show_steps(keys, len(keys))
    return asked.get(state.CASE.get())


def make_row(entry: Entry, threshold: float, results: Results) -> Row:
    """Makes the row of a file, with its stability if that is known; computes nothing.

    On an adult it has a verdict only if the page shows one.
    """
    weights = results.classifier.card.weights_sha256
    if not isinstance(entry, ReadEntry):
        return row_of_failure(entry.name, entry.error, threshold, weights, entry.label)
    stability = results.known_stability(entry)
    row = row_of(entry.name, entry.reading, threshold, weights, stability, entry.label)
    return withhold_verdict(row) if state.withholds(entry.reading) else row


def try_small_changes(entries: dict[str, Entry], results: Results) -> None:
    """Tries the small changes on all radiographs, if that is wanted, and not only on the case.

    The page is drawn again every few seconds, with what is known by then.
    """
    readings = judged(entries.values())
    missing = [entry for entry in readings if not results.known_stability(entry)]
    if not missing or len(entries) < 2:
        state.RUNNING.get().pop(STABILITY_OF_ALL, None)
        return
    known = 1 - len(missing) / len(readings)

    def run(progress: Progress) -> bool:
        started = time.monotonic()
        for done, entry in enumerate(missing, 1):
            results.stability(entry)
            progress(known + done / len(readings))
            if time.monotonic() - started > REDRAW_SECONDS:
                break
        return True

    minutes = max(1, round(len(missing) * SECONDS_EACH / 60))
    name = f"Test whether small changes flip the verdict ({len(missing)} left, about {minutes} min)"
    if run_or_offer(name, STABILITY_OF_ALL, run, start=False, offer=name, known=known):
        state.RUNNING.ensure()[STABILITY_OF_ALL] = True  # until none is missing
        state.draw_again()
    if STABILITY_OF_ALL not in state.RUNNING.get():  # it is if it was stopped
        state.IDLE_SINCE.put(time.monotonic())
        _begin_when_idle()


@st.fragment(run_every=IDLE_SECONDS / 2)
def _begin_when_idle() -> None:
    """Begins by itself when nobody has done anything for a while, here or in another session."""
    if time.monotonic() - state.IDLE_SINCE.get() > IDLE_SECONDS and is_idle():
        state.RUNNING.ensure()[STABILITY_OF_ALL] = True
        state.draw_again()


def answer_of(row: Row) -> str:
    """Returns what stands for a file in list and counts: adults are counted apart."""
    return ADULT_CHIP if row.verdict == ADULT else row.answer


def _arrange(
    rows: dict[str, Row],
    answers: dict[str, str],
    shown: str,
    order: str,
    words: str,
    opened: Container[str],
) -> list[str]:
    """Returns the keys that pass the filter or did when they were opened, in the order wanted.

    Those refused are last.
    """

    def passes(key: str) -> bool:
        if key in opened:
            return True
        row = rows[key]
        refused = row.p_pneumonia is None
        others = {
            "All": True,
            "Close calls": _distance(row) < CLOSE,
            WARNED: bool(row.findings) and not refused,
        }
        fits = others.get(shown, answers[key] == shown)
        return fits and words.strip().lower() in row.path.lower()

    def rank(key: str) -> float:
        row, p = rows[key], rows[key].p_pneumonia
        if p is None:
            return math.inf
        return {"Highest P first": -p, "Lowest P first": p}.get(order, _distance(row))

    kept = list(filter(passes, rows))
    if order == "As dropped":
        return kept
    return sorted(kept, key=(lambda key: rows[key].path.lower()) if order == "Name" else rank)


def _distance(row: Row) -> float:
    """Returns how far from the threshold a probability is; infinite where there is none."""
    return math.inf if row.p_pneumonia is None else abs(row.p_pneumonia - row.threshold)


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
        if (name := state.hear("filter")) in SHOWN:
            state.LIST_FILTER.put(name)

    data = {
        "filters": SHOWN,
        "filter": state.LIST_FILTER.get(),
        "close": CLOSE,
        "rows": [_describe_row(entries[key], row) for key, row in rows.items()],
        "shown": keys,
        "here": state.CASE.get() or None,
        "threshold": threshold,
        "pictures": pictures,
    }
    _list(data=data, key=state.WORKLIST, on_open_change=open_row, on_filter_change=choose_filter)


def _describe_row(entry: Entry, row: Row) -> JsonObject:
    """Returns what the list shows of a file, and what decides on its answer in the browser."""
    reading = entry.reading
    name = escape_controls(state.name_of(entry))
    thumbnail = data_uri(entry.thumbnail) if entry.thumbnail else ""
    warning = "adult" if reading and reading.adult else "warned" if row.findings else ""
    if state.hides(entry):  # what reaches the browser can be read there
        hidden = dict.fromkeys(("reason", "stability", "remarks"), "")
        hidden |= {"key": entry.key, "name": name, "thumbnail": thumbnail, "fixed": UNANSWERED}
        hidden |= {"marks": warning}
        return hidden | {
            "answer": UNANSWERED,
            "warned": False,
            "p": None,
            "low": None,
            "high": None,
        }
    answer = answer_of(row)
    follows = answer in (*CLASSES, UNCERTAIN)  # the threshold, that is
    marks = ", ".join(filter(None, (warning, f"is {row.label}" if row.label else "")))
    return {
        "key": entry.key,
        "name": name,
        "thumbnail": thumbnail,
        "p": row.p_pneumonia,
        "low": row.p_low,
        "high": row.p_high,
        "fixed": "" if follows else answer,
        "answer": answer,
        "marks": marks if follows else "",
        "warned": bool(row.findings) and row.p_pneumonia is not None,
        "reason": escape_controls(row.error) or (row.findings if row.verdict == REFUSED else ""),
        "stability": row.stability,
        "remarks": row.remarks,
    }


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
        st.html(OPEN_DRAWER)
