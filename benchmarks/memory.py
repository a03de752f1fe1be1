"""What the server holds for one visitor: radiographs one after another, then all methods of one.

    python -m benchmarks.memory [--files 199] [--python PYTHON] [--limit MIB]

Starts the app and drives it in Chromium: a sample, then so many radiographs dropped at once (each
another variation of a sample), then the view with all methods of one of them. Prints the server's
resident memory after each step, and the highest up to there. With --python another environment's
Python runs the server, such as one made of `deploy/requirements.txt`. With --limit (as root) the
kernel ends the server as soon as it takes more, without swap, as a small host would. Linux only.
"""

import _thread
import argparse
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from playwright.sync_api import expect, sync_playwright

from benchmarks.load import MemoryGauge, draw_people
from benchmarks.start import open_page, wait_for_answer
from tests.browser import launch_chromium, serve_process

QUIET = "[data-test-script-state=notRunning]"
PATIENCE = 600_000


def main() -> None:
    """Prints the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--files", type=int, default=199, help="with the sample 200, the most")
    parser.add_argument("--python", default=sys.executable)
    parser.add_argument("--limit", type=int, metavar="MIB", help="most that the server may take")
    args = parser.parse_args()
    expect.set_options(timeout=PATIENCE)
    (person,) = draw_people(1, args.files)
    files = [
        {"name": name, "mimeType": "image/jpeg", "buffer": data} for name, data in person.files
    ]
    rows = []
    with (
        limited(Path(args.python).absolute(), args.limit) as python,
        serve_process(python=str(python)) as (address, server),
        sync_playwright() as playwright,
    ):
        served = threading.Event()
        threading.Thread(target=watch, args=(server, served), daemon=True).start()
        gauge = MemoryGauge(server.pid)
        browser = launch_chromium(playwright)
        page = browser.new_page(viewport={"width": 1440, "height": 900})
        open_page(page, address)
        page.locator(".st-key-sample-1 button").click()
        wait_for_answer(page)
        settle(page)
        rows.append(("one sample answered", gauge.read(), gauge.peak))
        page.locator("input[type=file]").set_input_files(files)
        # All are counted before it is waited for quiet: it is quiet as well while they come.
        expect(page.locator(".counts")).to_contain_text(f"All {args.files + 1}")
        settle(page)
        rows.append((f"{args.files} radiographs more", gauge.read(), gauge.peak))
        page.get_by_role("button", name="Display").click()
        page.get_by_text("All methods").click()
        settle(page)
        drawn = page.locator(".frame img").count()
        rows.append((f"{drawn} pictures of all methods", gauge.read(), gauge.peak))
        browser.close()
        served.set()
    if args.limit:
        print(f"Served within {args.limit} MiB, set by the kernel.\n")
    print("| after | MiB | highest until then |\n|---|---|---|")
    for name, now, peak in rows:
        print(f"| {name} | {now:.0f} | {peak:.0f} |")


@contextmanager
def limited(python: Path, mib: int | None) -> Iterator[Path]:
    """Makes a memory cgroup for the server, of version 1 or 2; yields what starts Python in it."""
    if mib is None:
        yield python
        return
    root = Path("/sys/fs/cgroup")
    first = (root / "memory").is_dir()
    group = (root / "memory" if first else root) / "pneumo-benchmark"
    limits = {"memory.max": mib * 2**20, "memory.swap.max": 0}
    if first:
        names = ("memory.limit_in_bytes", "memory.memsw.limit_in_bytes")
        limits = dict.fromkeys(names, mib * 2**20)
    group.mkdir(exist_ok=True)
    try:
        for name, value in limits.items():
            (group / name).write_text(str(value))
        with tempfile.TemporaryDirectory() as folder:
            start = Path(folder) / "python"
            start.write_text(f'#!/bin/sh\necho $$ > {group}/cgroup.procs\nexec {python} "$@"\n')
            start.chmod(0o755)
            yield start
    finally:
        group.rmdir()


def watch(server: subprocess.Popen, served: threading.Event) -> None:
    """Ends the benchmark if the server ends before it, which the page would wait for in vain."""
    server.wait()
    if not served.is_set():
        print(f"The server was ended before its work was done ({server.returncode}).", flush=True)
        _thread.interrupt_main()


def settle(page) -> None:
    """Waits until nothing is computed any more, for three seconds in a row."""
    for _ in range(3):
        expect(page.locator(QUIET)).to_be_attached(timeout=PATIENCE)
        page.wait_for_timeout(1000)


if __name__ == "__main__":
    main()
