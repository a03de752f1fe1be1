"""Batches are the same whoever prepares them."""

import numpy as np
import pytest

from pneumo.network.lung_field import FIELD
from pneumo.training.batches import EpochBatches, Presentation, Processes
from pneumo.training.framing import Sources


@pytest.mark.parametrize("on_device", [False, True])
def test_processes_give_the_batches_that_threads_give(on_device):
    rng = np.random.default_rng(0)
    sources = Sources(
        rng.integers(0, 256, (6, 96, 96), np.uint8),
        np.zeros((6, 128, 128), np.float16),
        np.full((6, 128, 128), 255, np.uint8),
    )
    groups = ("geometry", "levels", "patches", "surroundings")
    presentation = Presentation(
        *(71, 2, 5, groups),
        balanced=True,
        view=FIELD,
        cells=0 if on_device else 3,
        on_device=on_device,
    )

    def epoch(pool):
        return EpochBatches(sources, np.arange(6) % 2, presentation, 1, workers=2, pool=pool)

    pool = Processes(sources, 2)
    try:
        theirs = list(epoch(pool))
    finally:
        pool.close()
    ours = list(epoch(None))
    assert len(theirs) == len(ours) == 3
    for their, our in zip(theirs, ours, strict=True):
        for part, same in zip(their, our, strict=True):
            parts, expected = (
                each if isinstance(each, dict) else {"": each} for each in (part, same)
            )
            assert set(parts) == set(expected)
            for name, values in parts.items():
                np.testing.assert_array_equal(values, expected[name])
