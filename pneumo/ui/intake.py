"""Files and samples in, one `Entry` each out; every file is decoded and scored once."""

from dataclasses import dataclass
from pathlib import Path

import streamlit as st

from pneumo.errors import RadiographError
from pneumo.explain import Explainer
from pneumo.inference import Reading, examine
from pneumo.model import Classifier
from pneumo.overlay import encode_png, fit_within
from pneumo.radiograph import MAX_BYTES, SUFFIXES, read_radiograph

SAMPLES = Path(__file__).resolve().parents[2] / "samples"
MAX_FILES = 60
"""Radiographs in one session: each stays in memory at its own size, a few megabytes."""


@dataclass(frozen=True)
class Entry:
    """One file of the session.

    Attributes:
        name: As uploaded.
        reading: The model's answer, or None.
        error: Why there is none; empty otherwise.
        label: The data set's own label of a sample; empty for a user's file.
        thumbnail: PNG, at most 96 pixels on a side; empty if there is no reading.
    """

    name: str
    reading: Reading | None
    error: str = ""
    label: str = ""
    thumbnail: bytes = b""


def show_intake(classifier: Classifier, explainer: Explainer) -> dict[str, Entry]:
    """Shows drop zone and gallery, and scores what is new.

    Returns:
        The session's entries by identity, in the order they came.
    """
    uploads = st.file_uploader(
        "Drop radiographs here",
        type=[suffix[1:] for suffix in SUFFIXES],
        accept_multiple_files=True,
        key="uploads",
        help=f"JPEG, PNG, WebP, TIFF, BMP or GIF, up to {MAX_BYTES // 2**20} MiB each. They are "
        "kept in this server's memory for this session only, never written to disk.",
    )
    chosen = _show_gallery()
    wanted = {f"upload:{upload.file_id}": upload for upload in uploads}
    wanted |= {f"sample:{path.name}": path for path in chosen}
    if len(wanted) > MAX_FILES:
        st.warning(
            f"Only the first {MAX_FILES} of {len(wanted)} radiographs are read. Remove some to "
            "see the others, or score a folder with `python -m pneumo predict`."
        )
        wanted = dict(list(wanted.items())[:MAX_FILES])
    entries: dict[str, Entry] = st.session_state.setdefault("entries", {})
    for key in entries.keys() - wanted.keys():
        del entries[key]
    _score_new(wanted, entries, classifier, explainer)
    return {key: entries[key] for key in wanted}


def _score_new(wanted: dict, entries: dict, classifier: Classifier, explainer: Explainer) -> None:
    """Scores what has no entry yet, behind a progress bar; one bad file stops no other."""
    new = {key: source for key, source in wanted.items() if key not in entries}
    if not new:
        return
    bar = st.progress(0.0)
    for done, (key, source) in enumerate(new.items()):
        bar.progress(done / len(new), f"Reading {done + 1} of {len(new)} …")
        sample = isinstance(source, Path)
        data = source.read_bytes() if sample else source.getvalue()
        try:
            reading = examine(classifier, explainer, read_radiograph(data, source.name))
        except RadiographError as error:
            entries[key] = Entry(source.name, None, str(error))
            continue
        entries[key] = Entry(
            source.name,
            reading,
            label=source.parent.name if sample else "",
            thumbnail=encode_png(fit_within(reading.radiograph.pixels, 96)),
        )
    bar.empty()


def _show_gallery() -> list[Path]:
    """Shows the samples to click on; returns those clicked so far, latest last."""
    chosen: list[str] = st.session_state.setdefault("samples", [])

    def toggle(name: str) -> None:
        if name in chosen:
            chosen.remove(name)
        else:
            chosen.append(name)

    paths = {path.name: path for path in sorted(SAMPLES.glob("*/*.jpeg"))}
    with st.expander("No radiograph at hand? Try a sample", expanded=not st.session_state.uploads):
        with st.container(horizontal=True, key="gallery", gap="small"):
            # Mixed by name, so that the order does not tell the label.
            for number, name in enumerate(sorted(paths, key=lambda name: name[-6:]), 1):
                with st.container(width=96, gap=None):
                    st.image(sample_thumbnail(paths[name]), width=96, alt=f"sample {number}")
                    picked = name in chosen
                    st.button(
                        f"{'Remove' if picked else 'Try'} {number}",
                        key=f"sample-{number}",
                        on_click=toggle,
                        args=(name,),
                        type="primary" if picked else "secondary",
                        width="stretch",
                    )
        st.caption(
            "Children of 1 to 5 years, Kermany et al. 2018, "
            "[CC BY 4.0](https://doi.org/10.17632/rscbjbr9sj). "
            "The data set's own label is shown with the answer."
        )
    return [paths[name] for name in chosen if name in paths]


@st.cache_data(show_spinner=False)
def sample_thumbnail(path: Path) -> bytes:
    """Returns a sample as a small square PNG."""
    pixels = fit_within(read_radiograph(path).pixels, 300)
    side = min(pixels.shape)
    top, left = (pixels.shape[0] - side) // 2, (pixels.shape[1] - side) // 2
    return encode_png(pixels[top : top + side, left : left + side])
