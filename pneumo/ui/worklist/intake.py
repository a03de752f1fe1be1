"""Files, archives and samples in, one `Entry` each out; every radiograph is scored once."""

import time
from contextlib import nullcontext
from dataclasses import replace

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from pneumo.errors import RadiographError
from pneumo.images import encode_png, fit_within
from pneumo.inference import Engine, PreparedRadiograph, predict, prepare_input
from pneumo.network.classifier import Classifier
from pneumo.reading.limits import MAX_FILES
from pneumo.ui.session import state
from pneumo.ui.session.values import Entry, ReadEntry, Source
from pneumo.ui.worklist.samples import SAMPLE_KEY, label_of_sample, sample_names, show_samples
from pneumo.ui.worklist.sources import carried_over, show_drop_zone

BATCH_SIZE = 2
"""Radiographs between two moves of the bar: in each of many sessions so many wait for their turn
with the network, as its input and with its feature maps, a few megabytes each."""


def ask_for_radiographs() -> dict[str, Source]:
    """Shows drop zone and gallery.

    Returns:
        What is to be read, by identity, in the order it came.
    """
    # A popover that is closed is not in the page, nor are the names of the files in it.
    with _files_apart() if state.TESTING.get(False) else nullcontext():
        dropped = show_drop_zone()
        samples = show_samples(bool(dropped))
    wanted = carried_over()
    wanted |= dropped
    for path in samples:
        number = sample_names().index(path.name) + 1  # keys reach the browser, names tell the label
        wanted[f"{SAMPLE_KEY}{number}"] = Source(path.name, path.read_bytes, label_of_sample(path))
    if len(wanted) > MAX_FILES:
        st.warning(
            f"Only the first {MAX_FILES} of {len(wanted)} radiographs are read. Remove some to "
            "see the others, or score a folder with `python -m pneumo predict`."
        )
        wanted = dict(list(wanted.items())[:MAX_FILES])
    state.forget_removed(wanted.keys())
    return wanted


def score_radiographs(wanted: dict[str, Source], engine: Engine) -> dict[str, Entry]:
    """Scores what is new, and forgets what is no longer wanted.

    Args:
        wanted: From `ask_for_radiographs`.
        engine: That answers.

    Returns:
        The session's entries by identity, in the order they came.
    """
    wanted = dict(wanted)
    entries = state.ENTRIES.ensure()
    for key, adjustment in state.ADJUSTMENTS.get().items():
        if key in wanted:
            wanted[key] = replace(wanted[key], adjustment=adjustment)
    for key, entry in list(entries.items()):
        stale = entry.source and key in wanted and entry.source.adjustment != wanted[key].adjustment
        if key not in wanted or stale:
            del entries[key]
    _score_new(wanted, entries, engine)
    _open_new(wanted, entries)
    return {key: entries[key] for key in wanted if key in entries}


def _open_new(wanted: dict[str, Source], entries: dict[str, Entry]) -> None:
    """Opens the first radiograph that came in this run, if there were others before."""
    before = state.ASKED.get()
    new = [key for key in wanted if key not in before and isinstance(entries.get(key), ReadEntry)]
    if new and before & entries.keys():
        state.CASE.put(new[0])
    state.ASKED.put(set(wanted))


def _files_apart() -> DeltaGenerator:
    """Returns a place for drop zone and gallery that tells no name until it is opened."""
    return st.popover(
        "Add or remove files", icon=":material/folder_open:", help="Shows the names of your files."
    )


def _score_new(
    wanted: dict[str, Source],
    entries: dict[str, Entry],
    engine: Engine,
) -> None:
    """Scores what has no entry yet, behind a bar that can be stopped; no bad file stops another.

    A press of Stop makes Streamlit run the page anew: what is scored by then stays, the rest is
    put off until the user wants to go on.
    """
    put_off = state.PUT_OFF.ensure()
    put_off.intersection_update(wanted)  # in place: the buttons hold this very set
    new = {key: source for key, source in wanted.items() if key not in entries}
    left = {key: source for key, source in new.items() if key not in put_off}
    if left:
        place = st.empty()
        with place.container(horizontal=True, vertical_alignment="center", key="progress"):
            bar = st.progress(0.0, _remaining(0, len(left), 0.0))
            st.button("Stop", key="stop", on_click=put_off.update, args=(set(left),))
        _score(left, entries, engine, bar)
        place.empty()
        put_off.difference_update(left)
    waiting = [key for key in wanted if key not in entries]
    if waiting:
        with st.container(horizontal=True, vertical_alignment="center", key="put-off-row"):
            st.info(f"Stopped: {len(waiting)} of {len(wanted)} radiographs are not read yet.")
            st.button("Go on", key="go-on", on_click=put_off.clear)


def _score(
    left: dict[str, Source],
    entries: dict[str, Entry],
    engine: Engine,
    bar: DeltaGenerator,
) -> None:
    """Reads and scores in batches; an entry is there as soon as its batch is done."""
    started = time.monotonic()
    items = list(left.items())
    for first in range(0, len(items), BATCH_SIZE):
        batch: list[tuple[str, Source, PreparedRadiograph, bytes]] = []
        for key, source in items[first : first + BATCH_SIZE]:
            try:
                opened = key == items[0][0]
                batch.append((key, source, *_prepare(source, engine.classifier, opened)))
            except RadiographError as error:
                entries[key] = Entry(
                    key=key,
                    name=source.name,
                    reading=None,
                    source=None,
                    error=str(error),
                    label=source.label,
                )
        if batch:
            prepared = [each for _, _, each, _ in batch]
            readings = predict(engine, prepared)
            for (key, source, _, thumbnail), reading in zip(batch, readings, strict=True):
                entries[key] = ReadEntry(
                    key=key,
                    name=source.name,
                    reading=reading,
                    source=source,
                    label=source.label,
                    thumbnail=thumbnail,
                )
        done = min(first + BATCH_SIZE, len(items))
        text = _remaining(done, len(items), time.monotonic() - started)
        bar.progress(done / len(items), text)


def _prepare(
    source: Source, classifier: Classifier, opened: bool
) -> tuple[PreparedRadiograph, bytes]:
    """Returns what the network sees and the thumbnail.

    The pixels are let go of here, unless this is the radiograph that the page will open.
    """
    radiograph = source.read()
    if opened:
        state.PIXELS.computed(radiograph.info.identity, lambda: radiograph.pixels)
    return prepare_input(classifier, radiograph), encode_png(fit_within(radiograph.pixels, 96))


def _remaining(done: int, total: int, seconds: float) -> str:
    """Says how far it is, and once that can be known how long it takes."""
    text = f"Reading radiographs: {done} of {total}"
    left = seconds / done * (total - done) if done else 0
    return text + (f", about {left:.0f} s left" if left >= 2 else "")
