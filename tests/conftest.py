"""Shared fixtures: drawn radiographs, the shipped classifier, and a stand-in for it."""

import gc
import io
import os
from dataclasses import replace
from pathlib import Path

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ["KERAS_BACKEND"] = "tensorflow"

import numpy as np
import pytest
from hypothesis import HealthCheck, settings
from PIL import Image

from pneumo.inference import Engine
from pneumo.network.card import read_card
from pneumo.network.classifier import Classifier, Once, load_classifier
from pneumo.network.forward import ForwardPass
from pneumo.network.model_input import ModelInput, contrast_of
from pneumo.network.preprocess import resize_to_grid, to_model_input
from pneumo.network.weights_files import CARD_NAME, WEIGHTS_FOLDER
from pneumo.training.phantom import draw_phantom

# What JAX has compiled for one run of train.py serves the others, which compile the same.
_jax = Path(__file__).resolve().parent.parent / ".pytest_cache/jax"
os.environ.setdefault("JAX_COMPILATION_CACHE_DIR", str(_jax))
os.environ.setdefault("JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS", "0.3")

# For tests/reading/test_fuzz.py; `--hypothesis-profile=long` tries more.
_common = {"deadline": None, "suppress_health_check": list(HealthCheck)}
settings.register_profile("ci", max_examples=60, derandomize=True, database=None, **_common)
settings.register_profile("long", max_examples=1400, **_common)
settings.load_profile("ci")


LONGEST = ("ui", "training", "cli")
"""Folders whose files take longest, the first first."""


def pytest_collection_modifyitems(items):
    """Marks as slow what needs the shipped network, and puts first what takes longest.

    Files are handed to two processes one by one: a long one at the end would leave one idle.
    """
    for item in items:
        if "classifier" in item.fixturenames:
            item.add_marker("slow")
    folders = [*LONGEST, ""]
    items.sort(key=lambda item: folders.index(_folder_of(item)))


def pytest_collection_finish():
    """Spares the garbage collector what all tests together have imported.

    Streamlit collects garbage after every run of a page: half a second each with TensorFlow, JAX
    and all the rest in memory.
    """
    gc.collect()
    gc.freeze()


def _folder_of(item: pytest.Item) -> str:
    name = item.path.parent.name
    return name if name in LONGEST else ""


def encode(pixels: np.ndarray, kind: str = "PNG", **options) -> bytes:
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, kind, **options)
    return buffer.getvalue()


@pytest.fixture
def phantom() -> np.ndarray:
    """A drawn radiograph, not square so that height and width cannot be confused."""
    return draw_phantom(1, np.random.default_rng(0), size=240)[:180]


@pytest.fixture(scope="session")
def classifier() -> Classifier:
    return load_classifier()


class WholeClassifier(Classifier):
    """Looks at whole radiographs; of their features it knows the brightness."""

    def prepare(self, pictures):
        grids = [resize_to_grid(pixels, self.card.layout.image_size) for pixels in pictures]
        return [
            ModelInput(grid, contrast_of(grid), None, np.array([grid.mean() / 255]))
            for grid in grids
        ]


class StandIn:
    """Answers at once: P(PNEUMONIA) is the mean brightness of what it is shown."""

    def __init__(self) -> None:
        self.passes = 0
        self.heatmaps = 0
        self.explained = []
        card = read_card(WEIGHTS_FOLDER / CARD_NAME)
        thresholds = {"rule-out": 0.1, "balanced": 0.5, "rule-in": 0.9}  # of whatever weights
        points = {n: replace(card.points[n], threshold=t) for n, t in thresholds.items()}
        card = replace(card, points=points)
        self.classifier = WholeClassifier(self._forward, None, card, Once(lambda: True))
        self.classifier.load_differentiable()

    @property
    def engine(self) -> Engine:
        return Engine(self.classifier, self)

    def _forward(self, batch):
        self.passes += len(batch)
        batch = to_model_input(batch) if batch.ndim == 3 else batch
        p = (batch.mean(axis=(1, 2, 3)) + 1) / 2
        maps = np.ones((len(batch), 10, 10, 4), np.float32)
        return ForwardPass(maps, np.stack([1 - p, p], axis=1))

    def gradcam(self, maps):
        self.heatmaps += len(maps)
        return np.tile(np.eye(10, dtype=np.float32), (len(maps), 2, 1, 1))

    def evidence(self, maps):
        return np.repeat(np.eye(10, dtype=np.float32)[np.newaxis], len(maps), axis=0)

    def explain(self, method, image, label, layer=None, progress=lambda share: None):
        self.explained.append((method, label, layer))
        progress(0.5)
        return np.eye(12, dtype=np.float32)[::-1]


@pytest.fixture
def stand_in() -> StandIn:
    return StandIn()


@pytest.fixture
def app(monkeypatch, stand_in):
    """The page with the stand-in for the network, not run yet."""
    from streamlit.testing.v1 import AppTest

    from pneumo.ui.server import engine

    monkeypatch.setattr(engine, "load_engine", lambda: stand_in.engine)
    script = Path(__file__).resolve().parents[1] / "streamlit_app.py"
    return AppTest.from_file(str(script), default_timeout=60)
