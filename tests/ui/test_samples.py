"""The samples show what the page says that they show."""

from pneumo.explaining.explainer import Explainer
from pneumo.inference import Engine, predict, prepare_input
from pneumo.reading.radiograph import read_radiograph
from pneumo.ui.worklist.samples import (
    ADULT_SAMPLE,
    INVERTED_SAMPLE,
    LESSONS,
    SAMPLES,
    label_of_sample,
    sample_names,
    sample_paths,
)
from tests.ui.test_app import page_text


def test_every_file_is_a_sample_and_none_is_heavy():
    files = {path for path in SAMPLES.rglob("*") if path.is_file() and path.name != "README.md"}
    assert set(sample_paths().values()) == files
    assert all(
        sample_paths()[name].stat().st_size <= 60_000 for name in (ADULT_SAMPLE, INVERTED_SAMPLE)
    )


def test_lessons_are_true_of_the_shipped_weights(classifier):
    engine = Engine(classifier, Explainer(classifier))
    threshold = engine.classifier.card.default.threshold
    told = {"clear": set(), "hard": set()}
    for name, lesson in LESSONS.items():
        path = sample_paths()[name]
        (reading,) = predict(engine, [prepare_input(engine.classifier, read_radiograph(path))])
        label, p = label_of_sample(path), reading.probability
        if name == INVERTED_SAMPLE:
            assert reading.refused and label == ""
        elif name == ADULT_SAMPLE:  # by its look: a JPEG file has no tags
            assert reading.adult and not reading.refused and label == ""
        elif lesson == "A clear one.":
            assert min(p, 1 - p) < 0.15 and reading.verdict(threshold) == label
            told["clear"].add(label)
        elif lesson.startswith("A hard one"):
            assert f"call it {reading.verdict(threshold)} " in lesson
            assert f"the data set calls it {label}" in lesson
            told["hard"].add(label)
    assert told["clear"] == {"NORMAL", "PNEUMONIA"} and told["hard"]


def test_lesson_is_shown_with_its_sample_and_with_no_other(app):
    app.run()
    lessons = {name: number for number, name in enumerate(sample_names(), 1) if name in LESSONS}
    app.button(key=f"sample-{lessons['NORMAL2-IM-1437-0001.jpeg']}").click().run()
    assert "Why this sample: A hard one" in page_text(app)
    other = next(n for n, name in enumerate(sample_names(), 1) if name not in LESSONS)
    app.button(key=f"sample-{other}").click().run()
    assert "Why this sample" not in page_text(app)
    app.button(key=f"sample-{lessons[INVERTED_SAMPLE]}").click().run()
    assert "Why this sample: Black and white are exchanged" in page_text(app)
    assert "own label: " not in page_text(app)
