"""Thresholds chosen by some patients and measured on others, as a benchmark does it."""

import numpy as np
import pytest

from benchmarks.thresholds_across_patients import across_patients
from pneumo.dataset.splits import halve_patients

RNG = np.random.default_rng(0)
LABELS = np.repeat([0, 1], 60)
PATIENTS = np.repeat(np.arange(40), 3)  # of which each has three radiographs of one class


def test_halves_share_no_patient_and_have_as_many_of_either_class():
    half = halve_patients(LABELS, PATIENTS, np.random.default_rng(1))
    assert not set(PATIENTS[half]) & set(PATIENTS[~half])
    assert LABELS[half].sum() == LABELS[~half].sum() == 30
    assert (half != halve_patients(LABELS, PATIENTS, np.random.default_rng(2))).any()


def test_what_separates_the_classes_separates_those_of_others():
    scores = {"none": np.where(LABELS == 1, 0.8, 0.2), "noise": np.where(LABELS == 1, 0.7, 0.3)}
    for point in across_patients(LABELS, PATIENTS, scores, rounds=3).values():
        assert point["others"] == pytest.approx(point["same"])
        assert point["others"]["least_balanced_accuracy"] == 1


def test_thresholds_fitted_to_chance_are_found_out():
    # Answers are the patient's own and tell nothing of the class: whoever chooses sees a pattern.
    own = RNG.uniform(0, 1, 40)[PATIENTS]
    point = across_patients(LABELS, PATIENTS, {"none": own}, rounds=20)["balanced"]
    assert point["same"]["balanced_accuracy"] > 0.53
    assert point["others"]["balanced_accuracy"] < point["same"]["balanced_accuracy"] - 0.03
    assert point["halves"][0] < point["threshold"] < point["halves"][1]
