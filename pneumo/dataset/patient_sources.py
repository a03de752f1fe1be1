"""Where patients are named: a user's table, or the files' own PatientID, which is never kept."""

import csv
import hashlib
import io
import secrets
import zlib
from pathlib import Path

from pneumo.errors import DatasetError
from pneumo.reading.dicom_file import is_dicom, read_meta
from pneumo.reading.silence import silence

_HEAD = 2**20
"""Bytes of a file that are looked through: PatientID stands near the beginning."""


def read_table(table: Path) -> dict[str, str]:
    """Reads file -> patient from a CSV, separated by commas, semicolons or tabs.

    Raises:
        DatasetError: It cannot be read, lacks the columns `file` and `patient`, or contradicts
            itself.
    """
    try:
        text = table.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise DatasetError(f"The table of patients {table} cannot be read ({error}).") from error
    header = text.split("\n", 1)[0]
    rows = csv.DictReader(io.StringIO(text, newline=""), delimiter=max(",;\t", key=header.count))
    if not {"file", "patient"} <= set(rows.fieldnames or ()):
        raise DatasetError(f"{table} needs a first line with the columns file and patient.")
    patients: dict[str, str] = {}
    for row in rows:
        file, patient = (row["file"] or "").strip(), (row["patient"] or "").strip()
        if patient and patients.setdefault(file, patient) != patient:
            raise DatasetError(f"{table} gives {file} to two patients, in line {rows.line_num}.")
    return patients


def number_by_dicom(paths: list[Path]) -> list[str | None]:
    """Numbers the patients of DICOM files in order of first appearance; None where none is named.

    A PatientID is only held as a hash under a key of this call, and the number tells nothing.
    """
    key = secrets.token_bytes(32)
    numbers: dict[bytes, int] = {}
    told: list[str | None] = []
    for path in paths:
        identity = _read_patient_id(path)
        if not identity:
            told.append(None)
            continue
        digest = hashlib.blake2b(identity, key=key).digest()
        told.append(f"dicom-{numbers.setdefault(digest, len(numbers) + 1)}")
    return told


def _read_patient_id(path: Path) -> bytes | None:
    """Returns PatientID and its issuer (PS3.3 C.7.1.1), None if there is none or no DICOM file.

    Of the file's beginning only: what is damaged further on is refused by name when decoded.
    """
    try:
        with path.open("rb") as file:
            data = file.read(_HEAD)
    except OSError:  # told where the radiograph itself is read
        return None
    if not is_dicom(data):
        return None
    try:
        with silence():
            return _parse_patient_id(data)
    except Exception:  # pydicom raises whatever a damaged file provokes
        return None


def _parse_patient_id(data: bytes) -> bytes | None:
    from pydicom.filereader import read_dataset
    from pydicom.tag import Tag
    from pydicom.uid import DeflatedExplicitVRLittleEndian, ExplicitVRLittleEndian

    stream, syntax, _ = read_meta(data)
    if syntax == DeflatedExplicitVRLittleEndian:
        inflater = zlib.decompressobj(-zlib.MAX_WBITS)
        stream = io.BytesIO(inflater.decompress(stream.read(), _HEAD))
        syntax = ExplicitVRLittleEndian
    wanted = [Tag("PatientID"), Tag("IssuerOfPatientID")]
    dataset = read_dataset(
        stream,
        is_implicit_VR=syntax.is_implicit_VR,
        is_little_endian=syntax.is_little_endian,
        stop_when=lambda tag, vr, length: tag > wanted[-1],
        specific_tags=[*wanted],
    )
    identity, issuer = (
        str(dataset[tag].value or "").strip() if tag in dataset else "" for tag in wanted
    )
    return f"{identity}\0{issuer}".encode() if identity else None
