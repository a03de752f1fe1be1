"""The panels of the Streamlit page, one a file."""
