"""How the weights were made: the data, the settings of the run, its history."""

import streamlit as st

from pneumo import CLASSES
from pneumo.files import JsonObject
from pneumo.network.card import ModelCard, runs_of
from pneumo.ui.model_page.charts import draw_held_out_history, draw_loss
from pneumo.ui.model_page.words import is_kermany
from pneumo.ui.view_names import VIEW_NAMES

_AUGMENTATIONS = {
    "style": "grey levels or texture borrowed from other radiographs",
    "mirror": "mirroring",
    "geometry": "geometry",
    "texture": "resolution, noise and JPEG quality",
    "levels": "brightness and contrast",
    "cover": "patches and frames along the border",
    "outline": "the outline of the lung field",
    "surroundings": "what surrounds the lungs within it",
    "marks": "letters and wires",
    "patches": "parts hidden",
    "local-contrast": "local contrast, down to washed out",
}
_RECIPE = {
    "Begins with": "{init}",
    "Trained layers": "the last {retrain_layers} of Xception's, and a new Dense layer on top",
    "Batch normalisation": "{freeze_batchnorm}",
    "Input": "{image_size} x {image_size} pixels",
    "Shown": "{view}",
    "Optimiser": "{optimizer}, learning rate {learning_rate:g}, {schedule}",
    "Epochs": "{epochs}, in batches of {batch_size}",
    "Label smoothing": "{label_smoothing:g}",
    "Classes in an epoch": "{balance}",
    "Looks of the other class in an epoch": "{against_looks}",
    "Redrawn at random": "{augment}",
    "Mixup": "{mixup}",
    "Kept out of training": "{held_out:.0%} of the patients, {folds}",
    "Of the weights it began with": "{keep_init:.0%} kept: averaged with the trained ones",
    "Of what is around the lungs": "{forget_surroundings}",
    "Share of the data used": "{share:.0%} of the patients",
    "Seed": "{seed}",
    "Arithmetic": "{precision}",
    "Software": "{software}",
}
_NAMES: dict[str, dict[object, str]] = {
    "optimizer": {"adamw": "AdamW", "rmsprop": "RMSprop"},
    "schedule": {"cosine": "cosine decay after a warm-up", "constant": "constant"},
    "init": {"imagenet": "ImageNet's weights", "random": "random weights"},
    "freeze_batchnorm": {True: "keeps ImageNet's statistics", False: "learns its own statistics"},
    "balance": {True: "as many of each", False: "as they come"},
    "view": {view: words.recipe for view, words in VIEW_NAMES.items()},
    "against_looks": {1: "as often as any"},
    "forget_surroundings": {True: "the last layer forgets what ranked the classes without lungs"},
    "mixup": {0: "none"},
    "folds": {0: "one split"},
}


def show_data(card: ModelCard) -> None:
    """Shows where the radiographs come from, and how many of whom."""
    data = card.document.get("data")
    if not data:
        st.caption("The card does not hold what the network was trained on.")
        return
    st.markdown(f"**{data.get('name', 'Unnamed')}**. Source: {data.get('source', 'not told')}.")
    if is_kermany(card):
        st.markdown(
            "Frontal chest radiographs of children of 1 to 5 years, all from Guangzhou Women and "
            "Children's Medical Center. Licence: [CC BY 4.0]"
            "(https://creativecommons.org/licenses/by/4.0/). The two classes were exported "
            "differently: sharpness, compression and black level tell them apart without a look "
            "at a lung. A network can learn that instead; the changes under *Robustness* test for "
            "it, and `python -m pneumo audit` measures it."
        )
    counts = [
        {
            "Radiographs": part,
            **{name: data.get(f"{key}_{name}") for name in CLASSES},
            "Patients": data.get(f"{key}_patients"),
        }
        for part, key in (("trained on", "training"), ("kept out", "held_out"))
    ]
    words = [
        {
            key: f"{value:,}" if isinstance(value, int) else value or "–"
            for key, value in row.items()
        }
        for row in counts
    ]
    st.table(words, hide_index=True, width="content", alt="Radiographs by class, and patients")
    if "split" in data:
        known = data["split"].startswith("by patient")
        st.caption(f"Split {data['split']}." + " No patient is on both sides." * known)


def show_training(training: JsonObject) -> None:
    """Shows the recipe and the history; `training` is an entry of the model card."""
    recipe = describe_recipe(training)
    if not recipe:
        st.caption("The card does not hold how the network was trained.")
        return
    if "recipe" in training:
        st.markdown(f"Recipe *{training['recipe']}* of `train.py`, with these settings:")
    st.table(
        {"Setting": list(recipe), "Value": list(recipe.values())},
        hide_index=True,
        alt="Settings of the training run",
    )
    history = [entry for entry in training.get("history", []) if {"epoch", "loss"} <= entry.keys()]
    if not history:
        st.caption("The card does not hold a history by epoch; an average of networks has none.")
        return
    left, right = st.columns(2)
    left.altair_chart(
        draw_loss(history),
        key="chart-loss",
        alt=f"Line chart: training loss by epoch, {history[0]['loss']:.3f} in the first and "
        f"{history[-1]['loss']:.3f} in the last.",
    )
    right.altair_chart(
        draw_held_out_history(history),
        key="chart-history",
        alt="Line chart: AUC, sensitivity and specificity of the held-out patients by epoch.",
    )
    if training.get("label_smoothing"):
        st.caption("With label smoothing the loss of perfect answers is not zero.")


def describe_recipe(training: JsonObject) -> dict[str, str]:
    """Puts the settings of a training run into words.

    Args:
        training: Of the model card.

    Returns:
        What is set -> its value in words; what the card does not tell is left out.
    """
    told = {
        key: _NAMES.get(key, {}).get(value, value)
        for key, value in training.items()
        if isinstance(value, str | int | float)
    }
    if training.get("folds"):
        told["folds"] = f"the others cross-validated in {training['folds']} folds"
    earlier, views, own = runs_of(training)[:-1], _NAMES["view"], training.get("view")
    if earlier and all({"epochs", "retrain_layers"} <= run.keys() for run in earlier):
        told["init"] = "the weights of an earlier run: " + ", then ".join(
            f"{run['epochs']} epochs of the last {run['retrain_layers']} layers"
            + (f" on {views[view]}" if (view := run.get("view")) not in (None, own) else "")
            for run in earlier
        )
    if (most := training.get("against_looks", 1)) > 1:
        told["against_looks"] = f"radiographs that have them come up to {most:g} times as often"
    for name in ("keep_init", "forget_surroundings"):
        if not training.get(name):
            told.pop(name, None)
    if "augment" in training:
        words = [_AUGMENTATIONS.get(group, group) for group in training["augment"]]
        told["augment"] = "; ".join(words) or "nothing"
    rows = {}
    for name, template in _RECIPE.items():
        try:
            rows[name] = template.format_map(told).replace("%", " %")
        except (KeyError, ValueError):  # an entry that is missing, or is no number
            continue
    return rows
