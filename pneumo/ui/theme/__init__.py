"""Colours and the little HTML and CSS that Streamlit's own elements do not cover."""
