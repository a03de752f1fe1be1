"""The app with a window in it, for tests/ui/test_sessions.py: what it holds of its visitors.

`streamlit run tests/watched_app.py` serves the very pages, and besides them `/watch`.
"""

import asyncio
import gc
import os
import weakref
from pathlib import Path

import streamlit as st
from starlette.responses import JSONResponse
from starlette.routing import Route
from streamlit.runtime.app_session import AppSession

from pneumo.ui.server import engine
from pneumo.ui.server.memory import give_back_memory
from pneumo.ui.start import start
from pneumo.ui.worklist import intake, sources

born: dict[str, list[weakref.ref]] = {"entries": [], "sources": []}


def watch(module, name: str, kind: str) -> None:
    """Has every object of a class in a module known from its birth, without keeping it."""

    class Watched(getattr(module, name)):
        def __init__(self, *args, **kwargs) -> None:
            super().__init__(*args, **kwargs)
            born[kind].append(weakref.ref(self))

    setattr(module, name, Watched)


watch(intake, "ReadEntry", "entries")
watch(sources, "Source", "sources")


async def look(request) -> JSONResponse:
    """Tells what is alive, as it is; then how much memory that takes, in bytes."""
    sessions = [thing for thing in gc.get_objects() if isinstance(thing, AppSession)]
    seen = {kind: sum(ref() is not None for ref in refs) for kind, refs in born.items()}
    seen |= {f"{kind}_ever": len(refs) for kind, refs in born.items()}
    seen["widgets"] = sum(len(s._client_state.widget_states.widgets) for s in sessions)
    seen["settings"] = sum(len(s.session_state.filtered_state) for s in sessions)
    seen["loading"] = engine.is_loading()
    seen["waiting"] = sum(not s._browser_queue.is_empty() for s in sessions)
    del sessions
    await asyncio.to_thread(give_back_memory)
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return JSONResponse(seen | {"memory": pages * os.sysconf("SC_PAGE_SIZE")})


script = Path(__file__).resolve().parents[1] / "streamlit_app.py"
app = st.App(script, lifespan=start, routes=[Route("/watch", look)])
