"""What the numbers that the network gives mean: calibration, and the thresholds on them."""

import streamlit as st

from pneumo.evaluation.calibration import (
    class_weights,
    expected_calibration_error,
    reliability_curve,
)
from pneumo.evaluation.held_out import HeldOutScores, predictive_values
from pneumo.files import JsonObject
from pneumo.network.card import ModelCard
from pneumo.ui.model_page.charts import draw_reliability
from pneumo.ui.model_page.words import describe_bfloat16

PREVALENCES = (0.01, 0.1, 0.5)


def show_calibration(card: ModelCard, scores: HeldOutScores | None) -> None:
    """Shows how far P(PNEUMONIA) can be taken at its word.

    Args:
        card: Of the weights.
        scores: Of the card, if it has any.
    """
    left, right = st.columns(2)
    with left:
        st.markdown(
            "P(PNEUMONIA) is meant for a set where **both classes are equally frequent**: of the "
            "radiographs that get a P near 0.8 there, about 80 % should show pneumonia. Where "
            "pneumonia is rarer the same P promises less."
        )
        _show_temperature(card.document.get("calibration", {}))
        point = card.default
        st.markdown(
            f"At another prevalence ask what a verdict is worth. At the {point.name} threshold of "
            f"{point.threshold:.3f}, by Bayes' rule:"
        )
        _show_predictive_values(point.sensitivity, point.specificity)
    if scores is not None:
        with right:
            _show_reliability(scores)


def _show_temperature(calibration: JsonObject) -> None:
    temperature = calibration.get("temperature")
    if temperature is None:
        st.caption("The card does not hold a temperature.")
        return
    was = "too sure of itself" if temperature > 1 else "less sure than it had reason to be"
    error = ""
    if {"ece_before", "ece_cross_fitted"} <= calibration.keys():
        error = (
            f" The expected calibration error was {calibration['ece_before']:.3f} before and is "
            f"{calibration['ece_cross_fitted']:.3f} after, where each half of the patients is "
            "given the temperature of the other half."
        )
    st.markdown(
        f"The log odds are divided by a temperature of **{temperature:.3f}**: before, the network "
        f"was {was}.{error}"
    )


def _show_predictive_values(sensitivity: float, specificity: float) -> None:
    rows = []
    for prevalence in PREVALENCES:
        ppv, npv = predictive_values(sensitivity, specificity, prevalence)
        rows.append(
            {
                "Prevalence": f"{prevalence:.0%}".replace("%", " %"),
                "PNEUMONIA right (PPV)": "–" if ppv is None else f"{100 * ppv:.1f} %",
                "NORMAL right (NPV)": "–" if npv is None else f"{100 * npv:.1f} %",
            }
        )
    st.table(rows, hide_index=True, alt="Predictive values by prevalence")


def _show_reliability(scores: HeldOutScores) -> None:
    weights = class_weights(scores.labels)
    curve = reliability_curve(scores.labels, scores.probabilities, weights)
    plain = reliability_curve(scores.labels, scores.probabilities)
    counts = [round(share * len(scores.labels)) for share in plain["weight"]]
    error = expected_calibration_error(scores.labels, scores.probabilities, weights)
    st.altair_chart(
        draw_reliability(curve, counts),
        key="chart-reliability",
        alt="Promised against observed shares of PNEUMONIA in ten bins; dashed: perfect. "
        f"Expected calibration error {error:.3f}.",
    )
    between = ((scores.probabilities >= 0.1) & (scores.probabilities < 0.9)).sum()
    st.caption(
        f"Expected calibration error {error:.3f}, both classes weighted alike; a larger dot holds "
        f"more weight. The dots between 0.1 and 0.9 stand for {between} of {len(scores.labels)} "
        f"radiographs. Scores: {scores.of}."
    )


def show_operating_points(card: ModelCard) -> None:
    """Shows each operating point with its rates, and how it was chosen."""
    columns = {}
    for name, point in card.points.items():
        entry = card.document["operating_points"][name]
        cells = {"Threshold": f"{point.threshold:.3f}"}
        for rate in ("sensitivity", "specificity"):
            low, high = entry[f"{rate}_ci95"]
            cells[rate.capitalize()] = f"{entry[rate]:.3f} ({low:.3f} to {high:.3f})"
            least = entry.get(f"least_{rate}_under_shifts")
            cells[f"Least {rate}"] = "–" if least is None else f"{least:.3f}"
        columns[name] = list(cells.values())
    st.table({"": list(cells), **columns}, hide_index=True, alt="Operating points with their rates")
    folds = card.document.get("training", {}).get("folds")
    st.caption(
        "In brackets 95 % intervals over patients; *least* is under the worst change of the "
        "robustness suite. "
        + (
            "Chosen on training patients, each scored by a network that had not seen them, and "
            "measured on the held-out patients."
            if folds
            else "Chosen on the patients they are measured on, which flatters them."
        )
    )
    st.caption(describe_bfloat16(card.document.get("metrics", {})))
    st.markdown(
        "\n".join(f"- **{name}**: {point.chosen_by}" for name, point in card.points.items())
    )
