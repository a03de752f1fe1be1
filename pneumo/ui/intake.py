"""Files, archives and samples in, one `Entry` each out; every radiograph is scored once."""

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

import streamlit as st

from pneumo.adjust import AS_IS, Adjustment
from pneumo.archive import is_archive, list_pictures, unpack_picture
from pneumo.errors import RadiographError
from pneumo.explain import Explainer
from pneumo.inference import Reading, Sight, examine, look_at
from pneumo.limits import MAX_BYTES, MAX_FILES
from pneumo.model import Classifier
from pneumo.overlay import encode_png, fit_within
from pneumo.radiograph import SUFFIXES, Radiograph, read_radiograph

SAMPLES = Path(__file__).resolve().parents[2] / "samples"
BATCH_SIZE = 2
"""Radiographs between two moves of the bar: in each of many sessions so many wait for their turn
with the network, as its input and with its feature maps, a few megabytes each."""
DECODERS = threading.BoundedSemaphore(2)
"""Radiographs that are decoded at a time in all sessions: a large one takes many times its size."""


@dataclass(frozen=True)
class Entry:
    """One file of the session. Its pixels are not kept.

    Attributes:
        key: Its identity in the session.
        name: As uploaded; within an archive with the archive's name before it.
        reading: The model's answer, or None.
        error: Why there is none; empty otherwise.
        label: The data set's own label of a sample; empty for a user's file.
        thumbnail: PNG, at most 96 pixels on a side; empty if there is no reading.
        source: Where it came from; None if there is no reading.
    """

    key: str
    name: str
    reading: Reading | None
    error: str = ""
    label: str = ""
    thumbnail: bytes = b""
    source: "Source | None" = None

    def read(self) -> Radiograph:
        """Reads the radiograph again, which went well before."""
        return self.source.read()


@dataclass(frozen=True)
class Source:
    """Where a radiograph comes from, before it is read.

    Attributes:
        name: See `Entry`.
        load: Returns the bytes; raises `RadiographError`.
        label: See `Entry`.
        adjustment: What the user changed.
    """

    name: str
    load: Callable[[], bytes]
    label: str = ""
    adjustment: Adjustment = AS_IS

    def read(self) -> Radiograph:
        """Decodes the radiograph; raises `RadiographError`."""
        with DECODERS:
            return read_radiograph(self.load(), self.name, self.adjustment)


def show_intake(classifier: Classifier, explainer: Explainer) -> dict[str, Entry]:
    """Shows drop zone and gallery, and scores what is new.

    Returns:
        The session's entries by identity, in the order they came.
    """
    uploads = st.file_uploader(
        "Drop radiographs here, or a ZIP archive of them",
        type=[*(suffix[1:] for suffix in SUFFIXES), "zip"],
        accept_multiple_files=True,
        key="uploads",
        help=f"DICOM, JPEG, PNG, WebP, TIFF, BMP or GIF, up to {MAX_BYTES // 2**20} MiB each and "
        f"{MAX_FILES} in all. They are kept in this server's memory for this session only, never "
        "written to disk.",
    )
    samples = _show_gallery(bool(uploads))
    wanted = _carried_over()
    dropped: dict[str, Source] = {}
    for upload in uploads:
        dropped |= _sources_of(upload)
    st.session_state.dropped = dropped
    wanted |= dropped
    for path in samples:
        wanted[f"sample:{path.name}"] = Source(path.name, path.read_bytes, path.parent.name)
    if len(wanted) > MAX_FILES:
        st.warning(
            f"Only the first {MAX_FILES} of {len(wanted)} radiographs are read. Remove some to "
            "see the others, or score a folder with `python -m pneumo predict`."
        )
        wanted = dict(list(wanted.items())[:MAX_FILES])
    entries: dict[str, Entry] = st.session_state.setdefault("entries", {})
    for key, adjustment in st.session_state.get("adjustments", {}).items():
        if key in wanted:
            wanted[key] = replace(wanted[key], adjustment=adjustment)
    for key, entry in list(entries.items()):
        stale = entry.source and key in wanted and entry.source.adjustment != wanted[key].adjustment
        if key not in wanted or stale:
            del entries[key]
    _score_new(wanted, entries, classifier, explainer)
    return {key: entries[key] for key in wanted if key in entries}


def keep_dropped() -> None:
    """Keeps what was dropped while another page is shown, where there is no drop zone."""
    st.session_state.setdefault("carried", {}).update(st.session_state.pop("dropped", {}))


def _carried_over() -> dict[str, Source]:
    """Returns what was dropped before another page was shown, and offers to remove it."""
    carried: dict[str, Source] = st.session_state.setdefault("carried", {})
    if carried:
        with st.container(horizontal=True, vertical_alignment="center", key="carried-row"):
            st.caption(f"{len(carried)} radiographs or files from before are still here.")
            st.button("Remove them", key="remove-carried", on_click=carried.clear)
    return dict(carried)


def _sources_of(upload) -> dict[str, Source]:
    """Returns one source for a file, one for each picture of an archive."""
    key = f"upload:{upload.file_id}"
    archives: dict[str, list[str]] = st.session_state.setdefault("archives", {})
    if not is_archive(upload.getvalue()[:4]):  # which copies nothing, as `getbuffer` would
        return {key: Source(upload.name, upload.getvalue)}
    if key not in archives:
        try:
            archives[key] = list_pictures(upload.getvalue(), upload.name)
        except RadiographError as error:
            return {key: Source(upload.name, partial(_fail, error))}
    return {
        f"{key}/{place}": Source(
            f"{upload.name}/{name}",
            lambda place=place: unpack_picture(upload.getvalue(), upload.name, place),
        )
        for place, name in enumerate(archives[key])
    }


def _fail(error: RadiographError) -> bytes:
    raise error


def _score_new(
    wanted: dict[str, Source],
    entries: dict[str, Entry],
    classifier: Classifier,
    explainer: Explainer,
) -> None:
    """Scores what has no entry yet, behind a bar that can be stopped; no bad file stops another.

    A press of Stop makes Streamlit run the page anew: what is scored by then stays, the rest is
    put off until the user wants to go on.
    """
    put_off: set[str] = st.session_state.setdefault("put-off", set())
    put_off.intersection_update(wanted)  # in place: the buttons hold this very set
    new = {key: source for key, source in wanted.items() if key not in entries}
    left = {key: source for key, source in new.items() if key not in put_off}
    if left:
        place = st.empty()
        with place.container(horizontal=True, vertical_alignment="center", key="progress"):
            bar = st.progress(0.0, _remaining(0, len(left), 0.0))
            st.button("Stop", key="stop", on_click=put_off.update, args=(set(left),))
        _score(left, entries, classifier, explainer, bar)
        place.empty()
        put_off.difference_update(left)
    waiting = [key for key in wanted if key not in entries]
    if waiting:
        with st.container(horizontal=True, vertical_alignment="center", key="put-off-row"):
            st.info(f"Stopped: {len(waiting)} of {len(wanted)} radiographs are not read yet.")
            st.button("Go on", key="go-on", on_click=put_off.clear)


def _score(left: dict[str, Source], entries: dict, classifier, explainer, bar) -> None:
    """Reads and scores in batches; an entry is there as soon as its batch is done."""
    started = time.monotonic()
    items = list(left.items())
    for first in range(0, len(items), BATCH_SIZE):
        batch: list[tuple[str, Source, Sight, bytes]] = []
        for key, source in items[first : first + BATCH_SIZE]:
            try:
                batch.append((key, source, *_look_at(source, classifier)))
            except RadiographError as error:
                entries[key] = Entry(key, source.name, None, str(error))
        if batch:
            readings = examine(classifier, explainer, [sight for _, _, sight, _ in batch])
            for (key, source, _, thumbnail), reading in zip(batch, readings, strict=True):
                entries[key] = Entry(key, source.name, reading, "", source.label, thumbnail, source)
        done = min(first + BATCH_SIZE, len(items))
        text = _remaining(done, len(items), time.monotonic() - started)
        bar.progress(done / len(items), text)


def _look_at(source: Source, classifier: Classifier) -> tuple[Sight, bytes]:
    """Returns what the network sees and the thumbnail; the pixels are let go of here."""
    radiograph = source.read()
    return look_at(classifier, radiograph), encode_png(fit_within(radiograph.pixels, 96))


def _remaining(done: int, total: int, seconds: float) -> str:
    """Says how far it is, and once that can be known how long it takes."""
    text = f"Reading radiographs: {done} of {total}"
    left = seconds / done * (total - done) if done else 0
    return text + (f", about {left:.0f} s left" if left >= 2 else "")


def _show_gallery(busy: bool) -> list[Path]:
    """Shows the samples to click on, folded once files are there.

    Returns:
        Those clicked so far, latest last.
    """
    chosen: list[str] = st.session_state.setdefault("samples", [])

    def toggle(name: str) -> None:
        if name in chosen:
            chosen.remove(name)
        else:
            chosen.append(name)

    paths = {path.name: path for path in sorted(SAMPLES.glob("*/*.jpeg"))}
    with st.expander("No radiograph at hand? Try a sample", expanded=not busy):
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


@st.cache_data(show_spinner=False, max_entries=32)
def sample_thumbnail(path: Path) -> bytes:
    """Returns a sample as a small square PNG."""
    pixels = fit_within(read_radiograph(path).pixels, 300)
    side = min(pixels.shape)
    top, left = (pixels.shape[0] - side) // 2, (pixels.shape[1] - side) // 2
    return encode_png(pixels[top : top + side, left : left + side])
