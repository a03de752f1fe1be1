"""The one threshold that every verdict on the page follows."""

import streamlit as st

from pneumo.evaluation.held_out import HeldOutScores, Rates, rates_at, sweep
from pneumo.network.operating_points import (
    BALANCED,
    RULE_IN,
    RULE_OUT,
    OperatingPoint,
)
from pneumo.ui.components import mount
from pneumo.ui.session import state
from pneumo.ui.theme.style import THRESHOLD_PLACE

LABEL = "Threshold: call it PNEUMONIA from this probability on"
_live = mount("live")

HINTS = {
    RULE_OUT: "Few pneumonias missed, at the price of false alarms",
    BALANCED: "Misses and false alarms weighed alike, also under the worst change that was tried",
    RULE_IN: "Few false alarms, at the price of missed pneumonias",
}


def show_threshold(points: dict[str, OperatingPoint], scores: HeldOutScores, weights: str) -> Rates:
    """Shows the slider, starting at the balanced operating point, and a button for each point.

    Args:
        points: The model card's operating points.
        scores: The model card's scores, by which any threshold can be judged.
        weights: SHA-256 of the weights whose scores they are.

    Returns:
        The threshold, the least P(PNEUMONIA) that is called PNEUMONIA, and what it does.
    """
    balanced = points[BALANCED].threshold
    with st.bottom, st.container(key="threshold-bar", gap=None):
        st.html(f'<span id="{THRESHOLD_PLACE}" tabindex="-1"></span>')
        with st.container(horizontal=True, vertical_alignment="bottom"):
            threshold = st.slider(
                LABEL,
                0.001,
                0.999,
                balanced,
                step=0.001,
                format="%.3f",
                key=state.THRESHOLD.widget(balanced),
                bind="query-params",
                help="Lower: fewer missed pneumonias, more false alarms. Higher: the reverse.",
            )
            with st.container(horizontal=True, width="content", key="points"):
                for point in points.values():
                    st.button(
                        f"{point.name.capitalize()} {point.threshold:.3f}",
                        key=f"point-{point.name}",
                        type="primary" if abs(point.threshold - threshold) < 5e-4 else "secondary",
                        help=HINTS[point.name],
                        on_click=state.THRESHOLD.put,
                        args=(point.threshold,),
                    )
        rates = _rates_at(scores, weights, threshold)
        st.html(
            f'<div class="pneumo-small pneumo-rates">At <span class="at">{threshold:.3f}</span>, '
            'on patients kept out of training: sensitivity <span class="sensitivity">'
            f"{_rate(rates.sensitivity, rates.sensitivity_ci95)}</span>, specificity "
            f'<span class="specificity">{_rate(rates.specificity, rates.specificity_ci95)}</span>. '
            "Expect less on radiographs from elsewhere.</div>"
        )
        _live(
            data={"label": LABEL, "wide": state.WIDE.get(), **_rates_everywhere(scores)},
            key="live",
            on_wide_change=_use_width,
        )
    return rates


@st.cache_data(show_spinner=False, max_entries=999)
def _rates_at(_scores: HeldOutScores, weights: str, threshold: float) -> Rates:
    """Does what `rates_at` does, once: two thousand resamples are for no other click to wait for.

    Streamlit tells calls apart by the weights and the threshold.
    """
    return rates_at(_scores, threshold)


def _use_width() -> None:
    """Remembers that the window has room for more beside the case."""
    state.WIDE.put(True)


def _rates_everywhere(scores: HeldOutScores) -> dict[str, list[float]]:
    """Returns both rates at each step of the slider, so that they can follow it when it moves.

    The intervals, a matter of a thousand resamples each, wait until it is let go.
    """
    sensitivity, specificity = sweep(scores)
    return {
        "sensitivity": sensitivity.round(4).tolist(),
        "specificity": specificity.round(4).tolist(),
    }


def _rate(value: float, interval: tuple[float, float]) -> str:
    low, high = interval
    return f"{100 * value:.1f} % (95 % interval {100 * low:.1f} to {100 * high:.1f})"
