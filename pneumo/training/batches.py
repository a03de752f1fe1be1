"""Pixels in memory -> augmented training batches, on any Keras backend."""

import keras
import numpy as np

from pneumo import CLASSES
from pneumo.dataset import draw_epoch
from pneumo.preprocess import to_model_input
from pneumo.training.augment import augment_grid


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
        augment: tuple[str, ...] = (),
        balanced: bool = False,
        mixup: float = 0.0,
        workers: int = 2,
    ) -> None:
        """Takes the data in memory and how to present it.

        Args:
            grids: `(n, size, size)` uint8.
            labels: `(n,)` integers.
            batch_size: Radiographs in a batch.
            epoch: From 0; with the seed it decides everything random.
            seed: Of the run.
            augment: Which of `augment.GROUPS` to apply.
            balanced: See `dataset.draw_epoch`.
            mixup: Parameter of the beta distribution by which each radiograph is blended with
                another of its batch (Zhang et al. 2018, https://arxiv.org/abs/1710.09412);
                0 leaves them apart.
            workers: Number of threads.
        """
        super().__init__(workers=workers, max_queue_size=4 * workers)
        self.grids, self.labels, self.batch_size = grids, labels, batch_size
        self.seed, self.epoch, self.augment, self.mixup = seed, epoch, augment, mixup
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
                [self._redraw(grid, place) for grid, place in zip(grids, places, strict=True)]
            )
        images, targets = to_model_input(grids), np.eye(len(CLASSES))[self.labels[chosen]]
        if self.mixup:
            rng = np.random.default_rng([self.seed, self.epoch, 1, index])
            share = rng.beta(self.mixup, self.mixup, len(images)).astype(np.float32)
            partner = rng.permutation(len(images))
            images, targets = (blend(array, partner, share) for array in (images, targets))
        return images, targets.astype(np.float32)

    def _redraw(self, grid: np.ndarray, place: int) -> np.ndarray:
        """Augments one radiograph; the donor is any of the epoch's, so of either class."""
        rng = np.random.default_rng([self.seed, self.epoch, place])
        donor = self.grids[self.order[rng.integers(len(self.order))]]
        return augment_grid(grid, donor, rng, self.augment)


def blend(array: np.ndarray, partner: np.ndarray, share: np.ndarray) -> np.ndarray:
    """Returns the share of each entry plus the rest of its partner, along the first axis."""
    share = share.reshape(-1, *[1] * (array.ndim - 1))
    return share * array + (1 - share) * array[partner]


def steps_of(examples: int, batch_size: int) -> int:
    """Returns the number of batches in an epoch, at least one."""
    return max(1, examples // batch_size)
