"""How long one move of the threshold takes the browser, with a worklist of 200 radiographs.

    python -m benchmarks.live_threshold

Measures the list's own script and layout in Chromium, on made-up rows; a screen shows a frame every
17 ms, and from about 50 on a drag is felt to stutter.
"""

from playwright.sync_api import sync_playwright

from pneumo.ui.components import FOLDER
from tests.browser import launch_chromium

MOVE = """([script, count]) => {
    const body = script.replace("export default function", "return function");
    const mount = new Function(body)();
    const rows = Array.from({ length: count }, (_, n) => ({
        key: `${n}`, name: `case ${n}`, thumbnail: "", p: n / count, low: n / count - 0.05,
        high: n / count + 0.05, fixed: "", answer: "", marks: "", reason: "",
        stability: "", remarks: "", warned: false }));
    const data = { rows, shown: rows.map((row) => row.key), here: "0", threshold: 0.5,
                   filters: ["All", "PNEUMONIA", "NORMAL", "Uncertain", "Close calls"],
                   filter: "All", close: 0.1 };
    mount({ data, parentElement: document.getElementById("host"),
            setTriggerValue: () => {} });
    return Array.from({ length: 50 }, (_, n) => {
        const started = performance.now();
        window.dispatchEvent(new CustomEvent(
            "pneumo:threshold", { detail: (n % 2 ? n : 50 - n) / 50 }));
        document.getElementById("host").getBoundingClientRect();  // lays it out
        return performance.now() - started;
    }).sort((a, b) => a - b);
}"""


def main() -> None:
    """Prints the median and the longest of fifty moves."""
    script = "\n".join((FOLDER / name).read_text() for name in ("rule.js", "worklist.js"))
    with sync_playwright() as playwright:
        browser = launch_chromium(playwright)
        page = browser.new_page()
        page.set_content("<div id=host></div>")
        times = page.evaluate(MOVE, [script, 200])
        browser.close()
    print(
        f"one move over 200 rows: median {times[len(times) // 2]:.1f} ms, longest {times[-1]:.1f}"
    )


if __name__ == "__main__":
    main()
