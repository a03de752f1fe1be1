"""What the threshold does to patients kept out of training: counts, rates and curves."""

import altair as alt
import numpy as np
import streamlit as st

from pneumo import CLASSES
from pneumo.held_out import (
    HeldOutScores,
    Rates,
    least_cost_threshold,
    predictive_values,
    rates_at,
    sweep,
)
from pneumo.operating_point import THRESHOLDS
from pneumo.ui.style import VERDICT_COLOURS

BINS = 40
CURVE, POINT = "#7fd6ca", "#ffffff"


def show_evidence(scores: HeldOutScores, threshold: float) -> None:
    """Shows the panel; everything in it follows the one threshold.

    Args:
        scores: Of the model card.
        threshold: Of the slider.
    """
    with st.expander("What this threshold does to patients kept out of training"):
        with st.container(horizontal=True, vertical_alignment="bottom", key="evidence-controls"):
            share = st.slider(
                "Prevalence of pneumonia",
                1,
                99,
                50,
                format="%d %%",
                key="prevalence",
                width=230,
                help="Of all those examined. Predictive values depend on it, sensitivity and "
                "specificity do not.",
            )
            ratio = st.select_slider(
                "One missed pneumonia costs as much as … false alarms",
                [0.1, 0.2, 0.5, 1, 2, 5, 10, 20, 50],
                1,
                key="cost-ratio",
                width=330,
            )
            cheapest = least_cost_threshold(scores, share / 100, ratio)
            st.button(
                f"Use the cheapest threshold, {cheapest:.3f}",
                key="use-cheapest",
                on_click=lambda: st.session_state.update(threshold=cheapest),
                disabled=abs(cheapest - threshold) < 5e-4,
            )
        rates = rates_at(scores, threshold)
        _show_rates(rates, share / 100)
        left, right = st.columns(2)
        left.altair_chart(_histogram(scores, threshold), width="stretch", key="chart-scores")
        right.altair_chart(_confusion(rates), width="stretch", key="chart-confusion")
        left.altair_chart(_roc(scores, rates), width="stretch", key="chart-roc")
        right.altair_chart(
            _precision_recall(scores, rates, share / 100), width="stretch", key="chart-pr"
        )
        st.caption(
            f"{len(scores.labels)} radiographs of {len(np.unique(scores.patients))} patients: "
            f"{scores.of}. They come from the hospital of the training patients; expect less "
            "elsewhere. Intervals are 95 %, from a bootstrap over patients."
        )


def _show_rates(rates: Rates, prevalence: float) -> None:
    ppv, npv = predictive_values(rates.sensitivity, rates.specificity, prevalence)
    entries = (
        ("Sensitivity", rates.sensitivity, "of pneumonias are called PNEUMONIA"),
        ("Specificity", rates.specificity, "of normal chests are called NORMAL"),
        ("PPV", ppv, f"of PNEUMONIA calls are right at a prevalence of {prevalence:.0%}"),
        ("NPV", npv, f"of NORMAL calls are right at a prevalence of {prevalence:.0%}"),
    )
    intervals = (rates.sensitivity_ci95, rates.specificity_ci95, None, None)
    with st.container(horizontal=True, key="evidence-rates"):
        for (name, value, words), interval in zip(entries, intervals, strict=True):
            st.metric(
                name,
                "none called" if value is None else f"{100 * value:.1f} %",
                "{:.1f} to {:.1f} %".format(*(100 * bound for bound in interval))
                if interval
                else None,
                delta_color="off",
                delta_arrow="off",
                help=f"Share {words}.",
                width=150,
            )


def _histogram(scores: HeldOutScores, threshold: float) -> alt.LayerChart:
    edges = np.linspace(0, 1, BINS + 1)
    rows = []
    for label, name in enumerate(CLASSES):
        own = scores.probabilities[scores.labels == label]
        counts, _ = np.histogram(own, edges)
        for low, count in zip(edges, counts, strict=False):
            rows.append(
                {
                    "from": low,
                    "to": low + 1 / BINS,
                    "class": name,
                    "radiographs": int(count),
                    "share": count / len(own) * (1 if label else -1),
                    "zero": 0,
                }
            )
    bars = (
        alt.Chart(alt.Data(values=rows), title="Scores by class, NORMAL downwards")
        .mark_bar()
        .encode(
            x=alt.X("from:Q", title="P(PNEUMONIA)", scale=alt.Scale(domain=[0, 1])),
            x2="to:Q",
            y=alt.Y(
                "share:Q",
                title="share of its class",
                # Most scores lie at the ends; a logarithm on either side shows the others too.
                scale=alt.Scale(type="symlog", constant=0.003, domain=[-1, 1]),
                axis=alt.Axis(values=[-1, -0.1, -0.01, 0, 0.01, 0.1, 1], labelExpr=_MIRROR),
            ),
            y2="zero:Q",
            color=_class_colour(),
            tooltip=["class:N", "radiographs:Q", alt.Tooltip("from:Q", format=".3f")],
        )
    )
    rule = alt.Chart(alt.Data(values=[{"t": threshold}])).mark_rule(color=POINT, size=2)
    return alt.layer(bars, rule.encode(x="t:Q")).properties(height=280)


_FADE = alt.Scale(domain=[0, 1], range=[0.25, 1])
_MIRROR = "format(abs(datum.value), '.0%')"


def _class_colour() -> alt.Color:
    scale = alt.Scale(domain=list(VERDICT_COLOURS), range=list(VERDICT_COLOURS.values()))
    return alt.Color("class:N", scale=scale, legend=alt.Legend(orient="top", title=None))


def _confusion(rates: Rates) -> alt.LayerChart:
    counts = rates.confusion
    rows = [
        {"is": is_, "called": called, "n": n, "share": n / max(total, 1), "right": is_ == called}
        for is_, called, n, total in (
            ("NORMAL", "NORMAL", counts["tn"], counts["tn"] + counts["fp"]),
            ("NORMAL", "PNEUMONIA", counts["fp"], counts["tn"] + counts["fp"]),
            ("PNEUMONIA", "NORMAL", counts["fn"], counts["fn"] + counts["tp"]),
            ("PNEUMONIA", "PNEUMONIA", counts["tp"], counts["fn"] + counts["tp"]),
        )
    ]
    base = alt.Chart(alt.Data(values=rows), title="Confusion matrix").encode(
        x=alt.X("called:N", title="called", axis=alt.Axis(labelAngle=0)),
        y=alt.Y("is:N", title="is"),
        tooltip=["is:N", "called:N", "n:Q", alt.Tooltip("share:Q", format=".1%")],
    )
    colour = alt.Scale(domain=[True, False], range=["#2f6f68", "#8a4b2a"])
    cells = base.mark_rect(stroke="#0f1519", strokeWidth=3).encode(
        color=alt.Color("right:N", scale=colour, legend=None),
        opacity=alt.Opacity(
            "share:Q", scale=alt.Scale(domain=[0, 1], range=[0.25, 1]), legend=None
        ),
    )
    return (cells + base.mark_text(fontSize=20, color="white").encode(text="n:Q")).properties(
        height=280
    )


def _curve(rows: list[dict], x: str, y: str, title: str, here: dict) -> alt.LayerChart:
    """Draws a curve over the unit square with the current point on it."""
    axes = {
        "x": alt.X(f"{x}:Q", scale=alt.Scale(domain=[0, 1])),
        "y": alt.Y(f"{y}:Q", scale=alt.Scale(domain=[0, 1])),
    }
    tip = [alt.Tooltip(f"{name}:Q", format=".3f") for name in ("threshold", x, y)]
    line = alt.Chart(alt.Data(values=rows), title=title).mark_line(color=CURVE, size=2.5)
    point = alt.Chart(alt.Data(values=[here])).mark_point(
        color=POINT, size=130, filled=True, stroke="#0f1519", strokeWidth=2
    )
    return alt.layer(
        line.encode(order="threshold:Q", tooltip=tip, **axes), point.encode(tooltip=tip, **axes)
    ).properties(height=280)


def _roc(scores: HeldOutScores, rates: Rates) -> alt.LayerChart:
    sensitivity, specificity = sweep(scores)
    x, y = "1 - specificity", "sensitivity"
    rows = [{"threshold": 0, x: 1, y: 1}]
    rows += _rows(THRESHOLDS, **{x: 1 - specificity, y: sensitivity})
    rows += [{"threshold": 1, x: 0, y: 0}]
    here = {x: 1 - rates.specificity, y: rates.sensitivity}
    return _curve(rows, x, y, "ROC curve", here)


def _precision_recall(scores: HeldOutScores, rates: Rates, prevalence: float) -> alt.LayerChart:
    sensitivity, specificity = sweep(scores)
    hits, alarms = sensitivity * prevalence, (1 - specificity) * (1 - prevalence)
    called = hits + alarms > 0
    x, y = "sensitivity", "PPV"
    rows = _rows(
        THRESHOLDS[called],
        **{x: sensitivity[called], y: hits[called] / (hits + alarms)[called]},
    )
    ppv, _ = predictive_values(rates.sensitivity, rates.specificity, prevalence)
    here = {x: rates.sensitivity, y: ppv}
    return _curve(rows, x, y, f"Precision and recall at a prevalence of {prevalence:.0%}", here)


def _rows(thresholds: np.ndarray, **columns: np.ndarray) -> list[dict]:
    """Makes rows, leaving out those equal to the one before: curves of steps are mostly that."""
    names, values = list(columns), np.stack(list(columns.values()))
    new = np.ones(len(thresholds), bool)
    new[1:] = (np.diff(values) != 0).any(axis=0)
    return [
        {"threshold": float(t), **dict(zip(names, map(float, row), strict=True))}
        for t, row in zip(thresholds[new], values.T[new], strict=True)
    ]
