"""Many people at once: sessions that each drop radiographs of their own at the same time.

    python -m benchmarks.load [--sessions 20] [--files 20]

Starts the app and speaks Streamlit's protocol to it as so many browsers would. Every radiograph is
another variation of a sample, so each has its own P(PNEUMONIA), known beforehand: an answer that
went to the wrong session or file is noticed. Linux only: the server's memory is read from /proc.
"""

import argparse
import io
import threading
import time
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from PIL import Image

from pneumo.inference import score_pixels
from pneumo.network.classifier import load_classifier
from pneumo.reading.radiograph import read_radiograph
from tests.browser import serve_process
from tests.sessions import ProtocolSession

ROOT = Path(__file__).resolve().parent.parent

TOLERANCE = 1e-3
GONE = 45
"""Seconds after which a server has let go of a session; `session_cleanup` takes 32."""
PATIENCE = 300
"""Seconds that the server has to give memory back."""


@dataclass
class Person:
    """One session of the load: what it drops, what it should be told, and how that went."""

    files: list[tuple[str, bytes]]
    expected: list[float]
    errors: list[str] = field(default_factory=list)
    messages: list[bytes] = field(default_factory=list)
    mixed: int = 0
    first: float = np.nan
    table: float = np.nan
    rest: float = np.nan

    def visit(self, address: str, start: threading.Barrier) -> None:
        """Opens the page, drops the files when all are ready, and reads the answers."""
        try:
            session = ProtocolSession(address)
            session.open()
            start.wait()
            started = time.monotonic()
            session.drop(self.files)
            session.wait_for_progress()
            self.first = time.monotonic() - started
            session.wait_for_worklist()
            self.table = time.monotonic() - started
            session.wait_for_rest()
            self.rest = time.monotonic() - started
            self.errors += session.errors
            self.messages = session.messages
            told = dict(zip(session.worklist.names, session.worklist.probabilities, strict=True))
            self.mixed = len(told.keys() ^ {name for name, _ in self.files}) + sum(
                abs(told.get(name, np.inf) - p) > TOLERANCE
                for (name, _), p in zip(self.files, self.expected, strict=True)
            )
            start.wait()  # nobody leaves before all are served
            session.close()
        except Exception as error:
            self.errors.append(repr(error))
            start.abort()


class MemoryGauge:
    """Watches the resident memory of a process."""

    def __init__(self, process_id: int) -> None:
        """Starts watching."""
        self._status = Path(f"/proc/{process_id}/status")
        self.peak = 0.0
        threading.Thread(target=self._watch, daemon=True).start()

    def read(self) -> float:
        """Returns the resident memory in MiB."""
        line = next(x for x in self._status.read_text().splitlines() if x.startswith("VmRSS"))
        return int(line.split()[1]) / 1024

    def _watch(self) -> None:
        while True:
            try:
                self.peak = max(self.peak, self.read())
            except (OSError, StopIteration):  # it has ended
                return
            time.sleep(0.1)


def draw_people(sessions: int, files: int) -> list[Person]:
    """Makes so many different radiographs at full size, and their probabilities."""
    rng = np.random.default_rng(0)
    samples = [read_radiograph(path).pixels for path in sorted(ROOT.glob("samples/*/*.jpeg"))]
    classifier = load_classifier()
    people = []
    for person in range(sessions):
        dropped, pictures = [], []
        for number in range(files):
            pixels = samples[(person + number) % len(samples)]
            height, width = pixels.shape
            top, left, bottom, right = rng.uniform(0.005, 0.025, 4)
            pixels = pixels[
                round(top * height) : round((1 - bottom) * height),
                round(left * width) : round((1 - right) * width),
            ]
            pixels = np.clip(pixels * rng.uniform(0.9, 1.1), 0, 255).astype(np.uint8)
            buffer = io.BytesIO()
            Image.fromarray(pixels).save(buffer, "JPEG", quality=90)
            dropped.append((f"person{person:02d}-{number:02d}.jpeg", buffer.getvalue()))
            pictures.append(read_radiograph(buffer.getvalue()).pixels)
        people.append(Person(dropped, score_pixels(classifier, pictures).tolist()))
    return people


def count_strangers(people: list[Person]) -> int:
    """Counts messages that hold a name of another session's file."""
    return sum(
        f"person{other:02d}-".encode() in message
        for own, person in enumerate(people)
        for message in person.messages
        for other in range(len(people))
        if other != own
    )


def wait_for_memory(gauge: MemoryGauge, limit: float) -> float:
    """Waits until the server holds no more than a limit; returns the seconds, or infinity."""
    started = time.monotonic()
    while gauge.read() > limit:
        if time.monotonic() - started > PATIENCE:
            return np.inf
        time.sleep(0.5)
    return time.monotonic() - started


def run_load(address: str, people: list[Person]) -> float:
    """Lets all visit at once; returns the seconds until the last one is served."""
    start = threading.Barrier(len(people), timeout=3600)
    visits = [threading.Thread(target=person.visit, args=(address, start)) for person in people]
    for visit in visits:
        visit.start()
    for visit in visits:
        visit.join()
    return max(person.table for person in people)


def describe(seconds: list[float]) -> str:
    """Returns median, 95th percentile and the highest."""
    return " / ".join(f"{v:.0f}" for v in (*np.percentile(seconds, [50, 95]), max(seconds)))


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--sessions", type=int, default=20)
    parser.add_argument("--files", type=int, default=20)
    args = parser.parse_args()
    *people, first = draw_people(args.sessions + 1, args.files)

    with serve_process() as (address, server):
        gauge = MemoryGauge(server.pid)
        run_load(address, [first])
        time.sleep(GONE)
        idle = gauge.read()
        seconds = run_load(address, people)
        peak, full = gauge.peak, gauge.read()
        back = wait_for_memory(gauge, 1.1 * idle)
        after = gauge.read()

    every = args.sessions * args.files
    rows = {
        "sessions x files": f"{args.sessions} x {args.files}",
        "errors": sum(len(person.errors) for person in (first, *people)),
        "wrong or missing answers": sum(person.mixed for person in (first, *people)),
        "messages with another session's file name": count_strangers(people),
        "s to the first radiographs (median / 95 % / max)": describe([p.first for p in people]),
        "s to the worklist (median / 95 % / max)": describe([p.table for p in people]),
        "s to the whole page (median / 95 % / max)": describe([p.rest for p in people]),
        "one session alone, s to the worklist": f"{first.table:.1f}",
        "radiographs a second": f"{every / seconds:.1f}",
        "server's memory idle, MiB": f"{idle:.0f}",
        "at its peak, MiB": f"{peak:.0f}",
        "as the last is served, MiB": f"{full:.0f}",
        "after all have left, MiB": f"{after:.0f}",
        "s until within 10 % of idle": f"{back:.0f}",
    }
    print("| | |\n|---|---|")
    for name, value in rows.items():
        print(f"| {name} | {value} |")
    for person in (first, *people):
        for error in person.errors:
            print(error)


if __name__ == "__main__":
    main()
