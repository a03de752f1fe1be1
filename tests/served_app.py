"""The app whose networks remember their passes, for tests in a browser.

Dozens of sessions show them the same few radiographs; each but the first would wait for answers
that are known. Everything else is the app as `streamlit run streamlit_app.py` serves it.
"""

import hashlib
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import TypeVar

import numpy as np
import streamlit as st

from pneumo import inference
from pneumo.network.classifier import Classifier
from pneumo.network.forward import ForwardPass
from pneumo.network.lung_finder import FinderPass
from pneumo.ui.start import start

MOST = 300
"""Passes that are kept, of 0.8 MB each."""

load_classifier = inference.load_classifier
Pass = TypeVar("Pass", ForwardPass, FinderPass)


def remember(run: Callable[[np.ndarray], Pass]) -> Callable[[np.ndarray], Pass]:
    """Wraps a network so that it is asked but once about one picture."""
    known: OrderedDict[bytes, Pass] = OrderedDict()

    def answer(picture: np.ndarray) -> Pass:
        key = hashlib.sha256(picture.tobytes()).digest()
        found = known.get(key)  # held, as another thread may make room meanwhile
        if found is None:
            found = known[key] = run(picture[np.newaxis])
            if len(known) > MOST:
                known.popitem(last=False)
        return found

    def passes(batch: np.ndarray) -> Pass:
        found = [answer(picture) for picture in batch]
        return type(found[0])(*map(np.concatenate, zip(*found, strict=True)))

    return passes


def load_and_remember(*args, **options) -> Classifier:
    classifier = load_classifier(*args, **options)
    return replace(classifier, forward=remember(classifier.forward), find=remember(classifier.find))


inference.load_classifier = load_and_remember
script = Path(__file__).resolve().parents[1] / "streamlit_app.py"
app = st.App(script, lifespan=start)
