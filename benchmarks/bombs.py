"""Small files that ask for much: what each would unpack to, and what it costs before it is refused.

    python -m benchmarks.bombs [NAME ...] [--json FILE]

Each is read in a process of its own, after the imports; "peak extra" is by how much the most memory
that the process ever held grew. That is `VmHWM` of Linux: `ru_maxrss` of a new process begins at
what its parent held, so that a large parent hides what its child takes.
"""

import argparse
import json
import subprocess
import sys
import tempfile
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from benchmarks.bomb_list import BOMBS, Bomb

ROOT = Path(__file__).resolve().parent.parent

CHILD = """
import json, os, sys, time
import pydicom, pydicom.pixels
from pathlib import Path
from pneumo.reading.archive import is_archive, list_pictures, unpack_picture
from pneumo.errors import RadiographError
from pneumo.reading.radiograph import read_radiograph

def peak():
    status = Path("/proc/self/status").read_text()
    return int(status.split("VmHWM:")[1].split()[0]) / 1024

def read(path):
    data = path.read_bytes()
    before, started = peak(), time.perf_counter()
    try:
        if is_archive(data):
            for place, name in enumerate(list_pictures(data, path.name)):
                read_radiograph(unpack_picture(data, path.name, place), name)
        else:
            read_radiograph(data, path.name)
        outcome = "read"
    except RadiographError as error:
        outcome = str(error)
    print(json.dumps([len(data), outcome, peak() - before, time.perf_counter() - started]))

for path in sys.argv[1:]:
    sys.stdout.flush()
    if not os.fork():
        read(Path(path))
        break
    if os.wait()[1]:
        sys.exit(f"{path} ended the process")
"""


@dataclass(frozen=True)
class Cost:
    """What became of a bomb.

    Attributes:
        size: Bytes of the file.
        outcome: The refusal, or "read".
        megabytes: Peak extra memory.
        seconds: Until the outcome.
    """

    size: int
    outcome: str
    megabytes: float
    seconds: float


def measure(bombs: Iterable[Bomb]) -> dict[Bomb, Cost]:
    """Builds bombs and reads each in a process of its own, forked from one that has the imports."""
    with tempfile.TemporaryDirectory() as folder:
        paths = {}
        for number, bomb in enumerate(bombs):
            paths[bomb] = Path(folder) / str(number) / "chest"
            paths[bomb].parent.mkdir()
            paths[bomb].write_bytes(bomb.build())
        result = subprocess.run(
            [sys.executable, "-W", "error", "-c", CHILD, *map(str, paths.values())],
            cwd=ROOT,
            capture_output=True,
            text=True,
            timeout=600,
        )
    if result.stderr or result.returncode:
        raise RuntimeError(f"It ended with {result.returncode} and this noise: {result.stderr}")
    lines = map(json.loads, result.stdout.splitlines())
    return {bomb: Cost(*line) for bomb, line in zip(paths, lines, strict=True)}


def describe(bomb: Bomb, cost: Cost) -> list[str]:
    """Returns the cells of a bomb's row."""
    size = f"{cost.size / 1e6:.1f} MB" if cost.size >= 1e6 else f"{cost.size / 1e3:.1f} kB"
    seconds = f"{cost.seconds:.2f} s"
    return [bomb.name, size, bomb.becomes, cost.outcome, f"{cost.megabytes:.0f} MB", seconds]


def make_table(rows: list[list[str]]) -> str:
    """Returns a Markdown table."""
    heads = ["file", "its size", "what it would unpack to", "outcome", "peak extra", "time"]
    return "\n".join(f"| {' | '.join(cells)} |" for cells in (heads, ["---"] * 6, *rows))


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("names", nargs="*", metavar="NAME")
    parser.add_argument("--json", type=Path, metavar="FILE", help="for docs/make_inputs.py")
    args = parser.parse_args()
    chosen = [bomb for bomb in BOMBS if not args.names or bomb.name in args.names]
    rows = [describe(bomb, cost) for bomb, cost in measure(chosen).items()]
    print(make_table(rows))
    if args.json:
        args.json.write_text(json.dumps(rows, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
