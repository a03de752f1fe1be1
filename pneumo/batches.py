"""Pixels in memory -> augmented training batches, on any Keras backend."""

import keras
import numpy as np

from pneumo import CLASSES
from pneumo.augment import augment_grid
from pneumo.dataset import draw_epoch
from pneumo.preprocess import to_model_input


class EpochBatches(keras.utils.PyDataset):
    """One epoch of training batches, prepared by threads while the network is busy.

    Every radiograph's randomness is seeded by (seed, epoch, place in the epoch), so batches do
    not depend on the number of threads or on what was run before: a resumed run sees the same.
    """

    def __init__(
        self,
        grids: np.ndarray,
        labels: np.ndarray,
        batch_size: int,
        epoch: int,
        seed: int,
        augment: bool,
        balanced: bool,
        workers: int = 2,
    ) -> None:
        """Takes `(n, size, size)` uint8 grids and `(n,)` labels; see `dataset.draw_epoch`."""
        super().__init__(workers=workers, max_queue_size=4 * workers)
        self.grids, self.labels, self.batch_size = grids, labels, batch_size
        self.seed, self.epoch, self.augment = seed, epoch, augment
        self.order = draw_epoch(labels, balanced, np.random.default_rng([seed, epoch]))

    def __len__(self) -> int:
        """Number of whole batches; what is left over is left out, another part each epoch."""
        return steps_of(len(self.order), self.batch_size)

    def __getitem__(self, index: int) -> tuple[np.ndarray, np.ndarray]:
        """Returns `(batch, size, size, 3)` float32 in [-1, 1] and one-hot `(batch, 2)` float32."""
        places = range(index * self.batch_size, (index + 1) * self.batch_size)
        chosen = self.order[[place % len(self.order) for place in places]]
        grids = self.grids[chosen]
        if self.augment:
            grids = np.stack(
                [
                    augment_grid(grid, np.random.default_rng([self.seed, self.epoch, place]))
                    for grid, place in zip(grids, places, strict=True)
                ]
            )
        return to_model_input(grids), np.eye(len(CLASSES), dtype=np.float32)[self.labels[chosen]]


def steps_of(examples: int, batch_size: int) -> int:
    """Returns the number of batches in an epoch, at least one."""
    return max(1, examples // batch_size)
