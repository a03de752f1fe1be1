import numpy as np
import pytest

from pneumo.evaluation.metrics import compare_shifted
from pneumo.evaluation.robustness import (
    LOOKS,
    RESTS,
    SHIFTS,
    SURROUNDINGS,
    apply_suite,
    draw_donors,
)
from pneumo.network.lung_finder import FinderPass
from pneumo.training.phantom import draw_phantom
from tests.network.test_lung_field import TWO


def find_two_boxes(batch: np.ndarray) -> FinderPass:
    """Finds the lungs of any picture at the same place."""
    return FinderPass(np.stack([TWO] * len(batch)), np.zeros((len(batch), 4), np.float32))


@pytest.mark.parametrize("name", SHIFTS)
def test_shift_changes_the_radiograph_and_repeats_exactly(name, phantom):
    before = phantom.copy()
    shifted = SHIFTS[name](phantom)
    assert shifted.dtype == np.uint8
    assert shifted.ndim == 2
    assert shifted.shape != phantom.shape or (shifted != phantom).any()
    np.testing.assert_array_equal(SHIFTS[name](phantom), shifted)
    np.testing.assert_array_equal(phantom, before)


@pytest.mark.parametrize(
    ("name", "before", "after"),
    [
        ("black level +15 %", [0, 255], [38, 255]),
        ("gamma 0.7", [0, 64, 255], [0, 97, 255]),
        ("gamma 1.4", [0, 64, 255], [0, 37, 255]),
        ("contrast 0.6", [0, 255], [51, 204]),
        ("washed out", [0, 64, 255], [0, 131, 255]),
    ],
)
def test_grey_level_shifts(name, before, after):
    assert SHIFTS[name](np.array([before], np.uint8)).tolist() == [after]


@pytest.mark.parametrize(
    ("name", "amount"), [("local contrast 0.6", 12), ("local contrast 1.6", 32)]
)
def test_local_contrast_changes_what_is_fine_and_leaves_what_is_broad(name, amount):
    ground = np.tile(np.linspace(80, 170, 400).astype(np.uint8), (400, 1))
    stripes = np.where(np.arange(400)[:, np.newaxis] % 4 < 2, 20, -20)
    shifted = SHIFTS[name]((ground + stripes).astype(np.uint8))[100:300, 100:300].astype(int)
    found = shifted - ground[100:300, 100:300]
    assert np.abs(found).mean() == pytest.approx(amount, abs=1)
    assert abs(found.mean()) < 1


@pytest.mark.parametrize(
    ("name", "shape"),
    [
        ("224 pixels", (224, 224)),
        ("128 pixels", (128, 128)),
        ("15 % taller", (348, 600)),
        ("15 % wider", (400, 522)),
        ("crop 10 %", (360, 540)),
        ("border 5 %", (440, 660)),
        ("view 20 % wider", (480, 720)),
        ("view 20 % narrower", (334, 500)),
    ],
)
def test_sizes(name, shape):
    assert SHIFTS[name](np.zeros((400, 600), np.uint8)).shape == shape


def test_noise_and_blur_mean_the_same_at_any_size():
    def grain(side):
        flat = np.full((side, side), 128, np.uint8)
        return SHIFTS["noise"](flat).std()

    assert grain(299) == pytest.approx(8, abs=0.2)
    assert grain(598) == pytest.approx(grain(299), abs=0.2)

    def edge(side):
        step = np.zeros((side, side), np.uint8)
        step[:, side // 2 :] = 255
        row = SHIFTS["blur"](step)[side // 2]
        return ((row > 40) & (row < 215)).sum() / side

    assert edge(1196) == pytest.approx(edge(299), abs=0.004)


def test_comparison_reports_rates_at_the_fixed_threshold():
    labels = np.array([0, 0, 1, 1])
    base = np.array([0.1, 0.4, 0.6, 0.9])
    report = compare_shifted(labels, {"none": base, "x": np.array([0.3, 0.6, 0.5, 0.9])}, 0.5)
    assert report["none"]["mean_change"] == 0
    assert report["none"]["auc"] == 1
    assert report["x"]["specificity"] == 0.5
    assert report["x"]["sensitivity"] == 1
    assert report["x"]["balanced_accuracy"] == 0.75
    assert report["x"]["auc"] == 0.75
    assert report["x"]["mean_change"] == pytest.approx(0.125)
    assert report["x"]["mean_change_NORMAL"] == pytest.approx(0.2)
    assert report["x"]["mean_change_PNEUMONIA"] == pytest.approx(0.05)


def test_suite_lends_the_looks_of_the_other_class(phantom):
    donor = 255 - draw_phantom(0, np.random.default_rng(4), 300)
    variants = apply_suite(phantom, donor)
    assert list(variants) == ["none", *SHIFTS, *LOOKS]  # no finder, no surroundings
    np.testing.assert_array_equal(variants["none"], phantom)
    both = variants["other class's levels and texture"]
    assert both.mean() == pytest.approx(donor.mean(), abs=4)
    assert list(apply_suite(phantom)) == ["none", *SHIFTS]
    assert list(apply_suite(phantom, donor, {"blur"})) == ["none", "blur"]


def test_suite_takes_surroundings_away_where_lungs_can_be_found(phantom):
    donor = 255 - draw_phantom(0, np.random.default_rng(4), 300)
    names = ["none", *SHIFTS, *LOOKS, *SURROUNDINGS, *RESTS]
    assert list(apply_suite(phantom, donor, find=find_two_boxes)) == names
    wanted = {"lungs alone", "letters removed"}
    assert list(apply_suite(phantom, donor, wanted, find_two_boxes)) == [
        "none",
        "letters removed",
        "lungs alone",
    ]
    # Without a donor nothing can be lent, but what an answer rests on can be asked.
    assert list(apply_suite(phantom, None, {*SURROUNDINGS, *RESTS}, find_two_boxes)) == [
        "none",
        *RESTS,
    ]


def test_radiographs_that_were_not_scored_under_a_shift_do_not_count():
    labels, base = np.array([0, 0, 1, 1]), np.array([0.1, 0.4, 0.6, 0.9])
    report = compare_shifted(labels, {"none": base, "x": [0.6, np.nan, np.nan, 0.8]}, 0.5)
    assert report["none"]["n"] == 4
    assert report["x"] == {
        "n": 2,
        "auc": 1.0,
        "sensitivity": 1.0,
        "specificity": 0.0,
        "balanced_accuracy": 0.5,
        "p_range": pytest.approx([0.61, 0.79]),
        "mean_change": pytest.approx(0.3),
        "mean_change_NORMAL": pytest.approx(0.5),
        "mean_change_PNEUMONIA": pytest.approx(0.1),
    }


def test_donors_are_of_the_other_class():
    labels = np.array([0, 1, 1, 0, 1])
    donors = draw_donors(labels)
    assert (labels[donors] != labels).all()
    np.testing.assert_array_equal(draw_donors(labels), donors)
    assert draw_donors(np.ones(3, int)) is None
