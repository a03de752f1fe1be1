"""Files -> rows, heatmaps and lines: what `python -m pneumo predict` does."""

import threading
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from pneumo import PNEUMONIA
from pneumo.cli.outputs import Outputs, Scored
from pneumo.cli.stopping import Stop
from pneumo.cli.terminal import complain, say
from pneumo.cli.writable import resolve
from pneumo.dataset.examples import class_of
from pneumo.errors import RadiographError
from pneumo.evaluation.stability import measure_stability
from pneumo.explaining.methods import METHODS
from pneumo.explaining.overlay import Look, stretch_heatmap
from pneumo.explaining.scaling import normalize_heatmap, scale_heatmap
from pneumo.export.dicom_objects import DicomObjects, make_objects, to_bytes
from pneumo.export.rows import (
    Row,
    escape_controls,
    row_of,
    row_of_failure,
    withhold_verdict,
)
from pneumo.images import encode_png
from pneumo.inference import (
    Engine,
    PreparedRadiograph,
    Reading,
    cam_of,
    predict,
    prepare_input,
    score_pixels,
)
from pneumo.network.triage import REFUSED
from pneumo.progress import Progress, follow, unseen
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


Keep = Callable[[str, DicomObjects], None]
"""Keeps the DICOM objects of one radiograph, under a stem for names.

Raises `PneumoError` or `OSError` if it cannot.
"""


_OBJECT_ENDINGS = tuple(f".{name}.dcm" for name in DicomObjects._fields)
"""Of the names that `keep_in` gives."""


def keep_in(folder: Path) -> Keep:
    """Returns what writes DICOM objects into a folder."""

    def keep(stem: str, objects: DicomObjects) -> None:
        for name, dataset in objects._asdict().items():
            (folder / f"{stem}.{name}.dcm").write_bytes(to_bytes(dataset))

    return keep


class HeatmapSaver:
    """Writes the PNEUMONIA heatmap of one radiograph after the other.

    Args:
        engine: Whose answers are explained.
        method: A key of `METHODS`.
        overlays: Folder for the overlays as PNG, if they are wanted.
        raw_maps: Folder for the heatmaps as .npy, if they are wanted.
        keep: What keeps DICOM objects of DICOM files, if they are wanted.
        used: Names that an unfinished run has given already.
    """

    def __init__(
        self,
        engine: Engine,
        method: str,
        overlays: Path | None,
        raw_maps: Path | None,
        *,
        keep: Sequence[Keep] = (),
        used: Iterable[str] = (),
    ) -> None:
        self._engine, self._method = engine, method
        self._overlays, self._raw_maps, self._keep = overlays, raw_maps, keep
        self._used = set(used)

    def save(
        self, own: str, data: bytes, pixels: np.ndarray, reading: Reading, row: Row
    ) -> tuple[str, str]:
        """Writes what is wanted; returns the stem of its names, and where the overlay is.

        Args:
            own: The stem to begin with.
            data: The radiograph's file.
            pixels: Of the radiograph.
            reading: Of the network.
            row: Its answer.
        """
        field = reading.input.field
        cam = cam_of(self._engine, reading, self._method, PNEUMONIA)
        stem, overlay = self._name(own), ""
        if self._overlays or self._keep:
            # As in the app: on one scale for all radiographs, where there is one for the method.
            scaled = scale_heatmap(self._method, cam, self._engine.classifier.card, relative=False)
            picture = Look().draw(pixels, scaled, field)
        if self._overlays:
            place = self._overlays / f"{stem}.png"
            place.write_bytes(encode_png(picture))
            overlay = str(place)
        if self._keep:
            # An archive is read by those who never saw the warning beside a verdict on an adult.
            told = withhold_verdict(row) if reading.adult else row
            try:
                objects = make_objects(data, told, picture, METHODS[self._method].name)
            except RadiographError as problem:  # a picture among DICOM files, say
                complain(str(problem))
            else:
                for keep in self._keep:
                    keep(stem, objects)
        if self._raw_maps:
            scaled = normalize_heatmap(cam, METHODS[self._method].percentile)
            heatmap = stretch_heatmap(scaled, pixels.shape, field)
            np.save(self._raw_maps / f"{stem}.npy", heatmap)
        return stem, overlay

    def _name(self, own: str) -> str:
        stem, number = own, 1
        while stem in self._used:  # files of one name from several folders
            number += 1
            stem = f"{own}-{number}"
        self._used.add(stem)
        return stem


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
        name, weights = str(file), self.engine.classifier.card.weights_sha256
        label = self._label_of(Path(name))
        data, pixels, prepared = opened.data, opened.pixels, opened.prepared
        if data is None or pixels is None or prepared is None:
            row = row_of_failure(name, opened.problem, self.threshold, weights, label)
            return Scored(name, number, replace(row, precision=self.engine.classifier.precision))
        (reading,) = predict(self.engine, [prepared])
        tried, stem, overlay = None, "", ""
        if self.stability and not reading.refused:
            tried = measure_stability(pixels, reading.probability, self._score_pixels)
        row = row_of(name, reading, self.threshold, weights, tried, label=label)
        row = replace(row, precision=self.engine.classifier.precision)
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


def leave_out(
    files: Iterable[Path], heatmaps: Path | None, dicom: Path | None, given: Iterable[Path]
) -> list[Path]:
    """Leaves out the pictures that an earlier run has written, which are no radiographs.

    They are told by folder and name: they lie right in the folder for them, which may be one that
    is read, or one above.

    Args:
        files: Found in what was given.
        heatmaps: Folder for overlays as PNG, if there is one.
        dicom: Folder for DICOM objects, if there is one.
        given: Files and folders as the user named them. A file that is named stays; so do PNGs in
            a folder that is, which overlays would overwrite: `check_apart` refuses those.

    Raises:
        RadiographError: None is left.
    """
    named = {resolve(path) for path in given}
    overlays = None if heatmaps is None else resolve(heatmaps)
    objects = None if dicom is None else resolve(dicom)

    def is_written(path: Path) -> bool:
        if path in named:
            return False
        if path.parent == overlays and overlays not in named and path.name.endswith(".png"):
            return True
        return path.parent == objects and path.name.endswith(_OBJECT_ENDINGS)

    files = list(files)
    left = [file for file in files if not is_written(resolve(file))]
    if not left:
        raise RadiographError(
            f"Nothing is left to score: the {len(files)} files found lie in the folder for "
            "--heatmaps or --dicom, and are named like what is written there. Name another folder "
            "for that."
        )
    return left


def predict_files(
    files: Sequence[Path | RemoteFile],
    scorer: Scorer,
    outputs: Outputs,
    stop: Stop,
    *,
    done: Iterable[Scored] = (),
    progress: Progress = unseen,
) -> int:
    """Scores files one after the other, and keeps and tells each row as soon as it is known.

    The next file is read while the network is busy with the one before it.

    Args:
        files: To be scored, in the order of the rows.
        scorer: Makes the rows.
        outputs: Where they go; written whole however this ends, by an exception too.
        stop: Ends the work after the file at hand.
        done: What an unfinished run has done already.
        progress: Called before each file that is not done already.

    Returns:
        The exit status: 0, 1 if a file was refused or failed, or that of the signal.
    """
    counts: Counter[str] = Counter()
    wanted = {}
    for file in files:
        wanted[str(file), counts[str(file)]] = file
        counts[str(file)] += 1
    known = {entry.key: entry for entry in done}
    left = [(key, file) for key, file in wanted.items() if key not in known]
    stop.patient = True
    try:
        ahead = _open_ahead(scorer, [file for _, file in left])
        for key, _ in follow(left, progress):
            if stop.signal:
                break
            known[key] = entry = scorer.score(next(ahead), key[1])
            outputs.add(entry)
            tell(entry.row)
    except KeyboardInterrupt:
        pass  # asked twice: what is at hand is given up
    finally:
        order = [key for key in known if key not in wanted] + [
            key for key in wanted if key in known
        ]
        rows = [known[key].row for key in order]
        complete = known.keys() >= wanted.keys()
        if rows:
            outputs.finish(rows, complete)
    if not complete:
        complain(_describe_stop(len(rows), len(known.keys() | wanted.keys()), outputs))
        return stop.status
    return int(any(row.p_pneumonia is None for row in rows))


def _open_ahead(scorer: Scorer, files: Sequence[Path | RemoteFile]) -> Iterator[OpenedFile]:
    """Opens files in their order, each while the one before it is in use."""
    rest = iter(files)
    following = _begin_to_open(scorer, next(rest)) if files else None
    while following:
        opened = following.result()
        following = next((_begin_to_open(scorer, file) for file in rest), None)
        yield opened


def _begin_to_open(scorer: Scorer, file: Path | RemoteFile) -> Future[OpenedFile]:
    """Opens a file in a thread of its own, which nobody who gives up has to wait for."""
    future: Future[OpenedFile] = Future()

    def work() -> None:
        try:
            future.set_result(scorer.open(file))
        except BaseException as error:  # for whoever asks for the result
            future.set_exception(error)

    threading.Thread(target=work, daemon=True, name="reading").start()
    return future


def tell(row: Row) -> None:
    """Prints the line of one file: a verdict to the standard output, all else to the error."""
    if row.error:
        complain(row.error)
    elif row.verdict == REFUSED:
        complain(f"{row.path} is refused. {row.findings}")
    else:
        doubt = f"Uncertain. {row.uncertain} " if row.uncertain else ""
        path = escape_controls(row.path)  # its tabs too: they part the columns
        line = f"{path}\t{row.p_pneumonia:.4f}\t{row.verdict}\t{doubt}{row.findings}"
        say(line.rstrip())


def _describe_stop(done: int, total: int, outputs: Outputs) -> str:
    text = f"pneumo: interrupted after {done} of {total} files."
    if done and str(outputs):
        text += f" Their rows are in {outputs}"
        text += ", and --resume goes on from there." if outputs.resumable else "."
    return text
