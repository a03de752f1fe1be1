"""The one threshold that every verdict on the page follows."""

import streamlit as st

from pneumo.held_out import HeldOutScores, rates_at
from pneumo.operating_point import BALANCED, RULE_IN, RULE_OUT, OperatingPoint
from pneumo.ui.settings import keep

HINTS = {
    RULE_OUT: "Few pneumonias missed, at the price of false alarms",
    BALANCED: "Where the least of both is lost, also on radiographs that look different",
    RULE_IN: "Few false alarms, at the price of missed pneumonias",
}


def show_threshold(points: dict[str, OperatingPoint], scores: HeldOutScores) -> float:
    """Shows the slider, starting at the balanced operating point, and a button for each point.

    Args:
        points: The model card's operating points.
        scores: The model card's scores, by which any threshold can be judged.

    Returns:
        The least P(PNEUMONIA) that is called PNEUMONIA.
    """

    def choose(threshold: float) -> None:
        st.session_state.threshold = threshold

    with st.container(border=True):
        threshold = st.slider(
            "Threshold: call it PNEUMONIA from this probability on",
            0.001,
            0.999,
            step=0.001,
            format="%.3f",
            key=keep("threshold", points[BALANCED].threshold),
            help="Lower: fewer missed pneumonias, more false alarms. Higher: the reverse.",
        )
        with st.container(horizontal=True):
            for point in points.values():
                st.button(
                    f"{point.name.capitalize()} {point.threshold:.3f}",
                    key=f"point-{point.name}",
                    type="primary" if abs(point.threshold - threshold) < 5e-4 else "secondary",
                    help=HINTS[point.name],
                    on_click=choose,
                    args=(point.threshold,),
                )
        rates = rates_at(scores, threshold)
        st.caption(
            f"At {threshold:.3f}, on patients kept out of training: sensitivity "
            f"{_rate(rates.sensitivity, rates.sensitivity_ci95)}, specificity "
            f"{_rate(rates.specificity, rates.specificity_ci95)}. Expect less on radiographs "
            "from elsewhere."
        )
    return threshold


def _rate(value: float, interval: tuple[float, float]) -> str:
    low, high = interval
    return f"{100 * value:.1f} % (95 % interval {100 * low:.1f} to {100 * high:.1f})"
