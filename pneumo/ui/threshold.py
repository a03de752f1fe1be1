"""The one threshold that every verdict on the page follows."""

import streamlit as st

from pneumo.operating_point import OperatingPoint


def show_threshold(default: OperatingPoint) -> float:
    """Shows the slider, starting at the card's operating point.

    Returns:
        The least P(PNEUMONIA) that is called PNEUMONIA.
    """
    start = round(default.threshold, 2)
    st.session_state.setdefault("threshold", start)

    def reset() -> None:
        st.session_state.threshold = start

    with st.container(border=True):
        threshold = st.slider(
            "Threshold: call it PNEUMONIA from this probability on",
            0.01,
            0.99,
            step=0.01,
            key="threshold",
            help="Lower: fewer missed pneumonias, more false alarms. Higher: the reverse.",
        )
        if threshold == start:
            st.caption(
                "The model card's operating point. On held-out patients: sensitivity "
                f"{_rate(default.sensitivity, default.sensitivity_ci95)}, specificity "
                f"{_rate(default.specificity, default.specificity_ci95)}. Expect less on "
                "radiographs from elsewhere."
            )
        else:
            with st.container(horizontal=True, vertical_alignment="center"):
                st.caption(
                    f"Moved from the operating point {start:.2f}; the card's sensitivity and "
                    "specificity hold only there."
                )
                st.button("Reset", on_click=reset, key="reset-threshold")
    return threshold


def _rate(value: float, interval: tuple[float, float]) -> str:
    low, high = interval
    return f"{100 * value:.1f} % (95 % interval {100 * low:.1f} to {100 * high:.1f})"
