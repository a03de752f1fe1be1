"""Labels that come with the files, and the test of oneself, through AppTest with a stand-in."""

import io
import random
import re
import zipfile

import pytest
from playwright.sync_api import expect

from pneumo.ui.pages import PANELS
from tests.browser import CHROMIUM, ROOT, open_app
from tests.ui.test_app import components, drop, picture, show_only, table

NAMES = ("NORMAL/one.png", "normal/two.png", "x/PNEUMONIA/three.png", "PNEUMONIA/four.png")
LEVELS = (0.2, 0.7, 0.8, 0.3)  # of which the stand-in makes P(PNEUMONIA)
VERDICT = "threshold can turn this"
LABELS = ("NORMAL", "NORMAL", "PNEUMONIA", "PNEUMONIA")


def archive(*members: tuple[str, bytes]) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as file:
        for name, data in members:
            file.writestr(name, data)
    return buffer.getvalue()


@pytest.fixture
def labelled(app, stand_in):
    """The page with four radiographs, of which the model calls two rightly."""
    members = zip(NAMES, map(picture, LEVELS), strict=True)
    app.session_state["panel"] = "own"
    drop(app, ("set.zip", archive(*members)))
    assert not app.exception
    assert list(app.button_group(key="panel").options) == list(PANELS.values())
    return app


def everything(app) -> str:
    """All that goes to the browser."""
    nodes = list(app._tree)
    assert len(nodes) > 30, "there was no page"
    return "\n".join(str(getattr(node, "proto", "")) for node in nodes)


def test_labels_are_told_by_folders_and_shown_in_the_list(labelled):
    marks = dict(zip(table(labelled)["File"], table(labelled)["Marks"], strict=True))
    told = [marks[f"set.zip/{name}"].removeprefix("warned, ") for name in NAMES]
    assert told == [f"is {label}" for label in LABELS]


def test_folders_of_neither_or_of_both_classes_tell_the_nearest_or_nothing(app, stand_in):
    names = ("a/one.png", "NORMAL/PNEUMONIA/two.png", "NORMAL.png", "NORMALS/three.png")
    drop(app, ("set.zip", archive(*((name, picture(0.2)) for name in names))))
    assert [entry.label for entry in app.session_state["entries"].values()] == [
        "PNEUMONIA" if "two" in entry.name else ""
        for entry in app.session_state["entries"].values()
    ]
    assert PANELS["own"] not in app.button_group(key="panel").options


def test_matrix_rates_and_errors_of_own_radiographs_follow_the_threshold(labelled):
    def counts() -> list[list[str]]:
        (shown,) = [t.value for t in labelled.table if "Label" in t.value]
        return shown[["called NORMAL", "called PNEUMONIA"]].to_numpy().tolist()

    assert counts() == [["1", "1"], ["1", "1"]]
    assert "sensitivity 1 of 2 (9 to 91 %)" in everything(labelled)
    errors = [b.label for b in labelled.button if b.key.startswith("error-")]
    assert [re.split(",", label)[0] for label in errors] == [
        "set.zip/normal/two.png: NORMAL",
        "set.zip/PNEUMONIA/four.png: PNEUMONIA",
    ]
    next(b for b in labelled.button if "four" in b.label).click().run()
    assert "four.png" in labelled.session_state["entries"][labelled.session_state["case"]].name
    labelled.slider(key="threshold").set_value(0.001).run()
    assert counts() == [["0", "2"], ["0", "2"]]


def test_error_opens_whatever_the_list_was_narrowed_to(labelled):
    labelled.text_input(key="search").set_value("one").run()
    show_only(labelled, "NORMAL")
    next(
        b for b in labelled.button if b.key.startswith("error-") and "two" in b.label
    ).click().run()
    assert "two.png" in labelled.session_state["entries"][labelled.session_state["case"]].name
    assert len(table(labelled)["File"]) == 4


def test_names_in_the_list_of_errors_are_shown_and_not_obeyed(app, stand_in):
    names = ("NORMAL/**b**[l](http://x).png", "PNEUMONIA/a\x1b.png")
    app.session_state["panel"] = "own"
    drop(app, ("set.zip", archive(*zip(names, map(picture, (0.8, 0.2)), strict=True))))
    labels = [b.label for b in app.button if b.key.startswith("error-")]
    assert len(labels) == 2
    assert not any(re.search(r"(?<!\\)[*\[\]]|\x1b", label) for label in labels)


def test_test_ends_when_its_last_radiograph_is_removed(app, stand_in):
    drop(app, ("a.png", picture(0.2)), ("b.png", picture(0.8)))
    app.toggle(key="testing").set_value(True).run()
    drop(app, ("broken.png", b"nothing"))
    assert not app.session_state["testing"]
    assert "broken.png" in everything(app)
    assert not app.exception


def test_numbers_of_later_files_are_drawn_too(app, stand_in, monkeypatch):
    drop(app, ("a.png", picture(0.2)), ("b.png", picture(0.8)))
    app.toggle(key="testing").set_value(True).run()
    drawn = []
    monkeypatch.setattr(random, "choice", lambda free: drawn.append(free) or free[-1])
    levels = (0.2, 0.8, 0.3, 0.4)
    drop(app, *((f"{name}.png", picture(p)) for name, p in zip("abcd", levels, strict=True)))
    assert sorted(app.session_state["numbers"].values()) == [1, 2, 3, 4]
    assert any(len(free) > 1 for free in drawn)


def test_numbers_are_those_of_what_is_asked_alone(app, stand_in):
    levels = (0.2, 0.8, 0.3)
    drop(app, *((f"{p}.png", picture(p)) for p in levels), ("broken.png", b""), ("b2.png", b"no"))
    app.toggle(key="testing").set_value(True).run()
    rows = components(app, "rows")[0]["rows"]
    assert [row["name"] for row in rows] == [f"Radiograph {n}" for n in (1, 2, 3)]


def test_uncertain_is_said_of_the_models_answer_and_counted_as_the_nearer(app, stand_in):
    drop(app, ("a.png", picture(0.499)))
    app.toggle(key="testing").set_value(True).run()
    app.button(key="say-NORMAL").click().run()
    assert "The model is uncertain, and counted as NORMAL, which is nearer." in everything(app)
    app.slider(key="threshold").set_value(0.9).run()
    assert "The model says NORMAL." in everything(app)


def test_nothing_is_told_before_the_person_has_answered(labelled):
    labelled.toggle(key="testing").set_value(True).run()
    shown = everything(labelled)
    for told in ("one.png", "four.png", "set.zip", "is NORMAL", "is PNEUMONIA", "data set's own"):
        assert told not in shown, told
    assert VERDICT not in shown
    assert "Of the evidence" not in shown
    rows = components(labelled, "rows")[0]["rows"]
    assert {(row["p"], row["low"], row["answer"], row["stability"]) for row in rows} == {
        (None, None, "Your turn", "")
    }
    assert sorted(row["name"] for row in rows) == [f"Radiograph {n}" for n in range(1, 5)]
    assert not labelled.download_button
    assert not [text for text in labelled.markdown if "your own labelled" in text.value]
    assert labelled.button_group(key="panel").options == [PANELS["threshold"]]
    assert not labelled.exception


def test_answers_are_counted_beside_the_models_on_the_same_radiographs(labelled):
    labelled.toggle(key="testing").set_value(True).run()
    for _ in range(4):  # always NORMAL: half are right
        labelled.button(key="say-NORMAL").click().run()
        told = everything(labelled)
        entry = labelled.session_state["entries"][labelled.session_state["case"]]
        model = entry.reading.verdict(0.5)
        assert f"You said NORMAL. The data set says {entry.label}. The model says {model}." in told
        assert VERDICT in told
        if not labelled.button(key="next").disabled:
            labelled.button(key="next").click().run()
    score = " ".join(caption.value for caption in labelled.caption)
    assert "Answered: 4 of 4." in score
    assert "You: 2 right, 2 wrong; the model: 2 right, 2 wrong." in score
    assert "You: sensitivity 0 of 2 (0 to 66 %), specificity 2 of 2 (34 to 100 %)." in score
    assert "The model: sensitivity 1 of 2" in score
    labelled.button(key="start-over").click().run()
    assert labelled.session_state["answers"] == {}
    assert "Answered: 0 of 4." in " ".join(caption.value for caption in labelled.caption)
    labelled.toggle(key="testing").set_value(False).run()
    assert "one.png" in everything(labelled)
    assert not labelled.exception


def test_agreement_without_labels_is_not_called_right(app, stand_in):
    drop(app, ("a.png", picture(0.2)), ("b.png", picture(0.8)))
    app.toggle(key="testing").set_value(True).run()
    app.button(key="say-NORMAL").click().run()
    score = " ".join(caption.value for caption in app.caption)
    assert "Right" not in score
    entry = app.session_state["entries"][app.session_state["case"]]
    same = int(entry.reading.verdict(0.5) == "NORMAL")
    assert f"Of 1 without a label you and the model agree on {same}, which does not" in score


@pytest.mark.skipif(not CHROMIUM, reason="needs Chromium (apt-get install chromium)")
def test_nothing_in_the_browser_tells_names_or_answers(browser, address):
    page = browser.new_page(viewport={"width": 1440, "height": 900})
    page.set_default_timeout(60_000)
    open_app(page, address)
    files = sorted(ROOT.glob("samples/*/*.jpeg"))[2:6]
    page.locator("input[type=file]").set_input_files(files)
    expect(page.locator(".pneumo-strip")).to_be_visible(timeout=90_000)
    page.get_by_text("Test yourself").click()
    expect(page.locator(".list .chip")).to_have_text(["■ Your turn"] * 4, timeout=90_000)
    expect(page.locator("[data-test-script-state=notRunning]")).to_be_attached(timeout=90_000)
    expect(page.get_by_role("button", name="I say NORMAL")).to_be_in_viewport()
    assert page.get_by_test_id("stMain").evaluate("e => e.scrollTop") == 0, "the switch was below"
    shadows = "[...document.querySelectorAll('*')].map(e => e.shadowRoot?.innerHTML ?? '').join()"
    shown = page.content() + page.evaluate(shadows)
    assert "Radiograph 1" in shown
    assert not [file.name for file in files if file.stem in shown]
    assert not page.locator(".pneumo-verdict").count()
    assert "P 0." not in page.locator(".list").inner_text()
    page.locator(".pneumo-name").click()  # keys typed in a control are the control's
    page.keyboard.press("n")
    expect(page.get_by_text("You said NORMAL.")).to_be_visible(timeout=90_000)
    expect(page.locator(".pneumo-verdict .word")).to_be_visible()
    expect(page.locator(".list .chip", has_text="Your turn")).to_have_count(3)
    page.close()
