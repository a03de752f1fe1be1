"""The app whose network remembers its passes, for tests in a browser.

Dozens of sessions show it the same few radiographs; each but the first would wait for answers that
are known. Everything else is the app as `streamlit run streamlit_app.py` serves it.
"""

import hashlib
from collections import OrderedDict
from dataclasses import replace
from pathlib import Path

import numpy as np
import streamlit as st

from pneumo import inference
from pneumo.network.classifier import Classifier
from pneumo.network.forward import Forward, ForwardPass
from pneumo.ui.start import start

MOST = 300
"""Passes that are kept, of 0.8 MB each."""

load_classifier = inference.load_classifier


def remember(forward: Forward) -> Forward:
    """Wraps a network so that it is asked but once about one picture."""
    known: OrderedDict[bytes, ForwardPass] = OrderedDict()

    def answer(picture: np.ndarray) -> ForwardPass:
        key = hashlib.sha256(picture.tobytes()).digest()
        found = known.get(key)  # held, as another thread may make room meanwhile
        if found is None:
            found = known[key] = forward(picture[np.newaxis])
            if len(known) > MOST:
                known.popitem(last=False)
        return found

    def passes(batch: np.ndarray) -> ForwardPass:
        maps, probabilities = zip(*map(answer, batch), strict=True)
        return ForwardPass(np.concatenate(maps), np.concatenate(probabilities))

    return passes


def load_and_remember(*args, **options) -> Classifier:
    classifier = load_classifier(*args, **options)
    return replace(classifier, forward=remember(classifier.forward))


inference.load_classifier = load_and_remember
script = Path(__file__).resolve().parents[1] / "streamlit_app.py"
app = st.App(script, lifespan=start)
