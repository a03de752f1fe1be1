"""What speaks against an answer, with its remedy; and what a user may change by hand."""

from dataclasses import replace

import streamlit as st

from pneumo.errors import RadiographError
from pneumo.images import encode_png, fit_within
from pneumo.reading.adjustment import AS_IS, Adjustment
from pneumo.ui.session import state
from pneumo.ui.session.results import Results
from pneumo.ui.session.values import ReadEntry
from pneumo.ui.view_names import VIEW_NAMES


def show_findings(entry: ReadEntry) -> None:
    """Shows each finding, and a button for what may mend it."""
    for number, finding in enumerate(entry.reading.findings):
        show = st.error if finding.refuses else st.warning
        show(finding.text, icon=":material/block:" if finding.refuses else ":material/warning:")
        if finding.remedy:
            remedy = finding.remedy
            changed = entry.reading.info.adjustment.then(
                inverted=remedy.inverted, turns=remedy.turns
            )
            st.button(
                remedy.label,
                key=f"remedy-{number}",
                type="primary",
                on_click=_adjust,
                args=(entry, changed),
            )


def show_adjust(entry: ReadEntry, results: Results) -> None:
    """Offers to change frame, polarity and turn, and to see what the network sees."""
    now = entry.reading.info.adjustment
    if failed := state.ADJUST_FAILED.take():
        st.error(failed, icon=":material/broken_image:")
    with st.container(horizontal=True, key="adjust-row"):
        with st.popover("Adjust", icon=":material/rotate_90_degrees_ccw:"):
            if entry.reading.info.frames > 1:
                frame = state.frame_input(entry)
                frame.put(now.frame + 1)  # also after "As it was", and where another is damaged
                st.number_input(
                    f"Frame, of {entry.reading.info.frames}",
                    1,
                    entry.reading.info.frames,
                    key=frame.key,
                    on_change=lambda: _adjust(entry, replace(now, frame=frame.get() - 1)),
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
            size = results.classifier.card.layout.image_size
            identity = results.identity(entry)
            grid = results.picture(
                (identity, "grid"),
                lambda: encode_png(entry.reading.input.grid),
            )
            whole = results.picture(
                (identity, "small"), lambda: encode_png(fit_within(results.pixels(entry), size))
            )
            with st.container(horizontal=True, key="saw"):
                st.image(grid, width=size, alt="The radiograph as the network saw it")
                st.image(whole, width=size, alt="The radiograph as it was read")
            shown = VIEW_NAMES[results.classifier.card.view].square
            done = "".join(f"; {note}" for note in entry.reading.info.notes)
            st.caption(
                f"{shown} {size} x {size} pixels, beside the radiograph as it was read{done}. "
                "Nothing but the square decides the answer."
            )


def _adjust(entry: ReadEntry, adjustment: Adjustment) -> None:
    """Has the radiograph read and scored anew, unless the change cannot be read."""
    try:
        replace(entry.source, adjustment=adjustment).read()
    except RadiographError as error:  # a damaged frame
        state.ADJUST_FAILED.put(str(error))
        return
    state.ADJUSTMENTS.ensure()[entry.key] = adjustment
