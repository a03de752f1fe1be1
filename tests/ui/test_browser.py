"""The app with the shipped weights in real Chromium, as a person uses it."""

import base64
import json
import re
import zipfile
from pathlib import Path

import numpy as np
import pytest
from playwright.sync_api import expect

from pneumo.images import fit_within
from pneumo.network.card import read_card
from pneumo.network.weights_files import CARD_NAME, WEIGHTS_FOLDER
from pneumo.reading.radiograph import read_radiograph
from tests.browser import CHROMIUM, open_app
from tests.conftest import encode
from tests.reading.test_archive import pack

ROOT = Path(__file__).resolve().parents[2]
RADIOGRAPH = sorted((ROOT / "samples/PNEUMONIA").glob("*"))[1]
RULE_IN = f"{read_card(WEIGHTS_FOLDER / CARD_NAME).points['rule-in'].threshold:.3f}"

expect.set_options(timeout=90_000)  # a busy machine is slow, not wrong

pytestmark = pytest.mark.skipif(not CHROMIUM, reason="needs Chromium (apt-get install chromium)")


WINDOWS = {"laptop": (1440, 900), "phone": (390, 844)}
ON_A_LAPTOP, ON_A_PHONE = (
    pytest.mark.parametrize("page", [size], ids=[name], indirect=True)
    for name, size in WINDOWS.items()
)
"""For what is the same in any window, and takes long: by turns on one and on the other."""


@pytest.fixture(params=WINDOWS.values(), ids=WINDOWS)
def page(browser, address, request):
    page = browser.new_page(viewport=dict(zip(("width", "height"), request.param, strict=True)))
    page.set_default_timeout(60_000)
    open_app(page, address)
    yield page
    page.close()


def drop(page, *files) -> None:
    """Drops files on the drop zone, as a mouse does, not through the file dialogue."""
    transfer = page.evaluate_handle(
        """files => {
            const transfer = new DataTransfer();
            for (const [name, text] of files)
                transfer.items.add(new File([Uint8Array.from(atob(text), c => c.charCodeAt(0))],
                    name, {type: name.endsWith(".zip") ? "application/zip" : "image/jpeg"}));
            return transfer;
        }""",
        [[name, base64.b64encode(data).decode()] for name, data in files],
    )
    zone = page.get_by_test_id("stFileUploaderDropzone")
    zone.dispatch_event("drop", {"dataTransfer": transfer})


def show_only(page, name: str) -> None:
    """Filters the worklist by a press of one of its counts; on a phone they are in a drawer."""
    drawer = page.locator(".st-key-drawer-button button", has_text="List (")
    if drawer.is_visible():
        drawer.click()
    page.locator(".counts button", has_text=re.compile(f"^{name}")).click()


def close_drawer(page) -> None:
    """Closes the list where it is a drawer."""
    drawer = page.locator(".st-key-drawer-button button", has_text="Close list")
    if drawer.is_visible():
        drawer.click()
        expect(drawer).to_be_hidden()


def test_drop_see_verdict_and_heatmap_move_slider_see_verdict_change(page):
    drop(page, (RADIOGRAPH.name, RADIOGRAPH.read_bytes()))
    word = page.locator(".pneumo-verdict .word")
    expect(word).to_have_text(re.compile("PNEUMONIA|NORMAL"))
    before = word.inner_text()

    overlay = page.locator("img[alt*='heatmap of evidence']")
    expect(overlay).to_be_visible()
    pixels = overlay.evaluate(
        """image => {
            const canvas = document.createElement("canvas");
            canvas.width = image.naturalWidth; canvas.height = image.naturalHeight;
            const context = canvas.getContext("2d");
            context.drawImage(image, 0, 0);
            const data = context.getImageData(0, 0, canvas.width, canvas.height).data;
            let coloured = 0;
            for (let i = 0; i < data.length; i += 4)
                coloured += Math.abs(data[i] - data[i + 2]) > 40;
            return {ratio: canvas.width / canvas.height, coloured: coloured / (data.length / 4)};
        }"""
    )
    assert pixels["ratio"] == pytest.approx(1416 / 944, abs=0.01)
    assert pixels["coloured"] > 0.02

    slider = page.get_by_role("slider", name=re.compile("Threshold"))
    slider.focus()
    slider.press("End" if before == "PNEUMONIA" else "Home")
    probability = page.locator(".pneumo-verdict .pneumo-ends").inner_text()
    if "> 99.9" not in probability and "< 0.1" not in probability:
        expect(word).not_to_have_text(before)
    expect(page.locator(".pneumo-verdict .tick")).to_contain_text(
        "0.999" if before == "PNEUMONIA" else "0.001"
    )


@ON_A_PHONE
def test_many_files_with_a_bad_one(page):
    files = [(path.name, path.read_bytes()) for path in sorted(ROOT.glob("samples/*/*.jpeg"))]
    drop(page, *files, ("letter.jpeg", b"Dear colleague"))
    alert = page.get_by_test_id("stAlertContentError")
    expect(alert.get_by_text("letter.jpeg is not a picture")).to_be_visible()
    expect(page.locator(".counts")).to_contain_text("All 9")
    show_only(page, "All")
    expect(page.get_by_role("option", name=re.compile("letter.jpeg"))).to_contain_text("Unreadable")
    close_drawer(page)
    expect(page.locator(".pneumo-verdict")).to_be_visible()


@ON_A_LAPTOP
def test_archive_stopped_half_way_and_gone_on_with(page):
    small = {
        path.stem: encode(fit_within(read_radiograph(path).pixels, 300), "JPEG")
        for path in ROOT.glob("samples/*/*.jpeg")
    }
    members = {f"{i}/{name}.jpeg": data for i in range(15) for name, data in small.items()}
    drop(page, ("xrays.zip", pack(members)))  # so many that a busy machine can press Stop in time
    page.get_by_role("button", name="Stop", exact=True).click()
    waiting = page.get_by_text(re.compile(r"Stopped: \d+ of 120 radiographs are not read yet"))
    expect(waiting).to_be_visible()
    page.get_by_role("button", name="Go on", exact=True).click()
    expect(waiting).to_be_hidden()
    expect(page.locator(".counts")).to_contain_text("All 120")


def test_operating_points_and_panel_follow_the_threshold(page):
    drop(page, (RADIOGRAPH.name, RADIOGRAPH.read_bytes()))
    page.get_by_role("radio", name="What this threshold does").click()
    charts = page.get_by_test_id("stVegaLiteChart")
    expect(charts).to_have_count(4)
    for number in range(4):
        expect(charts.nth(number).locator("canvas, svg.marks").first).to_be_visible()
    rates = page.get_by_test_id("stMetric").filter(has_text="Sensitivity")
    before = rates.inner_text()
    page.get_by_role("button", name=re.compile("^Rule-out")).click()
    expect(rates).not_to_have_text(before, use_inner_text=True)
    overflow = page.evaluate("document.documentElement.scrollWidth - window.innerWidth")
    assert overflow <= 0


def test_sample_by_one_click_shows_its_label(page):
    page.get_by_role("button", name="Try 1", exact=True).click()
    expect(page.get_by_text(re.compile("own label: (NORMAL|PNEUMONIA)"))).to_be_visible()
    expect(page.locator("img[alt*='heatmap of evidence']")).to_be_visible()


@ON_A_PHONE
def test_radiograph_upside_down_is_refused_and_turned_by_one_click(page):
    upside_down = np.ascontiguousarray(read_radiograph(RADIOGRAPH).pixels[::-1, ::-1])
    drop(page, ("turned.png", encode(upside_down)))
    word = page.locator(".pneumo-verdict .word")
    expect(word).to_have_text("No verdict")
    expect(page.get_by_text("The chest is upside down")).to_be_visible()
    expect(page.get_by_alt_text("The picture that was dropped")).to_be_visible()
    page.get_by_role("button", name="Turn it upright").click()
    expect(word).to_have_text(re.compile("PNEUMONIA|NORMAL"))
    expect(page.get_by_text("turned upside down by hand").first).to_be_visible()
    page.get_by_role("button", name="What the network saw").click()
    expect(page.get_by_alt_text("The radiograph as the network saw it")).to_be_visible()
    overflow = page.evaluate("document.documentElement.scrollWidth - window.innerWidth")
    assert overflow <= 0


def test_page_is_never_wider_than_the_window(page):
    width = np.random.default_rng(0).integers(0, 255, (300, 2000), np.uint8)
    drop(page, ("a" * 120 + ".png", encode(width)))
    expect(page.locator(".pneumo-verdict")).to_be_visible()
    overflow = page.evaluate("document.documentElement.scrollWidth - window.innerWidth")
    assert overflow <= 0


def test_page_asks_no_other_host(browser, address):
    page = browser.new_page()
    hosts = set()
    page.on("request", lambda request: hosts.add(request.url.split("/")[2]))
    open_app(page, address)
    drop(page, (RADIOGRAPH.name, RADIOGRAPH.read_bytes()))
    expect(page.locator(".pneumo-verdict")).to_be_visible()
    page.close()
    assert hosts == {address.split("/")[2]}


def test_thirty_files_filtered_stepped_compared_and_taken_along(page, tmp_path):
    small = [
        encode(fit_within(read_radiograph(path).pixels, 400), "JPEG")
        for path in sorted(ROOT.glob("samples/*/*.jpeg"))
    ]
    drop(page, *((f"case-{n:02d}.jpeg", small[n % 8]) for n in range(30)))
    counts = page.locator(".counts")
    expect(counts).to_contain_text("All 30")
    expect(page.locator(".pneumo-strip")).to_be_visible()
    name = page.locator(".pneumo-name")
    expect(name).to_have_text("case-00.jpeg")

    # Filter, then step with the keyboard through what is left.
    show_only(page, "PNEUMONIA")
    close_drawer(page)
    expect(page.get_by_text(re.compile(r"^1 of (?!30)\d+$"))).to_be_visible()
    first = name.inner_text()
    name.click()  # out of the filter: keys typed in a control are the control's
    page.keyboard.press("j")
    expect(page.get_by_text(re.compile(r"^2 of (?!30)\d+$"))).to_be_visible()
    expect(name).not_to_have_text(first)
    page.keyboard.press("k")
    expect(name).to_have_text(first)

    # Another threshold: counts and verdict follow.
    before = counts.inner_text()
    slider = page.get_by_role("slider", name=re.compile("Threshold"))
    slider.focus()
    slider.press("End")
    expect(counts).not_to_have_text(before, use_inner_text=True)
    show_only(page, "All")
    close_drawer(page)
    page.get_by_role("button", name=re.compile("^Balanced")).click()
    expect(counts).to_have_text(before, use_inner_text=True)

    # Two methods side by side, zoomed as one.
    page.get_by_role("radio", name="Two methods").click()
    frames = page.locator(".frame:visible")
    expect(frames).to_have_count(2)
    page.get_by_role("button", name="Zoom in").click()
    frames.nth(0).dblclick(position={"x": 20, "y": 20})
    shown = [frames.nth(n).locator("img").evaluate("e => e.style.transform") for n in (0, 1)]
    assert shown[0] == shown[1]
    assert float(re.search(r"scale\(([\d.]+)\)", shown[0])[1]) == pytest.approx(3)
    page.get_by_role("button", name="Whole picture").click()
    assert "scale(1)" in frames.nth(1).locator("img").evaluate("e => e.style.transform")

    # The pack.
    page.get_by_text("Export", exact=True).click()
    page.get_by_role("button", name="Make PDF report and pictures of 30").click()
    ready = page.get_by_role("button", name=re.compile("PDF report and pictures \\(ZIP\\),"))
    expect(ready).to_be_visible()
    # What the run still draws above may move the button between a press and its release.
    expect(page.locator("[data-test-script-state=notRunning]")).to_be_attached()
    page.wait_for_timeout(500)
    with page.expect_download() as download:
        ready.click()
    download.value.save_as(tmp_path / "pack.zip")
    with zipfile.ZipFile(tmp_path / "pack.zip") as archive:
        assert len([name for name in archive.namelist() if name.startswith("overlays/")]) == 30
        assert len(json.loads(archive.read("worklist.json"))) == 30
    overflow = page.evaluate("document.documentElement.scrollWidth - window.innerWidth")
    assert overflow <= 0


@ON_A_LAPTOP
def test_results_survive_a_look_at_the_model_page(page, address):
    drop(page, (RADIOGRAPH.name, RADIOGRAPH.read_bytes()))
    expect(page.locator(".pneumo-strip")).to_be_visible()
    page.get_by_role("button", name=re.compile("^Rule-in")).click()
    expect(page.locator(".pneumo-verdict .tick")).to_contain_text(RULE_IN)
    narrow = page.viewport_size["width"] < 700

    def turn_to(name: str) -> None:
        link = page.get_by_role("link", name=name)
        if narrow:  # there the pages are in a sidebar, which may still be open from the last time
            expand = page.get_by_test_id("stExpandSidebarButton")
            expect(expand.or_(link).first).to_be_visible()
            if expand.is_visible():
                expand.click()
        link.click()
        close = page.get_by_test_id("stSidebarCollapseButton")
        if close.is_visible():
            close.get_by_role("button").click()

    turn_to("The model")
    expect(page.get_by_role("heading", name="Limits and known failures")).to_be_visible()
    expect(page.locator(".pneumo-warning")).to_be_visible()
    overflow = page.evaluate("document.documentElement.scrollWidth - window.innerWidth")
    assert overflow <= 0
    turn_to("Radiographs")
    expect(page.locator(".pneumo-name")).to_have_text(RADIOGRAPH.name)
    expect(page.locator(".pneumo-verdict .tick")).to_contain_text(RULE_IN)
    page.get_by_role("button", name="Remove them").click()
    expect(page.locator(".pneumo-verdict")).to_be_hidden()


@ON_A_PHONE
def test_slow_method_stopped_and_started_again(page):
    drop(page, (RADIOGRAPH.name, RADIOGRAPH.read_bytes()))
    expect(page.locator(".pneumo-strip")).to_be_visible()
    method = page.get_by_role("combobox", name="Method", exact=True)
    method.click()
    method.fill("Occl")
    page.get_by_role("option", name="Occlusion").click()
    page.get_by_role("button", name="Stop", exact=True).click()
    again = page.get_by_role("button", name="Compute Occlusion")
    expect(again).to_be_visible()
    again.click()
    expect(page.locator("img[alt*='Occlusion']")).to_be_visible()


def test_answers_follow_the_slider_while_it_is_dragged(page):
    """In the browser, before Python hears of it; and by the same rule as Python's."""
    samples = sorted(ROOT.glob("samples/*/*.jpeg"))
    drop(page, *((path.name, path.read_bytes()) for path in samples))
    expect(page.locator(".pneumo-strip")).to_be_visible()
    chips = page.locator(".list .chip")
    expect(chips).to_have_count(8)
    page.get_by_role("button", name=re.compile("^Rule-in")).click()
    expect(page.locator(".pneumo-verdict .tick")).to_contain_text(RULE_IN)
    word, counts = page.locator(".pneumo-verdict .word"), page.locator(".counts")
    slider = page.get_by_role("slider", name=re.compile("Threshold"))
    x, y = slider.evaluate(
        """input => {  // its handle: the input itself is hidden within
            const box = input.parentElement.parentElement.getBoundingClientRect();
            return [box.x + box.width / 2, box.y + box.height / 2];
        }"""
    )
    page.mouse.move(x, y)
    page.mouse.down()
    page.mouse.move(10, y, steps=8)  # to the least threshold, and held there
    expect(page.locator(".pneumo-verdict .at")).to_have_text("0.001")
    expect(word).to_have_text("PNEUMONIA")
    assert set(chips.all_inner_texts()) == {"▲ PNEUMONIA"}
    expect(counts.locator("button", has_text=re.compile("^PNEUMONIA"))).to_contain_text("8")
    dragged = page.locator(".pneumo-verdict").inner_text(), counts.inner_text()
    page.mouse.up()
    expect(page.locator(".pneumo-rates")).to_contain_text("95 % interval")  # Python has heard
    expect(page.locator(".pneumo-verdict")).to_have_text(dragged[0], use_inner_text=True)
    expect(counts).to_have_text(dragged[1], use_inner_text=True)
