"""An answer as DICOM objects for an archive: the heatmap as a picture, and a structured report.

A Secondary Capture Image (PS3.3 A.8.1) and a Comprehensive SR (PS3.3 A.35.3) by the template
Measurement Report (PS3.16, TID 1500), made by highdicom (Bridge et al. 2022,
https://doi.org/10.1007/s10278-022-00683-y). Both join the radiograph's study, so they carry its
patient's name, which nothing else of this project reads. Both say that they are not for diagnosis.
"""

import io
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from pneumo import CLASSES, PNEUMONIA, __version__
from pneumo.errors import OutputError, RadiographError
from pneumo.export.rows import ADULT_VERDICT, Row
from pneumo.files import JsonObject
from pneumo.reading.dicom_file import is_dicom
from pneumo.reading.silence import silence

if TYPE_CHECKING:
    from highdicom.sr import Measurement, MeasurementsAndQualitativeEvaluations, ObserverContext
    from pydicom.dataset import Dataset
    from pydicom.sr.coding import Code

NOTICE = "Not for diagnosis"
_MAKER = "pneumo"
_SCHEME = "99PNEUMO"
"""Of the codes for which no public scheme has one (PS3.16 section 8.2: private ones begin so)."""
_KEPT = (
    *("SOPClassUID", "SOPInstanceUID", "StudyInstanceUID", "SeriesInstanceUID", "InstanceNumber"),
    *("PatientID", "PatientName", "PatientBirthDate", "PatientSex", "IssuerOfPatientID"),
    *("AccessionNumber", "StudyID", "StudyDate", "StudyTime", "ReferringPhysicianName"),
    *("StudyDescription", "SpecificCharacterSet", "Modality", "Rows", "Columns"),
    *("PatientOrientation", "SeriesNumber", "NumberOfFrames"),
)
_MAY_BE_EMPTY = (
    *("PatientID", "PatientName", "PatientBirthDate", "PatientSex", "AccessionNumber"),
    *("StudyID", "StudyDate", "StudyTime", "ReferringPhysicianName"),
)
"""Elements of type 2: an object has them, be it with nothing in them (PS3.5 section 7.4.3)."""
_VERDICTS = {
    CLASSES[PNEUMONIA]: ("233604007", "SCT", "Pneumonia"),
    CLASSES[1 - PNEUMONIA]: ("17621005", "SCT", "Normal"),
    ADULT_VERDICT: ("NO-VERDICT", _SCHEME, "No verdict for adults"),
}
_SERIES = {"overlay": 9801, "report": 9802}
"""Numbers of the two series, beyond those of a modality."""
_UNCERTAIN = ("42425007", "SCT", "Equivocal")


class DicomObjects(NamedTuple):
    """What is written of one radiograph.

    Attributes:
        overlay: The Secondary Capture Image.
        report: The Comprehensive SR.
    """

    overlay: "Dataset"
    report: "Dataset"


def require_highdicom() -> None:
    """Raises `OutputError` if the package that makes the objects is missing."""
    try:
        import highdicom  # noqa: F401
    except ImportError as error:
        raise OutputError(
            "DICOM objects need the package highdicom: pip install 'pneumo[dicom]'"
        ) from error


def make_objects(data: bytes, row: Row, overlay: np.ndarray, method: str) -> DicomObjects:
    """Makes both objects of a radiograph's answer.

    Their identifiers follow from the radiograph's, the weights, the threshold, the method and what
    they say, so that the same answer given twice is the same object in an archive, and no other is.

    Args:
        data: The radiograph's DICOM file.
        row: Its answer; of an adult that without a verdict, see `withhold_verdict`.
        overlay: `(height, width, 3)` uint8, the radiograph with its heatmap.
        method: Name of the heatmap's method.

    Raises:
        RadiographError: The file is no DICOM file, or does not say which study it belongs to, or
            has values in its header that the standard forbids; or there is no answer.
    """
    if row.p_pneumonia is None:
        raise RadiographError(f"{row.path} has no answer, so no DICOM objects are made of it.")
    source = _read_header(data, row.path)
    made_by = (row.weights_sha256, row.threshold, row.answer, method, row.precision)
    tried = (None if p is None else _round(p) for p in (row.p_low, row.p_high))  # as they are told
    facts = (source.SOPInstanceUID, *made_by, *tried, row.findings)
    try:
        return DicomObjects(
            _make_overlay(source, row, overlay, method, facts),
            _make_report(source, row, facts),
        )
    except Exception as error:  # whatever highdicom finds amiss in what it carries over
        raise RadiographError(
            f"{row.path} has a header of which no DICOM objects can be made: {error}"
        ) from error


def to_bytes(dataset: "Dataset") -> bytes:
    """Returns an object as a file (PS3.10)."""
    from pydicom import dcmwrite

    buffer = io.BytesIO()
    dcmwrite(buffer, dataset, enforce_file_format=True)
    return buffer.getvalue()


def _read_header(data: bytes, name: str) -> "Dataset":
    from pydicom import dcmread

    if not is_dicom(data):
        raise RadiographError(f"{name} is no DICOM file, so no DICOM objects are made of it.")
    with silence():
        source = dcmread(
            io.BytesIO(data), stop_before_pixels=True, force=True, specific_tags=[*_KEPT]
        )
        source.decode()
    missing = [
        keyword
        for keyword in ("StudyInstanceUID", "SeriesInstanceUID", "SOPInstanceUID", "SOPClassUID")
        if not source.get(keyword)
    ]
    if missing:
        raise RadiographError(
            f"{name} does not say which study it belongs to (no {', '.join(missing)}), so no DICOM "
            "objects are made of it."
        )
    for keyword in _MAY_BE_EMPTY:
        if keyword not in source:
            setattr(source, keyword, "")
    return source


def _identify(*facts: object) -> str:
    """Returns the unique identifier that follows from these, and from this project."""
    from pydicom.uid import generate_uid

    return str(generate_uid(entropy_srcs=[_MAKER, *map(str, facts)]))


def _common(source: "Dataset", name: str, facts: tuple[object, ...]) -> JsonObject:
    """Returns what both objects say of themselves; `name` tells them and their series apart."""
    return {
        "series_instance_uid": _identify(name, source.StudyInstanceUID, *facts[1:3]),
        "sop_instance_uid": _identify(name, *facts),
        "instance_number": int(source.get("InstanceNumber") or 1),
        "manufacturer": _MAKER,
        "manufacturer_model_name": _MAKER,
        "software_versions": __version__,
        "device_serial_number": str(facts[1])[:16],
        "series_description": f"{_MAKER} {name}. {NOTICE}",
        "specific_character_set": "ISO_IR 192",
    }


def _make_overlay(
    source: "Dataset", row: Row, overlay: np.ndarray, method: str, facts: tuple[object, ...]
) -> "Dataset":
    import highdicom

    with silence():
        image = highdicom.sc.SCImage.from_ref_dataset(
            source,
            _print_below(overlay, f"{NOTICE}. {_MAKER} {__version__}, {method}: {_answer(row)}"),
            photometric_interpretation="RGB",
            bits_allocated=8,
            coordinate_system="PATIENT",
            patient_orientation=tuple(source.get("PatientOrientation") or ("L", "F")),
            series_number=_SERIES["overlay"],
            **_common(source, "heatmap", facts),
        )
    image.BodyPartExamined = "CHEST"
    image.ImageType = ["DERIVED", "SECONDARY"]
    image.BurnedInAnnotation = "NO"  # what is printed identifies nobody
    image.ImageComments = f"{NOTICE}. {row.findings}".strip()[:1024]
    image.DerivationDescription = f"{method} by {_MAKER} {__version__} over a radiograph"
    return image


def _answer(row: Row) -> str:
    answer = "no verdict for adults" if row.verdict == ADULT_VERDICT else row.answer
    return f"P(PNEUMONIA) {row.p_pneumonia:.3f}, threshold {row.threshold:.3f}, {answer}"


def _print_below(picture: np.ndarray, words: str) -> np.ndarray:
    """Returns the picture with a strip below, in which words stand as large as they fit."""
    height, width = picture.shape[:2]
    size = max(8, width // 40)
    font = ImageFont.load_default(size)
    while size > 8 and font.getlength(words) > width - 8:
        size -= 1
        font = ImageFont.load_default(size)
    whole = Image.new("RGB", (width, height + 2 * size))
    whole.paste(Image.fromarray(picture))
    ImageDraw.Draw(whole).text((4, height + size // 3), words, "white", font)
    return np.asarray(whole)


def _make_report(source: "Dataset", row: Row, facts: tuple[object, ...]) -> "Dataset":
    from highdicom import sr
    from pydicom.sr.coding import Code

    content = sr.MeasurementReport(
        sr.ObservationContext(observer_device_context=_describe_observer(row)),
        procedure_reported=Code("399208008", "SCT", "Plain chest X-ray"),
        imaging_measurements=[_describe_finding(source, row, facts)],
    )
    with silence():
        return sr.ComprehensiveSR(
            [source],
            content[0],
            series_number=_SERIES["report"],
            is_complete=True,
            **_common(source, "report", facts),
        )


def _describe_observer(row: Row) -> "ObserverContext":
    """Says which device, of which weights, has measured."""
    from highdicom import sr

    device = sr.DeviceObserverIdentifyingAttributes(
        uid=_identify("device", row.weights_sha256),
        name=_MAKER,
        manufacturer_name=_MAKER,
        model_name=f"{_MAKER} {__version__}",
        serial_number=row.weights_sha256,
    )
    return sr.ObserverContext(sr.CodedConcept("121007", "DCM", "Device"), device)


def _describe_finding(
    source: "Dataset", row: Row, facts: tuple[object, ...]
) -> "MeasurementsAndQualitativeEvaluations":
    """Composes the group of what was measured and judged on the radiograph."""
    from highdicom import sr
    from pydicom.sr.coding import Code

    algorithm = sr.AlgorithmIdentification(
        f"{_MAKER} Xception",
        __version__,
        [f"weights SHA-256 {row.weights_sha256}", f"{NOTICE}; a demo and a teaching tool"],
    )
    verdict = _UNCERTAIN if row.uncertain else _VERDICTS[row.verdict]
    judged = [
        sr.QualitativeEvaluation(_code("VERDICT", "Verdict"), Code(*verdict)),
        sr.QualitativeEvaluation(_code("NOTICE", "Notice"), _code("NOT-DIAGNOSTIC", NOTICE)),
    ]
    group = sr.MeasurementsAndQualitativeEvaluations(
        sr.TrackingIdentifier(_identify("finding", *facts), "radiograph"),
        # Who searches an archive for what was found is to find no adult.
        finding_type=None if row.verdict == ADULT_VERDICT else Code(*_VERDICTS[CLASSES[PNEUMONIA]]),
        algorithm_id=algorithm,
        measurements=_list_measurements(row),
        qualitative_evaluations=judged,
        source_images=[
            sr.SourceImageForMeasurementGroup(source.SOPClassUID, source.SOPInstanceUID)
        ],
    )
    if row.findings:  # TID 1501 is extensible
        group[0].ContentSequence.append(
            sr.TextContentItem(
                Code("121106", "DCM", "Comment"), row.findings, sr.RelationshipTypeValues.CONTAINS
            )
        )
    return group


def _list_measurements(row: Row) -> list["Measurement"]:
    """Lists probability and threshold, and the range under small changes if they were tried."""
    from highdicom import sr
    from pydicom.sr.coding import Code

    no_unit = Code("1", "UCUM", "no units")
    return [
        sr.Measurement(_code(key, words), _round(value), no_unit)
        for key, words, value in (
            ("P", "Probability of pneumonia", row.p_pneumonia),
            ("T", "Least probability called pneumonia", row.threshold),
            ("P-LOW", "Least probability under small changes", row.p_low),
            ("P-HIGH", "Greatest probability under small changes", row.p_high),
        )
        if value is not None
    ]


def _code(value: str, meaning: str) -> "Code":
    from pydicom.sr.coding import Code

    return Code(value, _SCHEME, meaning)


def _round(value: float | None) -> float:
    return round(float(value or 0), 6)  # a Decimal String has room for 16 letters
