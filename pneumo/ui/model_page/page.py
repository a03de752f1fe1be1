"""The model card as a page: what the weights are, how they were made and measured, how they fail.

After Mitchell et al. 2019, https://arxiv.org/abs/1810.03993. Every figure is the card's; what a
card lacks is said to be missing.
"""

import json
from collections.abc import Callable

import streamlit as st

from pneumo import CLASSES
from pneumo.evaluation.held_out import HeldOutScores, read_scores
from pneumo.network.card import ModelCard
from pneumo.network.weights_files import CARD_NAME, WEIGHTS_FOLDER
from pneumo.ui.model_page.making import show_data, show_training
from pneumo.ui.model_page.meaning import show_calibration, show_operating_points
from pneumo.ui.model_page.robustness import (
    read_ablation,
    show_ablation,
    show_rests,
    show_robustness,
)
from pneumo.ui.model_page.scope import show_scope
from pneumo.ui.model_page.words import NEVER_SEEN, describe_failures, is_kermany, write_citations

ABLATION_PATH = WEIGHTS_FOLDER / "ablation.json"
"""Written by `benchmarks/ablation.py --json`; not every release has one."""

_RATES = {"auc": "AUC", "sensitivity": "Sensitivity", "specificity": "Specificity"}


def show_model_page(card: ModelCard) -> None:
    """Shows the page.

    Args:
        card: Of the weights that answer. Beside what `read_card` asks for, anything in it may be
            missing.
    """
    scores = read_scores(card) if card.document.get("out_of_fold") else None
    _show_summary(card)
    sections: dict[str, Callable[[], None]] = {
        "Data": lambda: show_data(card),
        "Training": lambda: show_training(card.document.get("training", {})),
        "Robustness": lambda: show_robustness(card),
        "What the answers rest on": lambda: show_rests(card),
        "What each ingredient is worth": lambda: show_ablation(read_ablation(ABLATION_PATH)),
        "What it refuses": lambda: show_scope(card),
        "What P means": lambda: show_calibration(card, scores),
        "Operating points": lambda: show_operating_points(card),
        "Limits and known failures": lambda: _show_limits(card, scores),
        "How to cite": lambda: _show_citation(card),
    }
    anchors = {title: title.lower().replace(" ", "-") for title in sections}
    st.markdown(" · ".join(f"[{title}](#{anchor})" for title, anchor in anchors.items()))
    for title, show in sections.items():
        st.subheader(title, anchor=anchors[title])
        show()


def _show_summary(card: ModelCard) -> None:
    document, side = card.document, card.layout.image_size
    st.header(f"Model card: {document.get('name', 'unnamed')}", anchor=False)
    made = [f"version {document['version']}"] if "version" in document else []
    made += [f"made on {document['created']}"] if "created" in document else []
    st.markdown(
        "A neural network that gives a frontal chest radiograph one number, P(PNEUMONIA), and "
        f"knows no other answer than {CLASSES[1]} and {CLASSES[0]}. "
        f"{document.get('architecture', 'Xception')}, for input of {side} x {side} pixels. "
        "For demonstration and teaching, never for a decision about a patient."
        + (f" {', '.join(made).capitalize()}." if made else "")
    )
    metrics = document.get("metrics", {}).get("held_out_patients")
    if not metrics:
        st.caption("The card does not hold how the network was measured.")
        return
    with st.container(horizontal=True, key="model-rates"):
        for name, label in _RATES.items():
            value, interval = metrics.get(name), metrics.get(f"{name}_ci95")
            st.metric(
                label,
                "not known" if value is None else f"{value:.3f}",
                "{:.3f} to {:.3f}".format(*interval) if interval else None,
                delta_color="off",
                delta_arrow="off",
                width=150,
            )
    threshold = metrics.get("threshold", card.default.threshold)
    whose = "same hospital" if is_kermany(card) else "same data set"
    st.caption(
        f"Sensitivity and specificity at the threshold of {threshold:.3f}, with 95 % intervals "
        f"over patients. Measured on {metrics['n']:,} radiographs of {metrics['patients']:,} "
        f"patients kept out of training, one split, of the {whose} as the training patients: "
        "expect less elsewhere."
    )


def _show_limits(card: ModelCard, scores: HeldOutScores | None) -> None:
    left, right = st.columns(2)
    with left:
        st.markdown("**Limits**")
        st.markdown("\n".join(f"- {line}" for line in card.document.get("limits", [])))
        if is_kermany(card):
            st.markdown("**Never seen in training**")
            st.markdown("\n".join(f"- {line}" for line in NEVER_SEEN))
    with right:
        st.markdown("**Known failures**, from the card's figures")
        st.markdown("\n".join(f"- {line}" for line in describe_failures(card, scores)))


def _show_citation(card: ModelCard) -> None:
    st.code(write_citations(card), language="bibtex", wrap_lines=True)
    st.download_button(
        "Download the model card (JSON)",
        json.dumps(card.document, indent=2, ensure_ascii=False),
        file_name=CARD_NAME,
        mime="application/json",
        key="download-card",
        on_click="ignore",
        icon=":material/download:",
    )
