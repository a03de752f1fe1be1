"""The explanation browser, checks, stability, pack and pages through AppTest, with a stand-in."""

import io
import json
import re
import zipfile
from dataclasses import replace

import numpy as np
import pytest
import streamlit as st
from pypdf import PdfReader

from pneumo.evaluation.stability import describe_doubt
from pneumo.explaining.faithfulness import CONTROLS, FILLS, FRACTIONS, STEPS
from pneumo.explaining.methods import METHODS
from pneumo.explaining.overlay import Look
from pneumo.export.rows import to_json
from pneumo.network import queue
from pneumo.network.architecture import LAST_CONVOLUTION
from pneumo.network.classifier import Once
from pneumo.network.lung_field import field_of
from pneumo.ui.explanations import browser
from pneumo.ui.session.results import Results, run_or_offer
from pneumo.ui.worklist import small_changes
from pneumo.ui.worklist.rows import rows_of
from tests.conftest import WholeClassifier
from tests.network.test_lung_field import TWO
from tests.ui.test_app import (
    counts,
    drop,
    name_shown,
    page_text,
    panes,
    passes,
    picture,
    show_only,
    table,
    verdict_shown,
)


def test_view_beside_original_and_of_two_methods(app, stand_in):
    drop(app, ("chest.png", picture(0.8)))
    app.button_group(key="view").set_value("Beside original").run()
    scale = "one scale for all radiographs"
    gradcam = f"Grad-CAM, evidence for PNEUMONIA ({scale})"
    assert [pane["title"] for pane in panes(app)] == ["Original", gradcam]
    app.button_group(key="view").set_value("Two methods").run()
    layercam = "LayerCAM{}, evidence for PNEUMONIA (relative to this radiograph)"
    assert [pane["title"] for pane in panes(app)] == [gradcam, layercam.format("")]
    app.selectbox(key="layer-1").set_value("block13_sepconv2_act").run()
    assert [pane["title"] for pane in panes(app)] == [gradcam, layercam.format(" of block 13")]
    assert panes(app)[0]["src"] != panes(app)[1]["src"]
    assert stand_in.explained[-1] == ("layercam", 1, "block13_sepconv2_act")
    app.button_group(key="class").set_value("NORMAL").run()
    assert stand_in.explained[-1] == ("layercam", 0, "block13_sepconv2_act")
    assert all("evidence for NORMAL" in pane["alt"] for pane in panes(app))
    assert not app.exception


def test_all_methods_side_by_side_each_computed_once(app, stand_in):
    drop(app, ("chest.png", picture(0.8)))
    app.button_group(key="view").set_value("All methods").run()
    titles = [pane["title"] for pane in panes(app)]
    assert titles[0] == "Original"
    scales = dict(title.rsplit(", ", 1) for title in titles[1:])
    assert {method.name for method in METHODS.values()} < set(scales)
    common = {name for name, scale in scales.items() if scale == "common scale"}
    assert common == {"Grad-CAM", "Evidence map"}
    assert set(scales.values()) == {"common scale", "own scale"}
    computed = list(stand_in.explained)
    app.slider(key="threshold").set_value(0.9).run()
    app.button_group(key="view").set_value("Overlay").run()
    app.button_group(key="view").set_value("All methods").run()
    assert stand_in.explained == computed
    assert not app.exception


def test_stopped_method_is_left_out_and_offered(app, stand_in):
    drop(app, ("chest.png", picture(0.8)))
    app.selectbox(key="method-0").set_value("smoothgrad").run()
    assert [method for method, *_ in stand_in.explained] == ["smoothgrad"]
    [key] = stop(app, "scorecam", LAST_CONVOLUTION)
    app.selectbox(key="method-0").set_value("scorecam").run()
    assert [method for method, *_ in stand_in.explained] == ["smoothgrad"]
    assert [pane["title"] for pane in panes(app)] == ["Original"]
    app.button(key=key).click().run()
    assert [method for method, *_ in stand_in.explained] == ["smoothgrad", "scorecam"]
    assert len(panes(app)) == 1
    assert not app.exception


def stop(app, method: str, *layers: str) -> list[str]:
    """Leaves heatmaps for PNEUMONIA as a press of Stop does; returns the keys of their buttons."""
    (entry,) = app.session_state["entries"].values()
    keys = [f"{entry.reading.info.tag}-{method}-1-{layer}" for layer in layers]
    app.session_state["running"] = dict.fromkeys(keys, False)
    return [f"compute-{key}" for key in keys]


def test_method_stopped_on_both_sides_is_offered_once(app, stand_in):
    drop(app, ("chest.png", picture(0.8)))
    app.button_group(key="view").set_value("Two methods").run()
    [key] = stop(app, "scorecam", LAST_CONVOLUTION)
    app.selectbox(key="method-0").set_value("scorecam").run()
    app.selectbox(key="method-1").set_value("scorecam").run()
    assert not app.exception
    assert [button.key for button in app.button if button.key.startswith("compute-")] == [key]
    app.button(key=key).click().run()
    assert [pane["title"].split(",")[0] for pane in panes(app)] == ["Score-CAM"]
    assert not app.exception


def test_two_layers_of_one_method_are_stopped_each_for_itself(app, stand_in):
    stand_in.classifier = replace(stand_in.classifier, load_differentiable=Once(lambda: True))
    drop(app, ("chest.png", picture(0.8)))
    keys = stop(app, "layercam", LAST_CONVOLUTION, "block13_sepconv2_act")
    app.session_state["layer-1"] = "block13_sepconv2_act"
    app.session_state["method-0"] = app.session_state["method-1"] = "layercam"
    app.button_group(key="view").set_value("Two methods").run()
    assert not app.exception
    assert [button.key for button in app.button if button.key.startswith("compute-")] == keys
    app.button(key=keys[1]).click().run()
    assert stand_in.explained == [("layercam", 1, "block13_sepconv2_act")]
    assert not app.exception


def test_first_method_with_gradients_says_that_it_loads_tensorflow(app, stand_in, monkeypatch):
    loaded, words = Once(lambda: True), []
    stand_in.classifier = replace(stand_in.classifier, load_differentiable=loaded)
    explain = stand_in.explain

    def load_and_explain(method, *arguments, **options):
        if METHODS[method].gradients:
            loaded()
        return explain(method, *arguments, **options)

    stand_in.explain = load_and_explain

    def note(name, *arguments, **options):
        words.append(name)
        return run_or_offer(name, *arguments, **options)

    monkeypatch.setattr(browser, "run_or_offer", note)
    drop(app, ("chest.png", picture(0.8)))
    app.selectbox(key="method-0").set_value("gradcam++").run()
    app.selectbox(key="method-0").set_value("saliency").run()
    assert words == ["Grad-CAM++ (loads TensorFlow first, once)"]
    assert [pane["title"].split(",")[0] for pane in panes(app)] == ["Saliency"]
    assert not app.exception


def test_every_method_says_how_to_read_it(app):
    drop(app, ("chest.png", picture(0.8)))
    for key, method in METHODS.items():
        app.selectbox(key="method-0").set_value(key).run()
        shown = [c.value for c in app.caption if method.reading in c.value]
        assert len(shown) == 1
        assert method.source in shown[0]
        assert method.reading.count(". ") >= 1


def test_display_settings_change_the_picture(app):
    drop(app, ("chest.png", picture(0.8)))
    seen = {panes(app)[0]["src"]}
    app.slider(key="opacity").set_value(90).run()
    seen.add(panes(app)[0]["src"])
    app.slider(key="above").set_value(50).run()
    seen.add(panes(app)[0]["src"])
    app.selectbox(key="colour-map").set_value("cividis").run()
    seen.add(panes(app)[0]["src"])
    app.button_group(key="drawing").set_value("Contours").run()
    seen.add(panes(app)[0]["src"])
    assert len(seen) == 5


def test_verdict_that_small_changes_alter_is_uncertain(app, stand_in):
    drop(app, ("chest.png", picture(0.6)), ("other.png", picture(0.2)))
    low, high = (
        f(answers)
        for f in (min, max)
        for answers in [next(iter(app.session_state["stability"].values())).varied.values()]
    )
    assert low < 0.6 < high
    assert verdict_shown(app) == "PNEUMONIA"
    near = round((0.6 + high) / 2, 3)
    app.slider(key="threshold").set_value(near).run()
    assert verdict_shown(app) == "Uncertain, nearer to NORMAL"
    assert f"across the threshold of {near:.3f}" in page_text(app)
    assert counts(app) == {"NORMAL": 1, "Uncertain": 1}
    assert table(app)["Stability"][1] == "not tried"
    show_only(app, "Uncertain")
    assert table(app)["File"] == ["chest.png"]


def test_exports_tell_the_doubt_and_the_stability_of_the_page(app, stand_in, monkeypatch):
    drop(app, ("chest.png", picture(0.6)), ("other.png", picture(0.2)))
    (stability,) = app.session_state["stability"].values()
    near = round((0.6 + stability.high) / 2, 3)
    app.session_state["panel"] = "export"
    app.slider(key="threshold").set_value(near).run()
    app.button(key="compute-pack").click().run()
    shown = table(app)
    monkeypatch.setattr(st, "session_state", app.session_state)
    entries, results = app.session_state["entries"], Results(stand_in.engine)
    worklist = json.loads(to_json(rows_of(entries, near, results)))
    with zipfile.ZipFile(io.BytesIO(app.session_state["pack"].data)) as archive:
        packed = json.loads(archive.read("worklist.json"))
        page = PdfReader(io.BytesIO(archive.read("report.pdf"))).pages[0].extract_text()
    assert shown["Verdict"] == ["Uncertain", "NORMAL"]
    assert shown["Stability"][0] == f"{stability.low:.3f} to {stability.high:.3f}"
    for rows in (worklist, packed):
        assert [(row["p_low"], row["p_high"]) for row in rows] == [
            (stability.low, stability.high),
            (None, None),
        ]
        assert rows[0]["uncertain"] == describe_doubt(stability, near) != ""
        assert rows[1]["uncertain"] == ""
    assert [{**row, "overlay": ""} for row in packed] == worklist
    assert "uncertain" in page
    assert f"{stability.low:.3f} to {stability.high:.3f}" in " ".join(page.split())


def test_stability_of_all_on_request(app, stand_in):
    drop(app, *((f"{p}.png", picture(p)) for p in (0.2, 0.5, 0.8)))
    assert stand_in.passes == passes(3, 1)
    app.button(key="compute-stability-of-all").click().run()
    assert stand_in.passes == passes(3, 3)
    assert "not tried" not in table(app)["Stability"]
    assert not [b for b in app.button if b.key == "compute-stability-of-all"]
    assert not app.exception


def test_stability_of_all_is_found_out_a_few_at_a_time(app, stand_in, monkeypatch):
    """The page is drawn between them, with the case complete each time."""
    monkeypatch.setattr(small_changes, "REDRAW_SECONDS", -1)
    order = []
    monkeypatch.setattr(
        Results, "stability", lambda self, entry: order.append(entry.name) or stability(self, entry)
    )
    drop(app, *((f"{p}.png", picture(p)) for p in (0.2, 0.5, 0.8)))
    assert order == ["0.2.png"]
    app.button(key="compute-stability-of-all").click().run()
    assert order == ["0.2.png", "0.5.png", "0.8.png"]
    assert "stability-of-all" not in app.session_state["running"]  # the next file waits to be asked


def test_a_case_that_is_found_uncertain_stays_in_the_list_that_it_was_opened_from(app, stand_in):
    drop(app, *((f"{p}.png", picture(p)) for p in (0.8, 0.499, 0.3)))
    show_only(app, "NORMAL")  # 0.499 is not known to be uncertain until somebody opens it
    assert name_shown(app) == "0.499.png"
    assert verdict_shown(app) == "Uncertain, nearer to NORMAL"
    assert counts(app) == {"PNEUMONIA": 1, "Uncertain": 1, "NORMAL": 1}
    app.button(key="next").click().run()
    assert (name_shown(app), table(app)["File"]) == ("0.3.png", ["0.499.png", "0.3.png"])
    app.button(key="previous").click().run()
    assert name_shown(app) == "0.499.png"
    show_only(app, "Uncertain")
    assert table(app)["File"] == ["0.499.png"]
    show_only(app, "NORMAL")
    assert (name_shown(app), table(app)["File"]) == ("0.3.png", ["0.3.png"])
    assert not app.exception


stability = Results.stability


@pytest.mark.parametrize(("idle", "others", "left"), [(-1, 0, 0), (-1, 1, 2), (1000, 0, 2)])
def test_stability_of_all_begins_by_itself_when_nobody_else_is_at_work(
    app, stand_in, monkeypatch, idle, others, left
):
    monkeypatch.setattr(small_changes, "IDLE_SECONDS", idle)
    monkeypatch.setattr(queue, "_asked", others)
    drop(app, *((f"{p}.png", picture(p)) for p in (0.2, 0.5, 0.8)))
    assert list(table(app)["Stability"]).count("not tried") == left
    assert not app.exception


def test_stability_of_all_that_was_stopped_does_not_begin_by_itself(app, stand_in, monkeypatch):
    drop(app, *((f"{p}.png", picture(p)) for p in (0.2, 0.5, 0.8)))
    app.session_state["running"]["stability-of-all"] = False  # as a press of Stop leaves it
    monkeypatch.setattr(small_changes, "IDLE_SECONDS", -1)
    app.run()
    assert list(table(app)["Stability"]).count("not tried") == 2


def test_all_methods_show_what_is_there_while_the_slow_ones_are_computed(
    app, stand_in, monkeypatch
):
    seen = []
    offer = browser.run_or_offer
    monkeypatch.setattr(
        browser,
        "run_or_offer",
        lambda name, *others: seen.append((name, len(drawn))) or offer(name, *others),
    )
    drawn: list = []
    show = browser.show_linked
    monkeypatch.setattr(
        browser,
        "show_linked",
        lambda panes, *others, **more: (
            drawn.__setitem__(slice(None), panes) or show(panes, *others, **more)
        ),
    )
    drop(app, ("chest.png", picture(0.8)))
    app.button_group(key="view").set_value("All methods").run()
    slow = [own.name for own in METHODS.values() if own.slow]
    assert [name for name, _ in seen] == slow
    quick = 1 + len(METHODS) - len(slow) + 1  # the original; LayerCAM has two layers
    assert [count for _, count in seen] == list(range(quick, quick + len(slow)))
    assert not app.exception


def test_two_cases_side_by_side(app, stand_in):
    drop(app, ("a.png", picture(0.2)), ("b.png", picture(0.8)))
    (alone,) = panes(app)
    app.button(key="compare").click().run()
    assert panes(app) == [alone]
    app.button(key="next").click().run()
    kept, case = panes(app)
    p = table(app)["P(PNEUMONIA)"][0]
    assert kept["title"] == f"a.png: NORMAL, P {p:.3f}. Grad-CAM"
    assert kept["src"] == alone["src"] != case["src"]
    app.slider(key="threshold").set_value(0.001).run()
    assert panes(app)[0]["title"].startswith("a.png: PNEUMONIA")
    app.button(key="heat-button").click().run()
    assert [pane["title"].split(". ")[-1] for pane in panes(app)] == ["Original", "Original"]
    app.button_group(key="view").set_value("Two methods").run()
    assert not any("a.png" in pane["title"] for pane in panes(app))
    app.button_group(key="view").set_value("Overlay").run()
    app.button(key="compare").click().run()
    assert len(panes(app)) == 1
    assert not app.exception


def test_kept_case_whose_file_is_removed_is_forgotten(app, stand_in):
    drop(app, ("a.png", picture(0.2)), ("b.png", picture(0.8)))
    app.session_state["kept-case"] = "upload:gone"
    app.run()
    assert len(panes(app)) == 1
    assert app.button(key="compare").label == "Compare with another"
    assert "kept-case" not in app.session_state


def test_radiographs_of_one_patient_are_told_by_their_names(app, stand_in):
    names = ("person7_bacteria_1", "person7_virus_2", "person7_bacteria_3", "chest")
    drop(app, *((f"{name}.png", picture(0.2 + 0.1 * n)) for n, name in enumerate(names)))
    told = []
    for _ in names:
        found = re.search(r"Of the same patient, by its file name: (\S+): ", page_text(app))
        told.append(found and found[1])
        if not app.button(key="next").disabled:
            app.button(key="next").click().run()
    assert told == ["person7_bacteria_3.png", None, "person7_bacteria_1.png", None]
    for _ in range(3):
        app.button(key="previous").click().run()
    app.button(key="compare-kin").click().run()
    assert panes(app)[0]["title"].startswith("person7_bacteria_3.png: ")
    assert len(panes(app)) == 2


@pytest.fixture
def lungs_found(monkeypatch):
    """The stand-in's radiographs have lungs, so that heat can lie in them."""
    prepare, field = WholeClassifier.prepare, field_of(TWO)
    monkeypatch.setattr(
        WholeClassifier,
        "prepare",
        lambda self, pictures: [replace(seen, field=field) for seen in prepare(self, pictures)],
    )


def test_checks_run_on_request_and_say_what_they_mean(app, stand_in, lungs_found):
    drop(app, ("chest.png", picture(0.8)))
    app.session_state["panel"] = "checks"
    app.run()
    assert any("Of the heat within the outline" in text.value for text in app.markdown)
    assert stand_in.passes == passes(1), "nothing that needs the network runs by itself"
    [button] = [b for b in app.button if b.key.startswith("compute-checks-")]
    button.click().run()
    erasures = 1 + len(FRACTIONS) * len(FILLS) * (1 + CONTROLS)
    assert stand_in.passes == passes(1) + erasures + 2 * (STEPS + 1)
    assert "trials the hottest part cost more" in " ".join(m.value for m in app.markdown)
    assert len(app.table) == 2  # agreement, erasing
    before = stand_in.passes
    app.slider(key="threshold").set_value(0.9).run()
    assert stand_in.passes == before
    assert not app.exception


def test_checks_are_worded_for_the_class_and_the_verdict(app):
    def said() -> str:
        return " ".join(text.value for text in app.markdown)

    app.session_state["panel"] = "checks"
    drop(app, ("chest.png", picture(0.2)))
    [button] = [b for b in app.button if b.key.startswith("compute-checks-")]
    button.click().run()
    assert "The verdict is NORMAL, and this is a heatmap of what speaks for PNEUMONIA" in said()
    assert "he answer rests on what" not in said()
    app.slider(key="threshold").set_value(0.1).run()
    assert "The verdict is" not in said()
    assert not app.exception


def test_checks_of_an_empty_heatmap_say_that_there_is_nothing_to_check(
    app, stand_in, lungs_found, monkeypatch
):
    empty = np.zeros((10, 10), np.float32)
    monkeypatch.setattr(stand_in, "gradcam", lambda maps: np.zeros((len(maps), 2, 10, 10)))
    monkeypatch.setattr(stand_in, "explain", lambda *args, **options: empty)
    app.session_state["panel"] = "checks"
    drop(app, ("chest.png", picture(0.8)))
    assert any(text.value.startswith("The heatmap is empty") for text in app.markdown)
    assert any(text.value.endswith("there is nothing to check.") for text in app.info)
    assert not [b for b in app.button if b.key.startswith("compute-checks-")]
    assert set(app.table[0].value["Of the hottest tenth"]) == {"nothing to compare"}
    assert not app.exception


def test_pictures_of_one_method_over_many_radiographs(app, stand_in):
    drop(app, *((f"{n}.png", picture(0.3 + n / 40)) for n in range(14)))
    app.button_group(key="layout").set_value("Pictures").run()
    opened = [b for b in app.button if b.key.startswith("open-")]
    assert len(opened) == 12
    assert not app.dataframe
    app.selectbox(key="gallery-method").set_value("saliency").run()
    assert stand_in.explained == [("saliency", 1, "block14_sepconv2_act")] * 12
    [b for b in app.button if b.key.startswith("open-")][5].click().run()
    assert "5.png" in next(
        html.proto.body for html in app.get("html") if "pneumo-name" in html.proto.body
    )
    assert len(stand_in.explained) == 12
    assert not app.exception


def test_unreadable_files_have_their_rows_among_pictures_too(app):
    drop(app, ("a.png", picture(0.8)), ("broken.png", b"no picture"), ("b.png", picture(0.2)))
    assert table(app)["File"] == ["a.png", "broken.png", "b.png"]
    app.button_group(key="layout").set_value("Pictures").run()
    assert table(app)["File"] == ["broken.png"]
    assert "not a picture" in table(app)["Reason"][0]
    assert len([b for b in app.button if b.key.startswith("open-")]) == 2
    assert not app.exception


def test_evidence_pack_holds_every_radiograph_and_what_is_known(app, stand_in):
    drop(app, ("=1+1.png", picture(0.8)), ("b.png", picture(0.2)), ("broken.png", b"no picture"))
    app.session_state["panel"] = "export"
    app.run()
    start = app.slider(key="threshold").value
    button = app.button(key="compute-pack")
    button.click().run()
    assert not app.exception
    archive = zipfile.ZipFile(io.BytesIO(app.session_state["pack"].data))
    rows = json.loads(archive.read("worklist.json"))
    assert [row["path"] for row in rows] == ["=1+1.png", "b.png", "broken.png"]
    assert [row["verdict"] for row in rows] == ["PNEUMONIA", "NORMAL", "ERROR"]
    assert rows[0]["p_pneumonia"] == pytest.approx(0.8, abs=0.01)
    assert len([name for name in archive.namelist() if name.startswith("overlays/")]) == 2
    assert archive.read("report.pdf").startswith(b"%PDF")
    assert [b.label for b in app.download_button][-1].startswith("PDF report and pictures (ZIP)")
    assert not [b for b in app.button if b.key == "compute-pack"]
    app.button(key="next").click().run()  # opened, it is tried, which a report would tell
    app.button(key="previous").click().run()
    assert [b.label for b in app.download_button][-1].startswith("PDF report and pictures (ZIP)")
    app.button(key="compute-pack").click().run()
    assert not [b for b in app.button if b.key == "compute-pack"]
    app.slider(key="threshold").set_value(0.9).run()
    assert "pack" not in app.session_state, "a pack of another threshold is not offered"
    app.slider(key="threshold").set_value(start).run()
    assert "pack" not in app.session_state, "nor is one made without being asked for"


def test_moving_the_slider_over_many_radiographs_runs_and_draws_nothing(app, stand_in, monkeypatch):

    drop(app, *((f"{n}.png", picture(0.2 + n / 100)) for n in range(60)))
    drawn = []
    monkeypatch.setattr(Look, "draw", lambda *a: drawn.append(a) or np.zeros((9, 9, 3)))
    before = stand_in.passes, stand_in.heatmaps, len(stand_in.explained)
    for threshold in (0.3, 0.4, 0.75):
        app.slider(key="threshold").set_value(threshold).run()
        assert counts(app).keys() <= {"PNEUMONIA", "NORMAL", "Uncertain"}
        assert counts(app).total() == 60
    assert (stand_in.passes, stand_in.heatmaps, len(stand_in.explained)) == before
    assert not drawn


def test_only_the_radiograph_looked_at_is_kept_at_full_size(app):
    drop(app, *((f"{p}.png", picture(p)) for p in (0.2, 0.5, 0.8)))
    app.button(key="next").click().run()
    app.button(key="compute-stability-of-all").click().run()
    app.button(key="next").click().run()
    entries = list(app.session_state["entries"].values())
    [(identity, pixels)] = app.session_state["pixels"].items()
    assert identity in {entry.reading.info.identity for entry in entries}
    assert pixels.shape == entries[0].reading.info.shape == (160, 200)
    for entry in entries:
        held = [*vars(entry.reading).values(), *vars(entry.reading.input).values()]
        kept = [value for value in held if isinstance(value, np.ndarray)]
        assert [array.shape for array in kept] == [(2, 10, 10), (10, 10), (299, 299), (1,)]
    assert not app.exception
