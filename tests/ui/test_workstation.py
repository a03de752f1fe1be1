"""List, picture, verdict and threshold in one view, in real Chromium; and the browser's rule."""

import itertools
import json
import re

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import expect

from pneumo.evaluation.stability import Stability, describe_doubt
from pneumo.export.rows import UNCERTAIN
from pneumo.images import fit_within
from pneumo.network.card import read_card
from pneumo.network.operating_points import verdict_of
from pneumo.network.weights_files import CARD_NAME, WEIGHTS_FOLDER
from pneumo.reading.radiograph import read_radiograph
from pneumo.ui.components import FOLDER
from tests.browser import CHROMIUM, ROOT, open_app
from tests.colours import contrast
from tests.conftest import encode

pytestmark = pytest.mark.skipif(not CHROMIUM, reason="needs Chromium (apt-get install chromium)")
expect.set_options(timeout=90_000)  # a busy machine is slow, not wrong


def test_browser_and_python_give_the_same_word(browser):
    values = [0.0, 0.001, 0.499, 0.5, 0.501, 0.607681, 0.999, 1.0]
    cases = [
        (p, low, high, threshold)
        for p, low, high, threshold in itertools.product(values, values, values, values[1:-1])
        if low <= p <= high
    ]
    page = browser.new_page()
    rule = (FOLDER / "rule.js").read_text(encoding="utf-8")
    words = page.evaluate(
        f"""cases => {{ {rule}
            return cases.flatMap(([p, low, high, at]) => [
                answerOf({{p, low, high, fixed: ""}}, at),
                answerOf({{p, low: null, high: null, fixed: ""}}, at),
                answerOf({{p, low, high, fixed: "REFUSED"}}, at)]);
        }}""",
        cases,
    )
    page.close()
    expected = []
    for p, low, high, threshold in cases:
        verdict = verdict_of(p, threshold)
        doubt = describe_doubt(Stability(p, {"low": low, "high": high}), threshold)
        expected += [UNCERTAIN if doubt else verdict, verdict, "REFUSED"]
    assert words == expected
    assert set(words) == {"PNEUMONIA", "NORMAL", UNCERTAIN, "REFUSED"}


@pytest.mark.parametrize("size", [(1440, 900), (1920, 1080), (390, 844)], ids=str)
def test_thirty_files_in_one_view(browser, address, size):
    page = browser.new_page(viewport=dict(zip(("width", "height"), size, strict=True)))
    page.set_default_timeout(60_000)
    open_app(page, address)
    small = [
        encode(fit_within(read_radiograph(path).pixels, 400), "JPEG")
        for path in sorted(ROOT.glob("samples/*/*.jpeg"))
    ]
    files = [
        {"name": f"case-{n:02d}.jpeg", "mimeType": "image/jpeg", "buffer": small[n % 8]}
        for n in range(30)
    ]
    page.locator("input[type=file]").set_input_files(files)
    # Seen at each frame: a locator's looks come to be half a second apart, which may miss it.
    awaited = "document.querySelector('.pneumo-strip-awaited + .pneumo-small')?.offsetHeight"
    kept = page.wait_for_function(awaited).json_value()
    stability = page.locator(".pneumo-strip + .pneumo-small")
    expect(stability).to_be_visible()
    height = stability.evaluate("words => words.offsetHeight")
    assert height == kept, "what comes later pushes what is below"
    page.wait_for_timeout(500)
    parts = [".st-key-threshold", ".pneumo-verdict .word", ".frame img"]
    parts += [".st-key-previous button", ".st-key-next button"]
    parts += [".list"] * (size[0] > 1000)
    bar = page.get_by_test_id("stBottom").bounding_box()["y"]
    for part in parts:
        box = page.locator(part).first.bounding_box()
        low = size[1] if part == ".st-key-threshold" else bar  # what is pinned covers the rest
        assert box["y"] >= 0 and box["y"] + box["height"] <= low, part
        assert box["x"] >= 0 and box["x"] + box["width"] <= size[0], part
    if size[0] == 1440:
        check_list(page)
    page.close()


def test_an_adult_s_warning_picture_and_slider_fit_one_screen_of_a_phone(browser, address):
    page = browser.new_page(viewport={"width": 390, "height": 844})
    page.set_default_timeout(60_000)
    open_app(page, address)
    page.locator("input[type=file]").set_input_files(ROOT / "samples" / "adult.jpeg")
    expect(page.locator(".pneumo-verdict .word")).to_have_text("No verdict for adults")
    expect(page.locator(".pneumo-strip + .pneumo-small")).to_be_visible()
    bar = page.get_by_test_id("stBottom").bounding_box()["y"]
    for part in ("[data-testid=stAlert]", ".pneumo-verdict", ".frame img"):
        box = page.locator(part).first.bounding_box()
        assert box["y"] >= 0 and box["y"] + box["height"] <= bar, part
    page.close()


def check_list(page) -> None:
    """Opens a row, steps after a filter, and moves the threshold without letting go of it."""
    name = page.locator(".pneumo-name")
    rows = page.locator(".list button")
    rows.nth(2).click()
    expect(name).to_have_text("case-02.jpeg")
    page.locator(".counts button", has_text=re.compile("^PNEUMONIA")).click()
    expect(rows).not_to_have_count(30)
    first, second = (rows.nth(n).locator(".name").inner_text() for n in (0, 1))
    rows.nth(0).click()
    expect(name).to_have_text(first)
    name.click()  # keys typed in a control are the control's
    page.keyboard.press("j")
    expect(name).to_have_text(second)
    page.locator(".counts button", has_text=re.compile("^All")).click()
    expect(rows).to_have_count(30)
    # What the keyboard reaches below the list scrolls out from behind the pinned bar.
    rows.nth(0).focus()
    bar = page.get_by_test_id("stBottom").bounding_box()["y"]
    for _ in range(3):
        page.keyboard.press("Tab")
        reached = page.evaluate("document.activeElement.getBoundingClientRect().bottom")
        assert reached <= bar, "the focus is behind the pinned bar"
    page.get_by_test_id("stMain").evaluate("main => main.scrollTo(0, 0)")

    chips = page.locator(".list .chip")
    thumb = page.locator(".st-key-threshold input[type=range]")
    box, track = thumb.bounding_box(), page.locator(".st-key-threshold").bounding_box()
    before = json.dumps(chips.all_inner_texts())
    page.mouse.move(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    page.mouse.down()
    page.mouse.move(track["x"] + track["width"] * 0.97, box["y"] + box["height"] / 2, steps=8)
    page.wait_for_timeout(200)
    assert json.dumps(chips.all_inner_texts()) != before, "the list waits for the release"
    rates = page.locator(".pneumo-rates")
    while_dragged = rates.inner_text()
    assert "At 0.9" in while_dragged, "the rates wait for the release"
    assert "95 % interval" not in while_dragged, "Python was told"
    assert page.locator(".st-key-point-balanced button.pneumo-left").count()
    page.mouse.up()
    expect(rates).to_contain_text("95 % interval")
    told = re.compile(r"(?:At|sensitivity|specificity) ([\d.]+\d)")
    assert told.findall(while_dragged) == told.findall(rates.inner_text())


def open_sample(browser, address, **options):
    """Opens the page as a browser with these options shows it, with two radiographs."""
    page = browser.new_page(**options)
    page.set_default_timeout(60_000)
    open_app(page, address)
    paths = sorted(ROOT.glob("samples/*/*.jpeg"))
    page.locator("input[type=file]").set_input_files([paths[0], paths[-1]])
    expect(page.locator(".pneumo-strip")).to_be_visible()
    page.wait_for_timeout(500)
    # A run that is still on would put the slider back to where Python knows it.
    expect(page.locator("[data-test-script-state=notRunning]")).to_be_attached()
    expect(page.locator(".pneumo-skip")).to_be_visible()  # once the slider is followed
    return page


def test_wide_windows_show_the_original_beside_the_overlay(browser, address):
    page = open_sample(browser, address, viewport={"width": 1920, "height": 1080})
    pictures = page.locator(".frame img")
    expect(pictures).to_have_count(2)
    overlay, original = (pictures.nth(n).bounding_box() for n in (0, 1))
    assert original["x"] + original["width"] <= overlay["x"]
    assert abs(original["y"] - overlay["y"]) < 1
    assert "heatmap" not in pictures.nth(1).get_attribute("alt")
    page.set_viewport_size({"width": 1440, "height": 900})
    expect(pictures.nth(1)).to_be_hidden()
    expect(pictures.nth(0)).to_be_visible()
    page.close()


def test_wide_windows_show_curves_beside_the_case_and_narrow_ones_do_not(browser, address):
    page = open_sample(browser, address, viewport={"width": 1440, "height": 900})
    charts = page.get_by_test_id("stVegaLiteChart")
    title = page.get_by_role("radio", name="What this threshold")
    expect(title).to_be_attached()
    expect(charts).to_have_count(0)
    page.set_viewport_size({"width": 1920, "height": 1080})
    expect(charts).to_have_count(2)
    expect(page.locator(".frame img")).to_have_count(2)
    page.close()
    page = open_sample(browser, address, viewport={"width": 1920, "height": 1080})
    charts = page.get_by_test_id("stVegaLiteChart")
    title = page.get_by_role("radio", name="What this threshold")
    expect(charts).to_have_count(2)
    expect(
        page.locator(".pneumo-strip")
    ).to_be_visible()  # the stability is there, nothing moves any more
    pinned = page.get_by_test_id("stBottomBlockContainer").bounding_box()
    for n in range(2):
        box = charts.nth(n).bounding_box()
        assert box["y"] + box["height"] <= pinned["y"], "is seen without a scroll"
    title.click()
    expect(charts).to_have_count(6)
    title.click()
    page.get_by_role("button", name=re.compile("^Rule-in")).click()
    expect(page.locator(".pneumo-rates .at")).to_have_text(RULE_IN)
    page.wait_for_timeout(1000)
    expect(charts).to_have_count(2)  # closed by hand is closed
    page.set_viewport_size({"width": 1440, "height": 900})
    expect(charts.first).to_be_hidden()
    page.close()


def test_phone_opens_the_list_as_a_drawer_and_steps_by_thumb(browser, address):
    page = open_sample(browser, address, viewport={"width": 390, "height": 844})
    name, listed = page.locator(".pneumo-name"), page.locator(".list")
    for button in ("next", "previous", "drawer-button"):
        box = page.locator(f".st-key-{button} button").bounding_box()
        assert min(box["width"], box["height"]) >= 44, button
    expect(listed).to_be_hidden()
    first = name.inner_text()
    page.locator(".st-key-next button").click()
    expect(name).not_to_have_text(first)
    page.locator(".st-key-drawer-button button", has_text="List (2)").click()
    expect(listed).to_be_visible()
    listed.locator("button", has_text=first).click()
    expect(name).to_have_text(first)
    expect(listed).to_be_hidden()
    page.goto(f"{address}/?sample=1")  # alone it needs no list, and can be asked for all the same
    expect(page.locator(".pneumo-strip")).to_be_visible()
    page.locator("label", has_text="Test yourself").first.click()
    page.get_by_role("button", name="I say NORMAL").click()
    said = page.get_by_text("You said NORMAL.")
    expect(said).to_be_visible()
    expect(page.locator(".pneumo-strip")).to_be_visible()  # nothing is drawn anew after it
    page.locator(".pneumo-name").scroll_into_view_if_needed()  # the switch was further down
    picture, slider = page.locator(".frame img").first, page.locator(".st-key-threshold")
    expect(picture).to_be_visible()
    tops = [part.bounding_box()["y"] for part in (said, picture, slider)]
    assert 0 < tops[0] < tops[1] < tops[2] < 844, "what they said is not in sight with the answer"
    page.close()


def test_nothing_is_pinned_over_the_picture_at_200_percent(browser, address):
    """A window of 1440 x 900 at 200 % has room for 720 x 450."""
    page = open_sample(
        browser, address, viewport={"width": 720, "height": 450}, device_scale_factor=2
    )
    assert page.evaluate("document.documentElement.scrollWidth") <= 720
    picture = page.locator(".frame img").first
    picture.scroll_into_view_if_needed()
    middle = picture.bounding_box()
    x, y = middle["x"] + middle["width"] / 2, min(middle["y"] + middle["height"], 450) - 5
    assert picture.evaluate(
        "(image, [x, y]) => image.getRootNode().elementFromPoint(x, y) === image", [x, y]
    )
    page.locator(".st-key-threshold").scroll_into_view_if_needed()
    expect(page.locator(".st-key-threshold")).to_be_in_viewport()
    page.close()


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_page_is_light_or_dark_as_the_browser_prefers_and_readable_in_both(
    browser, address, scheme
):
    page = open_sample(browser, address, color_scheme=scheme)
    ground = page.locator(".stApp").evaluate("e => getComputedStyle(e).backgroundColor")
    level = sum(map(int, re.findall(r"\d+", ground)[:3])) / 3
    assert level > 240 if scheme == "light" else level < 40
    words = [".pneumo-verdict .word", ".pneumo-small", ".pneumo-name", ".list .chip", ".list .p"]
    words += [".pneumo-top span", ".pneumo-rates", "figcaption"]
    for selector in words:
        colour = page.locator(selector).first.evaluate("e => getComputedStyle(e).color")
        assert contrast(colour, ground) >= 4.5, (selector, colour, ground)
    page.close()


def test_keyboard_reaches_the_threshold_within_ten_steps(browser, address):
    page = open_sample(browser, address)
    page.evaluate("document.activeElement.blur()")
    for _ in range(9):
        page.keyboard.press("Tab")
        if page.evaluate("document.activeElement.className") == "pneumo-skip":
            break
    expect(page.locator(".pneumo-skip")).to_be_in_viewport()
    before = page.locator(".frame img").first.bounding_box()
    page.keyboard.press("Enter")
    expect(page.locator(".st-key-threshold input[type=range]")).to_be_focused()
    page.wait_for_timeout(500)  # a page that scrolls does so smoothly
    assert page.locator(".frame img").first.bounding_box() == before, "the picture went away"
    at = page.locator(".pneumo-rates .at")
    shown = float(at.inner_text())
    page.keyboard.press("ArrowRight")
    expect(at).to_have_text(f"{shown + 0.001:.3f}")
    page.close()


def test_slider_drawn_anew_keeps_the_keyboard(browser, address):
    page = open_sample(browser, address)
    handle = page.locator(".st-key-threshold input[type=range]")
    handle.focus()
    handle.evaluate("""old => {
        const place = old.closest(".st-key-threshold"), copy = place.cloneNode(true);
        place.replaceWith(copy);
    }""")
    expect(handle).to_be_focused()
    page.close()


def test_operating_point_and_stability_follow_a_drag(browser, address):
    page = open_sample(browser, address)
    crossing, card = page.locator(".pneumo-crossing"), page.locator(".pneumo-verdict")
    low, high = (float(card.get_attribute(f"data-{end}")) for end in ("low", "high"))
    assert low > 0.002 and high < 0.998, "take a sample with room at both sides"
    for at, words in ((0.001, "no verdict changes"), ((low + high) / 2, "the verdict changes")):
        drag_to(page, f"{at:.3f}")
        expect(crossing).to_have_text(words)
    drag_to(page, RULE_IN)
    rule_in, balanced = (page.locator(f".st-key-point-{name} button:visible") for name in POINTS)
    skip = page.locator(".pneumo-skip")  # has the accent's colour everywhere
    accent = skip.evaluate("e => getComputedStyle(e).backgroundColor")
    expect(rule_in).to_have_css("background-color", accent)
    expect(balanced).not_to_have_css("background-color", accent)
    drag_to(page, BALANCED)
    expect(balanced).to_have_css("background-color", accent)
    expect(rule_in).not_to_have_css("background-color", accent)
    page.close()


def test_keys_step_while_small_changes_are_tried_on_all(browser, address):
    page = browser.new_page(viewport={"width": 1440, "height": 900})
    page.set_default_timeout(60_000)
    open_app(page, address)
    files = [  # that the network, which remembers its answers, is shown here alone
        {"name": path.name, "mimeType": "image/jpeg", "buffer": encode(pixels[20:], "JPEG")}
        for path in sorted(ROOT.glob("samples/*/*.jpeg"))
        for pixels in [fit_within(read_radiograph(path).pixels, 500)]
    ]
    page.locator("input[type=file]").set_input_files(files)
    samples = [file["name"] for file in files]
    name, word = page.locator(".pneumo-name"), page.locator(".pneumo-verdict .word")
    expect(page.locator(".pneumo-strip")).to_be_visible()
    offer = page.get_by_role("button", name=re.compile("^Test whether small changes"))
    offer.click()
    stop = page.get_by_role("button", name="Stop", exact=True)
    expect(stop).to_be_visible()
    assert not offer.count(), "the offer stands beside what it has begun"
    for sample in samples[1:3]:
        page.keyboard.press("j")
        expect(name).to_have_text(sample)
        expect(word).to_be_visible()
        expect(page.locator(".frame img").first).to_be_visible()
    expect(stop).to_be_visible()  # it goes on after each
    expect(page.locator(".list button[title*='not tried']")).to_have_count(0)
    expect(page.locator(".list button")).to_have_count(len(samples))
    expect(stop).to_be_hidden()
    page.close()


POINTS = ("rule-in", "balanced")
RULE_IN, BALANCED = (
    f"{read_card(WEIGHTS_FOLDER / CARD_NAME).points[name].threshold:.3f}" for name in POINTS
)


def drag_to(page, threshold: str) -> None:
    """Does to the slider's input what a drag does, which Python does not hear of.

    Held there until the next call, as a finger holds it: a run of the page that ends meanwhile
    draws the slider anew, at the value that Python knows.
    """
    page.evaluate(
        """at => {
            const hold = () => {
                const slider = document.querySelector('.st-key-threshold input[type=range]');
                slider.value = at; slider.setAttribute('value', at);
            };
            clearInterval(window.held); hold(); window.held = setInterval(hold, 200); }""",
        threshold,
    )


def test_verdict_that_becomes_uncertain_by_a_drag_says_why(browser, address):
    page = open_sample(browser, address)
    card = page.locator(".pneumo-verdict")
    low, high = (float(card.get_attribute(f"data-{end}")) for end in ("low", "high"))
    assert high - low > 0.002, "take a sample that small changes move"
    drag_to(page, f"{(low + high) / 2:.3f}")
    expect(card.locator(".word")).to_contain_text("Uncertain")
    expect(card.locator(".doubt")).to_contain_text("across the threshold of")
    page.close()


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("size", [(1440, 900), (390, 844)], ids=["laptop", "phone"])
def test_axe_finds_nothing_serious(browser, address, scheme, size):
    """Empty page, case and model page; on a phone the open list too."""
    viewport = dict(zip(("width", "height"), size, strict=True))
    page = open_sample(browser, address, viewport=viewport, color_scheme=scheme)
    check_axe(page, "case")
    if (drawer := page.locator(".st-key-drawer-button button")).is_visible():
        drawer.click()
        expect(page.locator(".list")).to_be_visible()
        check_axe(page, "open list")
    page.goto(f"{address}/model")
    expect(page.get_by_test_id("stVegaLiteChart").nth(3)).to_be_visible()
    check_axe(page, "model page")
    open_app(page, address)
    check_axe(page, "empty page")
    page.close()


def check_axe(page, name: str) -> None:
    # What a run on the way has not drawn again yet is faded, and soon gone.
    response = Axe().run(page, {"exclude": [["[data-stale=true]"]]}).response
    found = response["violations"]
    assert "color-contrast" in {each["id"] for each in response["passes"]}, "there was no page"
    bad = [
        (each["id"], each["impact"], [node["html"][:150] for node in each["nodes"][:3]])
        for each in found
        if each["impact"] in ("serious", "critical")
    ]
    assert not bad, f"{name}: {bad}"
