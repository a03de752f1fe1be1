"""What `predict` writes of a radiograph besides its row: overlays, heatmaps, DICOM objects."""

from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

import numpy as np

from pneumo import PNEUMONIA
from pneumo.cli.terminal import complain
from pneumo.cli.writable import resolve
from pneumo.errors import RadiographError
from pneumo.explaining.methods import METHODS
from pneumo.explaining.overlay import Look, stretch_heatmap
from pneumo.explaining.scaling import normalize_heatmap, scale_heatmap
from pneumo.export.dicom_objects import DicomObjects, make_objects, to_bytes
from pneumo.export.rows import Row, withhold_verdict
from pneumo.images import encode_png
from pneumo.inference import Engine, Reading, cam_of

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
