"""The page through AppTest, with a stand-in for the network: what each state shows."""

import json
import re
from collections import Counter

import numpy as np
import pytest
from streamlit.testing.v1 import AppTest

from pneumo.errors import WeightsError
from pneumo.evaluation.held_out import least_cost_threshold, rates_at, read_scores
from pneumo.evaluation.stability import VARIATIONS
from pneumo.explaining.overlay import Look
from pneumo.ui.measures import threshold
from pneumo.ui.server import engine
from pneumo.ui.session.values import Source
from pneumo.ui.theme.palette import chart_words, is_dark
from pneumo.ui.worklist.samples import sample_names
from tests.conftest import encode
from tests.reading.test_archive import pack

RAMP = np.tile(np.linspace(0, 1, 200), (160, 1))


def picture(brightness: float) -> bytes:
    """A radiograph that the stand-in gives about this P(PNEUMONIA)."""
    return encode(np.rint(255 * np.clip(brightness + 0.1 * (RAMP - 0.5), 0, 1)).astype(np.uint8))


def drop(app: AppTest, *files: tuple[str, bytes]) -> AppTest:
    uploads = [(name, data, "image/png") for name, data in files]
    return app.run().file_uploader[0].set_value(uploads).run()


def page_text(app: AppTest) -> str:
    return "\n".join(str(element.proto) for element in app.main.children.values()) + "\n".join(
        str(html.proto) for html in app.get("html")
    )


def name_shown(app: AppTest) -> str:
    """Name of the case that is open."""
    page = "".join(html.proto.body for html in app.get("html"))
    return re.search(r"class='pneumo-name'>([^<]*)", page)[1]


def components(app: AppTest, holding: str) -> list[dict]:
    """What the components whose data have a certain key get."""
    data = [json.loads(element.proto.json) for element in app.get("bidi_component")]
    return [each for each in data if holding in each]


def panes(app: AppTest) -> list[dict]:
    """The pictures of the linked view, but those that a wide window has besides."""
    views = components(app, "panes")
    assert len(views) <= 1
    return [pane for pane in views[0]["panes"] if not pane["wide"]] if views else []


def table(app: AppTest) -> dict[str, list]:
    """The worklist as it is shown."""
    [data] = components(app, "rows")
    rows = {row["key"]: row for row in data["rows"]}
    shown = [rows[key] for key in data["shown"]]
    names = {"File": "name", "Verdict": "answer", "P(PNEUMONIA)": "p", "Stability": "stability"}
    names |= {"Reason": "reason", "Notes": "remarks", "Marks": "marks"}
    return {name: [row[key] for row in shown] for name, key in names.items()}


def counts(app: AppTest) -> Counter:
    """How many radiographs have which answer, whatever the filter shows."""
    [data] = components(app, "rows")
    return Counter(row["answer"] for row in data["rows"])


def show_only(app: AppTest, name: str) -> AppTest:
    """Filters the worklist, as a click on a count does."""
    app.session_state["shown"] = name
    return app.run()


def passes(read: int, looked_at: int = 1) -> int:
    """How often the network runs: once a radiograph, and once a variation of those looked at."""
    return read + looked_at * len(VARIATIONS)


def verdict_shown(app: AppTest) -> str:
    for element in app.get("html"):
        body = element.proto.body
        if "pneumo-verdict" in body and '<div class="word">' in body:
            return body.split('<div class="word">')[1].split("<")[0]
    return ""


def test_empty_page_explains_itself_and_disclaims(app, stand_in):
    app.run()
    assert not app.exception
    assert "Not a medical device" in page_text(app)
    assert any("Drop" in element.value for element in app.markdown)
    assert len(app.file_uploader) == 1
    assert not app.slider
    assert stand_in.passes == 0


def test_dropped_radiograph_gets_probability_verdict_and_heatmap(app, stand_in):
    drop(app, ("chest.png", picture(0.8)))
    assert not app.exception
    assert verdict_shown(app) == "PNEUMONIA"
    assert "80.0 %" in page_text(app)
    assert "chest.png" in page_text(app)
    assert (stand_in.passes, stand_in.heatmaps) == (passes(1), 1)
    assert len(panes(app)) == 1
    assert "heatmap of evidence for PNEUMONIA" in panes(app)[0]["alt"]


def test_threshold_starts_at_the_card_and_decides_without_inference(app, stand_in):
    drop(app, ("chest.png", picture(0.6)))
    slider = app.slider(key="threshold")
    start = stand_in.classifier.card.default.threshold
    assert slider.value == start
    slider.set_value(0.9).run()
    assert verdict_shown(app) == "NORMAL"
    app.slider(key="threshold").set_value(0.3).run()
    assert verdict_shown(app) == "PNEUMONIA"

    def told():
        return re.sub("<[^>]*>", "", " ".join(each.proto.body for each in app.get("html")))

    for name, point in stand_in.classifier.card.points.items():
        app.button(key=f"point-{name}").click().run()
        assert app.slider(key="threshold").value == point.threshold
        rates = rates_at(read_scores(stand_in.classifier.card), point.threshold)
        assert f"At {point.threshold:.3f}" in told()
        assert f"sensitivity {100 * rates.sensitivity:.1f} %" in told()
    app.button(key="point-balanced").click().run()
    assert app.slider(key="threshold").value == start
    assert (stand_in.passes, stand_in.heatmaps) == (passes(1), 1)


def test_rates_at_one_threshold_are_measured_once(app, monkeypatch):
    measured = []

    def measure(scores, at):
        measured.append(at)
        return rates_at(scores, at)

    monkeypatch.setattr(threshold, "rates_at", measure)
    drop(app, ("chest.png", picture(0.6)))
    measured.clear()
    for at in (0.271, 0.272, 0.271):
        app.slider(key="threshold").set_value(at).run()
        shown = " ".join(each.proto.body for each in app.get("html"))
        assert f'At <span class="at">{at:.3f}' in shown
    assert measured == [0.271, 0.272]


def test_threshold_redraws_no_picture(app, monkeypatch):
    drawn = []
    blank = np.zeros((9, 9, 3), np.uint8)
    monkeypatch.setattr(Look, "draw", lambda *args: drawn.append(args) or blank)
    drop(app, ("chest.png", picture(0.6)))
    app.slider(key="threshold").set_value(0.9).run()
    assert len(drawn) == 1
    app.slider(key="opacity").set_value(30).run()
    assert len(drawn) == 2


def test_bad_file_reported_beside_good_ones(app, stand_in):
    drop(app, ("good.png", picture(0.2)), ("bad.png", b"no picture"), ("also.png", picture(0.9)))
    assert not app.exception
    assert [error.value.replace("\\", "") for error in app.error] == [
        "bad.png is not a picture that can be read here (DICOM, JPEG, PNG, WebP, TIFF, BMP or "
        "GIF), whatever its name says."
    ]
    assert stand_in.passes == passes(2)
    assert table(app)["File"] == ["good.png", "bad.png", "also.png"]
    assert table(app)["Verdict"] == ["NORMAL", "ERROR", "PNEUMONIA"]
    assert table(app)["Reason"][1].startswith("is not a picture")  # below its name


def test_only_bad_files_show_no_threshold_and_no_verdict(app):
    drop(app, ("bad.png", b"no picture"))
    assert len(app.error) == 1
    assert not app.slider
    assert verdict_shown(app) == ""


def test_counts_follow_the_threshold(app):
    drop(app, *((f"{p}.png", picture(p)) for p in (0.2, 0.4, 0.6, 0.8)))

    assert counts(app) == {"PNEUMONIA": 2, "NORMAL": 2}
    app.slider(key="threshold").set_value(0.7).run()
    assert counts(app) == {"PNEUMONIA": 1, "NORMAL": 3}


def test_removed_file_leaves_and_others_are_not_scored_again(app, stand_in):
    drop(app, ("a.png", picture(0.8)), ("b.png", picture(0.3)))
    app.file_uploader[0].set_value([]).run()
    assert verdict_shown(app) == ""
    assert stand_in.passes == passes(2)


def test_sample_chosen_and_removed_again(app, stand_in):
    app.run()
    app.button(key="sample-1").click().run()
    assert verdict_shown(app)
    assert "own label: " in page_text(app)
    app.button(key="sample-1").click().run()
    assert verdict_shown(app) == ""
    assert stand_in.passes == passes(1)


def test_file_name_shown_as_text_not_as_markup(app):
    name = '<img src=x onerror="alert(1)">.png'
    drop(app, (name, picture(0.8)))
    assert "<img src=x" not in "".join(element.proto.body for element in app.get("html"))
    drop(app, ("**bold** [link](http://x).png", b"no picture"))
    assert app.error[0].value.startswith("\\*\\*bold\\*\\* \\[link\\]\\(http\\:")


def test_faulty_weights_refuse_to_classify(app, monkeypatch):
    def fail():
        raise WeightsError("The weights x.h5 are missing.")

    monkeypatch.setattr(engine, "load_engine", fail)
    app.run()
    assert "No radiograph can be classified" in app.error[0].value
    assert "The weights x.h5 are missing." in app.error[0].value
    assert not app.file_uploader
    assert "Not a medical device" in page_text(app)


def test_what_is_added_is_opened_unless_it_cannot_be_read(app, monkeypatch):
    from pneumo.ui.worklist import intake

    drop(app, ("first.png", picture(0.8)), ("second.png", picture(0.7)))
    assert name_shown(app) in ("first.png", "second.png")
    app.button(key="sample-2").click().run()
    assert name_shown(app) == sample_names()[1]
    app.button(key="previous").click().run()
    here = name_shown(app)
    assert here != sample_names()[1]

    def unreadable(name, load, label):
        return Source(name, lambda: b"no picture", label)

    monkeypatch.setattr(intake, "Source", unreadable)
    app.button(key="sample-3").click().run()
    assert not app.exception
    assert len(app.session_state["entries"]) == 4
    assert name_shown(app) == here


def test_class_without_evidence_says_so(app, monkeypatch, stand_in):
    stand_in.gradcam = lambda maps: np.zeros((len(maps), 2, 10, 10), np.float32)
    drop(app, ("chest.png", picture(0.8)))
    assert "the heatmap of Grad-CAM is empty" in app.info[0].value


def test_more_files_than_allowed_reads_the_first_and_says_so(app, monkeypatch, stand_in):
    from pneumo.ui.worklist import intake

    monkeypatch.setattr(intake, "MAX_FILES", 2)
    drop(app, *((f"{p}.png", picture(p)) for p in (0.2, 0.4, 0.6)))
    assert "Only the first 2 of 3" in app.warning[0].value
    assert stand_in.passes == passes(2)


def test_panel_follows_the_threshold_and_the_cost_of_mistakes(app, stand_in):
    drop(app, ("chest.png", picture(0.6)))
    scores = read_scores(stand_in.classifier.card)
    assert not app.get("vega_lite_chart"), "drawn while the panel is closed"
    app.session_state["panel"] = "threshold"
    app.slider(key="threshold").set_value(0.3).run()
    shown = {metric.label: metric.value for metric in app.metric}
    rates = rates_at(scores, 0.3)
    assert shown["Sensitivity"] == f"{100 * rates.sensitivity:.1f} %"
    assert shown["Specificity"] == f"{100 * rates.specificity:.1f} %"
    assert len(app.get("arrow_vega_lite_chart") + app.get("vega_lite_chart")) == 4
    for chart in app.get("vega_lite_chart"):
        assert json.loads(chart.proto.spec)["config"].items() >= chart_words(is_dark()).items()

    app.select_slider(key="cost-ratio").set_value(50).run()
    cheapest = least_cost_threshold(scores, 0.5, 50)
    app.button(key="use-cheapest").click().run()
    assert app.slider(key="threshold").value == cheapest
    common = {metric.label: metric.value for metric in app.metric}["PPV"]
    app.slider(key="prevalence").set_value(1).run()
    rare = {metric.label: metric.value for metric in app.metric}["PPV"]
    assert float(rare.split()[0]) < float(common.split()[0])
    assert not app.exception
    assert (stand_in.passes, stand_in.heatmaps) == (passes(1), 1)


def test_archive_is_read_like_the_files_in_it(app, stand_in):
    members = {f"ward/{number}.png": picture(number / 12) for number in range(1, 11)}
    drop(app, ("xrays.zip", pack(members | {"ward/bad.png": b"no picture", "list.txt": b"1"})))
    assert not app.exception
    shown = table(app)
    assert shown["File"][:-1] == [f"xrays.zip/ward/{n}.png" for n in range(1, 11)]
    assert shown["P(PNEUMONIA)"][:-1] == pytest.approx([n / 12 for n in range(1, 11)], abs=0.02)
    assert (shown["File"][-1], shown["Verdict"][-1]) == ("xrays.zip/ward/bad.png", "ERROR")
    assert "xrays.zip/ward/bad.png is not a picture" in app.error[0].value.replace("\\", "")
    assert (stand_in.passes, stand_in.heatmaps) == (passes(10), 10)
    app.slider(key="threshold").set_value(0.7).run()
    assert (stand_in.passes, stand_in.heatmaps) == (passes(10), 10)


def test_hopeless_archive_is_one_clear_line_beside_the_others(app):
    drop(app, ("good.png", picture(0.8)), ("empty.zip", pack({"list.txt": b"1"})))
    assert not app.exception
    assert "empty.zip holds no pictures" in app.error[0].value.replace("\\", "")
    assert verdict_shown(app) == "PNEUMONIA"


def test_more_radiographs_than_a_session_holds(app, stand_in, monkeypatch):
    from pneumo.ui.worklist import intake

    monkeypatch.setattr(intake, "MAX_FILES", 5)
    drop(app, ("xrays.zip", pack({f"{number}.png": picture(0.5) for number in range(7)})))
    assert "first 5 of 7 radiographs" in app.warning[0].value
    assert stand_in.passes == passes(5)


def test_worklist_filters_orders_searches_and_steps(app, stand_in):
    drop(app, *((f"{name}.png", picture(p)) for name, p in (("b", 0.9), ("a", 0.2), ("c", 0.55))))

    def files():
        return table(app)["File"]

    def case():
        return next(html.proto.body for html in app.get("html") if "pneumo-name" in html.proto.body)

    assert files() == ["b.png", "a.png", "c.png"]
    app.selectbox(key="order").set_value("Closest to the threshold").run()
    assert files() == ["c.png", "a.png", "b.png"]
    assert "b.png" in case(), "the order changes the table, not the case"
    app.selectbox(key="order").set_value("Name").run()
    app.button(key="next").click().run()
    assert "c.png" in case()
    assert app.button(key="next").disabled
    app.button(key="previous").click().run()
    app.button(key="previous").click().run()
    assert "a.png" in case()
    show_only(app, "Close calls")
    assert files() == ["c.png"]
    assert "c.png" in case()
    app.slider(key="threshold").set_value(0.85).run()
    assert files() == ["b.png"]
    show_only(app, "NORMAL")
    assert files() == ["a.png", "c.png"]
    app.text_input(key="search").set_value("C.P").run()
    assert files() == ["c.png"]
    app.text_input(key="search").set_value("nobody").run()
    assert files() == []
    assert app.info[0].value == "No name among those of the filter NORMAL has “nobody” in it."
    show_only(app, "All")
    assert app.info[0].value == "No name has “nobody” in it."
    assert "Export" in app.button_group(key="panel").options, "what is there can be taken along"
    app.text_input(key="search").set_value("").run()
    app.slider(key="threshold").set_value(0.1).run()
    show_only(app, "NORMAL")
    assert app.info[0].value == "No radiograph passes the filter."
    assert not app.exception
    assert (stand_in.passes, stand_in.heatmaps) == (passes(3, 3), 3)
