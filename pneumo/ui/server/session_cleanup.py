"""What a session leaves behind when its browser goes away: nothing, and soon.

Streamlit keeps a session for `server.disconnectedSessionTTL` after its browser has gone, in case
the network only stumbled. Later it is forgotten, but its memory stays until another session goes,
which after the last one is never. So each session is closed here, with its files and results,
when half of that time is over.
"""

import asyncio
import weakref
from typing import NamedTuple

import streamlit as st
from streamlit import config, runtime
from streamlit.runtime.app_session import AppSession
from streamlit.runtime.scriptrunner import get_script_run_ctx

from pneumo.ui.server.memory import give_back_memory
from pneumo.ui.server.streamlit_internals import empty_session, is_running

_trim_later: asyncio.TimerHandle | None = None


class Guest(NamedTuple):
    """A session, by its name and without keeping it."""

    session_id: str
    session: weakref.ref[AppSession]


def prepare_session_cleanup() -> None:
    """Sees to it that the session of this run is closed soon after its browser has gone."""
    context = get_script_run_ctx()
    if context and runtime.exists():
        _stay(context.session_id)


def _disconnected(guest: Guest) -> None:
    """Runs as a browser goes away, on the server's loop; elsewhere the cache is only emptied."""
    try:
        loop = asyncio.get_running_loop()
    except RuntimeError:
        return
    loop.call_later(config.get_option("server.disconnectedSessionTTL") / 2, _close, guest)


# Of all that Streamlit keeps for a session only such a cache tells when the browser goes away.
@st.cache_resource(scope="session", show_spinner=False, max_entries=1, on_release=_disconnected)
def _stay(session_id: str) -> Guest:
    session = runtime.get_instance().get_app_session(session_id)
    if session is None:
        raise RuntimeError(f"Streamlit does not know session {session_id}, though it is running.")
    return Guest(session_id, weakref.ref(session))


def _close(guest: Guest) -> None:
    """Closes a session that has not come back."""
    server = runtime.get_instance()
    if not server.is_active_session(guest.session_id):
        server.close_session(guest.session_id)
        _empty(guest)


def _empty(guest: Guest) -> None:
    """Empties a closed session as soon as its last run has ended, and gives memory back.

    That run was asked to stop as the browser went, but may wait for its turn with the network.
    """
    global _trim_later
    loop = asyncio.get_running_loop()
    session = guest.session()
    if session and is_running(session):
        loop.call_later(1, _empty, guest)
        return
    if session:
        empty_session(session)
    if _trim_later:  # once for all who go at the same time
        _trim_later.cancel()
    _trim_later = loop.call_later(2, lambda: loop.run_in_executor(None, give_back_memory))
