"""Trust or doubt: how stable the answer is, and whether the heatmap shows what it rests on."""

import altair as alt
import streamlit as st

from pneumo import CLASSES, PNEUMONIA
from pneumo.checks import (
    FILLS,
    FRACTIONS,
    compare_maps,
    describe_erasures,
    describe_shares,
    erase_hottest,
    share_outside,
    trace_curves,
)
from pneumo.explain import METHODS
from pneumo.preprocess import resize_to_grid
from pneumo.ui.intake import Entry
from pneumo.ui.results import Checks, Explanation, Results, run_or_offer


def show_checks(entry: Entry, wanted: Explanation, results: Results) -> None:
    """Shows the checks of one heatmap; those that need the network run when they are asked for.

    Args:
        entry: Has a reading.
        wanted: The heatmap that is checked.
        results: Of the session.
    """
    panel = st.expander(
        "Does this heatmap show what the answer rests on?", on_change="rerun", key="checks-panel"
    )
    if not panel.open:
        return
    with panel:
        st.markdown(f"**{wanted.title}**")
        if not results.is_quick(entry, wanted):
            st.info("This heatmap is not computed yet.")
            return
        heatmap = results.heatmap(entry, wanted)
        st.markdown(describe_shares(share_outside(heatmap)))
        _show_agreement(entry, wanted, results)
        checks = results.known_checks(entry, wanted) or run_or_offer(
            "the checks by erasing (some seconds)",
            f"checks-{entry.reading.tag}-{wanted.method}-{wanted.label}-" + wanted.layer,
            lambda progress: _run_checks(entry, wanted, results, progress),
            start=False,
        )
        if checks:
            _show_erasures(checks, CLASSES[wanted.label])
            _show_curves(checks)


def describe_checks(entry: Entry, wanted: Explanation, results: Results) -> list[str]:
    """Returns in sentences what is known about one heatmap; computes nothing with the network."""
    if not results.is_quick(entry, wanted):
        return []
    sentences = [describe_shares(share_outside(results.heatmap(entry, wanted)))]
    checks = results.known_checks(entry, wanted)
    if checks:
        tenth = [e for e in checks.erasures if e.fraction == 0.1]
        sentences += describe_erasures(tenth, CLASSES[wanted.label])
        sentences.append(
            f"Area under the deletion curve {checks.curves.deletion_area:.2f} (low is good), under "
            f"the insertion curve {checks.curves.insertion_area:.2f} (high is good)."
        )
    return sentences


def _run_checks(entry: Entry, wanted: Explanation, results: Results, progress) -> Checks:
    size = results.classifier.card.image_size
    grid = resize_to_grid(results.pixels(entry), size)
    heatmap = results.heatmap(entry, wanted)

    def score(pictures):  # of the class that is explained
        answers = results.score(pictures)
        return answers if wanted.label == PNEUMONIA else 1 - answers

    def compute() -> Checks:
        erasures, total = [], len(FRACTIONS) * len(FILLS) + 4
        for erasure in erase_hottest(grid, heatmap, score):
            erasures.append(erasure)
            progress(len(erasures) / total)
        return Checks(erasures, trace_curves(grid, heatmap, score))

    return results.checks(entry, wanted, compute)


def _show_agreement(entry: Entry, wanted: Explanation, results: Results) -> None:
    """Compares with the quick methods of the last layer, and with whatever else is there."""
    others = [Explanation(method, wanted.label) for method in METHODS]
    others = [
        other
        for other in others
        if other != wanted
        and (
            other.method in ("gradcam", "gradcam++", "layercam")
            or results.has_heatmap(entry, other)
        )
    ]
    heatmap = results.heatmap(entry, wanted)
    found = [compare_maps(heatmap, results.heatmap(entry, other)) for other in others]
    st.table(
        {
            "Agreement with": [METHODS[other.method].name for other in others],
            "Rank correlation": [f"{a.rank_correlation:+.2f}" for a in found],
            "Of the hottest tenth": [
                f"{100 * a.overlap:.0f} % shared (10 % by chance)" for a in found
            ],
        }
    )


def _show_erasures(checks: Checks, class_name: str) -> None:
    st.markdown(
        f"**Erasing.** P({class_name}) is {checks.erasures[0].before:.3f} for the radiograph as it "
        "is. Without its hottest part, and without a random region of the same shape:"
    )
    st.table(
        {
            "Erased": [f"{100 * e.fraction:.0f} %, {FILLS[e.fill]}" for e in checks.erasures],
            "Hottest": [f"{e.hottest:.3f}" for e in checks.erasures],
            "Random, mean (range)": [
                f"{e.random.mean():.3f} ({e.random.min():.3f} to {e.random.max():.3f})"
                for e in checks.erasures
            ],
            "Hottest costs more": ["yes" if e.matters else "no" for e in checks.erasures],
        }
    )
    matter, total = sum(e.matters for e in checks.erasures), len(checks.erasures)
    if matter == total:
        meaning = "The answer rests on what the heatmap marks."
    elif 2 * matter > total:
        meaning = "The answer rests in part on what the heatmap marks."
    else:
        meaning = (
            "What the heatmap marks matters no more to the answer than other places: doubt it."
        )
    st.markdown(
        f"**In {matter} of {total} trials the hottest part cost more. {meaning}** An erased "
        "picture is no radiograph any more: take this as a hint."
    )


def _show_curves(checks: Checks) -> None:
    curves = checks.curves
    rows = [
        {"share": share, "probability": value, "curve": name}
        for name, values in (("deletion", curves.deletion), ("insertion", curves.insertion))
        for share, value in zip(curves.fractions.tolist(), values.tolist(), strict=True)
    ]
    colour = alt.Color(
        "curve:N",
        scale=alt.Scale(domain=["deletion", "insertion"], range=["#f5a05a", "#63b3f5"]),
        legend=alt.Legend(orient="top", title=None),
    )
    chart = (
        alt.Chart(alt.Data(values=rows))
        .mark_line(size=2.5)
        .encode(
            x=alt.X(
                "share:Q", title="share of the picture, hottest first", axis=alt.Axis(format=".0%")
            ),
            y=alt.Y("probability:Q", scale=alt.Scale(domain=[0, 1])),
            color=colour,
            strokeDash=alt.StrokeDash("curve:N", legend=None),
            tooltip=[
                "curve:N",
                alt.Tooltip("share:Q", format=".0%"),
                alt.Tooltip("probability:Q", format=".3f"),
            ],
        )
        .properties(height=240)
    )
    st.altair_chart(chart, width="stretch", key="chart-curves")
    st.caption(
        f"Deletion blurs the hottest part first: area {curves.deletion_area:.2f}, low is good. "
        f"Insertion sharpens it first: area {curves.insertion_area:.2f}, high is good."
    )
