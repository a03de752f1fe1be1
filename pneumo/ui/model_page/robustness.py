"""How the figures hold: under the robustness suite, and without each ingredient of the recipe."""

import json
from pathlib import Path

import streamlit as st

from pneumo.files import JsonObject
from pneumo.network.card import ModelCard
from pneumo.ui.model_page.charts import draw_shifts


def show_robustness(card: ModelCard) -> None:
    """Shows the rates under every change of the robustness suite, drawn and in figures."""
    metrics = card.document.get("metrics", {})
    shifts = {
        name: entry
        for name, entry in metrics.get("shifts", {}).items()
        if entry.get("balanced_accuracy") is not None  # both classes were there
    }
    if len(shifts) < 2:
        st.caption("The card does not hold rates under the robustness suite.")
        return
    threshold = metrics.get("held_out_patients", {}).get("threshold", card.default.threshold)
    st.markdown(
        "The held-out radiographs after changes that no radiologist would mind, all at the same "
        f"threshold of {threshold:.3f}. *Other class's* levels and texture give a radiograph the "
        "look of an export of the other class: a network that goes by the export is led astray."
    )
    st.altair_chart(
        draw_shifts(shifts),
        key="chart-shifts",
        alt=f"Dot chart: sensitivity and specificity under {len(shifts) - 1} changes; the table "
        "below holds the same figures.",
    )
    columns = {
        "balanced_accuracy": "Balanced accuracy",
        "sensitivity": "Sensitivity",
        "specificity": "Specificity",
        "auc": "AUC",
        "mean_change": "Mean change of P",
    }
    rows = [
        {"Radiographs": "as they are" if name == "none" else name}
        | {label: entry.get(key) for key, label in columns.items()}
        for name, entry in shifts.items()
    ]
    with st.expander("The same in figures"):
        st.dataframe(
            rows,
            key="table-shifts",
            hide_index=True,
            height="content",
            column_config={
                "Radiographs": st.column_config.TextColumn(pinned=True),
                **dict.fromkeys(columns.values(), st.column_config.NumberColumn(format="%.3f")),
            },
            alt="Rates under each change of the robustness suite",
        )


def show_rests(card: ModelCard) -> None:
    """Shows what is left of the answers without the lungs, and without their surroundings."""
    rests = card.document.get("metrics", {}).get("rests_on", {})
    if len(rests) < 2:
        st.caption("The card does not say what the answers rest on.")
        return
    st.markdown(
        "The same held-out radiographs with a part of them painted over in even grey. A network "
        "that reads lungs knows nothing once they are gone: its AUC should then be near 0.5. The "
        "first weights of this project still had 0.987 there: they read letters and framing."
    )
    st.dataframe(
        [
            {
                "Radiographs": "as they are" if name == "none" else name,
                "AUC": entry.get("auc"),
                "Sensitivity": entry.get("sensitivity"),
                "Specificity": entry.get("specificity"),
                "P, 5th to 95th percentile": " to ".join(
                    f"{bound:.3f}" for bound in entry.get("p_range", ())
                ),
            }
            for name, entry in rests.items()
        ],
        key="table-rests",
        hide_index=True,
        height="content",
        column_config=dict.fromkeys(
            ("AUC", "Sensitivity", "Specificity"), st.column_config.NumberColumn(format="%.3f")
        ),
        alt="What is left of the answers without the lungs, and without their surroundings",
    )
    if card.document.get("training", {}).get("forget_surroundings"):
        st.caption(
            "The last layer was moved until training patients with their lungs painted over no "
            "longer ranked by class. These are other patients, but painted over alike: lungs that "
            "are hidden in another way can still tell something."
        )


def read_ablation(path: Path) -> JsonObject | None:
    """Reads the ablation's results.

    Returns:
        `command`, `settings`, `note` and `rows`; None if there is no such file.
    """
    try:
        found: JsonObject = json.loads(path.read_text(encoding="utf-8"))
        return found
    except FileNotFoundError:
        return None


def show_ablation(ablation: JsonObject | None) -> None:
    """Shows what `read_ablation` returns, or how to measure it."""
    if ablation is None:
        st.markdown(
            "Not measured for this release. `python -m benchmarks.ablation --data chest_xray "
            "--json weights/ablation.json` trains short runs without each ingredient of the recipe."
        )
        return
    st.markdown(f"Short runs, not the weights of this card: {ablation['settings']}.")
    rows = [
        {"Recipe": row["name"]} | {part: _pair(row, key) for part, key in _PARTS.items()}
        for row in ablation["rows"]
    ]
    st.table(rows, hide_index=True, alt="AUC and balanced accuracy of each variant of the recipe")
    st.caption(
        "AUC / balanced accuracy on held-out patients; under the robustness suite the least of "
        f"each. {ablation['note']} Command: `{ablation['command']}`"
    )


_PARTS = {
    "As they are": "",
    "Robustness suite": "shifts_least_",
    "Looks of the other class": "looks_",
}


def _pair(row: JsonObject, prefix: str) -> str:
    values = (row.get(f"{prefix}{rate}") for rate in ("auc", "balanced_accuracy"))
    return " / ".join("–" if value is None else f"{value:.3f}" for value in values)
