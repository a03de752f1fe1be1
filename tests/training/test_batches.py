"""Batches are the same whoever prepares them."""

import numpy as np

from pneumo.network.lung_field import FIELD
from pneumo.training.batches import EpochBatches, Processes
from pneumo.training.evidence import ANSWER, CELLS
from pneumo.training.framing import Sources


def test_processes_give_the_batches_that_threads_give():
    rng = np.random.default_rng(0)
    sources = Sources(
        rng.integers(0, 256, (6, 96, 96), np.uint8),
        np.zeros((6, 128, 128), np.float16),
        np.full((6, 128, 128), 255, np.uint8),
    )
    groups = ("geometry", "levels", "patches", "surroundings")

    def epoch(pool):
        return EpochBatches(
            *(sources, 71, np.arange(6) % 2, 2, 1, 5, groups, True, 0.0, 2, FIELD, 3, pool)
        )

    pool = Processes(sources, 2)
    try:
        theirs = list(epoch(pool))
    finally:
        pool.close()
    ours = list(epoch(None))
    assert len(theirs) == len(ours) == 3
    for their, our in zip(theirs, ours, strict=True):
        np.testing.assert_array_equal(their[0], our[0])
        for name in (ANSWER, CELLS):
            np.testing.assert_array_equal(their[1][name], our[1][name])
