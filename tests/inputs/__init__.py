"""Every kind of input that has been tried, and what is to come of it.

`tests/reading/test_inputs.py` checks it and `docs/make_inputs.py` writes it down, from the same
tables.
"""

import io
from collections.abc import Callable, Iterable
from dataclasses import dataclass

import numpy as np
from PIL import Image

from pneumo.errors import RadiographError
from pneumo.reading.archive import is_archive, list_pictures, unpack_picture
from pneumo.reading.radiograph import Radiograph, read_radiograph


@dataclass(frozen=True)
class Kind:
    """Files of one kind, which all have one outcome.

    Attributes:
        family: Malformed, pixel formats, DICOM or archives.
        name: What they are.
        build: Returns the files.
        notes: Notes that the radiograph gets.
        refusal: A pattern of the refusal; empty if the files are accepted.
        pixels: What is to be seen, or a function that gets the pixels and checks them; None where
            another test does.
    """

    family: str
    name: str
    build: Callable[[], Iterable[bytes]]
    notes: tuple[str, ...] = ()
    refusal: str = ""
    pixels: np.ndarray | Callable[[np.ndarray], None] | None = None


def save(image: Image.Image, kind: str = "PNG", **options) -> bytes:
    """Encodes an image."""
    buffer = io.BytesIO()
    image.save(buffer, kind, **options)
    return buffer.getvalue()


def read(data: bytes, name: str = "chest") -> list[Radiograph]:
    """Reads a file, or all the pictures of an archive, as the page does."""
    if not is_archive(data):
        return [read_radiograph(data, name)]
    members = list_pictures(data, name)
    return [
        read_radiograph(unpack_picture(data, name, place), f"{name}/{member}")
        for place, member in enumerate(members)
    ]


def outcomes(kind: Kind) -> tuple[int, list[str]]:
    """Reads all files of a kind; returns their number, and what came of them in words."""
    files, words = list(kind.build()), []
    for data in files:
        try:
            notes = "; ".join(read(data)[0].info.notes)
            text = f"read; {notes}" if notes else "read"
        except RadiographError as error:
            text = f"refused: {error}"
        if text not in words:
            words.append(text)
    return len(files), words
