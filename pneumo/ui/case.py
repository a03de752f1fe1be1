"""One radiograph: picture with heatmap on the left, answer on the right."""

import html
import io
from pathlib import Path

import streamlit as st
from PIL import Image

from pneumo import CLASSES
from pneumo.explain import METHODS
from pneumo.overlay import COLOUR_MAPS, blend, encode_png, fit_within, stretch_heatmap
from pneumo.ui.intake import Entry
from pneumo.ui.style import show_scale, show_small, show_verdict

SCREEN_SIDE = 1600
"""Longer side of the picture on the page; the download has the radiograph's own size."""

_KEPT = 24


def show_case(entry: Entry, threshold: float) -> None:
    """Shows the verdict and what was done to the file, then the overlay and its controls."""
    answer, picture = st.columns([2, 3], gap="medium")
    with answer:
        st.html(f"<h4 class='pneumo-name'>{html.escape(entry.name)}</h4>")
        show_verdict(entry.reading.probability, threshold)
        _show_details(entry)
    with picture:
        _show_heatmap(entry)


def _show_heatmap(entry: Entry) -> None:
    place = st.container()  # the picture stands above the controls that it needs first
    with st.container(horizontal=True, vertical_alignment="bottom", key="heatmap-controls"):
        class_name = st.segmented_control(
            "Evidence for", CLASSES, default=CLASSES[1], required=True, key="class"
        )
        opacity = st.slider(
            "Heatmap opacity", 0, 100, 45, 5, format="%d %%", key="opacity", width=190
        )
        colour_map = st.selectbox("Colour map", COLOUR_MAPS, key="colour-map", width=130)
    settings = (CLASSES.index(class_name), opacity / 100, colour_map)
    show_scale(colour_map)
    st.caption(
        f"{METHODS['gradcam'].partition(' (')[0]}: warm places raised the score for "
        f"{class_name}. It shows what the network used, not where the disease is, in cells a "
        "tenth of the picture wide."
    )
    st.download_button(
        "Overlay as PNG",
        lambda: _overlay_png(entry, *settings),
        file_name=f"{Path(entry.name).stem}-{class_name.lower()}.png",
        mime="image/png",
        icon=":material/download:",
        on_click="ignore",
    )
    if not entry.reading.heatmaps[settings[0]].any():
        place.info(f"No place in this radiograph speaks for {class_name}: the heatmap is empty.")
    place.image(
        _screen_picture(entry, *settings),
        width="stretch",
        alt=f"Radiograph with the heatmap of evidence for {class_name}",
    )


def _show_details(entry: Entry) -> None:
    height, width = entry.reading.radiograph.pixels.shape
    parts = [f"{width} x {height} pixels", *entry.reading.radiograph.notes]
    if entry.label:
        parts.insert(0, f"The data set's own label: {entry.label}")
    show_small(" · ".join(parts))


def _screen_picture(entry: Entry, label: int, opacity: float, colour_map: str) -> bytes:
    """Draws the overlay for the page, or takes it from the session: the threshold never redraws."""
    cache: dict = st.session_state.setdefault("pictures", {})
    key = (entry.reading.radiograph.sha256, label, opacity, colour_map)
    if key not in cache:
        while len(cache) >= _KEPT:
            del cache[next(iter(cache))]
        pixels = fit_within(entry.reading.radiograph.pixels, SCREEN_SIDE)
        heatmap = stretch_heatmap(entry.reading.heatmaps[label], pixels.shape)
        buffer = io.BytesIO()
        picture = Image.fromarray(blend(pixels, heatmap, opacity, colour_map))
        picture.save(buffer, "JPEG", quality=92, subsampling=0)
        cache[key] = buffer.getvalue()
    return cache[key]


def _overlay_png(entry: Entry, label: int, opacity: float, colour_map: str) -> bytes:
    pixels = entry.reading.radiograph.pixels
    heatmap = stretch_heatmap(entry.reading.heatmaps[label], pixels.shape)
    return encode_png(blend(pixels, heatmap, opacity, colour_map))
