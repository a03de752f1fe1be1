"""Takes the pictures of the running app in README and docs, as the window shows it, in Chromium.

make screenshots
"""

import io
import sys
from pathlib import Path

from PIL import Image
from playwright.sync_api import Page, sync_playwright

from tests.browser import launch_chromium, open_app, serve_app

ROOT = Path(__file__).resolve().parents[1]

SIZES = {"laptop": (1440, 900), "phone": (390, 844)}


def take(page: Page, name: str, folder: Path) -> None:
    """Saves what the window shows."""
    shot = Image.open(io.BytesIO(page.screenshot()))
    # 256 colours, a third of the bytes; mixed by dots, or gradients would have steps.
    whole = shot.convert("RGB")
    few = whole.quantize(palette=whole.quantize(256), dither=Image.Dither.FLOYDSTEINBERG)
    few.save(folder / f"{name}.png", optimize=True)


def open_threshold(page: Page) -> None:
    """Opens the panel of curves and rates."""
    page.get_by_role("radio", name="What this threshold does").click()
    page.get_by_test_id("stVegaLiteChart").nth(3).wait_for(timeout=60_000)
    page.get_by_test_id("stVegaLiteChart").nth(1).scroll_into_view_if_needed()


def show_all_methods(page: Page) -> None:
    """Shows every method, the slow ones too."""
    page.get_by_role("radio", name="All methods").click()
    page.locator(".frame").nth(9).wait_for(timeout=180_000)


def run_checks(page: Page) -> None:
    """Compares two methods and runs the checks of the first."""
    page.get_by_role("radio", name="Two methods").click()
    page.get_by_role("radio", name="Checks of this heatmap").click()
    page.get_by_role("button", name="Compute the checks").click()
    page.get_by_text("Deletion blurs").wait_for(timeout=180_000)
    page.get_by_text("Agreement with").scroll_into_view_if_needed()


def show_pictures(page: Page) -> None:
    """Shows the worklist as pictures, with what can be taken along."""
    drawer = page.locator(".st-key-drawer-button button").first
    if drawer.is_visible():  # a phone has the list in it
        drawer.click()
    page.get_by_role("radio", name="Pictures").click()
    page.locator(".st-key-pictures img").first.wait_for(timeout=60_000)
    page.get_by_text("Export", exact=True).dispatch_event("click")


def draw_upside_down(path: Path) -> dict:
    """Returns a radiograph upside down, which is refused, as a file to drop."""
    buffer = io.BytesIO()
    Image.open(path).rotate(180).save(buffer, "JPEG")
    return {"name": "upside-down.jpeg", "mimeType": "image/jpeg", "buffer": buffer.getvalue()}


def main() -> None:
    """Takes every view at each width, or those named after the folder."""
    folder = Path(sys.argv[1]) if len(sys.argv) > 1 else ROOT / "docs" / "screenshots"
    folder.mkdir(parents=True, exist_ok=True)
    pneumonia = sorted((ROOT / "samples" / "PNEUMONIA").glob("*.jpeg"))
    many = pneumonia + sorted((ROOT / "samples" / "NORMAL").glob("*.jpeg"))
    views = {
        "empty": ([], None),
        "case": (pneumonia[2:3], None),  # a clear one
        "refused": ([draw_upside_down(pneumonia[1])], None),
        "threshold": (pneumonia[1:2], open_threshold),
        "methods": (pneumonia[1:2], show_all_methods),
        "checks": (pneumonia[1:2], run_checks),
        "worklist": ([*many, ROOT / "LICENSE"], None),
        "pictures": (many, show_pictures),
        "model": ([], None),
    }
    wanted = sys.argv[2:] or list(views)
    with serve_app() as address, sync_playwright() as playwright:
        browser = launch_chromium(playwright)
        for device, (width, height) in SIZES.items():
            for view in wanted:
                files, act = views[view]
                page = browser.new_page(viewport={"width": width, "height": height})
                if view == "model":
                    page.goto(f"{address}/model")
                    page.get_by_test_id("stVegaLiteChart").nth(3).wait_for(timeout=120_000)
                else:
                    open_app(page, address)
                if files:
                    drop(page, files)
                if act:
                    act(page)
                page.wait_for_timeout(2500)
                take(page, f"{view}-{device}", folder)
                page.close()
        browser.close()


def drop(page: Page, files: list[Path | dict]) -> None:
    """Drops files; a radiograph's name in place of the text file's own shows the error state."""
    payload = [
        {
            "name": file.name if file.suffix else "letter.jpeg",
            "mimeType": "image/jpeg",
            "buffer": file.read_bytes(),
        }
        if isinstance(file, Path)
        else file
        for file in files
    ]
    page.locator("input[type=file]").set_input_files(payload)
    page.locator(".pneumo-strip, .pneumo-verdict:has-text('No verdict')").wait_for(timeout=120_000)


if __name__ == "__main__":
    main()
