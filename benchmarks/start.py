"""From starting the app to its first answers, in Chromium; and one drop while it is warm.

    python -m benchmarks.start [--rounds 5] [--python OTHER/.venv/bin/python]

Timed in turn, round by round:

    bare     a Python that imports TensorFlow and Keras, builds the network, loads its weights
    zone     `streamlit run` -> a drop zone in the browser that takes files
    sample   the same -> verdict and heatmap of a sample, clicked as soon as it can be
    drop     another radiograph dropped -> its verdict and heatmap drawn; the median of ten

The browser is open before and asks for the page until it is there. `--python` names that of a copy
where `make app` alone was run: Streamlit looks through all installed packages as it starts, those
of development among them. (No difference was seen when both were tried.)
"""

import argparse
import statistics
import subprocess
import sys
import time

import numpy as np
from playwright.sync_api import Error, Page, expect, sync_playwright

from pneumo.images import encode_jpeg
from pneumo.network.card import read_card
from pneumo.network.weights_files import CARD_NAME, WEIGHTS_FOLDER
from pneumo.reading.radiograph import read_radiograph
from pneumo.ui.worklist.samples import label_of_sample, sample_paths
from tests.browser import launch_chromium, serve_process

BARE = """
import sys, tensorflow, keras
image = keras.Input((299, 299, 3))
base = keras.applications.Xception(include_top=False, weights=None, input_tensor=image)
pooled = keras.layers.GlobalAveragePooling2D()(base.output)
keras.Model(image, keras.layers.Dense(2)(pooled)).load_weights(sys.argv[1])
"""
DROPS = 10
IMAGE, WORD = ".frame img", ".pneumo-verdict .word"
NEXT = """(image, another) => new Promise((resolve) => {
  const root = image.getRootNode();
  const first = () => root.querySelector(".frame img");
  const old = another ? first().src : "";
  const look = () => {
    const found = first();
    if (found?.complete && found.naturalWidth && found.src !== old) resolve();
  };
  new MutationObserver(look).observe(root, {subtree: true, childList: true, attributes: true});
  root.addEventListener("load", look, true);
  look();
})"""
"""Waits for a picture that is loaded, or for another than is there."""


def main() -> None:
    """Prints the medians and the ratio."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--python", default=sys.executable, help="that runs the app")
    args = parser.parse_args()
    seconds: dict[str, list[float]] = {name: [] for name in ("bare", "zone", "sample", "drop")}
    with sync_playwright() as playwright:
        browser = launch_chromium(playwright)
        for number in range(args.rounds):
            seconds["bare"].append(time_bare(args.python))
            page = browser.new_page(viewport={"width": 1440, "height": 900})
            started = time.perf_counter()
            with serve_process(python=args.python) as (address, _):
                open_page(page, address)
                seconds["zone"].append(time.perf_counter() - started)
                page.locator(".st-key-sample-1 button").click()
                wait_for_answer(page)
                seconds["sample"].append(time.perf_counter() - started)
                seconds["drop"].append(statistics.median(time_drops(page, number)))
            page.close()
        browser.close()
    for name, values in seconds.items():
        print(
            f"{name:7} {statistics.median(values):6.2f} s  ({min(values):.2f} to {max(values):.2f})"
        )
    ratios = [a / b for a, b in zip(seconds["sample"], seconds["bare"], strict=True)]
    print(f"sample / bare: {statistics.median(ratios):.2f}, {args.rounds} rounds")


def time_bare(python: str) -> float:
    """Returns how long a Python takes that only loads the network."""
    weights = WEIGHTS_FOLDER / read_card(WEIGHTS_FOLDER / CARD_NAME).weights_file
    started = time.perf_counter()
    subprocess.run([python, "-c", BARE, str(weights)], check=True, capture_output=True)
    return time.perf_counter() - started


def open_page(page: Page, address: str) -> None:
    """Opens the page as soon as there is one, and waits for its drop zone."""
    while True:
        try:
            page.goto(address, wait_until="commit")
            break
        except Error:  # nobody listens yet
            time.sleep(0.02)
    # The page's own look, at each frame: a locator's come to be half a second apart.
    page.wait_for_function("document.querySelector('input[type=file]')")


def wait_for_answer(page: Page) -> None:
    """Waits until a radiograph's verdict stands beside its picture, on a page that had none."""
    # Not by `expect`, which looks again after a tenth, a quarter, half a second and then seconds.
    while not (page.locator(WORD).count() and page.locator(IMAGE).count()):
        page.wait_for_timeout(30)
    page.locator(IMAGE).first.evaluate(NEXT, False)


def time_drops(page: Page, seed: int) -> list[float]:
    """Drops new radiographs one by one, each answered before the next."""
    rng, found = np.random.default_rng(seed), []
    samples = [path for path in sample_paths().values() if label_of_sample(path)]  # answered
    expect(page.locator("[data-test-script-state=notRunning]")).to_be_attached()
    for number in range(DROPS):
        name = f"dropped-{number}.jpeg"
        pixels = read_radiograph(samples[number % len(samples)]).pixels
        noisy = pixels + rng.normal(0, 2, pixels.shape)  # no file that was answered before
        data = encode_jpeg(np.clip(noisy, 0, 255).astype(np.uint8))
        image = page.locator(IMAGE).first
        image.evaluate(f"image => {{ window.next = ({NEXT})(image, true) }}")
        started = time.perf_counter()
        file = {"name": name, "mimeType": "image/jpeg", "buffer": data}
        page.locator("input[type=file]").set_input_files(file)
        page.evaluate("window.next")  # the page's own word: to ask again and again takes its time
        found.append(time.perf_counter() - started)
        expect(page.locator(".pneumo-name")).to_contain_text(name)
        expect(page.locator(WORD)).to_be_visible()
        expect(page.locator("[data-test-script-state=notRunning]")).to_be_attached()
        page.wait_for_timeout(300)
    return found


if __name__ == "__main__":
    main()
