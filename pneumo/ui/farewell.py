"""What a session leaves behind when its browser goes away: nothing, and soon.

Streamlit keeps a session for `server.disconnectedSessionTTL` after its browser has gone, in case
the network only stumbled. Later it is forgotten, but its memory stays until another session goes,
which after the last one is never. So each session is closed here, with its files and results,
when half of that time is over.
"""

import asyncio

import streamlit as st
from streamlit import config, runtime
from streamlit.runtime.scriptrunner import get_script_run_ctx

from pneumo.ui.memory import give_back_memory

_trim_later: asyncio.TimerHandle | None = None


def prepare_farewell() -> None:
    """Sees to it that the session of this run is closed soon after its browser has gone."""
    context = get_script_run_ctx()
    if context and runtime.exists():
        _stay(context.session_id)


def _disconnected(session_id: str) -> None:
    """Runs as a browser goes away, on the server's loop; elsewhere the cache is only emptied."""
    try:
        loop = asyncio.get_running_loop()
    except RuntimeError:
        return
    loop.call_later(config.get_option("server.disconnectedSessionTTL") / 2, _close, session_id)


# Of all that Streamlit keeps for a session only such a cache tells when the browser goes away.
@st.cache_resource(scope="session", show_spinner=False, max_entries=1, on_release=_disconnected)
def _stay(session_id: str) -> str:
    return session_id


def _close(session_id: str) -> None:
    """Closes a session that has not come back, and once no other follows gives memory back."""
    global _trim_later
    server = runtime.get_instance()
    if server.is_active_session(session_id):
        return
    server.close_session(session_id)
    if _trim_later:
        _trim_later.cancel()
    loop = asyncio.get_running_loop()
    _trim_later = loop.call_later(2, lambda: loop.run_in_executor(None, give_back_memory))
