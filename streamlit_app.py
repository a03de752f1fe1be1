"""The app: `streamlit run streamlit_app.py` starts it.

Streamlit comes here twice. Once it imports this file for the server, which loads the model; then
it runs it for every session and every click, to draw the page.
"""

import streamlit as st

from pneumo.ui.pages import show_pages
from pneumo.ui.start import start

if __name__ == "__main__":
    show_pages()
else:
    app = st.App(__file__, lifespan=start)
