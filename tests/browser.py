"""A running app and a real browser, for the tests and for the screenshots."""

import contextlib
import os
import shutil
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")


@contextlib.contextmanager
def serve_app() -> Iterator[str]:
    """Starts the app as a user would, on a free port; yields its address, ends it after."""
    with serve_process() as (address, _):
        yield address


@contextlib.contextmanager
def serve_process(
    *options: str, script: str = "streamlit_app.py", python: str = sys.executable
) -> Iterator[tuple[str, subprocess.Popen]]:
    """Does what `serve_app` does, with more options of Streamlit or another Python.

    Yields address and process.
    """
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    process = subprocess.Popen(
        [
            python,
            *("-m", "streamlit", "run", script),
            *("--server.port", str(port), "--server.address", "127.0.0.1"),
            *("--server.headless", "true"),
            *options,
        ],
        cwd=ROOT,
        env={**os.environ, "TF_CPP_MIN_LOG_LEVEL": "3"},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    address = f"http://127.0.0.1:{port}"
    try:
        for _ in range(1200):
            try:
                urllib.request.urlopen(f"{address}/_stcore/health", timeout=2).close()
                break
            except OSError:
                time.sleep(0.05)
        else:
            raise RuntimeError("the app did not start within a minute")
        yield address, process
    finally:
        process.terminate()
        try:
            process.wait(20)
        except subprocess.TimeoutExpired:  # a busy machine
            process.kill()
            process.wait()


def launch_chromium(playwright):
    """Starts the system's Chromium, quiet and without its own traffic."""
    return playwright.chromium.launch(
        executable_path=CHROMIUM,
        args=[
            "--no-sandbox",
            "--disable-gpu",
            "--disable-quic",
            "--no-first-run",
            "--disable-background-networking",
            "--disable-component-update",
            "--disable-sync",
        ],
    )


def open_app(page, address: str) -> None:
    """Loads the page and waits until the model is there and files can be dropped."""
    page.goto(address)
    page.locator("input[type=file]").wait_for(state="attached", timeout=180_000)
    page.get_by_text("About the model").wait_for(timeout=60_000)
    page.wait_for_timeout(500)
