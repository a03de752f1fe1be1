"""A file, wherever it is, to its row."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from pneumo.cli.heatmaps import HeatmapSaver
from pneumo.cli.outputs import Scored
from pneumo.dataset.examples import class_of
from pneumo.errors import RadiographError
from pneumo.evaluation.stability import measure_stability
from pneumo.export.rows import row_of, row_of_failure
from pneumo.inference import Engine, PreparedRadiograph, predict, prepare_input, score_pixels
from pneumo.reading.folders import stem_of
from pneumo.reading.radiograph import read_bytes, read_radiograph


@dataclass(frozen=True)
class RemoteFile:
    """A file that is not on this machine's disk.

    Attributes:
        name: That its row gets.
        stem: For the names of what is written of it.
        fetch: Returns its bytes; raises `RadiographError` if they cannot be had.
    """

    name: str
    stem: str
    fetch: Callable[[], bytes]

    def __str__(self) -> str:
        return self.name


@dataclass(frozen=True)
class OpenedFile:
    """A file that was read, or why it could not be.

    Attributes:
        file: Which.
        data: Its bytes.
        pixels: Of the radiograph.
        prepared: What the network sees of it.
        problem: Why there is none of these.
    """

    file: Path | RemoteFile
    data: bytes | None = None
    pixels: np.ndarray | None = None
    prepared: PreparedRadiograph | None = None
    problem: str = ""


@dataclass(frozen=True)
class Scorer:
    """Makes the row of a file.

    Attributes:
        engine: That answers.
        threshold: Least P(PNEUMONIA) called PNEUMONIA.
        stability: Whether small changes are tried too.
        saver: Of heatmaps, if they are wanted.
        given: Files, folders and addresses as the user named them; class folders below these tell
            labels, as in `evaluate`. Further up a folder "pneumonia" may be anything.
    """

    engine: Engine
    threshold: float
    stability: bool = False
    saver: HeatmapSaver | None = None
    given: tuple[Path, ...] = ()

    def open(self, file: Path | RemoteFile) -> OpenedFile:
        """Reads one file and finds its lungs; one that cannot be read is opened with its problem.

        May run in another thread while `score` is busy with the file before.
        """
        name = str(file)
        try:
            data = read_bytes(file, name) if isinstance(file, Path) else file.fetch()
            radiograph = read_radiograph(data, name=name)
        except RadiographError as problem:
            return OpenedFile(file, problem=str(problem))
        prepared = prepare_input(self.engine.classifier, radiograph)
        return OpenedFile(file, data, radiograph.pixels, prepared)

    def score(self, opened: OpenedFile, number: int) -> Scored:
        """Scores one file, and writes its heatmaps; see `Scored`."""
        file = opened.file
        name, precision = str(file), self.engine.classifier.precision
        weights = self.engine.classifier.card.weights_sha256
        label = self._label_of(Path(name))
        data, pixels, prepared = opened.data, opened.pixels, opened.prepared
        if data is None or pixels is None or prepared is None:
            row = row_of_failure(
                name, opened.problem, self.threshold, weights, label=label, precision=precision
            )
            return Scored(name, number, row)
        (reading,) = predict(self.engine, [prepared])
        tried, stem, overlay = None, "", ""
        if self.stability and not reading.refused:
            tried = measure_stability(pixels, reading.probability, self._score_pixels)
        row = row_of(
            *(name, reading, self.threshold, weights, tried), label=label, precision=precision
        )
        if self.saver and not reading.refused:
            own = stem_of(file) if isinstance(file, Path) else file.stem
            stem, overlay = self.saver.save(own, data, pixels, reading, row)
        row = replace(row, overlay=overlay)
        return Scored(name, number, row, prepared.info.sha256, stem)

    def _label_of(self, path: Path) -> str:
        below = (path.relative_to(top) for top in self.given if path.is_relative_to(top))
        return next(filter(None, (class_of(own.parts[:-1]) for own in below)), "")

    def _score_pixels(self, pictures: Iterable[np.ndarray]) -> np.ndarray:
        return score_pixels(self.engine.classifier, pictures)
