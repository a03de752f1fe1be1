"""The one loaded model, shared by all sessions."""

import streamlit as st

from pneumo.errors import WeightsError
from pneumo.explain import Explainer
from pneumo.model import Classifier, load_classifier
from pneumo.ui.memory import limit_heaps, set_aside


@st.cache_resource(show_spinner="Loading the model (about ten seconds, once) …")
def load_engine() -> tuple[Classifier, Explainer]:
    """Loads the verified classifier and its explainer, once for the whole server."""
    limit_heaps()
    classifier = load_classifier()
    engine = classifier, Explainer(classifier)
    set_aside()
    return engine


def require_engine() -> tuple[Classifier, Explainer]:
    """Returns the engine; without sound weights says why and ends the page there."""
    try:
        return load_engine()
    except WeightsError as error:
        st.error(f"**No radiograph can be classified.** {error}", icon=":material/error:")
        st.stop()
