"""What the threshold does to patients kept out of training: counts, rates and curves."""

from collections.abc import Sequence

import numpy as np
import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from pneumo.evaluation.held_out import (
    HeldOutScores,
    Rates,
    least_cost_threshold,
    predictive_values,
)
from pneumo.files import JsonObject
from pneumo.ui.measures.charts import (
    confusion,
    confusion_rows,
    curve,
    histogram,
    precision_recall_rows,
    roc_rows,
    score_rows,
    shrink,
)
from pneumo.ui.session import state
from pneumo.ui.theme.palette import chart_words, is_dark
from pneumo.ui.theme.style import show_small


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
    _draw(left, "scores", histogram(is_dark()), score_rows(scores), here)
    _draw(right, "confusion", confusion(is_dark()), confusion_rows(rates))
    _draw(
        left,
        "roc",
        curve("1 - specificity", "sensitivity", is_dark()),
        *roc_rows(scores, rates),
    )
    _draw(
        right,
        "precision-recall",
        curve("sensitivity", "PPV", is_dark()),
        *precision_recall_rows(scores, rates, share / 100),
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
        scores_chart = shrink(histogram(is_dark()), "Scores by class, NORMAL downwards")
        _draw(place, "small-scores", scores_chart, score_rows(scores), here, height=140)
        roc = curve("1 - specificity", "sensitivity", is_dark())
        roc_chart = shrink(roc, "Sensitivity against 1 - specificity (ROC)")
        _draw(place, "small-roc", roc_chart, *roc_rows(scores, rates), height=160)


def _show_rates(rates: Rates, prevalence: float) -> None:
    ppv, npv = predictive_values(rates.sensitivity, rates.specificity, prevalence)
    entries = (
        ("Sensitivity", rates.sensitivity, "of pneumonias that are called PNEUMONIA"),
        ("Specificity", rates.specificity, "of normal chests that are called NORMAL"),
        ("PPV", ppv, f"of PNEUMONIA calls that are right at a prevalence of {prevalence:.0%}"),
        ("NPV", npv, f"of NORMAL calls that are right at a prevalence of {prevalence:.0%}"),
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
    *,
    title: str = "",
    height: int = 280,
) -> None:
    """Puts data into a chart that was composed once: composing takes longer than all the rest."""
    spec = spec | {"datasets": {"rows": rows, "here": list(here)}, "height": height}
    spec |= {"config": spec["config"] | chart_words(is_dark())}
    spec |= {"title": title} if title else {}
    place.vega_lite_chart(spec, width="stretch", key=f"chart-{name}")
