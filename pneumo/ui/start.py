"""What is done once, before any session is served."""

import asyncio
import sys
import webbrowser
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import streamlit as st

from pneumo.errors import WeightsError
from pneumo.ui.engine import load_engine
from pneumo.ui.inside import check_inside, page_address
from pneumo.ui.memory import limit_heaps, set_aside


@asynccontextmanager
async def start(app: st.App) -> AsyncIterator[None]:
    """Loads the model, and sets it aside while nobody's radiographs can be among it.

    Args:
        app: The server, which waits for this.

    Raises:
        InsideError: See `check_inside`; the server does not start.
    """
    check_inside()
    limit_heaps()
    print("  Loading the model, about ten seconds …", flush=True)
    try:
        await asyncio.to_thread(load_engine)
    except WeightsError as error:  # the page says so too, and tries again
        print(f"  No radiograph can be classified. {error}", file=sys.stderr, flush=True)
    set_aside()
    print("  Ready.", flush=True)
    if not st.get_option("server.headless"):
        # Not by Streamlit, which would do so before there is anything to see.
        loop = asyncio.get_running_loop()
        address = page_address()
        loop.call_later(1, lambda: loop.run_in_executor(None, webbrowser.open, address))
    yield
