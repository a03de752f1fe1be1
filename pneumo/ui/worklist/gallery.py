"""One explanation over many radiographs: the worklist as pictures."""

import html

import streamlit as st

from pneumo.explaining.methods import METHODS
from pneumo.explaining.overlay import Look
from pneumo.export.rows import percent
from pneumo.images import encode_jpeg, fit_within
from pneumo.progress import Progress, follow
from pneumo.ui.explanations.browser import draw
from pneumo.ui.session import state
from pneumo.ui.session.results import Results, run_or_offer
from pneumo.ui.session.values import Explanation, ReadEntry

PER_PAGE = 12
TILE_SIDE = 360
TILE_WIDTH = 138
"""Width of a picture on the page: two beside each other."""


def show_gallery(entries: dict[str, ReadEntry], verdicts: dict[str, str], results: Results) -> None:
    """Shows a page of radiographs with one method's heatmap; a button makes one the case.

    Args:
        entries: Those that pass the filter, in order.
        verdicts: Of all entries.
        results: Of the session.
    """
    method = st.selectbox(
        "Method for all",
        METHODS,
        format_func=lambda key: METHODS[key].name,
        key=state.GALLERY_METHOD.widget("gradcam"),
        width=190,
    )
    keys = list(entries)
    pages = -(-len(keys) // PER_PAGE)
    page = st.pagination(pages, key=f"gallery-page-{pages}") if pages > 1 else 1
    keys = keys[(page - 1) * PER_PAGE : page * PER_PAGE]
    wanted = Explanation(method, 1)
    missing = [
        entries[key]
        for key in keys
        if not entries[key].reading.refused and not results.has_heatmap(entries[key], wanted)
    ]
    if missing:

        def run(progress: Progress) -> bool:
            for entry in follow(missing, progress):
                results.heatmap(entry, wanted)
            return True

        name = f"{METHODS[method].name} of {len(missing)} radiographs"
        if not run_or_offer(name, f"gallery-{method}-{hash(tuple(keys))}", run):
            return
    with st.container(horizontal=True, key="pictures", gap="small"):
        for key in keys:
            _show_picture(key, entries[key], verdicts[key], wanted, results)


def _show_picture(
    key: str, entry: ReadEntry, verdict: str, wanted: Explanation, results: Results
) -> None:
    def encode() -> bytes:
        pixels = fit_within(results.pixels(entry), TILE_SIDE)
        if entry.reading.refused:
            return encode_jpeg(pixels)
        return encode_jpeg(
            draw(Look(), pixels, results.heatmap(entry, wanted), entry.reading.input.field)
        )

    here = state.CASE.get() == key
    answer = "" if entry.reading.refused else percent(entry.reading.probability)
    with st.container(width=TILE_WIDTH, gap=None, border=here):
        picture = results.picture((results.identity(entry), wanted, Look(), TILE_SIDE), encode)
        st.image(picture, width="stretch", alt=f"{wanted.title}: {entry.name}")
        st.html(
            f"<div class='pneumo-small'><b>{verdict}</b> {html.escape(answer)}<br>"
            f"{html.escape(entry.name)}</div>"
        )
        st.button(
            "Shown" if here else "Show",
            key=f"open-{key}",
            on_click=state.CASE.put,
            args=(key,),
            disabled=here,
            width="stretch",
        )
