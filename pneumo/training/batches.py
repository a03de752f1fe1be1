"""Pixels in memory -> augmented training batches, on any Keras backend."""

import copy
import multiprocessing
import tempfile
from collections import deque
from collections.abc import Iterator
from concurrent.futures import Future, ProcessPoolExecutor, ThreadPoolExecutor
from dataclasses import dataclass, fields
from pathlib import Path
from typing import NamedTuple

import numpy as np

from pneumo import CLASSES
from pneumo.dataset.examples import draw_epoch
from pneumo.network.lung_field import FIELD
from pneumo.network.preprocess import to_model_input
from pneumo.training.augment import Redrawn, augment_cut, augment_grid
from pneumo.training.batch_arrays import Arrays, describe_batch
from pneumo.training.changes import AT_TIMES, MOSTLY, Changes, draw_changes
from pneumo.training.evidence import ANSWER, CELLS, seen_cells
from pneumo.training.framing import Cut, Placing, Sources, place_at_random, place_exactly

Batch = tuple[np.ndarray | Arrays, np.ndarray | dict[str, np.ndarray]]
"""Images, or what to make them of; and targets, by output of the network if it has several."""


class Processes:
    """Processes that prepare batches, each with the radiographs at hand.

    The radiographs lie in files that all of them look into, so that they are in memory once.
    """

    def __init__(self, sources: Sources, workers: int) -> None:
        """Writes the radiographs to a temporary folder and starts the processes."""
        self.workers = workers
        self._folder = tempfile.TemporaryDirectory(prefix="pneumo-training-")
        folder = Path(self._folder.name)
        for field in fields(Sources):
            if (values := getattr(sources, field.name)) is not None:
                np.save(folder / f"{field.name}.npy", values)
        # Not forked: what a backend's threads hold at that moment would stay held for ever.
        context = multiprocessing.get_context("spawn")
        self._pool = ProcessPoolExecutor(workers, context, _open_sources, (folder,))

    def submit(self, batches: "EpochBatches", index: int) -> "Future[Prepared]":
        """Has one batch of an epoch prepared."""
        return self._pool.submit(_prepare, replace_sources(batches, None), index)

    def close(self) -> None:
        """Ends the processes, and what waits for them."""
        self._pool.shutdown(cancel_futures=True)
        self._folder.cleanup()


_sources: Sources | None = None
"""Of a process of `Processes`, what it works on."""


def _open_sources(folder: Path) -> None:
    global _sources
    found = {path.stem: np.load(path, mmap_mode="r") for path in folder.glob("*.npy")}
    _sources = Sources(**found)


def _prepare(batches: "EpochBatches", index: int) -> "Prepared":
    return replace_sources(batches, _sources).prepare(index)


def replace_sources(batches: "EpochBatches", sources: Sources | None) -> "EpochBatches":
    """Returns the epoch with other radiographs, or none, and no processes to hand on to."""
    other = copy.copy(batches)
    other.sources, other.pool = sources, None  # type: ignore[assignment]
    return other


class Prepared(NamedTuple):
    """A batch as it is before it becomes the network's input.

    Attributes:
        shown: `(n, size, size)` uint8; or what `describe_batch` tells, for the device to redraw.
        targets: `(batch, 2)` float64.
        cells: `(n, h, w)` float32, see `pneumo.training.evidence.seen_cells`; None without.
    """

    shown: np.ndarray | Arrays
    targets: np.ndarray
    cells: np.ndarray | None


class _Drawn(NamedTuple):
    """How one lung field is redrawn: it and its donor, where both are cut, and what is done."""

    pair: tuple[int, int]
    placings: tuple[Placing, Placing]
    changes: Changes


@dataclass(frozen=True)
class Presentation:
    """How radiographs are shown to the network, the same in every epoch of a run.

    Attributes:
        size: Side of the network's input; that of the sources if it is shown all of them.
        batch_size: Radiographs in a batch.
        seed: Of the run; with the epoch it decides everything random.
        augment: Which of `augment.GROUPS` to apply.
        balanced: See `dataset.draw_epoch`.
        mixup: Parameter of the beta distribution by which each radiograph is blended with
            another of its batch (Zhang et al. 2018, https://arxiv.org/abs/1710.09412);
            0 leaves them apart.
        view: What the network is shown of a cut, one of `lung_field.VIEWS`.
        cells: Side of the network's last feature maps, to tell as well in which of them lung is
            to be seen; 0 for not.
        paired: Whether each radiograph is drawn twice, one after the other, the second time with
            a donor of the other class: half as many radiographs in as many batches.
        on_device: Whether batches tell how to redraw lung fields instead of showing them; see
            `pneumo.training.on_device`. Without `mixup` and `cells`.
    """

    size: int
    batch_size: int
    seed: int
    augment: tuple[str, ...] = ()
    balanced: bool = False
    mixup: float = 0.0
    view: str = FIELD
    cells: int = 0
    paired: bool = False
    on_device: bool = False


class EpochBatches:
    """One epoch of training batches, prepared by threads while the network is busy.

    Iterating gives each batch once, in order, whatever the number of threads. Deliberately no
    `PyDataset`: `fit` takes a batch from it to build the model and then starts its threads anew,
    so that on JAX and PyTorch batches came twice and others never.

    Every radiograph's randomness is seeded by (seed, epoch, place in the epoch), so batches do
    not depend on the number of threads or on what was run before: a resumed run sees the same.
    """

    def __init__(
        self,
        sources: Sources,
        labels: np.ndarray,
        presentation: Presentation,
        epoch: int,
        *,
        odds: np.ndarray | None = None,
        workers: int = 2,
        pool: Processes | None = None,
    ) -> None:
        """Takes the data in memory and how to present it.

        Args:
            sources: The radiographs. With lungs, the network is shown their field.
            labels: `(n,)` integers.
            presentation: How to show them.
            epoch: From 0; with the seed it decides everything random.
            odds: See `dataset.draw_epoch`.
            workers: Number of threads.
            pool: Processes that prepare the batches in place of the threads.
        """
        self.sources, self.labels = sources, labels
        self.presentation, self.epoch = presentation, epoch
        self.workers, self.pool = workers, pool
        rng = np.random.default_rng([presentation.seed, epoch])
        self.order = draw_epoch(labels, presentation.balanced, rng, odds)

    def __len__(self) -> int:
        """Number of whole batches; what is left over is left out, another part each epoch."""
        return steps_of(len(self.order), self.presentation.batch_size)

    def __iter__(self) -> Iterator[Batch]:
        """Yields the batches in order; at most two for each worker lie ready or are being made."""
        threads = ThreadPoolExecutor(self.pool.workers if self.pool else self.workers)
        waiting: deque[Future[Batch]] = deque()
        try:
            for index in range(len(self)):
                if self.pool:
                    prepared = self.pool.submit(self, index)
                    waiting.append(threads.submit(self._finish_later, index, prepared))
                else:
                    waiting.append(threads.submit(self.__getitem__, index))
                if len(waiting) >= 2 * self.workers:
                    yield waiting.popleft().result()
            while waiting:
                yield waiting.popleft().result()
        finally:  # whoever stops half-way does not wait for batches that nobody wants
            threads.shutdown(cancel_futures=True)

    def __getitem__(self, index: int) -> Batch:
        """Returns `(batch, size, size, 3)` float32 in [-1, 1] and one-hot `(batch, 2)` float32.

        With `cells` the targets are those of `pneumo.training.evidence.with_evidence`.
        """
        return self._finish(index, self.prepare(index))

    def prepare(self, index: int) -> Prepared:
        """Makes all of a batch but the network's input."""
        batch_size, cells = self.presentation.batch_size, self.presentation.cells
        places = range(index * batch_size, (index + 1) * batch_size)
        each = 2 if self.presentation.paired else 1
        chosen = self.order[[place // each % len(self.order) for place in places]]
        targets = np.eye(len(CLASSES))[self.labels[chosen]]
        if self.presentation.on_device:
            drawn = [self._draw(i, place) for i, place in zip(chosen, places, strict=True)]
            targets[[one.changes.painted > 0 for one in drawn]] = 1 / len(CLASSES)
            return Prepared(self._describe(drawn), targets, None)
        redrawn = [self._redraw(i, place) for i, place in zip(chosen, places, strict=True)]
        targets[[not one.answerable for one in redrawn]] = 1 / len(CLASSES)
        grids = np.stack([one.grid for one in redrawn])
        if not cells:
            return Prepared(grids, targets, None)
        lungs = [one.lungs for one in redrawn if one.lungs is not None]
        return Prepared(grids, targets, np.stack([seen_cells(each, cells) for each in lungs]))

    def _describe(self, drawn: list["_Drawn"]) -> Arrays:
        pairs, placings, changes = zip(*drawn, strict=True)
        return describe_batch(self.sources, pairs, placings, changes, self.presentation.size)

    def _finish_later(self, index: int, prepared: Future[Prepared]) -> Batch:
        return self._finish(index, prepared.result())

    def _finish(self, index: int, prepared: Prepared) -> Batch:
        if isinstance(prepared.shown, dict):
            return prepared.shown, prepared.targets.astype(np.float32)
        images, targets = to_model_input(prepared.shown), prepared.targets
        if mixup := self.presentation.mixup:
            rng = np.random.default_rng([self.presentation.seed, self.epoch, 1, index])
            share = rng.beta(mixup, mixup, len(images)).astype(np.float32)
            partner = rng.permutation(len(images))
            images, targets = (mix_pairs(array, partner, share) for array in (images, targets))
        targets = targets.astype(np.float32)
        if prepared.cells is None:
            return images, targets
        return images, {ANSWER: targets, CELLS: prepared.cells}

    def _redraw(self, index: int, place: int) -> Redrawn:
        shown = self.presentation
        if self.sources.distance is None:
            donor, rng = self._choose_donor(index, place)
            grid = self.sources.grids[index]
            if shown.augment:
                grid = augment_grid(grid, self.sources.grids[donor], rng, shown.augment)
            return Redrawn(grid, None, answerable=True)
        drawn = self._draw(index, place)
        own, other = (
            Cut(self.sources, each, shown.size, placing)
            for each, placing in zip(drawn.pair, drawn.placings, strict=True)
        )
        return augment_cut(own, other, drawn.changes, shown.view, tell_lungs=shown.cells > 0)

    def _choose_donor(self, index: int, place: int) -> tuple[int, np.random.Generator]:
        """Chooses any of the epoch's, so of either class; and what decides all else at random.

        That of the second of a pair is of the other class.
        """
        rng = np.random.default_rng([self.presentation.seed, self.epoch, place])
        donors = self.order
        if self._is_second(place):
            donors = donors[self.labels[donors] != self.labels[index]]
        return int(donors[rng.integers(len(donors))]), rng

    def _is_second(self, place: int) -> bool:
        return self.presentation.paired and place % 2 == 1

    def _draw(self, index: int, place: int) -> "_Drawn":
        """Draws how to redraw one lung field; the second of a pair borrows more."""
        shown, sources = self.presentation, self.sources
        donor, rng = self._choose_donor(index, place)
        pair = int(index), donor
        if "geometry" in shown.augment:
            mirror = "mirror" in shown.augment
            placings = [place_at_random(sources, each, rng, mirror) for each in pair]
        else:
            placings = [place_exactly(sources, each) for each in pair]
        borrowing = MOSTLY if self._is_second(place) else AT_TIMES
        lungs = sources.has_lungs(index)
        changes = draw_changes(rng, shown.augment, shown.size, borrowing, lungs)
        return _Drawn(pair, (placings[0], placings[1]), changes)


def mix_pairs(array: np.ndarray, partner: np.ndarray, share: np.ndarray) -> np.ndarray:
    """Returns the share of each entry plus the rest of its partner, along the first axis."""
    share = share.reshape(-1, *[1] * (array.ndim - 1))
    return share * array + (1 - share) * array[partner]


def steps_of(examples: int, batch_size: int) -> int:
    """Returns the number of batches in an epoch, at least one."""
    return max(1, examples // batch_size)
