"""A running app and a real browser, one of each for a file of tests."""

import pytest
from playwright.sync_api import sync_playwright

from tests.browser import launch_chromium, serve_app


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
