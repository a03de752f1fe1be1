"""The person's own labelled radiographs: how the model does on them, and how the person does."""

import random

import streamlit as st

from pneumo import CLASSES
from pneumo.evaluation.own_cases import Share, Tally, tally
from pneumo.evaluation.stability import Stability
from pneumo.export.rows import escape_controls
from pneumo.ui.session import state
from pneumo.ui.session.values import Entry, ReadEntry, judged
from pneumo.ui.theme.style import plain


def show_test_switch() -> None:
    """Shows the switch to test oneself."""
    st.toggle(
        "Test yourself",
        key=state.TESTING.widget(False),
        help="Hides names, labels and everything the model says of a radiograph until you have "
        "said what you think.",
        on_change=lambda: begin_test() if state.TESTING.value else None,
    )


def show_score(entries: dict[str, Entry]) -> None:
    """Shows how far the test is, how it goes, and how to begin it again.

    Args:
        entries: All of the session.
    """
    asked = [entry for entry in judged(entries.values()) if not state.hides(entry)]
    for line in _score(asked, len(judged(entries.values())), state.THRESHOLD.value):
        st.caption(line)
    if apart := len(entries) - len(judged(entries.values())):
        st.caption(f"Unreadable or refused: {apart}. Shown after the test, with their names.")
    st.button("Start over", key="start-over", on_click=begin_test, disabled=not asked)


def end_test_without_cases(entries: dict[str, Entry]) -> None:
    """Ends a test whose radiographs were all removed: its switch has gone with them."""
    if state.TESTING.get(False) and not judged(entries.values()):
        state.TESTING.put(False)
        state.draw_again()


def begin_test() -> None:
    """Forgets all answers and gives the radiographs new numbers."""
    state.ANSWERS.put({})
    keys = [entry.key for entry in judged(state.ENTRIES.get().values())]
    numbers = random.sample(range(1, len(keys) + 1), len(keys))
    state.NUMBERS.put(dict(zip(keys, numbers, strict=True)))
    state.CASE.take()
    state.KEPT.take()
    state.DRAWER.put(False)


def ask(entry: ReadEntry) -> None:
    """Asks what the person thinks; the answer is kept, and then all is shown."""
    st.markdown("**What do you say?** The model's answer follows yours.")
    with st.container(horizontal=True):
        for class_name in CLASSES[::-1]:
            st.button(
                f"I say {class_name}",
                key=f"say-{class_name}",
                on_click=_answer,
                args=(entry.key, class_name),  # Streamlit keeps these: nobody's radiograph in them
                shortcut=class_name[0],
            )


def _answer(key: str, said: str) -> None:
    state.ANSWERS.ensure()[key] = said


def describe_answers(entry: ReadEntry, threshold: float, known: Stability | None) -> str:
    """Says what person, data set and model say of a radiograph; empty if it was not asked."""
    said = state.ANSWERS.get().get(entry.key)
    if not said:
        return ""
    labelled = f"The data set says {entry.label}." if entry.label else "Nobody has labelled it."
    model = "The model gives no verdict on adults."
    if not state.withholds(entry.reading):
        verdict = entry.reading.verdict(threshold)
        model = f"The model says {verdict}."
        if known and known.crossing(threshold):
            model = f"The model is uncertain, and counted as {verdict}, which is nearer."
    return f"You said {said}. {labelled} {model}"


def labelled_cases(entries: dict[str, Entry]) -> list[ReadEntry]:
    """Returns the radiographs that the model is judged by: labelled, answered and no adults'."""
    return [
        entry
        for entry in judged(entries.values())
        if entry.label and not state.hides(entry) and not state.withholds(entry.reading)
    ]


def show_own_cases(entries: dict[str, Entry], threshold: float) -> None:
    """Shows how the model does on radiographs whose labels came with them.

    Args:
        entries: All of the session, with labelled cases of both classes.
        threshold: Of the slider.
    """
    known = labelled_cases(entries)
    counted = {entry.key for entry in known}
    others = [e for e in entries.values() if e.label and e.key not in counted]
    st.markdown("**How the model does on your own labelled radiographs**")
    found = tally((entry.label, entry.reading.verdict(threshold)) for entry in known)
    st.table(
        {
            "Label": list(CLASSES),
            "called NORMAL": [str(found.tn), str(found.fn)],
            "called PNEUMONIA": [str(found.fp), str(found.tp)],
        }
    )
    st.markdown(_rates("The model", found))
    adults = sum(
        e.reading is not None and state.withholds(e.reading) and not state.hides(e) for e in others
    )
    apart = {
        "adult" if adults == 1 else "adults": adults,
        "not answered yet": sum(map(state.hides, others)),
        "refused": sum(e.reading is not None and e.reading.refused for e in others),
        "unreadable": sum(e.reading is None for e in others),
    }
    if others:
        told = (f"{count} {words}" for words, count in apart.items() if count)
        st.caption(f"Not counted: {', '.join(told)}.")
    wrong = [e for e in known if e.reading.verdict(threshold) != e.label]
    if wrong:
        st.markdown("**Errors**, most certain first; a click opens one:")
    for entry in sorted(wrong, key=lambda e: -abs(e.reading.probability - threshold)):
        name = plain(escape_controls(state.name_of(entry)))
        st.button(
            f"{name}: {entry.label}, P {entry.reading.probability:.3f}",
            key=f"error-{entry.key}",
            on_click=state.open_case,
            args=(entry.key,),
        )
    st.caption(
        "Labels are the data set's, given by folders called NORMAL or PNEUMONIA. An uncertain "
        "answer counts as the class that it is nearer to. Intervals are "
        "95 % (Wilson 1927), as if each radiograph were of a different patient."
    )


def _score(asked: list[ReadEntry], total: int, threshold: float) -> list[str]:
    """Returns the score in sentences: rates beside the model's on the very same radiographs."""
    said = state.ANSWERS.get()
    lines = [f"Answered: {len(asked)} of {total}."]
    labelled = [entry for entry in asked if entry.label and not state.withholds(entry.reading)]
    if labelled:
        own = tally((entry.label, said[entry.key]) for entry in labelled)
        model = tally((entry.label, entry.reading.verdict(threshold)) for entry in labelled)
        lines += [
            f"You: {own.right} right, {own.wrong} wrong; the model: {model.right} right, "
            f"{model.wrong} wrong."
        ]
        lines += [_rates("You", own), _rates("The model", model)]
    if adults := sum(state.withholds(entry.reading) for entry in asked):
        lines += [f"Not counted, since the model gives no verdict on adults: {adults}."]
    others = [e for e in asked if not e.label and not state.withholds(e.reading)]
    if others:
        same = sum(said[e.key] == e.reading.verdict(threshold) for e in others)
        lines += [
            f"Of {len(others)} without a label you and the model agree on {same}, which does not "
            "make either right."
        ]
    return lines


def _rates(who: str, found: Tally) -> str:
    return (
        f"{who}: sensitivity {_words(found.sensitivity)}, specificity {_words(found.specificity)}."
    )


def _words(share: Share) -> str:
    if share.interval is None:
        return "not known yet"
    low, high = share.interval
    return f"{share.part} of {share.whole} ({100 * low:.0f} to {100 * high:.0f} %)"
