"""Shared fixtures: drawn radiographs, the shipped classifier, and a stand-in for it."""

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

from pneumo.card import read_card
from pneumo.model import CARD_NAME, WEIGHTS_FOLDER, Classifier, load_classifier
from pneumo.training.phantom import draw_phantom

# For tests/test_fuzz.py; `--hypothesis-profile=long` tries more.
_common = {"deadline": None, "suppress_health_check": list(HealthCheck)}
settings.register_profile("ci", max_examples=60, derandomize=True, database=None, **_common)
settings.register_profile("long", max_examples=2000, **_common)
settings.load_profile("ci")


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
        self.classifier = Classifier(self._forward, None, card)

    def _forward(self, batch):
        self.passes += len(batch)
        p = (batch.mean(axis=(1, 2, 3)) + 1) / 2
        maps = np.ones((len(batch), 10, 10, 4), np.float32)
        return maps, np.stack([1 - p, p], axis=1), p[:, np.newaxis]

    def gradcam(self, maps, classes):
        self.heatmaps += len(classes) // 2
        return np.repeat(np.eye(10, dtype=np.float32)[np.newaxis], len(classes), axis=0)

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

    from pneumo.ui import engine

    monkeypatch.setattr(engine, "load_engine", lambda: (stand_in.classifier, stand_in))
    script = Path(__file__).resolve().parents[1] / "streamlit_app.py"
    return AppTest.from_file(str(script), default_timeout=60)
