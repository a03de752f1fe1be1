"""The page before the first file, and what stands at the foot of it."""

import streamlit as st

from pneumo.network.card import ModelCard


def show_welcome() -> None:
    """Fills the page while there is no radiograph yet."""
    steps = (
        ("1 · Drop", "One or many frontal chest radiographs, or pick a sample above."),
        ("2 · Read", "The probability of pneumonia, and a verdict that follows your threshold."),
        ("3 · Doubt", "A heatmap of what the network looked at. Does it look at a lung?"),
    )
    for column, (title, text) in zip(st.columns(3), steps, strict=True):
        with column.container(border=True, height="stretch"):
            st.markdown(f"**{title}**")
            st.caption(text)


def show_about(card: ModelCard) -> None:
    """Names the model that answers."""
    document = card.document
    st.caption(
        f"About the model: {document['name']}, version {document['version']}, made on "
        f"{document['created']}, weights {card.weights_sha256[:16]}."
    )
