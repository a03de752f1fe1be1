"""One radiograph: its picture with the explanation, and beside it the answer."""

import html
from collections.abc import Callable
from pathlib import Path

import numpy as np
import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from pneumo import CLASSES, PNEUMONIA
from pneumo.dataset.patients import parse_name
from pneumo.evaluation.stability import Stability
from pneumo.explaining.localisation import describe_other, describe_whereabouts
from pneumo.explaining.overlay import Look
from pneumo.export.rows import escape_controls
from pneumo.inference import Reading
from pneumo.ui.case.adjust import show_adjust, show_findings
from pneumo.ui.explanations.browser import AT_FIRST, SCREEN_SIDE, Beside, show_explanations
from pneumo.ui.explanations.viewer import Pane, show_linked
from pneumo.ui.measures.own_cases import ask, describe_answers
from pneumo.ui.server.memory import give_back_memory
from pneumo.ui.session import state
from pneumo.ui.session.results import Results
from pneumo.ui.session.values import Entry, Explanation, ReadEntry
from pneumo.ui.theme.style import show_no_verdict, show_small, show_stability, show_verdict
from pneumo.ui.worklist.rows import answer_of, make_row
from pneumo.ui.worklist.samples import LESSONS, SAMPLE_KEY

VISIBLE = 0.3
"""Share of the common scale from which heat catches the eye."""


def show_case(
    entry: ReadEntry,
    entries: dict[str, Entry],
    threshold: float,
    results: Results,
    places: tuple[DeltaGenerator, DeltaGenerator],
) -> tuple[Explanation, Look, Callable[[], None]]:
    """Shows everything about one radiograph that is known at once.

    Args:
        entry: Has a reading.
        entries: All of the session.
        threshold: Of the slider.
        results: Of the session.
        places: Where the picture goes, and where the answer.

    Returns:
        The explanation on the page; how it is drawn; and what computes the rest of the case, to
        be called when the page is there: it draws the page again when something is known.
    """
    picture, answer = places
    if state.hides(entry):
        return *_show_hidden(entry, results, picture, answer), lambda: None
    if entry.reading.refused:
        return *_show_refused(entry, results, picture, answer), lambda: None
    known = results.known_stability(entry)
    with answer, st.container(key="answer"):
        _show_name(entry)
        show_findings(entry)
        with st.container():  # at once; the stability may change it a second later
            _show_answer(entry, threshold, known)
            if words := describe_answers(entry, threshold, known):
                st.info(words)
    with answer, st.container(key="details"):
        with st.container():
            _show_whereabouts(entry, threshold, results)
            _show_lesson(entry)
        show_stability(known, threshold, judged=not state.withholds(entry.reading))
        _show_details(entry)
        if not state.TESTING.get(False):
            _show_kin(entry, entries, threshold, results)
        adjust = st.container()
    with picture, st.container(key="picture"):
        beside = _beside(entry, entries, threshold, results)
        wanted, look, compute_heatmaps = show_explanations(entry, results, beside)
    with adjust:  # it takes pictures of its own, for which the one that is read is not to wait
        show_adjust(entry, results)

    def compute_rest() -> None:
        if not known:
            results.stability(entry)
            give_back_memory()
            state.draw_again()  # the verdict and the worklist may read otherwise now
        compute_heatmaps()

    return wanted, look, compute_rest


def _show_name(entry: ReadEntry) -> None:
    st.html(f"<h2 class='pneumo-name'>{html.escape(state.name_of(entry))}</h2>")


def _show_answer(entry: ReadEntry, threshold: float, known: Stability | None) -> None:
    """Shows the verdict, or for an adult the score alone."""
    reading = entry.reading
    if state.withholds(reading):
        score = f"The score is {reading.probability:.3f}, from a model that knows only children."
        show_no_verdict("No verdict for adults", score)
    else:
        show_verdict(reading.probability, threshold, known)
    if reading.adult:
        st.toggle("Show verdicts for adults anyway", key=state.JUDGE_ADULTS.widget(False))


def _show_whereabouts(entry: ReadEntry, threshold: float, results: Results) -> None:
    """Says where the evidence for the verdict lies; aloud where that is none of the lungs."""
    reading = entry.reading
    if reading.input.field is None:  # nobody knows where the lungs are
        return
    judged = not state.withholds(reading)  # or the class would tell the verdict
    label = CLASSES.index(reading.verdict(threshold)) if judged else PNEUMONIA
    chosen = state.CLASS.get(CLASSES[PNEUMONIA])
    drawn = CLASSES.index(chosen) if chosen in CLASSES else PNEUMONIA  # from any address
    hottest = results.classifier.card.heat_scales.get("gradcam", np.inf)
    text, doubtful = tell_whereabouts(reading, label, drawn, hottest)
    if doubtful:
        st.warning(text, icon=":material/wrong_location:")
    else:
        show_small(text)


def tell_whereabouts(reading: Reading, label: int, drawn: int, hottest: float) -> tuple[str, bool]:
    """Says where the evidence lies, of the class that is drawn too if it glows where no lung is.

    Args:
        reading: With a field.
        label: The class that was answered, an index into `CLASSES`.
        drawn: The class that the picture shows.
        hottest: Heat that is drawn hottest, in logits.

    Returns:
        The text, and whether there is reason to doubt.
    """
    found = reading.whereabouts(label)
    text, doubtful = describe_whereabouts(found, label), bool(found and found.doubt)
    if drawn == label:
        return text, doubtful
    other = reading.whereabouts(drawn)
    if other and other.doubt and reading.cams[drawn].max() >= VISIBLE * hottest:
        return f"{text} {describe_other(other)}", True
    if found:
        shown, answered = CLASSES[drawn], CLASSES[label]
        text += f" The picture shows what speaks for {shown}: choose {answered} above it."
    return text, doubtful


def _beside(
    entry: ReadEntry, entries: dict[str, Entry], threshold: float, results: Results
) -> Beside | None:
    """Returns the radiograph that was kept for comparison, if it is there and another one."""
    kept = entries.get(state.KEPT.get())
    if not isinstance(kept, ReadEntry):
        state.KEPT.take()  # its file was removed
        return None
    return Beside(kept, _describe(kept, threshold, results)) if kept.key != entry.key else None


def _show_kin(
    entry: ReadEntry, entries: dict[str, Entry], threshold: float, results: Results
) -> None:
    """Tells of another radiograph of the same patient, where names in Kaggle's scheme tell it."""
    patient = parse_name(Path(entry.name).stem)
    kin = [
        other
        for other in entries.values()
        if patient and isinstance(other, ReadEntry) and parse_name(Path(other.name).stem) == patient
    ]
    place = next((n for n, other in enumerate(kin) if other.key == entry.key), 0)
    if len(kin) < 2:
        return
    other = kin[place - 1]  # the one before, and for the first the last
    show_small(f"Of the same patient, by its file name: {_describe(other, threshold, results)}")
    st.button("Compare the two", key="compare-kin", on_click=state.KEPT.put, args=(other.key,))


def _describe(entry: ReadEntry, threshold: float, results: Results) -> str:
    """Returns a radiograph's name and answer, as the list has them."""
    row = make_row(entry, threshold, results)
    score = "" if row.p_pneumonia is None else f", P {row.p_pneumonia:.3f}"
    return f"{escape_controls(entry.name)}: {answer_of(row)}{score}"


def _show_hidden(
    entry: ReadEntry, results: Results, picture: DeltaGenerator, answer: DeltaGenerator
) -> tuple[Explanation, Look]:
    """Shows a radiograph to those who test themselves, before they have said anything of it."""
    with answer, st.container(key="answer"):
        _show_name(entry)
        show_findings(entry)
        with st.container():
            ask(entry)
    with picture, st.container(key="picture"):
        original = Pane("", results.radiograph(entry, SCREEN_SIDE), "Radiograph as it was read")
        show_linked([original], "pictures-hidden")
    return AT_FIRST


def _show_refused(
    entry: ReadEntry, results: Results, picture: DeltaGenerator, answer: DeltaGenerator
) -> tuple[Explanation, Look]:
    """Shows a picture that gets no verdict, why, and what can be done."""
    with answer, st.container(key="answer"):
        _show_name(entry)
        show_no_verdict("No verdict", "The model gives no answer on this picture as it is.")
        show_findings(entry)
    with answer, st.container(key="details"):
        _show_details(entry)
        show_adjust(entry, results)
        _show_lesson(entry)
    with picture, st.container(key="picture"):
        st.image(
            results.radiograph(entry, SCREEN_SIDE),
            width="stretch",
            alt="The picture that was dropped",
        )
    return AT_FIRST


def _show_lesson(entry: ReadEntry) -> None:
    if entry.key.startswith(SAMPLE_KEY) and (lesson := LESSONS.get(entry.name)):
        show_small(f"Why this sample: {lesson}")


def _show_details(entry: ReadEntry) -> None:
    height, width = entry.reading.info.shape
    parts = [f"{width} x {height} pixels", *entry.reading.info.notes]
    if entry.label:
        parts.insert(0, f"The data set's own label: {entry.label}")
    show_small(" · ".join(parts))
