"""What stands behind the answers, from the model card; and the page before the first file."""

import streamlit as st

from pneumo.card import ModelCard


def show_welcome() -> None:
    """Fills the page while there is no radiograph yet."""
    steps = (
        ("1 · Drop", "One or many frontal chest radiographs, or pick a sample above."),
        ("2 · Read", "The probability of pneumonia, and a verdict that follows your threshold."),
        ("3 · Doubt", "A heatmap of what the network looked at. Does it look at a lung?"),
    )
    for column, (title, text) in zip(st.columns(3), steps, strict=True):
        with column.container(border=True, height="stretch"):
            st.markdown(f"**{title}**")
            st.caption(text)


def show_about(card: ModelCard) -> None:
    """Shows the model card's main entries."""
    document = card.document
    data, metrics = document["data"], document["metrics"]["held_out_patients"]
    with st.expander("About the model"):
        st.markdown(
            f"**{document['name']}**, {document['created']}. {document['architecture']}. "
            f"Trained on {data['training_patients']:,} patients: "
            f"{data['training_NORMAL']:,} NORMAL and {data['training_PNEUMONIA']:,} PNEUMONIA "
            f"radiographs of *{data['name']}* ({data['source']}).\n\n"
            f"Measured on {data['held_out_patients']:,} other patients of the same hospital "
            f"({metrics['n']} radiographs), at threshold {card.default.threshold:.3f}:"
        )
        st.table(
            {
                "Metric": ["AUC", "Sensitivity", "Specificity"],
                "Value": [f"{metrics[name]:.3f}" for name in _SHOWN],
                "95 % interval": [
                    "{:.3f} to {:.3f}".format(*metrics[f"{name}_ci95"]) for name in _SHOWN
                ],
            }
        )
        st.markdown("**How the threshold was chosen.** " + card.default.chosen_by)
        st.markdown("**Limits**\n" + "\n".join(f"- {line}" for line in document["limits"]))
        st.caption(f"Weights {card.weights_sha256[:16]}, version {document['version']}")


_SHOWN = ("auc", "sensitivity", "specificity")
