"""Takes the README's pictures of the running app at laptop and phone width, in real Chromium.

make screenshots
"""

import sys
from pathlib import Path

from playwright.sync_api import Page, sync_playwright

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from tests.browser import launch_chromium, open_app, serve_app  # noqa: E402

SIZES = {"laptop": (1440, 900), "phone": (390, 844)}


def take(page: Page, name: str, folder: Path) -> None:
    """Saves the whole page, not only what fits the window."""
    # Streamlit scrolls inside the page, so the window itself must grow for a full picture.
    height = page.evaluate(
        "document.querySelector('[data-testid=stMainBlockContainer]').scrollHeight"
    )
    width = page.viewport_size["width"]
    page.set_viewport_size({"width": width, "height": min(int(height) + 10, 3000)})
    page.wait_for_timeout(1200)
    page.screenshot(path=folder / f"{name}.png")


def main() -> None:
    """Takes the empty page, one case, its threshold panel and a worklist at each width."""
    folder = Path(sys.argv[1]) if len(sys.argv) > 1 else ROOT / "docs" / "screenshots"
    folder.mkdir(parents=True, exist_ok=True)
    pneumonia = sorted((ROOT / "samples" / "PNEUMONIA").glob("*.jpeg"))
    normal = sorted((ROOT / "samples" / "NORMAL").glob("*.jpeg"))
    views = {
        "empty": [],
        "case": pneumonia[1:2],
        "threshold": pneumonia[1:2],
        "worklist": pneumonia + normal + [ROOT / "LICENSE"],
    }
    with serve_app() as address, sync_playwright() as playwright:
        browser = launch_chromium(playwright)
        for device, (width, height) in SIZES.items():
            for view, files in views.items():
                page = browser.new_page(viewport={"width": width, "height": height})
                open_app(page, address)
                if files:
                    # A radiograph's name in place of the text file's own shows the error state.
                    payload = [
                        {
                            "name": file.name if file.suffix else "letter.jpeg",
                            "mimeType": "image/jpeg",
                            "buffer": file.read_bytes(),
                        }
                        for file in files
                    ]
                    page.locator("input[type=file]").set_input_files(payload)
                    page.locator(".pneumo-verdict").wait_for(timeout=120_000)
                    page.wait_for_timeout(1500)
                if view == "threshold":
                    page.get_by_text("What this threshold does").click()
                    page.get_by_test_id("stVegaLiteChart").nth(3).wait_for(timeout=60_000)
                    page.wait_for_timeout(2500)
                take(page, f"{view}-{device}", folder)
                page.close()
        browser.close()


if __name__ == "__main__":
    main()
