"""All radiographs of the session in one table; choosing a row shows its case."""

import base64

import streamlit as st

from pneumo.operating_point import verdict_of
from pneumo.ui.intake import Entry


def show_failures(entries: dict[str, Entry]) -> None:
    """Reports each file that could not be read, beside those that could."""
    for entry in entries.values():
        if entry.error:
            st.error(_plain(entry.error), icon=":material/broken_image:")


def choose_entry(entries: dict[str, Entry], threshold: float) -> Entry | None:
    """Shows the worklist if there is more than one reading.

    Returns:
        The entry to show, or None if there is no reading.
    """
    readings = [entry for entry in entries.values() if entry.reading]
    if len(readings) < 2:
        return readings[0] if readings else None
    verdicts = [verdict_of(entry.reading.probability, threshold) for entry in readings]
    with st.container(horizontal=True, key="counts"):
        st.metric("Radiographs", len(readings), width=104)
        for name in ("PNEUMONIA", "NORMAL"):
            st.metric(name, verdicts.count(name), width=104)
    selection = st.dataframe(
        {
            "": [_data_uri(entry.thumbnail) for entry in readings],
            "P(PNEUMONIA)": [entry.reading.probability for entry in readings],
            "Verdict": verdicts,
            "File": [entry.name for entry in readings],
            "Notes": ["; ".join(entry.reading.radiograph.notes) for entry in readings],
        },
        column_config={
            "": st.column_config.ImageColumn(width=60),
            "File": st.column_config.TextColumn(width="medium"),
            "P(PNEUMONIA)": st.column_config.ProgressColumn(
                min_value=0, max_value=1, format="%.3f", width=130
            ),
        },
        hide_index=True,
        row_height=48,
        height=min(3 + 36 + 48 * len(readings), 380),
        key="worklist",
        on_select="rerun",
        selection_mode="single-row",
        alt="Worklist of radiographs with their probability and verdict",
    )
    rows = selection.selection.rows
    if not rows:
        st.caption("Choose a row to see its heatmap; the first is shown below.")
    return readings[rows[0] if rows and rows[0] < len(readings) else 0]


def _data_uri(png: bytes) -> str:
    return "data:image/png;base64," + base64.b64encode(png).decode()


def _plain(text: str) -> str:
    """Escapes what Markdown would interpret, since file names are anybody's text."""
    return "".join("\\" + c if c in "\\`*_{}[]<>()#+-!|~$:" else c for c in text)
