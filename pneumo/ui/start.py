"""What is done once, as the server starts."""

import asyncio
import sys
import webbrowser
from collections.abc import AsyncIterator
from concurrent.futures import Future
from contextlib import asynccontextmanager

import streamlit as st

from pneumo.errors import WeightsError
from pneumo.inference import Engine
from pneumo.network import openvino_runtime
from pneumo.ui.pages import import_panels
from pneumo.ui.server.engine import begin_loading
from pneumo.ui.server.memory import limit_heaps, set_aside, set_aside_if_alone
from pneumo.ui.server.streamlit_internals import check_internals, page_address


@asynccontextmanager
async def start(app: st.App) -> AsyncIterator[None]:
    """Serves at once, and loads the model once the first page is drawn.

    What is imported by now is set aside while nobody's radiographs can be among it.

    Args:
        app: The server, which waits for this.

    Raises:
        InternalsError: See `check_internals`; the server does not start.
    """
    check_internals()
    limit_heaps(map_large=openvino_runtime.is_installed())
    set_aside()
    loop = asyncio.get_running_loop()
    begin_loading().add_done_callback(lambda loaded: loop.call_soon_threadsafe(_tell, loaded))
    if not st.get_option("server.headless"):
        # Not by Streamlit, which would do so before there is anything to see.
        address = page_address()
        loop.call_later(1, lambda: loop.run_in_executor(None, webbrowser.open, address))
    yield


def _tell(loaded: Future[Engine]) -> None:
    """Says how the loading went; runs where new sessions come from, so none comes meanwhile."""
    error = loaded.exception()
    if isinstance(error, WeightsError):  # the page says so too, and tries again
        print(f"  No radiograph can be classified. {error}", file=sys.stderr, flush=True)
    elif error:
        raise error
    else:
        print("  The model is loaded.", flush=True)
    loop = asyncio.get_running_loop()
    loop.run_in_executor(None, import_panels).add_done_callback(_set_aside)


def _set_aside(imported: asyncio.Future[None]) -> None:
    imported.result()  # what went wrong is to be seen, not kept
    set_aside_if_alone()
