"""Batches are the same whoever prepares them."""

import numpy as np

from pneumo.network.lung_field import FIELD
from pneumo.training.batches import EpochBatches, Presentation, Processes
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
    presentation = Presentation(71, 2, 5, groups, balanced=True, view=FIELD, cells=3)

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
        np.testing.assert_array_equal(their[0], our[0])
        for name in (ANSWER, CELLS):
            np.testing.assert_array_equal(their[1][name], our[1][name])
