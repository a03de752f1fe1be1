"""What is asked of the explanations: which methods, for which class, how drawn, side by side."""

from collections.abc import Sequence
from dataclasses import dataclass

import streamlit as st

from pneumo import CLASSES
from pneumo.explaining.methods import LAYERS, METHODS, describe_layer
from pneumo.explaining.overlay import COLOUR_MAPS, Look
from pneumo.network.architecture import LAST_CONVOLUTION, Layout
from pneumo.ui.session import state
from pneumo.ui.session.state import Setting
from pneumo.ui.session.values import Explanation

ARRANGEMENTS = ("Overlay", "Beside original", "Two methods", "All methods")
COMPARED = ARRANGEMENTS[:2]
"""Views that have room for another radiograph."""
DRAWINGS = ("Heat", "Contours")


@dataclass(frozen=True)
class Choice:
    """What a person wants to see.

    Attributes:
        heat: Whether heatmaps are shown at all.
        arrangement: One of `ARRANGEMENTS`.
        wanted: Explanations, one or more.
        look: How they are drawn.
    """

    heat: bool
    arrangement: str
    wanted: list[Explanation]
    look: Look

    @property
    def one_by_one(self) -> bool:
        """Whether the methods were chosen, and are not all there are."""
        return self.arrangement != ARRANGEMENTS[-1]


def ask_heatmaps(layout: Layout) -> Choice:
    """Shows the row of controls above the pictures.

    Args:
        layout: Of the network, whose layers are named.
    """
    with st.container(
        horizontal=True, vertical_alignment="center", gap="xsmall", key="heatmap-controls"
    ):
        heat = _ask_heat()
        with st.container(
            horizontal=True, vertical_alignment="center", gap="xsmall", width="content"
        ):
            words = '<span class="pneumo-small" aria-hidden="true">Evidence for</span>'
            st.html(words, width="content")
            class_name = _ask_one("Evidence for", CLASSES, CLASSES[1], state.CLASS)
        # One each: what stood behind a method that is gone would be seen twice until the run ends.
        methods_place, display_place = (
            st.container(horizontal=True, gap="xsmall", width="content") for _ in range(2)
        )
        arrangement = _ask_one("View", ARRANGEMENTS, ARRANGEMENTS[0], state.ARRANGEMENT)
    label = CLASSES.index(class_name)
    with methods_place:
        methods = {"Overlay": 1, "Beside original": 1, "Two methods": 2}.get(arrangement, 0)
        chosen = [_ask_method(number, label, layout) for number in range(methods)]
    with display_place:
        look = _ask_look()
    return Choice(heat, arrangement, chosen or _all_methods(label), look)


def _all_methods(label: int) -> list[Explanation]:
    return [
        Explanation(method, label, layer, state.RELATIVE.get(False))
        for method in METHODS
        for layer in (list(LAYERS)[:2] if method == "layercam" else [LAST_CONVOLUTION])
    ]


def _ask_heat() -> bool:
    shown = state.HEAT.get()
    st.button(
        "Heat off" if shown else "Heat on",
        key="heat-button",
        on_click=state.HEAT.put,
        args=(not shown,),
        shortcut="H",
    )
    return shown


def _ask_one(words: str, options: Sequence[str], default: str, setting: Setting[str]) -> str:
    answer = st.segmented_control(
        words,
        options,
        default=default,
        required=True,
        key=setting.widget(default),
        bind="query-params",
        label_visibility="collapsed",
    )
    return answer or default  # an address may say `view=` and nothing


def _ask_method(number: int, label: int, layout: Layout) -> Explanation:
    default = ("layercam" if "layercam" in METHODS else "evidence") if number else "gradcam"
    method = st.selectbox(
        "Compare with" if number else "Method",
        METHODS,
        index=list(METHODS).index(default),
        format_func=lambda key: METHODS[key].name,
        key=state.method_setting(number).widget(default),
        bind="query-params",
        label_visibility="collapsed",
        width=150,
    )
    layer = LAST_CONVOLUTION
    if method == "layercam":
        layer = st.selectbox(
            "Layer",
            LAYERS,
            format_func=lambda name: describe_layer(name, layout),
            key=state.layer_setting(number).widget(LAST_CONVOLUTION),
            label_visibility="collapsed",
            width=220,
        )
    return Explanation(method, label, layer, state.RELATIVE.get(False))


def _ask_look() -> Look:
    with st.popover("Display", icon=":material/tune:"):
        st.segmented_control(
            "Draw as", DRAWINGS, required=True, key=state.DRAWING.widget(DRAWINGS[0])
        )
        opacity = st.slider(
            "Heatmap opacity", 0, 100, step=5, format="%d %%", key=state.OPACITY.widget(45)
        )
        above = st.slider(
            "Only heat above",
            0,
            90,
            step=10,
            format="%d %%",
            key=state.ABOVE.widget(0),
            help="In per cent of the hottest colour of the scale.",
        )
        st.toggle(
            "Relative to this radiograph",
            key=state.RELATIVE.widget(False),
            help="Draws the strongest place hottest, however weak it is. Otherwise Grad-CAM and "
            "the evidence map have one scale for all radiographs: a chest with little evidence "
            "stays dark.",
        )
        colour_map = st.selectbox(
            "Colour map", COLOUR_MAPS, key=state.COLOUR_MAP.widget(COLOUR_MAPS[0])
        )
    contours = state.DRAWING.value == DRAWINGS[1]
    return Look(opacity / 100, colour_map, contours, above / 100)
