"""Sessions that speak Streamlit's protocol as a browser does, without a browser.

A browser opens a websocket, sends a `BackMsg` to run the page, and draws the `ForwardMsg`s that
come back. Files go another way: the page asks for addresses, and each file is put to its own.
"""

import contextlib
import json
import re
import time
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from urllib.parse import urlsplit

import requests
from streamlit.proto.BackMsg_pb2 import BackMsg
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg
from websockets.sync.client import connect

TIMEOUT = 600
"""Seconds without any message after which a session is given up."""


@dataclass(frozen=True)
class Worklist:
    """What the page's table says."""

    names: list[str]
    probabilities: list[float]


class ProtocolSession:
    """One tab of a browser, as the server sees it.

    Attributes:
        messages: Every message received, as bytes: to look for what must not be in any of them.
        errors: Texts of the boxes that report something wrong.
        progress: `(seconds, text)` of each state of a progress bar, by the monotonic clock.
        worklist: The latest table of radiographs, or None.
        case: The latest heading of a case.
        measured: The latest sentence on what the threshold does.
    """

    def __init__(self, address: str) -> None:
        """Connects as the page's own script does, with the token against other sites."""
        self._address = address
        self._http = requests.Session()
        self._http.get(f"{address}/_stcore/health", timeout=60).raise_for_status()
        self._token = self._http.cookies["_streamlit_xsrf"]
        self._leaving = contextlib.ExitStack()
        self._connect()
        self.messages: list[bytes] = []
        self.errors: list[str] = []
        self.progress: list[tuple[float, str]] = []
        self.worklist: Worklist | None = None
        self.case = ""
        self.measured = ""
        self._buttons: dict[str, str] = {}
        self._uploader = ""
        self._page = ""
        self._id = ""
        self._widgets: list[dict] = []

    def open(self) -> None:
        """Runs the page as it is."""
        self._send(BackMsg(rerun_script=self._state()))
        self._receive_until("script_finished")

    def drop(self, files: list[tuple[str, bytes]]) -> None:
        """Uploads files and asks for the page with them; does not wait for it."""
        for (name, data), url in zip(files, self._ask_for_places(files), strict=True):
            self._request("PUT", url.upload_url, {"files": {name: (name, data, "image/jpeg")}})
        self._send(BackMsg(rerun_script=self._state()))

    def drop_slowly(self, name: str, data: bytes, look: Callable[[], None]) -> None:
        """Uploads one file, and looks around while the last of its bytes are still missing."""
        [url] = self._ask_for_places([(name, data)])
        head = f'--x\r\nContent-Disposition: form-data; name="x"; filename="{name}"\r\n\r\n'

        def body() -> Iterator[bytes]:
            yield head.encode() + data[:-1]
            look()
            yield data[-1:] + b"\r\n--x--\r\n"

        kind = {"Content-Type": "multipart/form-data; boundary=x"}
        self._request("PUT", url.upload_url, {"data": body(), "headers": kind})
        self._send(BackMsg(rerun_script=self._state()))

    def remove(self, name: str) -> None:
        """Takes a file out of the drop zone and asks for the page without it."""
        value = self._widgets[0]["file_uploader_state_value"]
        [info] = [info for info in value["uploaded_file_info"] if info["name"] == name]
        value["uploaded_file_info"].remove(info)
        self._request("DELETE", info["file_urls"].delete_url, {})
        self._send(BackMsg(rerun_script=self._state()))

    def press_in_a_hurry(self, label: str) -> None:
        """Presses a button while the page runs, and at once does something else to it."""
        pressed = {"id": self._buttons[label], "trigger_value": True}
        for more in ([], [pressed], []):
            state = {**self._state(), "widget_states": {"widgets": [*self._widgets, *more]}}
            self._send(BackMsg(rerun_script=state))

    def wait_for_progress(self) -> None:
        """Waits until the page says that some radiographs are read."""
        while not any(" of " in text and ": 0 of" not in text for _, text in self.progress):
            self._receive()

    def wait_for_worklist(self) -> None:
        """Waits until the table of radiographs is there."""
        while self.worklist is None:
            self._receive()

    def wait_for_rest(self) -> None:
        """Waits until the page is complete."""
        self._receive_until("script_finished")

    def wait_for_measured(self, start: str, seconds: float = 60) -> None:
        """Waits until the sentence on the threshold starts so; which run says it does not matter.

        Raises:
            AssertionError: If no run does in time.
        """
        until = time.monotonic() + seconds
        while not self.measured.startswith(start):
            try:
                self._receive(until - time.monotonic())
            except TimeoutError:
                raise AssertionError(f"{start!r} is awaited, {self.measured!r} is there") from None

    def come_back(self) -> None:
        """Loses the connection and takes up the session again, as after a stumbling network."""
        self._leaving.close()
        self._connect(self._id)

    def close(self) -> None:
        """Goes away as a closed tab does."""
        self._leaving.close()
        self._http.close()

    def _connect(self, *existing: str) -> None:
        connection = connect(
            f"ws://{urlsplit(self._address).netloc}/_stcore/stream",
            origin=self._address,
            subprotocols=["streamlit", self._token, *existing],
            additional_headers={"Cookie": f"_streamlit_xsrf={self._token}"},
            max_size=None,
            open_timeout=60,
            ping_timeout=None,
        )
        self._socket = self._leaving.enter_context(connection)

    def _ask_for_places(self, files: list[tuple[str, bytes]]) -> list:
        """Asks where to put files, which are in the drop zone from now on."""
        request = {
            "request_id": str(uuid.uuid4()),
            "file_names": [name for name, _ in files],
            "session_id": self._id,
        }
        self._send(BackMsg(file_urls_request=request))
        urls = self._receive_until("file_urls_response").file_urls_response.file_urls
        infos = [
            {"name": name, "size": len(data), "file_id": url.file_id, "file_urls": url}
            for (name, data), url in zip(files, urls, strict=True)
        ]
        value = {"uploaded_file_info": infos}
        self._widgets = [{"id": self._uploader, "file_uploader_state_value": value}]
        return list(urls)

    def _request(self, method: str, path: str, content: dict) -> None:
        headers = {"X-Xsrftoken": self._token, **content.pop("headers", {})}
        address = self._address + path
        answer = self._http.request(method, address, headers=headers, timeout=TIMEOUT, **content)
        answer.raise_for_status()

    def _state(self) -> dict:
        return {"widget_states": {"widgets": self._widgets}, "page_script_hash": self._page}

    def _send(self, message: BackMsg) -> None:
        self._socket.send(message.SerializeToString())

    def _receive_until(self, kind: str) -> ForwardMsg:
        """Receives up to a message of a kind; a run cut short for another is not the last."""
        while True:
            message = self._receive()
            cut = message.script_finished == ForwardMsg.FINISHED_EARLY_FOR_RERUN
            if message.WhichOneof("type") == kind and not cut:
                return message

    def _receive(self, timeout: float = TIMEOUT) -> ForwardMsg:
        data = self._socket.recv(max(timeout, 0))
        self.messages.append(data)
        message = ForwardMsg.FromString(data)
        if message.HasField("new_session"):
            self._id = message.new_session.initialize.session_id
            self._page = message.new_session.page_script_hash
        elif message.HasField("delta") and message.delta.HasField("new_element"):
            self._take(message.delta.new_element)
        return message

    def _take(self, element) -> None:
        kind = element.WhichOneof("type")
        if kind == "file_uploader":
            self._uploader = element.file_uploader.id
        elif kind == "progress":
            self.progress.append((time.monotonic(), element.progress.text))
        elif kind == "button":
            self._buttons[element.button.label] = element.button.id
        elif kind == "html" and "pneumo-rates" in element.html.body:
            self.measured = re.sub("<[^>]*>", "", element.html.body)
        elif kind == "exception":
            self.errors.append(element.exception.message)
        elif kind == "alert" and element.alert.format == element.alert.ERROR:
            self.errors.append(element.alert.body)
        elif kind == "html" and "pneumo-name" in element.html.body:
            self.case = element.html.body
        elif kind == "bidi_component" and "rows" in (
            data := json.loads(element.bidi_component.json)
        ):
            rows = {row["key"]: row for row in data["rows"]}
            shown = [rows[key] for key in data["shown"]]
            self.worklist = Worklist([row["name"] for row in shown], [row["p"] for row in shown])
