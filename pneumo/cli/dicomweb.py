"""An archive of DICOM objects as a source of radiographs, and as a place for what is made of them.

DICOMweb (PS3.18): radiographs are searched by QIDO-RS and fetched by WADO-RS, one at a time and
into memory only; overlays and reports are stored by STOW-RS.
"""

import io
import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from typing import Any
from urllib.parse import urlsplit

from pneumo.cli.scoring import RemoteFile
from pneumo.errors import ArchiveError, RadiographError
from pneumo.export.dicom_objects import DicomObjects, to_bytes
from pneumo.files import JsonObject
from pneumo.reading.dicom import RADIOGRAPHY
from pneumo.reading.limits import MAX_BYTES

AUTHORIZATION = "PNEUMO_DICOMWEB_AUTHORIZATION"
"""Variable of the environment for the header of this name: on a command line all could read it."""
_SECONDS = 60
_ENVELOPE = 4096
"""Bytes for the lines around the one part of an answer."""
_UIDS = {"study": "0020000D", "series": "0020000E", "instance": "00080018"}


class DicomArchive:
    """A server that speaks DICOMweb; to be closed by `with`."""

    def __init__(self, url: str) -> None:
        """Connects when it is first asked.

        Args:
            url: Of its DICOMweb service, such as `http://host:8042/dicom-web`.

        Raises:
            ArchiveError: That is no such address, or the package for it is missing.
        """
        try:
            from dicomweb_client import DICOMwebClient
            from requests import Session
        except ImportError as error:
            raise ArchiveError(
                "DICOMweb needs the package dicomweb-client: pip install 'pneumo[dicom]'"
            ) from error
        parts = urlsplit(url)
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise ArchiveError(f"{url} is not the address of a DICOMweb service (http or https).")
        if parts.username or parts.password:  # the address is part of every row
            raise ArchiveError(
                f"Leave name and password out of the address; put the header's value into "
                f"{AUTHORIZATION}."
            )
        self.url = url.rstrip("/")
        # Two connections: radiographs are fetched by a thread of its own, and no session of
        # requests is to be shared.
        self._sessions = Session(), Session()
        for session in self._sessions:
            if header := os.environ.get(AUTHORIZATION):
                session.headers["Authorization"] = header
        self._sessions[1].hooks["response"].append(_bound)
        self._client, self._reader = (
            DICOMwebClient(self.url, session, timeout=_SECONDS) for session in self._sessions
        )
        for client in (self._client, self._reader):
            client.set_http_retry_params(max_attempts=2)

    def __enter__(self) -> "DicomArchive":
        return self

    def __exit__(self, *failure: object) -> None:
        for session in self._sessions:
            session.close()

    def find(
        self, modalities: Sequence[str] = RADIOGRAPHY, study: str = "", date: str = ""
    ) -> list[RemoteFile]:
        """Lists radiographs, by their identifiers.

        Args:
            modalities: Of their series.
            study: Study Instance UID; empty for all studies.
            date: Of the study, a day `20260131` or a range `20260101-20260131`; empty for any.

        Raises:
            ArchiveError: It cannot be asked, or has none.
        """
        client = self._client
        found: list[tuple[str, str, str]] = []
        with self._refusing("searched"):
            for modality in modalities:
                filters = {"Modality": modality, **({"StudyDate": date} if date else {})}
                for series in client.search_for_series(
                    study or None, search_filters=filters, get_remaining=True
                ):
                    above = _uid_of(series, "study"), _uid_of(series, "series")
                    instances = client.search_for_instances(above[0], above[1], get_remaining=True)
                    found += [(*above, _uid_of(each, "instance")) for each in instances]
        if not found:
            raise ArchiveError(
                f"{self.url} holds no radiographs like these (modality {', '.join(modalities)})."
            )
        return [self._file(*uids) for uids in sorted(found)]

    def _file(self, study: str, series: str, instance: str) -> RemoteFile:
        name = f"{self.url}/studies/{study}/series/{series}/instances/{instance}"
        return RemoteFile(name, instance, partial(self._fetch, name, study, series, instance))

    def _fetch(self, name: str, study: str, series: str, instance: str) -> bytes:
        try:
            with self._refusing("read"):
                return to_bytes(self._reader.retrieve_instance(study, series, instance))
        except ArchiveError as error:
            raise RadiographError(f"{name} cannot be fetched: {error}") from error
        except RadiographError as error:
            raise RadiographError(f"{name}: {error}") from error
        except Exception as error:  # of any kind: the client has pydicom read what it was sent
            raise RadiographError(
                f"{name} is sent as something that cannot be read as DICOM."
            ) from error

    def keep(self, stem: str, objects: DicomObjects) -> None:
        """Stores overlay and report in the archive, in the radiograph's study.

        Raises:
            ArchiveError: They are refused.
        """
        with self._refusing("written to"):
            answer = self._client.store_instances(list(objects))
        if refused := answer.get("FailedSOPSequence"):
            reasons = {f"0x{item.get('FailureReason', 0):04x}" for item in refused}
            raise ArchiveError(
                f"{self.url} refuses what was made of {stem} ({', '.join(sorted(reasons))})."
            )

    @contextmanager
    def _refusing(self, done: str) -> Iterator[None]:
        """Turns whatever the connection raises into one line."""
        from requests import RequestException

        try:
            yield
        except (RequestException, ValueError, KeyError, OSError) as error:
            told = getattr(getattr(error, "response", None), "status_code", None)
            cause = f"HTTP {told}" if told else type(error).__name__
            raise ArchiveError(
                f"{self.url} cannot be {done} ({cause}). Check the address, that the server runs, "
                f"and {AUTHORIZATION} if it asks who you are."
            ) from error


def _bound(response: Any, **_: object) -> None:
    """Reads an answer that holds a radiograph, no further than such a file may go.

    Raises:
        RadiographError: It is longer.
    """
    body = response.raw.read(MAX_BYTES + _ENVELOPE, decode_content=True)
    if response.raw.read(1):
        response.close()
        raise RadiographError(
            f"The archive's answer is larger than {MAX_BYTES // 2**20} MiB, the most that is read."
        )
    response.raw = io.BytesIO(body)


def _uid_of(found: JsonObject, level: str) -> str:
    """Reads an identifier from an answer in DICOM JSON (PS3.18 annex F)."""
    return str(found[_UIDS[level]]["Value"][0])
