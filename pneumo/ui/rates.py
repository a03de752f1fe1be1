"""What the threshold does to patients kept out of training: counts, rates and curves."""

import copy
import functools
from collections.abc import Sequence

import altair as alt
import numpy as np
import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from pneumo import CLASSES
from pneumo.evaluation.held_out import (
    HeldOutScores,
    Rates,
    least_cost_threshold,
    predictive_values,
    sweep,
)
from pneumo.files import JsonObject
from pneumo.network.operating_points import THRESHOLDS
from pneumo.ui import state
from pneumo.ui.palette import chart_words, is_dark, tone
from pneumo.ui.style import show_small

BINS = 40


def show_effects(scores: HeldOutScores, rates: Rates) -> None:
    """Shows counts, rates and curves; everything follows the one threshold.

    Args:
        scores: Of the model card.
        rates: At the threshold of the slider.
    """
    threshold = rates.threshold
    st.markdown("**What this threshold does to patients kept out of training**")
    with st.container(horizontal=True, vertical_alignment="bottom", key="rates-controls"):
        share = st.slider(
            "Prevalence of pneumonia",
            1,
            99,
            format="%d %%",
            key=state.PREVALENCE.widget(50),
            width=230,
            help="Of all those examined. Predictive values depend on it, sensitivity and "
            "specificity do not.",
        )
        ratio = st.select_slider(
            "One missed pneumonia costs as much as … false alarms",
            [0.1, 0.2, 0.5, 1, 2, 5, 10, 20, 50],
            key=state.COST_RATIO.widget(1),
            width=330,
        )
        cheapest = least_cost_threshold(scores, share / 100, ratio)
        st.button(
            f"Use the cheapest threshold, {cheapest:.3f}",
            key="use-cheapest",
            on_click=state.THRESHOLD.put,
            args=(cheapest,),
            disabled=abs(cheapest - threshold) < 5e-4,
        )
    _show_rates(rates, share / 100)
    left, right = st.columns(2)
    here = [{"threshold": threshold}]
    _draw(left, "scores", _histogram(is_dark()), _score_rows(scores), here)
    _draw(right, "confusion", _confusion(is_dark()), _confusion_rows(rates))
    _draw(
        left,
        "roc",
        _curve("1 - specificity", "sensitivity", is_dark()),
        *_roc_rows(scores, rates),
    )
    _draw(
        right,
        "precision-recall",
        _curve("sensitivity", "PPV", is_dark()),
        *_precision_recall_rows(scores, rates, share / 100),
        title=f"Precision and recall at a prevalence of {share} %",
    )
    st.caption(
        f"{len(scores.labels)} radiographs of {len(np.unique(scores.patients))} patients: "
        f"{scores.of}. They come from the hospital of the training patients; expect less "
        "elsewhere. Intervals are 95 %, from a bootstrap over patients."
    )


def show_curves(scores: HeldOutScores, rates: Rates) -> None:
    """Shows two of the same charts, small, where the window is wide enough for them.

    Args:
        scores: Of the model card.
        rates: At the threshold of the slider.
    """
    with st.container(key="curves"):
        if not state.WIDE.get():
            return
        show_small("Of patients kept out of training, at this threshold:")
        place = st.container(gap="xsmall")
        here = [{"threshold": rates.threshold}]
        scores_chart = _shrink(_histogram(is_dark()), "Scores by class, NORMAL downwards")
        _draw(place, "small-scores", scores_chart, _score_rows(scores), here, height=140)
        curve = _curve("1 - specificity", "sensitivity", is_dark())
        roc_chart = _shrink(curve, "Sensitivity against 1 - specificity (ROC)")
        _draw(place, "small-roc", roc_chart, *_roc_rows(scores, rates), height=160)


def _shrink(spec: JsonObject, title: str) -> JsonObject:
    """Leaves the words around a chart out, which would take the room of what they are about."""
    spec = copy.deepcopy(spec) | {"title": {"text": title, "fontSize": 12, "offset": 2}}
    for layer in spec["layer"]:
        for name, channel in layer["encoding"].items():
            if name in ("x", "y"):
                channel["title"] = None
                channel["axis"] = channel.get("axis", {}) | {"tickCount": 3}
            elif name == "color":
                channel["legend"] = None
    return spec


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


def _draw(
    place: DeltaGenerator,
    name: str,
    spec: JsonObject,
    rows: list[JsonObject],
    here: Sequence[JsonObject] = (),
    title: str = "",
    height: int = 280,
) -> None:
    """Puts data into a chart that was composed once: composing takes longer than all the rest."""
    spec = spec | {"datasets": {"rows": rows, "here": list(here)}, "height": height}
    spec |= {"config": spec["config"] | chart_words(is_dark())}
    spec |= {"title": title} if title else {}
    place.vega_lite_chart(spec, width="stretch", key=f"chart-{name}")


ROWS, HERE = alt.NamedData("rows"), alt.NamedData("here")
_MIRROR = "format(abs(datum.value), '.0%')"


@functools.cache
def _histogram(dark: bool) -> JsonObject:
    scale = alt.Scale(domain=CLASSES, range=[tone(name.lower(), dark) for name in CLASSES])
    bars = (
        alt.Chart(ROWS)
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
            color=alt.Color("class:N", scale=scale, legend=alt.Legend(orient="top", title=None)),
            tooltip=["class:N", "radiographs:Q", alt.Tooltip("from:Q", format=".3f")],
        )
    )
    rule = alt.Chart(HERE).mark_rule(color=tone("mark", dark), size=2).encode(x="threshold:Q")
    layers = alt.layer(bars, rule, title="Scores by class, NORMAL downwards")
    return layers.to_dict()


def _score_rows(scores: HeldOutScores) -> list[JsonObject]:
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
    return rows


@functools.cache
def _confusion(dark: bool) -> JsonObject:
    base = alt.Chart(ROWS).encode(
        x=alt.X("called:N", title="called", axis=alt.Axis(labelAngle=0)),
        y=alt.Y("is:N", title="is"),
        tooltip=["is:N", "called:N", "n:Q", alt.Tooltip("share:Q", format=".1%")],
    )
    colour = alt.Scale(domain=[True, False], range=[tone("right", dark), tone("wrong", dark)])
    cells = base.mark_rect(stroke=tone("panel", dark), strokeWidth=3).encode(
        color=alt.Color("right:N", scale=colour, legend=None),
        opacity=alt.Opacity(
            "share:Q", scale=alt.Scale(domain=[0, 1], range=[0.25, 1]), legend=None
        ),
    )
    words = base.mark_text(fontSize=20, color=tone("mark", dark)).encode(text="n:Q")
    return alt.layer(cells, words, title="Confusion matrix").to_dict()


def _confusion_rows(rates: Rates) -> list[JsonObject]:
    counts = rates.confusion
    normal, pneumonia = counts["tn"] + counts["fp"], counts["fn"] + counts["tp"]
    return [
        {"is": is_, "called": called, "n": n, "share": n / max(total, 1), "right": is_ == called}
        for is_, called, n, total in (
            ("NORMAL", "NORMAL", counts["tn"], normal),
            ("NORMAL", "PNEUMONIA", counts["fp"], normal),
            ("PNEUMONIA", "NORMAL", counts["fn"], pneumonia),
            ("PNEUMONIA", "PNEUMONIA", counts["tp"], pneumonia),
        )
    ]


@functools.cache
def _curve(x: str, y: str, dark: bool) -> JsonObject:
    """Composes a curve over the unit square with the current point on it."""
    axes = {
        "x": alt.X(f"{x}:Q", scale=alt.Scale(domain=[0, 1])),
        "y": alt.Y(f"{y}:Q", scale=alt.Scale(domain=[0, 1])),
    }
    tip = [alt.Tooltip(f"{name}:Q", format=".3f") for name in ("threshold", x, y)]
    line = alt.Chart(ROWS).mark_line(color=tone("line", dark), size=2.5)
    point = alt.Chart(HERE).mark_point(
        color=tone("mark", dark), size=130, filled=True, stroke=tone("panel", dark), strokeWidth=2
    )
    layers = alt.layer(
        line.encode(order="threshold:Q", tooltip=tip, **axes),
        point.encode(tooltip=tip, **axes),
        title="ROC curve",
    )
    return layers.to_dict()


def _roc_rows(scores: HeldOutScores, rates: Rates) -> tuple[list[JsonObject], list[JsonObject]]:
    sensitivity, specificity = sweep(scores)
    x, y = "1 - specificity", "sensitivity"
    rows = [{"threshold": 0, x: 1, y: 1}]
    rows += _rows(THRESHOLDS, **{x: 1 - specificity, y: sensitivity})
    rows += [{"threshold": 1, x: 0, y: 0}]
    here = {"threshold": rates.threshold, x: 1 - rates.specificity, y: rates.sensitivity}
    return rows, [here]


def _precision_recall_rows(
    scores: HeldOutScores, rates: Rates, prevalence: float
) -> tuple[list[JsonObject], list[JsonObject]]:
    sensitivity, specificity = sweep(scores)
    hits, alarms = sensitivity * prevalence, (1 - specificity) * (1 - prevalence)
    called = hits + alarms > 0
    x, y = "sensitivity", "PPV"
    rows = _rows(
        THRESHOLDS[called],
        **{x: sensitivity[called], y: hits[called] / (hits + alarms)[called]},
    )
    ppv, _ = predictive_values(rates.sensitivity, rates.specificity, prevalence)
    return rows, [{"threshold": rates.threshold, x: rates.sensitivity, y: ppv}]


def _rows(thresholds: np.ndarray, **columns: np.ndarray) -> list[JsonObject]:
    """Makes rows, leaving out those equal to the one before: curves of steps are mostly that."""
    names, values = list(columns), np.stack(list(columns.values()))
    new = np.ones(len(thresholds), bool)
    new[1:] = (np.diff(values) != 0).any(axis=0)
    return [
        {"threshold": float(t), **dict(zip(names, map(float, row), strict=True))}
        for t, row in zip(thresholds[new], values.T[new], strict=True)
    ]
