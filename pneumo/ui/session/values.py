"""What the parts of the page hand to each other: sources, entries, explanations and checks."""

import threading
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from pneumo import CLASSES
from pneumo.explaining.faithfulness import Curves, Erasure
from pneumo.explaining.methods import LAYERS, METHODS
from pneumo.inference import Reading
from pneumo.network.architecture import LAST_CONVOLUTION
from pneumo.reading.adjustment import AS_IS, Adjustment
from pneumo.reading.radiograph import Radiograph, read_radiograph

DECODERS = threading.BoundedSemaphore(2)
"""Radiographs that are decoded at a time in all sessions: a large one takes many times its size."""


@dataclass(frozen=True)
class Source:
    """Where a radiograph comes from, before it is read.

    Attributes:
        name: As uploaded; within an archive with the archive's name before it.
        load: Returns the bytes; raises `RadiographError`.
        label: The data set's own label, of a sample or by its folder; empty if it is not known.
        adjustment: What the user changed.
    """

    name: str
    load: Callable[[], bytes]
    label: str = ""
    adjustment: Adjustment = AS_IS

    def read(self) -> Radiograph:
        """Decodes the radiograph; raises `RadiographError`."""
        with DECODERS:
            return read_radiograph(self.load(), self.name, self.adjustment)


@dataclass(frozen=True, kw_only=True)
class Entry:
    """One file of the session. Its pixels are not kept.

    Attributes:
        key: Its identity in the session.
        name: As uploaded; within an archive with the archive's name before it.
        reading: The model's answer, or None.
        source: Where it came from; None if there is no reading.
        error: Why there is none; empty otherwise.
        label: The data set's own label, of a sample or by its folder; empty if it is not known.
        thumbnail: PNG, at most 96 pixels on a side; empty if there is no reading.
    """

    key: str
    name: str
    reading: Reading | None
    source: Source | None
    error: str = ""
    label: str = ""
    thumbnail: bytes = b""


@dataclass(frozen=True, kw_only=True)
class ReadEntry(Entry):
    """A file that could be read: its reading and its source are there."""

    reading: Reading
    source: Source

    def read(self) -> Radiograph:
        """Reads the radiograph again, which went well before."""
        return self.source.read()


def judged(entries: Iterable[Entry]) -> list[ReadEntry]:
    """Returns those that were read and not refused: they have a verdict, or for adults a score."""
    return [e for e in entries if isinstance(e, ReadEntry) and not e.reading.refused]


@dataclass(frozen=True)
class Explanation:
    """Which heatmap of a radiograph is meant.

    Attributes:
        method: A key of `pneumo.explaining.methods.METHODS`.
        label: Class index.
        layer: One of `pneumo.explaining.methods.LAYERS`; the last for all but LayerCAM.
        relative: Whether the strongest place of each radiograph is drawn hottest, not the same
            strength in all of them; for methods with a scale for all.
    """

    method: str
    label: int
    layer: str = LAST_CONVOLUTION
    relative: bool = False

    @property
    def title(self) -> str:
        """Names the method, the class and, if it is not the last, the layer."""
        return f"{self.short_title}, evidence for {CLASSES[self.label]}"

    @property
    def short_title(self) -> str:
        """Names the method and, if it is not the last, the layer."""
        layer = "" if self.layer == LAST_CONVOLUTION else f" of {LAYERS[self.layer]}"
        return METHODS[self.method].name + layer


@dataclass(frozen=True)
class Place:
    """What the page's address says of samples and case.

    Attributes:
        samples: Numbers in the gallery, in the order they were clicked.
        case: First digits of the file's SHA-256; empty for none.
    """

    samples: tuple[str, ...] = ()
    case: str = ""


@dataclass(frozen=True)
class Pack:
    """What was made of the session's radiographs to be taken along.

    Attributes:
        of: Rows, radiographs, threshold and explanation; for others it is no longer offered.
        known: Of which radiographs stability and checks were known when it was made.
        data: The ZIP archive.
    """

    of: tuple[object, ...]
    known: tuple[tuple[bool, bool], ...]
    data: bytes


@dataclass(frozen=True)
class Checks:
    """The checks of one heatmap; see `pneumo.explaining.faithfulness`."""

    erasures: list[Erasure]
    curves: Curves


Identity = tuple[str, Adjustment, str]
"""What a result depends on: radiograph, adjustment and weights."""
