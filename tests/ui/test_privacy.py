"""What is said of a visitor's radiographs: in memory alone, once, and gone with the visitor."""

import asyncio
import contextlib
import functools
import gc
import os
import stat
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path
from unittest.mock import MagicMock

import numpy as np
import pytest
from starlette import formparsers

from pneumo.errors import WeightsError
from pneumo.ui import start
from pneumo.ui.server import engine, memory, streamlit_internals
from pneumo.ui.server.streamlit_internals import InternalsError, check_internals
from pneumo.ui.worklist import sources
from tests.conftest import encode
from tests.sessions import ProtocolSession
from tests.watch import STAY, watch, watched_server

SIDE = 2450
"""Of the large picture, in pixels."""


def large_file() -> bytes:
    """A picture of 6 MB that begins, upside down as BMP is, with bytes seen nowhere else."""
    pixels = np.tile(np.arange(SIDE, dtype=np.float32) / SIDE * 200, (SIDE, 1)).astype(np.uint8)
    pixels[-8:] = np.frombuffer(os.urandom(8 * SIDE), np.uint8).reshape(8, SIDE)
    return encode(pixels, "BMP")


def wait_until_gone(address: str, memory: float) -> dict[str, int]:
    """Waits until nothing of a visitor is alive, nor more memory taken; returns what is.

    No longer than it may take: memory is given back two seconds after, on a busy machine ten.
    """
    deadline = time.monotonic() + STAY / 2 + 15
    while (seen := watch(address))["entries"] + seen["sources"] and time.monotonic() < deadline:
        time.sleep(1)
    deadline = time.monotonic() + 10
    while (seen := watch(address))["memory"] >= memory and time.monotonic() < deadline:
        time.sleep(1)
    return seen


def files_that_hold(mark: bytes, process_id: int) -> list[str]:
    """Names the files with these bytes: open in the process, deleted or not, or temporary."""
    opened = Path(f"/proc/{process_id}/fd").iterdir()
    found = []
    for path in (*opened, *Path(tempfile.gettempdir()).glob("*")):
        with contextlib.suppress(OSError):  # closed or deleted by now
            if stat.S_ISREG(path.stat().st_mode) and mark in path.read_bytes():
                found.append(f"{path} -> {path.resolve()}")
    return found


def test_no_file_of_the_server_holds_an_upload_at_any_time():
    data = large_file()
    mark, during = data[5000:5064], []
    with contextlib.ExitStack() as leaving:
        address, process = leaving.enter_context(watched_server())
        session = ProtocolSession(address)
        leaving.callback(session.close)
        session.open()

        def look() -> None:
            for _ in range(4):  # the server may not have read all that it was sent
                time.sleep(0.5)
                during.extend(files_that_hold(mark, process.pid))

        session.drop_slowly("large.bmp", data, look)
        session.wait_for_rest()
        after = files_that_hold(mark, process.pid)
        assert "large.bmp" in session.case, session.errors
    assert len(data) > 6_000_000
    assert during == after == []


def test_neither_first_nor_last_visitor_leaves_anything_and_uploads_are_held_once():
    count = 10
    with watched_server() as (address, _):
        assert watch(address)["entries_ever"] == 0
        # What libraries set up when they are first used stays; a small radiograph has it come.
        session = ProtocolSession(address)
        session.open()
        session.drop([("small.png", encode(np.tile(np.arange(200, dtype=np.uint8), (200, 1))))])
        session.wait_for_rest()
        session.close()
        idle = wait_until_gone(address, 0)
        assert idle["entries_ever"] == 1
        most = 1.05 * idle["memory"]
        for visitor in (1, 2):
            files = [(f"{n}.bmp", large_file()) for n in range(count)]
            size = sum(len(data) for _, data in files)
            session = ProtocolSession(address)
            session.open()
            session.drop(files)
            session.wait_for_worklist()
            session.wait_for_rest()
            session.open()  # one more run, for which Streamlit copies what it still has
            full = watch(address)
            assert full["entries"] == full["sources"] == count, session.errors
            session.close()
            gone = wait_until_gone(address, most)
            assert gone["entries_ever"] == 1 + visitor * count
            for kind in ("entries", "sources", "widgets", "settings", "waiting"):
                assert gone[kind] == 0, f"{kind} of visitor {visitor}"
            assert full["memory"] - gone["memory"] < 1.5 * size
            assert gone["memory"] < most


def test_an_upload_that_is_removed_goes_at_once():
    with watched_server() as (address, _):
        session = ProtocolSession(address)
        session.open()
        files = [(f"{n}.bmp", large_file()) for n in range(8)]
        session.drop(files)
        session.wait_for_rest()
        session.remove("1.bmp")  # the first run without a new file takes memory of its own, once
        session.wait_for_rest()
        before = watch(address)
        for name, _ in files[2:]:
            session.remove(name)
            session.wait_for_rest()
        after = watch(address)
        assert "0.bmp" in session.case
        session.close()
    assert (before["sources"], after["sources"]) == (7, 1)
    assert before["memory"] - after["memory"] > 0.6 * 6 * len(files[0][1])


def test_another_version_of_streamlit_is_not_trusted(monkeypatch):
    monkeypatch.setattr(streamlit_internals.st, "__version__", "1.99.0")
    with pytest.raises(InternalsError, match=r"1\.99\.0.*requirements\.txt"):
        check_internals.__wrapped__()


def test_the_version_that_was_tried_is_the_one_that_is_installed():
    lines = (Path(__file__).resolve().parents[2] / "requirements.txt").read_text().splitlines()
    assert f"streamlit=={streamlit_internals.TRIED}" in lines


def test_a_starlette_that_spools_all_the_same_is_found_out(monkeypatch):
    spool = functools.partial(tempfile.SpooledTemporaryFile, 2**20)
    monkeypatch.setattr(formparsers, "SpooledTemporaryFile", lambda max_size: spool())
    with pytest.raises(InternalsError, match=r"Starlette .* disk"):
        check_internals.__wrapped__()


def test_nothing_can_be_dropped_where_the_disk_is_not_safe(app, monkeypatch):
    def fail() -> None:
        raise InternalsError("uploads would reach the disk")

    monkeypatch.setattr(sources, "check_internals", fail)
    app.run()
    assert [box.value for box in app.error] == [
        "**Nothing can be dropped here.** uploads would reach the disk"
    ]
    assert not app.file_uploader
    app.button(key="sample-1").click().run()  # those need no upload
    assert not app.exception
    assert len(app.session_state["entries"]) == 1


def test_a_server_that_cannot_keep_its_word_does_not_start(monkeypatch):
    monkeypatch.setattr(streamlit_internals, "TRIED", "1.99.0")
    check_internals.cache_clear()

    async def serve() -> None:
        async with start.start(None):
            pytest.fail("it serves")

    with pytest.raises(InternalsError):
        asyncio.run(serve())


@pytest.mark.parametrize("sound", [True, False])
def test_it_serves_while_the_model_loads_and_then_sets_all_aside(monkeypatch, capsys, sound):
    go_on, loaded = threading.Event(), []

    def load() -> None:
        go_on.wait(30)
        loaded.append(True)
        if not sound:
            raise WeightsError("The weights are missing.")

    monkeypatch.setattr(engine, "load_engine", load)
    monkeypatch.setattr(start.st, "get_option", lambda name: True)  # headless

    def looked_through() -> float:
        """What Python's collector goes through after every run of a page, of all there is."""
        return len(gc.get_objects()) / gc.get_freeze_count()

    async def serve() -> list[float]:
        async with start.start(None):
            assert engine.is_loading() and not loaded
            shares = [looked_through()]
            more = [[] for _ in range(10**6)]  # as a library would bring along
            go_on.set()
            while engine.is_loading():
                await asyncio.sleep(0.01)
            await asyncio.sleep(0.1)
            return [*shares, looked_through() if more else 1]

    try:
        shares = asyncio.run(serve())
    finally:
        gc.unfreeze()
        engine._loading = None
    assert loaded
    assert max(shares) < 0.1
    said = capsys.readouterr()
    assert ("The weights are missing." in said.err) is not sound
    assert ("The model is loaded." in said.out) is sound


@pytest.mark.parametrize("come", [True, False], ids=["a visitor", "nobody"])
def test_the_model_waits_for_the_first_page_but_not_for_ever(monkeypatch, come):
    loaded = threading.Event()
    monkeypatch.setattr(engine, "_wanted", threading.Event())
    monkeypatch.setattr(engine, "_loading", None)
    monkeypatch.setattr(engine, "load_engine", loaded.set)
    monkeypatch.setattr(engine, "LATEST_START", 30 if come else 0.5)
    monkeypatch.setattr(engine, "PAGE_SENT", 0.1)
    loading = engine.begin_loading()
    assert not loaded.wait(0.2) and engine.is_loading()
    if come:
        monkeypatch.setattr(engine.st, "empty", MagicMock())
        engine.require_engine()
    loading.result(10)
    assert loaded.is_set() and not engine.is_loading()


def test_what_a_method_loads_is_set_aside_only_when_nobody_is_there(monkeypatch):
    frozen = []
    monkeypatch.setattr(memory, "set_aside", lambda: frozen.append(True))
    for alone in (False, True):
        monkeypatch.setattr(memory, "serves_nobody", lambda alone=alone: alone)
        memory.set_aside_if_alone()
        assert bool(frozen) is alone


ANSWER = """
import sys
from unittest.mock import patch
from streamlit.testing.v1 import AppTest
from pneumo.inference import load_engine
from pneumo.ui.server import engine
print(sorted({"altair", "pandas", "reportlab", "sklearn", "scipy.stats"} & set(sys.modules)))
loaded = load_engine()
app = AppTest.from_file("streamlit_app.py", default_timeout=60)
with patch.object(engine, "load_engine", lambda: loaded):
    app.run().button(key="sample-1").click().run()
assert not app.exception
print(sorted({"pandas", "pyarrow", "tensorflow", "keras"} & set(sys.modules)))
"""


def test_page_and_first_answer_load_little():
    """Each of these takes tenths of a second and tens of megabytes, or much more."""
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", ANSWER], capture_output=True, text=True, timeout=120
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[-2:] == ["[]", "[]"]
