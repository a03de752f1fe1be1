"""The charts of the model page, drawn from parts of the model card."""

import altair as alt

from pneumo.files import JsonObject
from pneumo.ui.theme.palette import colour, with_words

RATE_COLOURS = {"sensitivity": "pneumonia", "specificity": "normal", "AUC": "line"}
"""Sensitivity is about the pneumonias and has their colour, specificity that of the normal."""

# Vega breaks an axis label where it is given as a list.
_TWO_LINES = "split(replace(datum.label, ' and ', '|and '), '|')"
_SHAPES = {"sensitivity": "circle", "specificity": "square", "AUC": "triangle-up"}


def _rate_axes(names: list[str], field: str) -> JsonObject:
    """Tells rates apart by colour and by shape: one of them is enough for a reader."""
    colours = alt.Scale(domain=names, range=[colour(RATE_COLOURS[name]) for name in names])
    shapes = alt.Scale(domain=names, range=[_SHAPES[name] for name in names])
    legend = alt.Legend(orient="top", title=None)
    return {
        "color": alt.Color(f"{field}:N", scale=colours, legend=legend),
        "shape": alt.Shape(f"{field}:N", scale=shapes, legend=legend),
    }


def draw_loss(history: list[JsonObject]) -> alt.Chart:
    """Draws the training loss by epoch."""
    rows = [{"epoch": entry["epoch"], "loss": entry["loss"]} for entry in history]
    chart: alt.Chart = (
        alt.Chart(alt.Data(values=rows), title="Loss on the training radiographs")
        .mark_line(color=colour("line"), point=alt.OverlayMarkDef(color=colour("line"), size=60))
        .encode(
            x=alt.X("epoch:O", axis=alt.Axis(labelAngle=0)),
            y=alt.Y("loss:Q", scale=alt.Scale(zero=False)),
            tooltip=["epoch:O", alt.Tooltip("loss:Q", format=".4f")],
        )
        .properties(height=280)
    )
    return with_words(chart)


def draw_held_out_history(history: list[JsonObject]) -> alt.LayerChart:
    """Draws AUC and both rates of the held-out patients by epoch."""
    rows = [
        {"epoch": entry["epoch"], "rate": name, "value": entry[f"held_out_{name.lower()}"]}
        for entry in history
        for name in RATE_COLOURS
        if entry.get(f"held_out_{name.lower()}") is not None
    ]
    base = alt.Chart(alt.Data(values=rows), title="Held-out patients at threshold 0.5").encode(
        x=alt.X("epoch:O", axis=alt.Axis(labelAngle=0)),
        y=alt.Y("value:Q", title="rate", scale=alt.Scale(zero=False)),
        tooltip=["epoch:O", "rate:N", alt.Tooltip("value:Q", format=".4f")],
    )
    axes = _rate_axes(list(RATE_COLOURS), "rate")
    points = base.mark_point(filled=True, size=80, opacity=1).encode(**axes)
    chart: alt.LayerChart = base.mark_line().encode(color=axes["color"]) + points
    return with_words(chart.properties(height=280))


def draw_shifts(shifts: dict[str, JsonObject]) -> alt.LayerChart | alt.FacetChart:
    """Draws sensitivity and specificity under each change; their middle is balanced accuracy.

    Args:
        shifts: Name -> rates, with `none` for the radiographs as they are.
    """
    names = ["sensitivity", "specificity"]
    rows = [
        {"change": "as they are" if name == "none" else name, "rate": rate, **entry}
        | {"value": entry[rate]}
        for name, entry in shifts.items()
        for rate in names
    ]
    tip: list[str | alt.Tooltip] = [
        "change:N",
        *(alt.Tooltip(f"{rate}:Q", format=".3f") for rate in (*names, "balanced_accuracy", "auc")),
        alt.Tooltip("mean_change:Q", title="mean change of P", format=".3f"),
    ]
    base = alt.Chart(alt.Data(values=rows)).encode(
        y=alt.Y(
            "change:N",
            sort=None,
            title=None,
            axis=alt.Axis(
                labelExpr=_TWO_LINES,
                labelLineHeight=13,
                labelOverlap=False,
                labelFlush=False,
                labelLimit=240,
            ),
        ),
        tooltip=tip,
    )
    scale = alt.Scale(zero=False, nice=True)
    span = base.mark_rule(color=colour("soft"), size=2).encode(
        x="sensitivity:Q", x2="specificity:Q"
    )
    middle = base.mark_tick(color=colour("mark"), thickness=2, size=12).encode(
        x="balanced_accuracy:Q"
    )
    points = base.mark_point(filled=True, size=80, opacity=1).encode(
        x=alt.X(
            "value:Q",
            title="rate; tick: balanced accuracy",
            scale=scale,
            axis=alt.Axis(tickCount=5),
        ),
        **_rate_axes(names, "rate"),
    )
    chart = alt.layer(span, points, middle)
    return with_words(chart.properties(height=90 + 30 * len(shifts)))


def draw_reliability(curve: dict[str, list[float]], counts: list[int]) -> alt.LayerChart:
    """Draws promised against observed shares of PNEUMONIA.

    Args:
        curve: From `pneumo.evaluation.calibration.reliability_curve`.
        counts: How many radiographs each of its bins holds.
    """
    x, y = "P(PNEUMONIA), mean of the bin", "observed share of PNEUMONIA"
    rows = [
        {"promised": promised, "observed": observed, "weight": weight, "radiographs": count}
        for promised, observed, weight, count in zip(
            *(curve[key] for key in ("probability", "observed", "weight")), counts, strict=True
        )
    ]
    unit = alt.Scale(domain=[0, 1])
    base = alt.Chart(alt.Data(values=rows), title="Reliability").encode(
        x=alt.X("promised:Q", title=x, scale=unit),
        y=alt.Y("observed:Q", title=y, scale=unit),
    )
    tip = [
        *(alt.Tooltip(f"{name}:Q", format=".3f") for name in ("promised", "observed", "weight")),
        "radiographs:Q",
    ]
    points = base.mark_circle(color=colour("line"), opacity=0.9, stroke=colour("panel")).encode(
        size=alt.Size("weight:Q", scale=alt.Scale(domain=[0, 0.5], range=[50, 500]), legend=None),
        tooltip=tip,
    )
    perfect = (
        alt.Chart(alt.Data(values=[{"p": 0}, {"p": 1}]))
        .mark_line(color=colour("soft"), strokeDash=[4, 4])
        .encode(x=alt.X("p:Q", scale=unit), y=alt.Y("p:Q", scale=unit))
    )
    chart: alt.LayerChart = perfect + base.mark_line(color=colour("line")) + points
    return with_words(chart.properties(height=340))
