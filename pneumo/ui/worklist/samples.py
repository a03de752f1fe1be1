"""Radiographs to try the app with, for those who have none at hand."""

import functools
from pathlib import Path

import streamlit as st

from pneumo.images import encode_png, fit_within
from pneumo.reading.radiograph import read_radiograph
from pneumo.ui.session import state

SAMPLES = Path(__file__).resolve().parents[3] / "samples"
SAMPLE_KEY = "sample:"
"""Begins the key of a sample's entry."""
INVERTED_SAMPLE, ADULT_SAMPLE = UNLABELLED = ("inverted.jpeg", "adult.jpeg")
"""What lies in no folder that tells a class."""
CLEAR_SAMPLES = ("person1952_bacteria_4883.jpeg", "NORMAL2-IM-1436-0001.jpeg")
LESSONS = {
    **dict.fromkeys(CLEAR_SAMPLES, "A clear one."),
    "NORMAL2-IM-1427-0001.jpeg": "The first weights of this project had their hottest place beside "
    "the letter R here, not on a lung.",
    "NORMAL2-IM-1437-0001.jpeg": "A hard one: pale lungs, and a middle that is one white column. "
    "Earlier weights were misled; the shipped ones call it NORMAL at their balanced "
    "threshold, and the data set calls it NORMAL too.",
    "person1947_bacteria_4876.jpeg": "A hard one: no white patch that stands out. The shipped "
    "weights call it NORMAL at their balanced threshold, the data set calls it PNEUMONIA.",
    INVERTED_SAMPLE: "Black and white are exchanged, as some exports do. A network alone would "
    "have answered; here it is not asked until they are exchanged back.",
    ADULT_SAMPLE: "An adult, with round shadows in both lungs. The model knows NORMAL and "
    "PNEUMONIA of children, and nothing else: whatever it is shown, it answers with one of the "
    "two. So adults get no verdict here.",
}
"""What a sample shows, where it shows something in particular."""


def show_samples(dropped: bool) -> list[Path]:
    """Shows the samples to click on, folded once files are there.

    Returns:
        Those clicked so far, latest last.
    """
    chosen = state.CHOSEN_SAMPLES.ensure()
    busy = dropped or bool(chosen)

    def toggle(name: str) -> None:
        if name in chosen:
            chosen.remove(name)
        else:
            chosen.append(name)

    paths = sample_paths()
    with st.expander(
        "Samples" if busy else "No radiograph at hand? Try a sample", expanded=not busy
    ):
        with st.container(horizontal=True, key="gallery", gap="small"):
            for number, name in enumerate(sample_names(), 1):
                with st.container(width=64, gap=None, key=f"thumb-{number}"):
                    st.image(sample_thumbnail(paths[name]), width=64, alt=f"sample {number}")
                    picked = name in chosen
                    st.button(
                        f"{'Remove' if picked else 'Try'} {number}",
                        key=f"sample-{number}",
                        on_click=toggle,
                        args=(name,),
                        type="primary" if picked else "secondary",
                        width="stretch",
                    )
        st.button(
            "Load all samples",
            key="all-samples",
            on_click=lambda: chosen.extend(name for name in paths if name not in chosen),
            disabled=len(chosen) == len(paths),
        )
        st.caption(
            "Children of 1 to 5 years, Kermany et al. 2018, "
            "[CC BY 4.0](https://doi.org/10.17632/rscbjbr9sj), the last but one changed; their "
            "data set's own label is shown with the answer. The last, an adult, is from "
            "[pydicom-data](https://github.com/pydicom/pydicom-data), MIT License."
        )
    return [paths[name] for name in chosen if name in paths]


@functools.cache
def sample_paths() -> dict[str, Path]:
    """Returns where each sample is, by its name."""
    paths = {path.name: path for path in sorted(SAMPLES.glob("*/*.jpeg"))}
    return paths | {name: path for name in UNLABELLED if (path := SAMPLES / name).exists()}


def label_of_sample(path: Path) -> str:
    """Returns the data set's own label, by the folder; empty where there is none."""
    return path.parent.name if path.parent != SAMPLES else ""


@functools.cache
def sample_names() -> list[str]:
    """Returns the samples as the gallery has them: clear ones first, labels mixed."""
    rank = {name: place for place, name in enumerate(CLEAR_SAMPLES)}
    return sorted(sample_paths(), key=lambda name: (rank.get(name, len(CLEAR_SAMPLES)), name[-6:]))


@functools.cache
def sample_thumbnail(path: Path) -> bytes:
    """Returns a sample as a small square PNG."""
    pixels = fit_within(read_radiograph(path).pixels, 300)
    side = min(pixels.shape)
    top, left = (pixels.shape[0] - side) // 2, (pixels.shape[1] - side) // 2
    return encode_png(pixels[top : top + side, left : left + side])
