"""What a move of the threshold costs the server with a full worklist: time, passes, drawings.

    python -m benchmarks.slider [--files 200] [--moves 20]

Runs the whole page, as a browser's slider does, with a stand-in for the network that counts its
calls: what is timed is everything but the network, and the network must not be called. Time
includes the test harness that reads the page.
"""

import argparse
import logging
import time
from pathlib import Path
from unittest.mock import patch

import numpy as np
from streamlit.testing.v1 import AppTest

from pneumo.explaining.overlay import Look
from pneumo.inference import Engine
from pneumo.ui.server import engine
from tests.conftest import StandIn, encode

ROOT = Path(__file__).resolve().parent.parent


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--files", type=int, default=200)
    parser.add_argument("--moves", type=int, default=20)
    args = parser.parse_args()
    logging.disable(logging.WARNING)  # Streamlit's, about being run by no server

    rng = np.random.default_rng(0)
    files = [
        (f"{n}.png", encode(rng.integers(0, 200, (300, 400)).astype(np.uint8)), "image/png")
        for n in range(args.files)
    ]
    stand_in, drawn, draw = StandIn(), [], Look.draw

    def count(*args, **options):
        drawn.append(args)
        return draw(*args, **options)

    with (
        patch.object(engine, "load_engine", lambda: Engine(stand_in.classifier, stand_in)),
        patch.object(Look, "draw", count),
    ):
        app = AppTest.from_file(str(ROOT / "streamlit_app.py"), default_timeout=600)
        app.run().file_uploader[0].set_value(files).run()
        assert drawn, "a count that never counts would say that a move draws nothing"
        for panel in (None, "threshold"):
            app.session_state["panel"] = panel
            app.run()
            before, drawings = stand_in.passes, len(drawn)
            seconds = []
            for threshold in rng.uniform(0.01, 0.99, args.moves).round(3):
                started = time.perf_counter()
                app.slider(key="threshold").set_value(float(threshold)).run()
                seconds.append(time.perf_counter() - started)
            assert not app.exception
            low, middle, high = 1000 * np.percentile(seconds, [10, 50, 90])
            print(
                f"{args.files} radiographs, panel {'open' if panel else 'closed'}: {middle:.0f} ms "
                f"a move ({low:.0f} to {high:.0f}), {stand_in.passes - before} passes of the "
                f"network, {len(drawn) - drawings} heatmaps drawn"
            )


if __name__ == "__main__":
    main()
