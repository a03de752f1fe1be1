"""A running app for a process of tests, and a real browser for a file of them."""

import functools
from pathlib import Path

import pytest
from playwright.sync_api import sync_playwright
from streamlit.components.v2 import manifest_scanner

from tests.browser import launch_chromium, serve_process

HERE = Path(__file__).parent


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Lets a test of the running app try twice: a machine that is busy elsewhere comes between.

    The first try is named in the summary as RERUN with its error: somebody lost a click or a key,
    and the cause is to be found. Twice in a row is a failure.
    """
    for item in items:
        if HERE in item.path.parents and "address" in item.fixturenames:
            item.add_marker(pytest.mark.flaky(reruns=1))


@pytest.fixture(scope="session", autouse=True)
def components_looked_for_once():
    """Lets Streamlit look through all installed packages once, and not for each `AppTest`."""
    with pytest.MonkeyPatch.context() as patch:
        look = functools.cache(manifest_scanner.scan_component_manifests)
        patch.setattr(manifest_scanner, "scan_component_manifests", look)
        yield


@pytest.fixture(scope="session")
def address():
    """Of the app with the shipped weights; see `tests.served_app`."""
    with serve_process(script="tests/served_app.py") as (address, _):
        yield address


@pytest.fixture(scope="module")
def browser():
    with sync_playwright() as playwright:
        browser = launch_chromium(playwright)
        yield browser
        browser.close()
