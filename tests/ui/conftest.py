"""A running app and a real browser, one of each for a file of tests."""

from pathlib import Path

import pytest
from playwright.sync_api import sync_playwright

from tests.browser import launch_chromium, serve_app

HERE = Path(__file__).parent


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Lets a test of the running app try twice: a machine that is busy elsewhere comes between.

    The first try is named in the summary as RERUN with its error: somebody lost a click or a key,
    and the cause is to be found. Twice in a row is a failure.
    """
    for item in items:
        if HERE in item.path.parents and "address" in item.fixturenames:
            item.add_marker(pytest.mark.flaky(reruns=1))


@pytest.fixture(scope="module")
def address():
    with serve_app() as address:
        yield address


@pytest.fixture(scope="module")
def browser():
    with sync_playwright() as playwright:
        browser = launch_chromium(playwright)
        yield browser
        browser.close()
