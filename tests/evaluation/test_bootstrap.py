"""The bootstrap over patients, against resamples that are written out."""

import numpy as np
import pytest

from pneumo.evaluation.bootstrap import RESAMPLES, draw_resamples, interval_of_auc, interval_of_rate

LABELS = np.array([0, 0, 0, 1, 1, 1, 1, 0, 1, 1])
PATIENTS = np.array(["a", "a", "b", "c", "d", "d", "e", "f", "f", "g"])  # f has one of each
SCORES = np.array([0.1, 0.4, 0.4, 0.3, 0.8, 0.4, 0.9, 0.6, 0.6, 0.2])
HEALTHY, ILL, BOTH = [0, 1], [2, 3, 4, 6], [5]  # places of a b, c d e g, f


def written_out(resamples):
    """Each resample as indices of radiographs, those of a patient drawn twice twice."""
    for row in resamples.drawn.astype(int):
        yield np.concatenate(
            [np.repeat(np.flatnonzero(resamples.patient == p), k) for p, k in enumerate(row)]
        )


def test_patients_are_drawn_whole_and_each_kind_among_themselves():
    drawn = draw_resamples(LABELS, PATIENTS).drawn
    assert drawn.shape == (RESAMPLES, 7)
    for own in (HEALTHY, ILL, BOTH):
        assert (drawn[:, own].sum(axis=1) == len(own)).all()
    # Binomial: mean 1, variance 1 - 1/4 of the four ill ones.
    assert drawn.mean(axis=0) == pytest.approx(1, abs=0.1)
    assert drawn[:, ILL].var(axis=0) == pytest.approx(0.75, abs=0.12)
    assert (draw_resamples(LABELS, PATIENTS).drawn == drawn).all()
    assert (draw_resamples(LABELS, PATIENTS, seed=1).drawn != drawn).any()


def test_intervals_are_percentiles_of_what_each_resample_gives():
    resamples = draw_resamples(LABELS, PATIENTS, seed=3)
    sensitivities, specificities, areas = [], [], []
    for chosen in written_out(resamples):
        labels, scores = LABELS[chosen], SCORES[chosen]
        sensitivities.append(np.mean(scores[labels == 1] >= 0.5))
        specificities.append(np.mean(scores[labels == 0] < 0.5))
        above = scores[labels == 1][:, np.newaxis] - scores[labels == 0]
        areas.append(np.mean((np.sign(above) + 1) / 2))
    for values, found in (
        (sensitivities, interval_of_rate(resamples, LABELS == 1, SCORES >= 0.5)),
        (specificities, interval_of_rate(resamples, LABELS == 0, SCORES < 0.5)),
        (areas, interval_of_auc(resamples, LABELS, SCORES)),
    ):
        assert found == pytest.approx(np.percentile(values, [2.5, 97.5]), abs=1e-6)
        assert found[0] < found[1]


def test_order_and_names_of_files_do_not_matter():
    order = np.random.default_rng(0).permutation(len(LABELS))
    one = draw_resamples(LABELS, PATIENTS)
    other = draw_resamples(LABELS[order], np.array([ord(p) for p in PATIENTS])[order])
    expected = interval_of_rate(one, LABELS == 1, SCORES >= 0.5)
    assert interval_of_rate(other, LABELS[order] == 1, SCORES[order] >= 0.5) == expected
    expected = interval_of_auc(one, LABELS, SCORES)
    assert interval_of_auc(other, LABELS[order], SCORES[order]) == expected


def test_rate_without_a_mistake_gets_the_exact_interval_of_its_patients():
    resamples = draw_resamples(LABELS, PATIENTS)
    ill = LABELS == 1
    # Clopper and Pearson for 5 of 5 and 0 of 5: six radiographs, of five patients.
    assert interval_of_rate(resamples, ill, ill) == pytest.approx((0.4782, 1), abs=1e-4)
    assert interval_of_rate(resamples, ill, ~ill) == pytest.approx((0, 0.5218), abs=1e-4)


def test_nothing_to_measure_has_no_interval():
    ones = np.ones(3, int)
    resamples = draw_resamples(ones, ones)
    assert interval_of_rate(resamples, ones == 0, ones == 1) is None
    assert interval_of_auc(resamples, ones, np.zeros(3)) is None
    none = np.array([], int)
    empty = draw_resamples(none, none)
    assert interval_of_rate(empty, none == 0, none == 0) is None
    assert interval_of_auc(empty, none, none) is None
