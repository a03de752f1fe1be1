"""The page's address in real Chromium: what it brings back, and what it must not break."""

import re

import pytest
from playwright.sync_api import expect

from pneumo.reading.radiograph import read_radiograph
from pneumo.ui.session import state
from pneumo.ui.worklist.samples import sample_names, sample_paths
from tests.browser import CHROMIUM, ROOT, open_app

pytestmark = pytest.mark.skipif(not CHROMIUM, reason="needs Chromium (apt-get install chromium)")
expect.set_options(timeout=90_000)  # a busy machine is slow, not wrong

THIRD = read_radiograph(sample_paths()[sample_names()[2]]).info.sha256[:12]


@pytest.fixture
def page(browser):
    page = browser.new_page(viewport={"width": 1440, "height": 900})
    page.set_default_timeout(60_000)
    yield page
    page.close()


def test_address_brings_back_samples_case_and_settings(page, address):
    open_app(page, f"{address}/?sample=1&sample=3&case={THIRD}&threshold=0.123&class=NORMAL")
    check_third(page)
    assert page.url.endswith(f"?sample=1&sample=3&case={THIRD}&threshold=0.123&class=NORMAL")

    page.get_by_text("How it was made and measured").click()
    expect(page.get_by_test_id("stVegaLiteChart").first).to_be_visible()
    page.get_by_role("link", name="Radiographs").first.click()
    check_third(page)

    page.reload()
    check_third(page)


def check_third(page) -> None:
    expect(page.locator(".pneumo-name")).to_have_text(sample_names()[2])
    expect(page.locator(".list button")).to_have_count(2)
    expect(page.locator(".pneumo-rates .at")).to_have_text("0.123")
    expect(page.locator("figcaption").first).to_contain_text("NORMAL")


def test_address_follows_the_case_and_back_returns_to_it(page, address):
    open_app(page, f"{address}/?sample=3&sample=1")
    name = page.locator(".pneumo-name")
    expect(name).to_have_text(sample_names()[2])
    expect(page).to_have_url(re.compile(f"case={THIRD}"))
    page.locator(".list button").nth(1).click()
    expect(name).to_have_text(sample_names()[0])
    expect(page).not_to_have_url(re.compile(f"case={THIRD}"))
    page.go_back()
    expect(name).to_have_text(sample_names()[2])
    expect(page).to_have_url(re.compile(f"case={THIRD}"))


def test_page_drawn_anew_lets_a_visitor_go_first(monkeypatch):
    class Visitor(Exception):
        """What Streamlit raises where it finds that somebody waits."""

    class Waiting(dict):
        def __contains__(self, key):
            raise Visitor

    monkeypatch.setattr(state.st, "session_state", Waiting())
    monkeypatch.setattr(state.st, "rerun", lambda: pytest.fail("the visitor's wish is lost"))
    with pytest.raises(Visitor):
        state.draw_again()


@pytest.mark.parametrize(
    "query",
    [
        "sample=0&sample=99&sample=-1&sample=x&sample=%C2%B2&sample=" + "9" * 5000,
        "case=" + "f" * 3000,
        "threshold=nan&view=Nothing&class=&method-1=%3Cscript%3E",
        "threshold=-5&case=%00&case=a&case=b",
    ],
    ids=["samples", "case", "settings", "more"],
)
def test_address_that_means_nothing_shows_the_page_as_it_is(page, address, query):
    open_app(page, f"{address}/?{query}")
    page.locator(".st-key-sample-1 button").click()
    expect(page.locator(".pneumo-name")).to_have_text(sample_names()[0])
    expect(page.locator(".pneumo-strip")).to_be_visible()
    assert not page.get_by_test_id("stException").count()
    at = float(page.locator(".pneumo-rates .at").inner_text())
    assert 0.001 <= at <= 0.999


def test_browser_asks_before_it_lets_dropped_files_go_but_not_samples(page, address):
    asked = []
    page.on("dialog", lambda dialog: (asked.append(dialog.type), dialog.accept()))
    open_app(page, address)
    page.locator(".st-key-sample-1 button").click()
    expect(page.locator(".pneumo-strip")).to_be_visible()
    page.reload()
    expect(page.locator(".pneumo-strip")).to_be_visible()
    assert asked == []
    page.locator("input[type=file]").set_input_files(next(ROOT.glob("samples/*/*.jpeg")))
    expect(page.locator(".list button")).to_have_count(2)
    page.locator(".pneumo-name").click()  # a browser asks only those who have done something
    page.reload()
    assert asked == ["beforeunload"]
