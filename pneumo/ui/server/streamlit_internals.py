"""What the app's promises need of Streamlit beyond its public interface; all of it is here.

Streamlit has no setting for where uploads lie while they arrive, none for holding them once, and
forgets no session itself. What is done about it was tried with one version: `check_internals` fails
with another, so that nobody is promised what no longer holds.
"""

import asyncio
import functools
import sys
import threading
from typing import Any

import streamlit as st
from starlette import __version__ as starlette_version
from starlette.formparsers import MultiPartParser
from starlette.requests import Request
from streamlit import runtime
from streamlit.proto.ClientState_pb2 import ClientState
from streamlit.runtime.app_session import AppSession
from streamlit.runtime.memory_uploaded_file_manager import MemoryUploadedFileManager
from streamlit.runtime.scriptrunner import get_script_run_ctx
from streamlit.runtime.state import SessionState
from streamlit.runtime.uploaded_file_manager import UploadedFile
from streamlit.web.server.server_util import get_url

TRIED = "1.67.0"
"""The version of Streamlit in requirements.txt."""
_PROBE = 2**21
"""Bytes of a trial upload; Starlette writes more than 2**20 to a file unless told otherwise."""


class InternalsError(RuntimeError):
    """Streamlit or what it stands on is not as it was when it was tried; the text says what."""


@functools.cache
def check_internals() -> None:
    """Keeps uploads in memory from now on, and makes sure of it; to be called before any.

    Starlette, which takes uploads in for Streamlit, spools larger ones to a file in the folder for
    temporary files. It has deleted that file before it writes, but what is on a disk stays there.
    How large an upload may be is Streamlit's `server.maxUploadSize` in any case.

    Raises:
        InternalsError: Uploads would reach the disk, or nobody has tried whether they do.
    """
    if st.__version__ != TRIED:
        raise InternalsError(
            "That uploads stay in memory and are released with their session was tested with "
            f"Streamlit {TRIED}, not with {st.__version__}. Install what requirements.txt names; "
            "or test this version: set TRIED in pneumo/ui/server/streamlit_internals.py and run "
            "tests/ui/test_sessions.py."
        )
    MultiPartParser.spool_max_size = sys.maxsize
    if _reaches_disk():
        raise InternalsError(
            f"Starlette {starlette_version} would write uploads to disk in spite of "
            "MultiPartParser.spool_max_size. Install what requirements.txt names."
        )


def _reaches_disk() -> bool:
    """Takes in a trial upload as Streamlit does; tells whether it left the memory."""
    head = b'--x\r\nContent-Disposition: form-data; name="a"; filename="a"\r\n\r\n'
    body = head + bytes(_PROBE) + b"\r\n--x--\r\n"
    headers = [(b"content-type", b"multipart/form-data; boundary=x")]

    async def receive() -> dict[str, Any]:
        return {"type": "http.request", "body": body, "more_body": False}

    async def take_in() -> bool:
        form = await Request({"type": "http", "headers": headers}, receive).form()
        upload = form["a"]
        if isinstance(upload, str):
            return True
        rolled = getattr(upload.file, "_rolled", True)  # of another kind of file nothing is known
        upload.file.close()
        return bool(rolled)

    found = []  # in a thread of its own: the caller's may have a loop that runs
    thread = threading.Thread(target=lambda: found.append(asyncio.run(take_in())))
    thread.start()
    thread.join()
    return found != [False]


def take_bytes(upload: UploadedFile) -> bytes:
    """Takes the bytes of an upload over from Streamlit, which has an empty one in their place.

    Streamlit keeps them as long as the session, and copies them for every run of the page.

    Args:
        upload: Of the drop zone in this run, not taken before.
    """
    context = get_script_run_ctx()
    manager = context and context.uploaded_file_mgr
    if context is None or not isinstance(manager, MemoryUploadedFileManager):
        raise InternalsError("Streamlit holds this upload in another place than in the tests.")
    records = manager.get_files(context.session_id, [upload.file_id])
    if not records:  # removed at this very moment
        return upload.getvalue()
    manager.add_file(context.session_id, records[0]._replace(data=b""))
    return records[0].data


def is_running(session: AppSession) -> bool:
    """Tells whether a run of the page goes on in a session, be it asked to stop or not."""
    return session._scriptrunner is not None


def serves_nobody() -> bool:
    """Tells whether no session is there, not even one whose browser may come back."""
    return not runtime.exists() or not runtime.get_instance()._session_mgr.num_sessions()


def empty_session(session: AppSession) -> None:
    """Lets go of all that a session holds of its visitor; to be called when it is closed.

    Streamlit's loop refers to the session that it served last until it serves another.
    """
    session._session_state = SessionState()  # its own `clear` keeps what buttons were to call
    session._client_state = ClientState()  # names of files among what the widgets were
    session.flush_browser_queue()


def page_address() -> str:
    """Returns where a browser on this computer finds the page."""
    address = st.get_option("browser.serverAddress")
    if address == "localhost" or not address:
        address = st.get_option("server.address")
    return get_url("localhost" if address in (None, "", "0.0.0.0", "::") else address)
