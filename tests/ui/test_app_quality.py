"""Refusals, warnings, remedies and adjustments on the page, with a scope that reads brightness."""

import io
import json
import zipfile
from dataclasses import replace

import numpy as np
import pytest
import streamlit as st

from pneumo.network.out_of_distribution import ADULT, CHILD, INVERTED, OTHER, Scope
from pneumo.reading.adjustment import AS_IS, Adjustment
from pneumo.ui.session.results import Results
from pneumo.ui.worklist.rows import rows_of
from tests.conftest import encode
from tests.reading.test_archive import pack
from tests.reading.test_dicom import make_dataset, to_bytes
from tests.ui.test_app import (
    counts,
    drop,
    page_text,
    panes,
    passes,
    show_only,
    table,
    verdict_shown,
)

RAMP = np.linspace(-0.15, 0.15, 160 * 200).reshape(160, 200)


def picture(brightness: float) -> bytes:
    """A radiograph that the stand-in gives about this P(PNEUMONIA), with contrast enough."""
    return encode(np.rint(255 * np.clip(brightness + RAMP, 0, 1)).astype(np.uint8))


class BrightnessScope(Scope):
    """Takes the very bright for inverted, the bright for adults, the dark for something else."""

    def __init__(self):
        pass

    warn_distance, refuse_distance = 1.0, 2.0

    def certain_kinds(self, features):
        (brightness,) = features[:, 0]
        if brightness > 0.75:
            return [INVERTED]
        return [ADULT if brightness > 0.6 else OTHER if brightness < 0.1 else CHILD]

    def distances(self, features):
        return np.zeros(len(features))


@pytest.fixture(autouse=True)
def scope(stand_in):
    stand_in.classifier = replace(stand_in.classifier, scope=BrightnessScope())


def errors(app) -> list[str]:
    return [element.value for element in app.error]


def test_refused_picture_gets_no_verdict_and_its_remedy_brings_one(app, stand_in):
    drop(app, ("bright.png", picture(0.85)))
    assert verdict_shown(app) == "No verdict"
    assert [error.split(":")[0] for error in errors(app)] == ["Black and white are exchanged"]
    assert stand_in.passes == 1  # the stability of no answer is not tried
    assert not panes(app)
    app.button(key="remedy-0").click().run()
    assert not errors(app)
    assert verdict_shown(app) == "NORMAL"
    assert "inverted by hand" in page_text(app)
    assert stand_in.passes == 1 + passes(1)
    app.button(key="adjust-As it was").click().run()
    assert verdict_shown(app) == "No verdict"


def test_adult_gets_a_verdict_only_if_it_is_asked_for(app):
    drop(app, ("adult.png", picture(0.7)), ("child.png", picture(0.3)))
    assert verdict_shown(app) == "No verdict for adults"
    assert "The score is 0.70" in page_text(app)
    assert "give P(PNEUMONIA) from" in page_text(app) and "verdict changes" not in page_text(app)
    assert counts(app) == {"Adult": 1, "NORMAL": 1}
    app.toggle(key="judge-adults").set_value(True).run()
    assert verdict_shown(app) == "PNEUMONIA"
    assert "no verdict changes" in page_text(app)
    assert counts(app) == {"PNEUMONIA": 1, "NORMAL": 1}
    assert table(app)["Marks"] == ["adult", ""]
    assert [w.value.startswith("This looks like an adult's chest") for w in app.warning] == [True]


def test_worklist_counts_and_filters_refused_and_warned(app):
    drop(app, *((f"{p}.png", picture(p)) for p in (0.05, 0.3, 0.65, 0.85)))
    assert counts(app) == {"REFUSED": 2, "Adult": 1, "NORMAL": 1}
    worklist = table(app)
    assert worklist["Verdict"] == ["REFUSED", "NORMAL", "Adult", "REFUSED"]
    assert [p is None for p in worklist["P(PNEUMONIA)"]] == [True, False, False, True]
    assert "adult" in worklist["Notes"][2]
    for shown, names in (("REFUSED", ["0.05.png", "0.85.png"]), ("With warnings", ["0.65.png"])):
        show_only(app, shown)
        assert table(app)["File"] == names
    show_only(app, "All")
    app.selectbox(key="order").set_value("Highest P first").run()
    assert table(app)["File"][:2] == ["0.65.png", "0.3.png"]
    app.button(key="compute-stability-of-all").click().run()
    assert not app.exception


def test_exports_tell_refusals_and_warnings(app, stand_in, monkeypatch):
    drop(app, *((f"{p}.png", picture(p)) for p in (0.05, 0.3, 0.65)))
    app.session_state["panel"] = "export"
    app.run()
    app.button(key="compute-pack").click().run()
    with zipfile.ZipFile(io.BytesIO(app.session_state["pack"].data)) as pack:
        rows = json.loads(pack.read("worklist.json"))
    assert [(row["path"], row["verdict"]) for row in rows] == [
        ("0.3.png", "NORMAL"),
        ("0.65.png", "ADULT"),
        ("0.05.png", "REFUSED"),
    ]
    assert [row["findings"][:27] for row in rows[:2]] == ["", "This looks like an adult's "]
    assert rows[1]["p_pneumonia"] > 0.5 and rows[1]["evidence_inside"] is None
    monkeypatch.setattr(st, "session_state", app.session_state)
    results = Results(stand_in.engine)
    rows = rows_of(app.session_state["entries"], 0.5, results)
    assert [(row.verdict, row.p_pneumonia is None) for row in rows] == [
        ("REFUSED", True),
        ("NORMAL", False),
        ("ADULT", False),
    ]
    app.session_state["judge-adults"] = True
    asked = rows_of(app.session_state["entries"], 0.5, results)
    assert [row.verdict for row in asked] == ["REFUSED", "NORMAL", "PNEUMONIA"]
    assert rows[0].findings.startswith("This does not look like a frontal chest radiograph")


def make_pack(app):
    app.session_state["panel"] = "export"
    app.run()
    app.button(key="compute-pack").click().run()
    app.run()
    assert "pack" in app.session_state
    assert not app.exception


def test_pack_with_a_verdict_that_the_page_withholds_is_not_offered(app):
    drop(app, ("adult.png", picture(0.7)), ("child.png", picture(0.3)))
    make_pack(app)
    app.toggle(key="judge-adults").set_value(True).run()
    assert "pack" not in app.session_state
    make_pack(app)
    app.toggle(key="judge-adults").set_value(False).run()
    assert "pack" not in app.session_state


CHEST, DARK, BROKEN = ("a.png", picture(0.3)), ("dark.png", picture(0.05)), ("b.png", b"no picture")


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ([CHEST, DARK], [CHEST]),
        ([CHEST], [CHEST, DARK]),
        ([CHEST, BROKEN], [CHEST]),
        ([CHEST], [("other.png", CHEST[1])]),
        ([("a.zip", pack({"x/1.png": CHEST[1]}))], [("a.zip", pack({"NORMAL/1.png": CHEST[1]}))]),
    ],
    ids=["refused gone", "refused come", "broken gone", "name", "label"],
)
def test_pack_of_other_files_is_not_offered(app, before, after):
    drop(app, *before)
    make_pack(app)
    drop(app, *after)
    assert "pack" not in app.session_state


def test_turned_by_hand_and_back(app, stand_in):
    drop(app, ("chest.png", picture(0.3)))
    before = verdict_shown(app)
    app.button(key="adjust-Turn to the left").click().run()
    (entry,) = app.session_state["entries"].values()
    assert entry.reading.info.shape == (200, 160)
    assert "turned a quarter to the left by hand" in page_text(app)
    assert verdict_shown(app) == before
    done = stand_in.passes
    app.button(key="adjust-Turn to the right").click().run()
    (entry,) = app.session_state["entries"].values()
    assert entry.reading.info.shape == (160, 200)
    assert stand_in.passes == done + 1  # the stability of the first state is still known
    assert app.button(key="adjust-As it was").disabled


@pytest.mark.parametrize("others", [[], [("chest.png", picture(0.3))]], ids=["alone", "beside"])
def test_sample_that_was_removed_comes_back_as_it_was(app, others):
    drop(app, *others)
    app.button(key="sample-1").click().run()
    app.button(key="adjust-Invert black and white").click().run()
    assert adjustment_of_sample(app).inverted
    app.button(key="sample-1").click().run()
    app.button(key="sample-1").click().run()
    assert adjustment_of_sample(app) == AS_IS
    assert not app.exception


def test_adjustments_outlast_a_look_at_the_model_page(app):
    drop(app, ("chest.png", picture(0.3)))
    app.button(key="adjust-Invert black and white").click().run()
    app.button(key="sample-1").click().run()
    app.button(key="adjust-Invert black and white").click().run()
    turn_to(app, "model")
    assert not app.file_uploader
    turn_to(app, "")
    infos = [entry.reading.info for entry in app.session_state["entries"].values()]
    assert [info.adjustment.inverted for info in infos] == [True, True]
    app.button(key="remove-carried").click().run()
    assert adjustment_of_sample(app).inverted
    assert not app.exception


def adjustment_of_sample(app) -> Adjustment:
    return app.session_state["entries"]["sample:1"].reading.info.adjustment


def turn_to(app, path: str) -> None:
    """Turns to a page that is no file, which AppTest cannot by itself."""
    [app._page_hash] = [
        key for key, page in app._registered_pages.items() if page["url_pathname"] == path
    ]
    app.run()


def test_frame_of_a_dicom_file_is_chosen(app):
    dark, bright = (np.full((100, 66), level) + np.arange(66) for level in (30, 100))
    dataset = make_dataset(np.vstack([dark, bright]), Rows=100, NumberOfFrames=2)
    drop(app, ("two.dcm", to_bytes(dataset)))
    (entry,) = app.session_state["entries"].values()
    low = entry.reading.probability
    assert "frame 1 of 2" in page_text(app)
    app.number_input[0].set_value(2).run()
    (entry,) = app.session_state["entries"].values()
    assert entry.reading.probability > low + 0.1
    assert "frame 2 of 2" in page_text(app)
    assert entry.reading.info.frames == 2
    app.button(key="adjust-As it was").click().run()
    assert "frame 1 of 2" in page_text(app)
    assert app.number_input[0].value == 1
