"""What speaks against an answer, with its remedy; and what a user may change by hand."""

from dataclasses import replace

import streamlit as st

from pneumo.adjust import AS_IS, Adjustment
from pneumo.errors import RadiographError
from pneumo.overlay import encode_png, fit_within
from pneumo.preprocess import resize_to_grid
from pneumo.ui.intake import Entry
from pneumo.ui.results import Results


def show_findings(entry: Entry) -> None:
    """Shows each finding, and a button for what may mend it."""
    for number, finding in enumerate(entry.reading.findings):
        show = st.error if finding.refuses else st.warning
        show(finding.text, icon=":material/block:" if finding.refuses else ":material/warning:")
        if finding.remedy:
            remedy = finding.remedy
            changed = entry.reading.adjustment.then(inverted=remedy.inverted, turns=remedy.turns)
            st.button(
                remedy.label,
                key=f"remedy-{number}",
                type="primary",
                on_click=_adjust,
                args=(entry, changed),
            )


def show_adjust(entry: Entry, results: Results) -> None:
    """Offers to change frame, polarity and turn, and to see what the network sees."""
    now = entry.reading.adjustment
    if failed := st.session_state.pop("adjust-failed", ""):
        st.error(failed, icon=":material/broken_image:")
    with st.container(horizontal=True, key="adjust-row"):
        with st.popover("Adjust", icon=":material/rotate_90_degrees_ccw:"):
            if entry.reading.frames > 1:
                key = f"frame-{entry.key}"
                st.number_input(
                    f"Frame, of {entry.reading.frames}",
                    1,
                    entry.reading.frames,
                    now.frame + 1,
                    key=key,
                    on_change=lambda: _adjust(entry, replace(now, frame=st.session_state[key] - 1)),
                )
            for name, changed in (
                ("Turn to the left", now.then(turns=1)),
                ("Turn to the right", now.then(turns=3)),
                ("Invert black and white", now.then(inverted=True)),
                ("As it was", AS_IS),
            ):
                st.button(
                    name,
                    key=f"adjust-{name}",
                    on_click=_adjust,
                    args=(entry, changed),
                    disabled=changed == now,
                    width="stretch",
                )
        with st.popover("What the network saw", icon=":material/visibility:"):
            size = results.classifier.card.image_size
            identity = results.identity(entry)
            grid = results.picture(
                (identity, "grid"),
                lambda: encode_png(resize_to_grid(results.pixels(entry), size)),
            )
            whole = results.picture(
                (identity, "small"), lambda: encode_png(fit_within(results.pixels(entry), size))
            )
            with st.container(horizontal=True):
                st.image(grid, width=size, alt="The radiograph as the network saw it")
                st.image(whole, width=size, alt="The radiograph as it was read")
            done = "".join(f"; {note}" for note in entry.reading.notes)
            st.caption(
                f"Stretched to {size} x {size} pixels, beside the radiograph as it was read{done}. "
                "No more than the square decides on the answer."
            )


def _adjust(entry: Entry, adjustment: Adjustment) -> None:
    """Has the radiograph read and scored anew, unless the change cannot be read."""
    try:
        replace(entry.source, adjustment=adjustment).read()
    except RadiographError as error:  # a damaged frame
        st.session_state["adjust-failed"] = str(error)
        return
    st.session_state.setdefault("adjustments", {})[entry.key] = adjustment
