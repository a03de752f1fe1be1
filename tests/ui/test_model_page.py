"""The model page through AppTest: its figures are the card's, and a card may lack the rest."""

import copy
import json
from dataclasses import replace
from pathlib import Path

import altair as alt
import pytest
from streamlit.testing.v1 import AppTest

from pneumo.evaluation.calibration import class_weights, expected_calibration_error
from pneumo.evaluation.held_out import predictive_values, read_scores
from pneumo.network.card import ModelCard, read_card
from pneumo.network.weights_files import CARD_NAME, WEIGHTS_FOLDER
from pneumo.ui.model_page import page
from pneumo.ui.model_page.charts import draw_held_out_history, draw_loss, draw_shifts
from pneumo.ui.model_page.making import describe_recipe
from pneumo.ui.model_page.words import describe_failures

MEASURED = {"confusion": {"tn": 9, "fp": 1, "fn": 5, "tp": 15}, "threshold": 0.4}
SHIFTS = {
    "none": {"sensitivity": 0.75, "specificity": 0.9, "auc": 0.9, "mean_change": 0.0},
    "blur": {"sensitivity": 0.5, "specificity": 0.95, "auc": 0.8, "mean_change": 0.1},
    "noise": {"sensitivity": 0.7, "specificity": 0.92, "auc": 0.7, "mean_change": 0.3},
}


@pytest.fixture(scope="module")
def card() -> ModelCard:
    return read_card(WEIGHTS_FOLDER / CARD_NAME)


@pytest.fixture(autouse=True)
def no_ablation(monkeypatch, tmp_path) -> Path:
    path = tmp_path / "ablation.json"
    monkeypatch.setattr(page, "ABLATION_PATH", path)
    return path


def show(card: ModelCard) -> AppTest:
    def page(card):
        from pneumo.ui.model_page.page import show_model_page

        show_model_page(card)

    app = AppTest.from_function(page, args=(card,), default_timeout=60).run()
    assert not app.exception
    return app


def text_of(app: AppTest) -> str:
    return "\n".join(element.value for element in [*app.markdown, *app.caption])


def values_of(chart: alt.TopLevelMixin) -> list[dict]:
    return chart.to_dict()["data"]["values"]


def without(card: ModelCard, *path: str) -> ModelCard:
    document = copy.deepcopy(card.document)
    inner = document
    for key in path[:-1]:
        inner = inner[key]
    del inner[path[-1]]
    return replace(card, document=document)


def with_training(card: ModelCard, **settings: object) -> ModelCard:
    document = copy.deepcopy(card.document)
    document["training"] |= settings
    return replace(card, document=document)


def test_glance_shows_the_rates_and_intervals_of_the_card(card):
    app = show(card)
    metrics = card.document["metrics"]["held_out_patients"]
    assert [metric.label for metric in app.metric] == ["AUC", "Sensitivity", "Specificity"]
    for metric, name in zip(app.metric, ("auc", "sensitivity", "specificity"), strict=True):
        assert metric.value == f"{metrics[name]:.3f}"
        assert metric.delta == "{:.3f} to {:.3f}".format(*metrics[f"{name}_ci95"])
    assert f"{metrics['n']:,} radiographs of {metrics['patients']:,} patients" in text_of(app)


def test_what_training_was_told_to_reach_is_said_beside_what_it_reached(card):
    words = "The last layer was moved until training patients with their lungs painted over"
    told = with_training(card, forget_surroundings=True)
    assert words in text_of(show(told))
    assert words not in text_of(show(with_training(card, forget_surroundings=False)))
    told = describe_recipe(told.document["training"])
    assert told["Of what is around the lungs"].startswith("the last layer forgets")
    assert "Of what is around the lungs" not in describe_recipe({"forget_surroundings": False})


def test_tables_show_the_figures_of_the_card(card):
    app = show(card)
    data, training = card.document["data"], card.document["training"]
    counts, recipe, refused, values, points = (table.value for table in app.table)
    assert counts["PNEUMONIA"].tolist() == [
        f"{data['training_PNEUMONIA']:,}",
        f"{data['held_out_PNEUMONIA']:,}",
    ]
    assert dict(zip(recipe["Setting"], recipe["Value"], strict=True)) == describe_recipe(training)
    scope = card.document["scope"]
    assert refused["Pictures"].tolist() == [
        group.removesuffix(", not fitted to") for group in scope["outcomes"]
    ]
    for (_, row), outcome in zip(refused.iterrows(), scope["outcomes"].values(), strict=True):
        assert row["n"] == str(outcome["n"])
        for word in ("accepted", "warned", "refused"):
            assert row[word.capitalize()] == f"{100 * outcome[word] / outcome['n']:.1f} %"
    ppv, npv = predictive_values(card.default.sensitivity, card.default.specificity, 0.01)
    assert values.iloc[0].tolist() == ["1 %", f"{100 * ppv:.1f} %", f"{100 * npv:.1f} %"]
    for name, point in card.points.items():
        low, high = point.sensitivity_ci95
        assert points[name].tolist()[:2] == [
            f"{point.threshold:.3f}",
            f"{point.sensitivity:.3f} ({low:.3f} to {high:.3f})",
        ]
        assert point.chosen_by in text_of(app)
    for line in card.document["limits"]:
        assert line in text_of(app)
    shifts = app.dataframe[0].value.set_index("Radiographs")
    assert len(shifts) == len(card.document["metrics"]["shifts"])
    assert shifts["AUC"]["blur"] == card.document["metrics"]["shifts"]["blur"]["auc"]


def test_weights_without_a_scope_say_so(card):
    assert "These weights have no scope" in text_of(show(without(card, "scope")))


def test_charts_hold_the_values_of_the_card_and_have_words_for_them(card):
    app = show(card)
    elements = app.get("vega_lite_chart")
    assert len(elements) == 4
    assert all(element.proto.alt for element in elements)
    scores = read_scores(card)
    error = expected_calibration_error(
        scores.labels, scores.probabilities, class_weights(scores.labels)
    )
    assert f"calibration error {error:.3f}" in text_of(app)
    assert f"**{card.document['calibration']['temperature']:.3f}**" in text_of(app)
    history, shifts = card.document["training"]["history"], card.document["metrics"]["shifts"]
    assert [row["loss"] for row in values_of(draw_loss(history))] == [e["loss"] for e in history]
    for row in values_of(draw_held_out_history(history)):
        assert row["value"] == history[row["epoch"] - 1][f"held_out_{row['rate'].lower()}"]
    rows = values_of(draw_shifts(shifts))
    assert len(rows) == 2 * len(shifts)
    for row in rows:
        name = "none" if row["change"] == "as they are" else row["change"]
        assert row["value"] == shifts[name][row["rate"]]


def test_citation_names_weights_and_data(card):
    app = show(card)
    assert card.weights_sha256 in app.code[0].value
    assert f"version = {{{card.document['version']}}}" in app.code[0].value
    assert "10.17632/rscbjbr9sj" in app.code[0].value
    assert len(app.get("download_button")) == 1
    elsewhere = without(card, "data", "source")
    assert "kermany" not in show(elsewhere).code[0].value
    assert "Guangzhou" not in text_of(show(elsewhere))


@pytest.mark.parametrize(
    "path",
    [
        *((key,) for key in ("name", "version", "created", "architecture", "data", "training")),
        *((key,) for key in ("metrics", "calibration", "limits", "out_of_fold")),
        *(("metrics", key) for key in ("held_out_patients", "shifts")),
        *(("metrics", "shifts", key) for key in ("none", "blur")),
        *(("data", key) for key in ("name", "split", "training_patients")),
        *(("training", key) for key in ("history", "augment", "recipe", "software", "held_out")),
        *(("calibration", key) for key in ("temperature", "ece_before")),
        ("operating_points", "rule-out", "least_specificity_under_shifts"),
    ],
    ids=".".join,
)
def test_card_without_an_optional_part_is_shown(card, path):
    show(without(card, *path))


def test_least_card_says_what_is_missing(card):
    kept = {key: card.document[key] for key in ("format", "weights", "input", "operating_points")}
    app = show(replace(card, document=kept))
    assert text_of(app).count("The card does not hold") == 5
    assert not app.metric
    assert not app.get("vega_lite_chart")


def test_smoke_trained_card_is_shown(card):
    document = copy.deepcopy(card.document)
    document["training"]["history"] = document["training"]["history"][:1]
    document["metrics"]["shifts"] = {"none": document["metrics"]["shifts"]["none"]}
    document["metrics"]["held_out_patients"] |= {"auc": None, "auc_ci95": None}
    document["data"] |= {"name": "phantoms", "source": "pneumo/training/phantom.py"}
    document["out_of_fold"] |= {"label": [0, 1], "patient": [0, 1], "p_pneumonia": [0.4, 0.6]}
    app = show(replace(card, document=document))
    assert app.metric[0].value == "not known"
    assert len(app.get("vega_lite_chart")) == 3


def test_page_claims_no_patients_where_the_card_knows_none(card):
    assert "No patient is on both sides." in text_of(show(card))
    document = copy.deepcopy(card.document)
    words = "by file: which radiographs share a patient is not known; seed 0"
    document["data"]["split"] = words
    text = text_of(show(replace(card, document=document)))
    assert f"Split {words}." in text
    assert "No patient" not in text


def test_failures_are_worked_out_from_the_figures(card):
    metrics = {"held_out_patients": MEASURED, "shifts": SHIFTS}
    words = " ".join(
        describe_failures(replace(card, document=card.document | {"metrics": metrics}), None)
    )
    assert "threshold of 0.400 it calls 5 of 20 pneumonias NORMAL (25.0 %)" in words
    assert "1 of 10 normal chests PNEUMONIA (10.0 %)" in words
    assert "for sensitivity: *blur*, 0.500 instead of 0.750" in words
    assert "lowers specificity" in words
    assert "for AUC: *noise*, 0.700 instead of 0.900" in words
    assert "*noise* moves the answer most: P changes by 0.300" in words
    assert f"misses {100 * (1 - card.points['rule-out'].sensitivity):.1f} % of" in words


def test_recipe_leaves_out_what_it_is_not_told():
    assert describe_recipe({}) == {}
    told = describe_recipe({"balance": False, "mixup": 0.2, "augment": [], "held_out": 0.15})
    assert told == {
        "Classes in an epoch": "as they come",
        "Redrawn at random": "nothing",
        "Mixup": "0.2",
    }


def test_recipe_tells_how_often_looks_of_the_other_class_come():
    name = "Looks of the other class in an epoch"
    assert describe_recipe({"against_looks": 1.0})[name] == "as often as any"
    assert "up to 4 times as often" in describe_recipe({"against_looks": 4.0})[name]


def test_recipe_tells_what_was_kept_of_the_weights_it_began_with():
    assert describe_recipe({"keep_init": 0.0}) == {}
    told = describe_recipe({"keep_init": 0.5})
    assert told == {"Of the weights it began with": "50 % kept: averaged with the trained ones"}


def test_recipe_tells_of_the_runs_that_went_before():
    first = {"init": "imagenet", "epochs": 6, "retrain_layers": 55}
    second = {"init": "u.weights.h5", "epochs": 4, "retrain_layers": 100, "began_from": first}
    told = describe_recipe({"init": "u.weights.h5", "batch_size": 16, "epochs": 5, "seed": 0})
    assert told["Begins with"] == "u.weights.h5"
    told = describe_recipe({"init": "u.weights.h5", "epochs": 5, "began_from": second})
    assert told["Begins with"] == (
        "the weights of an earlier run: 6 epochs of the last 55 layers, then 4 epochs of the last "
        "100 layers"
    )
    second |= {"view": "field", "began_from": first | {"view": "whole"}}
    told = describe_recipe({"epochs": 5, "view": "field", "began_from": second})
    assert told["Shown"] == "the lung field alone"
    assert told["Begins with"].endswith(
        "6 epochs of the last 55 layers on the whole radiograph, then 4 epochs of the last 100 "
        "layers"
    )


def test_ablation_is_shown_where_it_was_measured(card, no_ablation):
    assert "Not measured for this release" in text_of(show(card))
    rates = ("auc", "balanced_accuracy", "shifts_least_auc", "shifts_least_balanced_accuracy")
    rows = [{"name": "without style", **dict.fromkeys(rates, 0.9), "looks_auc": 0.75}]
    document = {"command": "python x", "settings": "2 epochs", "note": "One seed.", "rows": rows}
    no_ablation.write_text(json.dumps(document))
    app = show(card)
    assert app.table[2].value.iloc[0].tolist() == [
        "without style",
        "0.900 / 0.900",
        "0.900 / 0.900",
        "0.750 / –",
    ]
    for words in ("2 epochs", "One seed.", "`python x`"):
        assert words in text_of(app)


def test_page_says_what_bfloat16_costs_or_that_nobody_knows(card):
    unknown = "What answers in bfloat16 are worth was not measured"
    document = copy.deepcopy(card.document)
    document["metrics"].pop("bfloat16", None)
    assert unknown in text_of(show(replace(card, document=document)))
    figures = {"mean_change": 0.0123, "largest_change": 0.0456, "verdicts_changed": 7}
    document["metrics"]["bfloat16"] = document["metrics"]["held_out_patients"] | figures
    text = text_of(show(replace(card, document=document)))
    assert unknown not in text
    auc = document["metrics"]["held_out_patients"]["auc"]
    assert "by 0.012 on average and by 0.046 at most; 7 of " in text
    assert f"AUC {auc:.3f} ({auc:.3f})" in text
