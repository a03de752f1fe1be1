"""Samples and case in the page's address, beside the settings that Streamlit binds to it.

Who reloads the page, or opens its address, has the samples back, and the case as soon as its file
is there. Files of one's own are in the session alone: the browser asks before it lets them go.
"""

from collections.abc import Collection

import streamlit as st

from pneumo.ui.components import mount
from pneumo.ui.session import state
from pneumo.ui.session.values import Entry, Place, ReadEntry
from pneumo.ui.worklist.samples import SAMPLE_KEY, sample_names

_SAMPLE, _CASE = "sample", "case"
_DIGITS = 12
"""Hexadecimal digits of a file's SHA-256 that tell it from the others."""

_leave = mount("leave")


def follow_address() -> None:
    """Takes samples and case from the address, at first and when a person goes back in it."""
    here = _read()
    if state.PLACE.get() not in (here, None):
        names = {str(number): name for number, name in enumerate(sample_names(), 1)}
        chosen = dict.fromkeys(names[number] for number in here.samples if number in names)
        state.CHOSEN_SAMPLES.ensure()[:] = chosen
        state.WANTED.put(here.case)
    state.PLACE.put(here)


def leave_address() -> None:
    """Tells that another page is shown, whose address says nothing of samples and case."""
    state.PLACE.put(None)


def take_wanted(entries: Collection[ReadEntry]) -> str | None:
    """Returns the key of the case that the address names, once, when it is among the entries."""
    wanted = state.WANTED.get()
    for entry in entries:
        if wanted and entry.reading.info.sha256[:_DIGITS] == wanted:
            state.WANTED.take()
            return entry.key
    return None


def write_address(chosen: ReadEntry | None) -> None:
    """Puts the samples and the case that is shown, if one is, into the address."""
    names = sample_names()
    samples = tuple(str(names.index(name) + 1) for name in state.CHOSEN_SAMPLES.get())
    # A case that is waited for stays in the address until its file comes or another is opened.
    case = chosen.reading.info.sha256[:_DIGITS] if chosen else state.WANTED.get()
    place = Place(samples, case)
    if place != _read():
        st.query_params.update({_SAMPLE: list(samples), _CASE: [case] if case else []})
    state.PLACE.put(place)


def warn_before_leaving(entries: Collection[Entry]) -> None:
    """Has the browser ask before it closes or reloads a page with files that go with it."""
    own = any(not entry.key.startswith(SAMPLE_KEY) for entry in entries)
    with st.container(key="leaving"):  # takes no room
        _leave(data={"ask": own}, key="leave")


def _read() -> Place:
    samples = tuple(st.query_params.get_all(_SAMPLE))
    return Place(samples, st.query_params.get(_CASE, ""))
