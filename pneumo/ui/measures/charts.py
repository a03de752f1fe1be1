"""The charts of what a threshold does, composed once for each tone, and their rows."""

import copy
import functools

import altair as alt
import numpy as np

from pneumo import CLASSES
from pneumo.evaluation.held_out import HeldOutScores, Rates, predictive_values, sweep
from pneumo.files import JsonObject
from pneumo.network.operating_points import THRESHOLDS
from pneumo.ui.theme.palette import tone

BINS = 40
ROWS, HERE = alt.NamedData("rows"), alt.NamedData("here")
"""What a chart is of, and the one point or line for the threshold."""
_MIRROR = "format(abs(datum.value), '.0%')"


def shrink(spec: JsonObject, title: str) -> JsonObject:
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


@functools.cache
def histogram(dark: bool) -> JsonObject:
    """Returns the chart of `score_rows`."""
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


def score_rows(scores: HeldOutScores) -> list[JsonObject]:
    """Returns the share of each class in each of `BINS` bins of P(PNEUMONIA), NORMAL negative."""
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
def confusion(dark: bool) -> JsonObject:
    """Returns the chart of `confusion_rows`."""
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


def confusion_rows(rates: Rates) -> list[JsonObject]:
    """Returns how many of each class were called each."""
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
def curve(x: str, y: str, dark: bool) -> JsonObject:
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


def roc_rows(scores: HeldOutScores, rates: Rates) -> tuple[list[JsonObject], list[JsonObject]]:
    """Returns the ROC, and its point at the threshold."""
    sensitivity, specificity = sweep(scores)
    x, y = "1 - specificity", "sensitivity"
    rows = [{"threshold": 0, x: 1, y: 1}]
    rows += _rows(THRESHOLDS, **{x: 1 - specificity, y: sensitivity})
    rows += [{"threshold": 1, x: 0, y: 0}]
    here = {"threshold": rates.threshold, x: 1 - rates.specificity, y: rates.sensitivity}
    return rows, [here]


def precision_recall_rows(
    scores: HeldOutScores, rates: Rates, prevalence: float
) -> tuple[list[JsonObject], list[JsonObject]]:
    """Returns PPV against sensitivity at a prevalence (0 to 1), and its point at the threshold."""
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
