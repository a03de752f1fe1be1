"""Many files at once: what `predict` does in a second, and whether it keeps what it has done with.

    python -m benchmarks.throughput [--files 2000] [--json FILE]

Scores a folder of copies of the samples, full size, by `python -m pneumo predict` and reads its
lines as they come. ONNX Runtime's bare forward pass runs before and after it on inputs that are
ready, in batches of eight, so that a change of the machine's speed meets both. Memory is the
highest resident of either half of the files. Everything is float32. Linux only.
"""

import argparse
import json
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

from benchmarks.latency import ROOT, describe_machine, forwards
from benchmarks.load import MemoryGauge

BATCH = 8
WARM = 5
SECONDS = 20.0


def main() -> None:
    """Prints rates, their ratio and the memory."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--files", type=int, default=2000)
    parser.add_argument("--json", type=Path, help="write the figures to this file too")
    args = parser.parse_args()

    bare = forwards().get("onnxruntime")
    if bare is None:
        parser.error("needs ONNX Runtime: pip install -r requirements-bench.txt")
    before = rate_of(bare)
    found = predict_copies(args.files)
    after = rate_of(bare)
    theirs = (before + after) / 2
    rows = {
        "machine": describe_machine(),
        "files": args.files,
        "ONNX Runtime on ready inputs, a second (before, after)": [before, after],
        "predict, files a second": found["rate"],
        "predict / ONNX Runtime": found["rate"] / theirs,
        "seconds to the first line": found["start"],
        "highest memory in the first half, MiB": found["first"],
        "highest memory in the second half, MiB": found["second"],
        "second half / first half": found["second"] / found["first"],
    }
    for name, value in rows.items():
        print(f"{name}: {value:.3g}" if isinstance(value, float) else f"{name}: {value}")
    if args.json:
        args.json.write_text(json.dumps(rows, indent=2) + "\n", encoding="utf-8")


def rate_of(forward) -> float:
    """Returns how many pictures a second a bare network answers, for a while."""
    ready = np.random.default_rng(0).uniform(-1, 1, (BATCH, 299, 299, 3)).astype(np.float32)
    for _ in range(WARM):
        forward(ready)
    count, started = 0, time.perf_counter()
    while time.perf_counter() - started < SECONDS:
        forward(ready)
        count += BATCH
    return round(count / (time.perf_counter() - started), 2)


def predict_copies(files: int) -> dict[str, float]:
    """Runs `predict` on so many copies of the samples.

    Returns:
        Files a second from the first line on, seconds until it, and the highest resident memory of
        either half in MiB.
    """
    samples = sorted(ROOT.glob("samples/*/*.jpeg"))
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for number in range(files):
            shutil.copy(samples[number % len(samples)], folder / f"{number:05d}.jpeg")
        started = time.perf_counter()
        with subprocess.Popen(
            [sys.executable, "-m", "pneumo", "predict", str(folder)],
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            cwd=ROOT,
        ) as process:
            gauge = MemoryGauge(process.pid)
            times, half = [], 0.0
            for line in process.stdout or ():
                if not line.startswith(name.encode()):
                    continue
                times.append(time.perf_counter())
                if len(times) == files // 2:
                    half, gauge.peak = gauge.peak, 0.0
    if len(times) != files:
        raise RuntimeError(f"predict printed {len(times)} lines for {files} files")
    return {
        "rate": (files - 1) / (times[-1] - times[0]),
        "start": times[0] - started,
        "first": half,
        "second": gauge.peak,
    }


if __name__ == "__main__":
    main()
