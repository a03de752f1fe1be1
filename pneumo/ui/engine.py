"""The one loaded model, shared by all sessions."""

import streamlit as st

from pneumo import inference
from pneumo.errors import WeightsError
from pneumo.inference import Engine


@st.cache_resource(show_spinner=False)
def load_engine() -> Engine:
    """Loads the verified classifier and its explainer, once for the whole server."""
    return inference.load_engine()


def require_engine() -> Engine:
    """Returns the engine; without sound weights says why and ends the page there."""
    try:
        return load_engine()
    except WeightsError as error:
        st.error(f"**No radiograph can be classified.** {error}", icon=":material/error:")
        st.stop()
