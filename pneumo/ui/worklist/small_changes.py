"""Small changes of all radiographs, tried when asked or when nobody does anything."""

import time

import streamlit as st

from pneumo.network.queue import is_idle
from pneumo.progress import Progress
from pneumo.ui.session import state
from pneumo.ui.session.results import Results, run_or_offer
from pneumo.ui.session.values import Entry, judged

STABILITY_OF_ALL = "stability-of-all"
IDLE_SECONDS = 30.0
REDRAW_SECONDS = 4
"""After which the list shows what is known by then."""
SECONDS_EACH = 3
"""That the small changes to one radiograph take, about, on a small computer."""


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
