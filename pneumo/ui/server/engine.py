"""The one loaded model, shared by all sessions."""

import time
from concurrent.futures import Future, ThreadPoolExecutor
from threading import Event

import streamlit as st

from pneumo import inference
from pneumo.errors import WeightsError
from pneumo.inference import Engine
from pneumo.network.card import ModelCard, read_card
from pneumo.network.weights_files import CARD_NAME, WEIGHTS_FOLDER

_loading: Future[Engine] | None = None
_wanted = Event()
LATEST_START = 2.0
"""Seconds after which the engine is loaded though nobody has opened a page."""
PAGE_SENT = 0.3
"""Seconds in which a page that was drawn reaches its browser."""


@st.cache_resource(show_spinner=False)
def load_engine() -> Engine:
    """Loads the verified classifier and its explainer, once for the whole server."""
    return inference.load_engine()


def begin_loading() -> Future[Engine]:
    """Loads the engine in the background, once a page is drawn or nobody comes for one.

    Not at once: the two would take the processor from each other, and the page be there later.
    """
    global _loading
    worker = ThreadPoolExecutor(1, "loading")
    _loading = worker.submit(_load_when_wanted)
    worker.shutdown(wait=False)
    return _loading


def _load_when_wanted() -> Engine:
    if _wanted.wait(LATEST_START):
        time.sleep(PAGE_SENT)
    return load_engine()


def is_loading() -> bool:
    """Tells whether the server still loads the engine."""
    return _loading is not None and not _loading.done()


def require_engine() -> Engine:
    """Returns the engine; without sound weights says why and ends the page there.

    While the server still loads it this waits, with a word, and gives way to any click.
    """
    _wanted.set()
    if is_loading():
        place = st.empty()
        while is_loading():
            place.caption("The model is loading: a few seconds …")  # a click ends the run here
            time.sleep(0.05)
        place.empty()
    try:
        return load_engine()
    except WeightsError as error:
        st.error(f"**No radiograph can be classified.** {error}", icon=":material/error:")
        st.stop()


def find_card() -> ModelCard | None:
    """Returns the card of the model that is used or being loaded; None if it cannot be read."""
    if _loading is not None and _loading.done() and not _loading.exception():
        return _loading.result().classifier.card  # whatever lies in the folder by now
    try:
        return read_card(WEIGHTS_FOLDER / CARD_NAME)
    except WeightsError:
        return None
