"""What the page refuses or warns about, and how often it errs with it."""

import streamlit as st

from pneumo.files import JsonObject
from pneumo.network.card import ModelCard


def show_scope(card: ModelCard) -> None:
    """Shows the outcomes by kind of picture, of those that the scope was not fitted to."""
    scope = card.document.get("scope")
    if not scope:
        st.markdown(
            "These weights have no scope: before an answer, only size, contrast and the DICOM tags "
            "are checked, and whether both lungs are found and not cut off. "
            "`python -m pneumo.training.scope` fits one."
        )
        return
    st.markdown(
        "Before a verdict the lung finder's features are asked two things: how far is this picture "
        "from the training patients' radiographs, and does it look like something that is often "
        "dropped by mistake? A refused picture gets no verdict. None of the pictures counted here "
        "was used to fit this check. Adults, photographs, drawings and documents share no original "
        "with the pictures that were; CT and MR slices, skull radiographs and textures come from "
        "the same few originals as those."
    )
    left_out = scope.get("kinds_left_out", {})
    rows = []
    for group, outcome in scope["outcomes"].items():
        name = group.removesuffix(", not fitted to")
        without = left_out.get(name)
        rows.append(
            {
                "Pictures": name,
                "n": str(outcome["n"]),
                **{word.capitalize(): _share(outcome, word) for word in OUTCOMES},
                "Refused if its kind was left out of the fit": _share(without, "refused")
                if without
                else "",
            }
        )
    st.table(rows, hide_index=True, alt="Accepted, warned and refused, by kind of picture")
    st.caption(
        "Not tried, for lack of free pictures: lateral views, and radiographs of other parts of "
        "the body than the skull, which here is a projection of a CT scan. Photographed screens "
        "are imitated."
    )


OUTCOMES = ("accepted", "warned", "refused")


def _share(outcome: JsonObject, word: str) -> str:
    return f"{100 * outcome[word] / outcome['n']:.1f} %"
