"""The one loaded model, shared by all sessions."""

import time
from concurrent.futures import Future, ThreadPoolExecutor

import streamlit as st

from pneumo import inference
from pneumo.errors import WeightsError
from pneumo.inference import Engine
from pneumo.network.card import ModelCard, read_card
from pneumo.network.weights_files import CARD_NAME, WEIGHTS_FOLDER

_loading: Future[Engine] | None = None


@st.cache_resource(show_spinner=False)
def load_engine() -> Engine:
    """Loads the verified classifier and its explainer, once for the whole server."""
    return inference.load_engine()


def begin_loading() -> Future[Engine]:
    """Loads the engine in the background, while pages are served already."""
    global _loading
    worker = ThreadPoolExecutor(1, "loading")
    _loading = worker.submit(load_engine)
    worker.shutdown(wait=False)
    return _loading


def is_loading() -> bool:
    """Tells whether the server still loads the engine."""
    return _loading is not None and not _loading.done()


def require_engine() -> Engine:
    """Returns the engine; without sound weights says why and ends the page there.

    While the server still loads it this waits, with a word, and gives way to any click.
    """
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
