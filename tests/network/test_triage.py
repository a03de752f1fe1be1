"""Scope and quality: values on drawn features, words on the shipped scope and real pictures."""

import json
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from sklearn.datasets import load_sample_image

from pneumo.errors import WeightsError
from pneumo.network.architecture import Layout
from pneumo.network.card import read_card
from pneumo.network.classifier import Classifier
from pneumo.network.lung_field import field_of
from pneumo.network.lung_finder import FinderPass
from pneumo.network.model_input import ModelInput, contrast_of
from pneumo.network.out_of_distribution import (
    ADULT,
    CHILD,
    INVERTED,
    KINDS,
    LEFT,
    OTHER,
    PART,
    RIGHT,
    SCREEN,
    UPSIDE_DOWN,
    Scope,
    read_scope,
    write_scope,
)
from pneumo.network.triage import judge
from pneumo.network.weights_files import CARD_NAME, WEIGHTS_FOLDER, sha256_of
from pneumo.reading.adjustment import AS_IS
from pneumo.reading.dicom import ADULT_NOTE, LATERAL_NOTE, OTHER_AGE_NOTE
from pneumo.reading.radiograph import read_radiograph
from pneumo.training.phantom import write_phantom_dataset
from pneumo.training.scope import fit_scope, photograph_screen
from tests.conftest import encode
from tests.network.test_lung_field import TWO, draw_lungs

SAMPLES = sorted((Path(__file__).resolve().parents[2] / "samples").glob("*/*.jpeg"))
GRID = np.tile(np.arange(100, dtype=np.uint8), (100, 1))


def make_scope(**changes) -> Scope:
    """One direction, and kinds that are read off the other two features."""
    kernel = np.zeros((3, len(KINDS)))
    kernel[1, KINDS.index(ADULT)] = 1
    values = {
        "mean": np.array([10.0, 0, 0]),
        "scale": np.array([2.0, 1, 1]),
        "directions": np.array([[1.0], [0], [0]]),
        "kernel": kernel,
        "bias": np.zeros(len(KINDS)),
        "limits": np.full(len(KINDS), 0.5),
        "warn_distance": 1.0,
        "refuse_distance": 2.0,
    }
    return Scope(**values | changes)


def test_distance_is_what_the_directions_leave():
    scope = make_scope()
    features = np.array([[10.0, 0, 0], [30, 0, 0], [10, 3, 0], [99, 3, -4]])
    np.testing.assert_allclose(
        scope.distances(features), [0, 0, 3 / np.sqrt(3), 5 / np.sqrt(3)], atol=1e-12
    )


def test_kinds_are_a_softmax_and_certain_above_their_limits():
    scope = make_scope()
    features = np.array([[10.0, 0, 0], [10, np.log(8), 0], [10, np.log(9), 0]])
    kinds = scope.kinds(features)
    np.testing.assert_allclose(kinds.sum(axis=1), 1)
    np.testing.assert_allclose(kinds[:, KINDS.index(ADULT)], [1 / 9, 8 / 16, 9 / 17])
    assert scope.certain_kinds(features) == [CHILD, ADULT, ADULT]
    strict = make_scope(limits=np.full(len(KINDS), 0.51))
    assert strict.certain_kinds(features) == [CHILD, CHILD, ADULT]


def test_scope_survives_the_file(tmp_path):
    scope = make_scope()
    write_scope(tmp_path / "scope.npz", scope)
    again = read_scope(tmp_path / "scope.npz")
    for name, value in vars(scope).items():
        np.testing.assert_array_equal(getattr(again, name), np.float32(value))


@pytest.mark.parametrize("damage", ["missing", "cut", "object", "lacking", "other kinds"])
def test_damaged_scope_refused(tmp_path, damage):
    path = tmp_path / "scope.npz"
    write_scope(path, make_scope())
    if damage == "missing":
        path.unlink()
    elif damage == "cut":
        path.write_bytes(path.read_bytes()[:-100])
    elif damage == "object":  # would be unpickled, which runs code
        np.savez(path, mean=np.array([{}], dtype=object), warn_distance=1, refuse_distance=1)
    elif damage == "lacking":
        np.savez(path, mean=np.zeros(3), warn_distance=1, refuse_distance=1)
    else:
        write_scope(path, make_scope(kernel=np.zeros((3, 2))))
    with pytest.raises(WeightsError, match="Restore it"):
        read_scope(path)


def test_fit_finds_what_is_drawn():
    rng = np.random.default_rng(0)
    child = rng.normal(0, 1, (300, 40)) * ([5.0] * 4 + [1] * 36)
    other = rng.normal(0, 1, (60, 40)) + 8
    kinds = np.array([CHILD] * 300 + [OTHER] * 60 + [INVERTED] * 60)
    origins = np.array([f"p{i // 2}" for i in range(420)])
    scope = fit_scope(np.vstack([child, other, -other]), kinds, origins)
    new = rng.normal(0, 1, (200, 40)) * ([5.0] * 4 + [1] * 36)
    assert np.mean(scope.distances(new) > scope.warn_distance) < 0.06
    assert not (scope.distances(new) > scope.refuse_distance).any()
    assert scope.certain_kinds(rng.normal(0, 1, (20, 40)) + 8) == [OTHER] * 20
    assert scope.certain_kinds(new).count(CHILD) >= 197
    assert (scope.distances(rng.normal(0, 8, (20, 40))) > scope.refuse_distance).all()


def test_fit_writes_scope_and_card_that_belong_together(tmp_path, monkeypatch, capsys):
    from pneumo.training import scope as fitting

    def find(batch):  # 36 grey levels for features
        features = batch[:, 10::20, 10::20, 0][:, :6, :6].reshape(len(batch), 36)
        return FinderPass(np.stack([TWO] * len(batch)), features)

    weights = tmp_path / "weights"
    weights.mkdir()
    document = json.loads((WEIGHTS_FOLDER / CARD_NAME).read_text())
    document["training"] |= {"held_out": 0.34, "share": 1.0, "seed": 0}
    (weights / CARD_NAME).write_text(json.dumps(document))

    def load(path):
        card = replace(read_card(path / CARD_NAME), layout=Layout(71))
        return Classifier(None, None, card, None, find=find)

    monkeypatch.setattr(fitting, "load_classifier", load)
    monkeypatch.setattr(fitting, "DIRECTIONS", 4)
    data = write_phantom_dataset(tmp_path / "data", patients=12)
    (tmp_path / "pictures/noise").mkdir(parents=True)
    rng = np.random.default_rng(0)
    for number in range(12):
        path = tmp_path / "pictures/noise" / f"drawn-{number}~0.png"
        path.write_bytes(encode(rng.integers(0, 255, (80, 80), dtype=np.uint8)))
    arguments = ["--data", data, "--pictures", tmp_path / "pictures", "--weights", weights]
    monkeypatch.setattr(sys, "argv", ["scope", *map(str, arguments)])
    fitting.main()
    written = read_card(weights / CARD_NAME)
    assert written.scope_sha256 == sha256_of(weights / "scope.npz")
    assert read_scope(weights / "scope.npz").kernel.shape == (36, len(KINDS))
    outcomes = written.document["scope"]["outcomes"]
    words = ("accepted", "warned", "refused")
    assert {"held-out children", "held-out children, inverted", "noise, not fitted to"} <= set(
        outcomes
    )
    assert not any(group.startswith("training") for group in outcomes)
    for outcome in outcomes.values():
        assert outcome["n"] == sum(outcome[word] for word in words) > 0
    assert written.document["scope"]["kinds_left_out"]["noise"]["n"] == 12

    def die(*arguments):
        raise KeyboardInterrupt

    def write_half(path, scope):
        path.write_bytes(b"half")
        raise KeyboardInterrupt

    # Killed while it measures or writes: the card's hash is still that of the scope.
    before = {path.name: path.read_bytes() for path in weights.iterdir()}
    monkeypatch.setattr(sys, "argv", ["scope", *map(str, [*arguments, "--children", 9])])
    for name, end in (("leave_kinds_out", die), ("write_scope", write_half)):
        with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
            patch.setattr(fitting, name, end)
            fitting.main()
        assert {path.name: path.read_bytes() for path in weights.iterdir()} == before
    monkeypatch.setattr(sys, "argv", ["scope", *map(str, [*arguments[:3], tmp_path / "none"])])
    with pytest.raises(SystemExit, match="holds no pictures in folders by kind"):
        fitting.main()


def _scope_that_says(kind: str, distance: float) -> Scope:
    bias = np.zeros(len(KINDS))
    bias[KINDS.index(kind)] = 9
    return make_scope(bias=bias, mean=np.array([10.0, 0, -distance * np.sqrt(3)]))


FEATURES = np.array([10.0, 0, 0])


@pytest.mark.parametrize(
    ("kind", "distance", "refuses", "words", "remedy"),
    [
        (INVERTED, 0.5, True, "Black and white are exchanged", AS_IS.then(inverted=True)),
        (LEFT, 0.5, True, "turned to the left", AS_IS.then(turns=3)),
        (RIGHT, 2.5, True, "turned to the right", AS_IS.then(turns=1)),
        (UPSIDE_DOWN, 0.5, True, "upside down", AS_IS.then(turns=2)),
        (OTHER, 0.5, True, "does not look like a frontal chest radiograph", None),
        (CHILD, 2.5, True, "does not look like a frontal chest radiograph", None),
        (ADULT, 2.5, True, "does not look like a frontal chest radiograph", None),
        (SCREEN, 2.5, True, "photograph of a screen or a film, or", None),
        (SCREEN, 1.5, False, "may be a photograph of a screen", None),
        (ADULT, 1.5, False, "an adult's chest", None),
        (PART, 0.5, False, "cut off", None),
        (CHILD, 1.5, False, "Unlike the training data", None),
    ],
)
def test_kind_and_distance_become_words(kind, distance, refuses, words, remedy):
    (finding,) = judge((400, 500), _seen(), (), _scope_that_says(kind, distance))
    assert finding.refuses == refuses
    assert words in finding.text
    found = finding.remedy and AS_IS.then(
        inverted=finding.remedy.inverted, turns=finding.remedy.turns
    )
    assert found == remedy


def _seen(grid=GRID, features=FEATURES, field=None):
    return ModelInput(grid, contrast_of(grid), field, features)


@pytest.mark.parametrize(
    ("shape", "grid", "notes", "expected"),
    [
        ((400, 500), GRID, (), []),
        ((400, 500), GRID // 3, (), [(False, "Low contrast: nearly all pixels lie within 32")]),
        ((400, 500), GRID // 9, (), [(True, "Hardly any contrast")]),
        ((140, 200), GRID, (), [(False, "Small: 200 x 140 pixels")]),
        ((300, 700), GRID, (), [(False, "Much longer one way")]),
        ((400, 500), GRID, (LATERAL_NOTE,), [(True, "lateral view")]),
        ((400, 500), GRID, (ADULT_NOTE,), [(False, "By its DICOM tag this is an adult's chest")]),
        ((400, 500), GRID, (OTHER_AGE_NOTE,), [(False, "By its DICOM tag this is a child of an")]),
        (
            (140, 200),
            GRID // 9,
            (),
            [(True, "Hardly any contrast"), (False, "Small: 200 x 140")],
        ),
    ],
)
def test_pixels_and_tags_become_words_refusals_first(shape, grid, notes, expected):
    found = judge(shape, _seen(grid), notes, make_scope())
    assert [finding.refuses for finding in found] == [refuses for refuses, _ in expected]
    for finding, (_, words) in zip(found, expected, strict=True):
        assert words in finding.text


@pytest.mark.parametrize("note", [ADULT_NOTE, OTHER_AGE_NOTE])
def test_adult_is_warned_of_once_when_tag_and_picture_say_so(note):
    adult = _seen(features=FEATURES + np.array([0, np.log(9), 0]))
    (seen,) = judge((400, 500), adult, (), make_scope(warn_distance=9.0, refuse_distance=9.0))
    assert "looks like an adult" in seen.text
    (told,) = judge((400, 500), adult, (note,), make_scope(warn_distance=9.0, refuse_distance=9.0))
    assert "By its DICOM tag" in told.text
    (refusal, told) = judge(
        (400, 500), adult, (note,), make_scope(warn_distance=0.1, refuse_distance=0.2)
    )
    assert refusal.refuses
    assert "By its DICOM tag" in told.text


def _found(classifier, pixels):
    """What is found of a picture, for which the network need not answer."""
    (seen,) = classifier.prepare([np.ascontiguousarray(pixels)])
    return judge(pixels.shape, seen, (), classifier.scope)


@pytest.mark.parametrize("path", SAMPLES, ids=lambda path: path.stem)
def test_samples_are_accepted_and_their_remedies_bring_them_back(classifier, path):
    pixels = read_radiograph(path).pixels
    assert _found(classifier, pixels) == ()
    for changed in (255 - pixels, np.rot90(pixels), np.rot90(pixels, 2), np.rot90(pixels, 3)):
        (finding,) = _found(classifier, changed)
        assert finding.refuses
        remedy = AS_IS.then(inverted=finding.remedy.inverted, turns=finding.remedy.turns)
        np.testing.assert_array_equal(remedy.apply(np.ascontiguousarray(changed)), pixels)


@pytest.mark.parametrize("name", ["china.jpg", "flower.jpg"])
def test_photographs_are_refused(classifier, name):
    (finding,) = _found(classifier, load_sample_image(name).mean(axis=2).astype(np.uint8))
    assert finding.refuses
    assert "does not look like" in finding.text


def test_photographed_screen_gets_no_silent_answer(classifier):
    pixels = read_radiograph(SAMPLES[0]).pixels
    assert _found(classifier, photograph_screen(pixels, np.random.default_rng(3)))


@pytest.mark.parametrize(
    ("boxes", "expected"),
    [
        ([(24, 30, 54, 100), (74, 30, 104, 100)], []),
        ([], [(True, "No lungs were found")]),
        ([(24, 30, 54, 100), (80, 90, 92, 100)], [(False, "Only one lung was found")]),
        ([(24, 30, 54, 100), (80, 80, 92, 100)], [(False, "Only one lung was found")]),
        ([(24, 30, 100, 100)], []),  # two that touch
        ([(24, 30, 54, 100), (74, 30, 104, 100), (55, 98, 57, 101)], []),  # and a crumb
        ([(0, 30, 40, 100), (60, 30, 104, 100)], [(False, "reach the edge of the picture")]),
        ([(24, 30, 54, 128), (74, 30, 104, 128)], [(False, "reach the edge of the picture")]),
    ],
)
def test_lungs_become_words(boxes, expected):
    found = judge((400, 500), _seen(features=None, field=field_of(draw_lungs(*boxes))), (), None)
    assert [finding.refuses for finding in found] == [refuses for refuses, _ in expected]
    for finding, (_, words) in zip(found, expected, strict=True):
        assert words in finding.text


def test_without_a_scope_pixels_and_lungs_alone_are_looked_at(classifier):
    blind = replace(classifier, scope=None)
    found = _found(blind, load_sample_image("china.jpg").mean(axis=2).astype(np.uint8))
    assert all("lung" in finding.text for finding in found)
    assert not any(finding.refuses for finding in found)


def test_card_says_how_often_the_shipped_scope_errs(classifier):
    outcomes = classifier.card.document["scope"]["outcomes"]
    children = outcomes["held-out children"]
    assert children["n"] == 798
    assert children["warned"] + children["refused"] <= 0.05 * children["n"]
    assert children["refused"] <= 0.02 * children["n"]
    adults = outcomes["adults, not fitted to"]
    assert adults["n"] >= 20
    assert adults["accepted"] <= 0.2 * adults["n"]
