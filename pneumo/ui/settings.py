"""Settings that outlive the page they are on: Streamlit forgets those of a page not shown."""

import streamlit as st


def keep(key: str, default: object) -> str:
    """Returns the key for a widget whose value is kept for the whole session.

    Args:
        key: Of the widget.
        default: The value at first; the widget itself is given none.
    """
    st.session_state.setdefault("settings", set()).add(key)
    st.session_state.setdefault(key, default)
    return key


def restore() -> None:
    """Sets every kept value again; to be called at the start of each run, on every page."""
    for key in st.session_state.get("settings", set()) & st.session_state.keys():
        st.session_state[key] = st.session_state[key]
