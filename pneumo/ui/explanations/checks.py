"""Trust or doubt: how stable the answer is, and whether the heatmap shows what it rests on."""

import math
from collections.abc import Iterable

import altair as alt
import numpy as np
import streamlit as st

from pneumo import CLASSES, PNEUMONIA
from pneumo.explaining.faithfulness import (
    FILLS,
    FRACTIONS,
    Shares,
    compare_maps,
    erase_hottest,
    hot_share,
    share_in_lungs,
    trace_curves,
)
from pneumo.explaining.faithfulness_words import (
    describe_erasures,
    describe_gap,
    describe_meaning,
    describe_shares,
)
from pneumo.explaining.methods import METHODS
from pneumo.inference import score_grids
from pneumo.progress import Progress
from pneumo.ui.session import state
from pneumo.ui.session.results import Results, run_or_offer
from pneumo.ui.session.values import Checks, Explanation, ReadEntry
from pneumo.ui.theme.palette import colour, with_words


def show_checks(entry: ReadEntry, wanted: Explanation, results: Results) -> None:
    """Shows the checks of one heatmap; those that need the network run when they are asked for.

    Args:
        entry: Has a reading.
        wanted: The heatmap that is checked.
        results: Of the session.
    """
    st.markdown(f"**Does this heatmap show what the answer rests on?** {wanted.title}.")
    if not results.is_quick(entry, wanted):
        st.info("This heatmap is not computed yet.")
        return
    heatmap, inside = results.heatmap(entry, wanted), entry.reading.input.inside
    if shares := _shares_of(heatmap, entry):
        st.markdown(describe_shares(shares))
    _show_agreement(entry, wanted, results)
    if gap := describe_gap(heatmap, inside.shape, inside):
        st.info(gap)
    if hot_share(heatmap, inside.shape, inside) < min(FRACTIONS):
        return
    checks = results.known_checks(entry, wanted) or run_or_offer(
        "the checks by erasing (a few seconds)",
        f"checks-{entry.reading.info.tag}-{wanted.method}-{wanted.label}-" + wanted.layer,
        lambda progress: _run_checks(entry, wanted, results, progress),
        start=False,
    )
    if checks:
        explained = CLASSES[wanted.label]
        verdict = entry.reading.verdict(state.THRESHOLD.value)
        withheld = state.withholds(entry.reading)
        _show_erasures(checks, explained, explained if withheld else verdict)
        _show_curves(checks)


def describe_checks(
    entry: ReadEntry, wanted: Explanation, verdict: str, results: Results
) -> list[str]:
    """Returns in sentences what is known about one heatmap; computes nothing with the network."""
    if not results.is_quick(entry, wanted):
        return []
    heatmap, inside = results.heatmap(entry, wanted), entry.reading.input.inside
    shares = _shares_of(heatmap, entry)
    sentences = [describe_shares(shares)] if shares else []
    if gap := describe_gap(heatmap, inside.shape, inside):
        sentences.append(gap)
    checks = results.known_checks(entry, wanted)
    if checks:
        tenth = [e for e in checks.erasures if e.fraction == 0.1]
        sentences += describe_erasures(tenth, CLASSES[wanted.label], verdict)
        sentences.append(
            f"Area under the deletion curve {checks.curves.deletion_area:.2f} (low is good), under "
            f"the insertion curve {checks.curves.insertion_area:.2f} (high is good)."
        )
    return sentences


def _shares_of(heatmap: np.ndarray, entry: ReadEntry) -> Shares | None:
    seen = entry.reading.input
    return None if seen.lungs is None else share_in_lungs(heatmap, seen.lungs, seen.inside)


def _run_checks(
    entry: ReadEntry, wanted: Explanation, results: Results, progress: Progress
) -> Checks:
    grid, inside = entry.reading.input.grid, entry.reading.input.inside
    heatmap = results.heatmap(entry, wanted)

    def score(pictures: Iterable[np.ndarray]) -> np.ndarray:  # of the class that is explained
        answers = score_grids(results.classifier, pictures)
        return answers if wanted.label == PNEUMONIA else 1 - answers

    def compute() -> Checks:
        erasures, total = [], len(FRACTIONS) * len(FILLS) + 4
        for erasure in erase_hottest(grid, heatmap, score, inside=inside):
            erasures.append(erasure)
            progress(len(erasures) / total)
        return Checks(erasures, trace_curves(grid, heatmap, score, inside))

    return results.checks(entry, wanted, compute)


def _show_agreement(entry: ReadEntry, wanted: Explanation, results: Results) -> None:
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
        and results.is_quick(entry, other)
    ]
    heatmap = results.heatmap(entry, wanted)
    found = [compare_maps(heatmap, results.heatmap(entry, other)) for other in others]
    st.table(
        {
            "Agreement with": [METHODS[other.method].name for other in others],
            "Rank correlation": [_or_nothing(a.rank_correlation, "{:+.2f}") for a in found],
            "Of the hottest tenth": [
                _or_nothing(100 * a.overlap, "{:.0f} % shared (10 % by chance)") for a in found
            ],
        }
    )


def _or_nothing(value: float, words: str) -> str:
    return "nothing to compare" if math.isnan(value) else words.format(value)


def _show_erasures(checks: Checks, class_name: str, verdict: str) -> None:
    st.markdown(
        f"**Erasing.** P({class_name}) is {checks.erasures[0].before:.3f} for the radiograph as it "
        "is. Without its hottest part, and without a region of the same shape elsewhere in what "
        "the network sees:"
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
    meaning = describe_meaning(checks.erasures, class_name, verdict)
    st.markdown(
        f"**In {matter} of {total} trials the hottest part cost more. {meaning}** A picture "
        "with a part erased is no longer a radiograph: take this as a hint."
    )


def _show_curves(checks: Checks) -> None:
    curves = checks.curves
    rows = [
        {"share": share, "probability": value, "curve": name}
        for name, values in (("deletion", curves.deletion), ("insertion", curves.insertion))
        for share, value in zip(curves.fractions.tolist(), values.tolist(), strict=True)
    ]
    colours = alt.Color(
        "curve:N",
        scale=alt.Scale(
            domain=["deletion", "insertion"], range=[colour("pneumonia"), colour("normal")]
        ),
        legend=alt.Legend(orient="top", title=None),
    )
    chart = (
        alt.Chart(alt.Data(values=rows))
        .mark_line(size=2.5)
        .encode(
            x=alt.X(
                "share:Q",
                title="share of what the network sees, hottest first",
                axis=alt.Axis(format=".0%"),
            ),
            y=alt.Y("probability:Q", scale=alt.Scale(domain=[0, 1])),
            color=colours,
            strokeDash=alt.StrokeDash("curve:N", legend=None),
            tooltip=[
                "curve:N",
                alt.Tooltip("share:Q", format=".0%"),
                alt.Tooltip("probability:Q", format=".3f"),
            ],
        )
        .properties(height=240)
    )
    st.altair_chart(with_words(chart), width="stretch", key="chart-curves")
    st.caption(
        f"Deletion blurs the hottest part first: area {curves.deletion_area:.2f}, low is good. "
        f"Insertion sharpens it first: area {curves.insertion_area:.2f}, high is good."
    )
