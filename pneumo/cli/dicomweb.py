"""An archive of DICOM objects as a source of radiographs, and as a place for what is made of them.

DICOMweb (PS3.18): radiographs are searched by QIDO-RS and fetched by WADO-RS, one at a time and
into memory only; overlays and reports are stored by STOW-RS.
"""

import os
import re
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from email.message import Message
from functools import partial
from typing import Any
from urllib.parse import urlsplit
from uuid import uuid4

from pneumo.cli.scoring import RemoteFile
from pneumo.errors import ArchiveError, RadiographError
from pneumo.export.dicom_objects import DicomObjects, to_bytes
from pneumo.files import JsonObject
from pneumo.reading.dicom import RADIOGRAPHY
from pneumo.reading.limits import MAX_BYTES

AUTHORIZATION = "PNEUMO_DICOMWEB_AUTHORIZATION"
"""Variable of the environment for the header of this name: on a command line all could read it."""
_SECONDS = 60
LONGEST, LARGEST = 600, 64 * 2**20
"""Seconds and bytes that one answer may take: a search brings so much of 30,000 radiographs, and a
server that sends a byte a minute would be waited for by the day."""
_ENVELOPE = 4096
"""Bytes for the lines around the one part of an answer."""
_MULTIPART = 'multipart/related; type="application/dicom"'
_AS_STORED = f"{_MULTIPART}; transfer-syntax=*"
"""Without the last the standard has a server decode it first, and not all can."""
_UIDS = {"study": "0020000D", "series": "0020000E", "instance": "00080018"}
_FAILED, _REASON = "00081198", "00081197"
_STORED, _STORED_UID = "00081199", "00081155"
_TOLD = (200, 202, 409)
"""Status of an answer that says which objects were stored: all, some, none."""
_BUSY = (408, 429, 503, 504)
_PAUSE = 1
"""Seconds before a server that is busy is asked once more."""


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
        self._session, self._fetching = _connect(), _connect()
        self._client = DICOMwebClient(self.url, self._session, timeout=_SECONDS)
        self._client.host = None  # it would send it without port; requests does, wherever led to
        self._client.set_http_retry_params(retry=False)  # the sessions try again

    def __enter__(self) -> "DicomArchive":
        return self

    def __exit__(self, *failure: object) -> None:
        self._session.close()
        self._fetching.close()

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
        found: set[tuple[str, str, str]] = set()  # whoever passes over a filter answers thrice
        with self._refusing("searched"):
            for modality in modalities:
                filters = {"Modality": modality, **({"StudyDate": date} if date else {})}
                search = partial(client.search_for_series, study or None, search_filters=filters)
                for series in _all_of(search, "series"):
                    above = study or _uid_of(series, "study"), _uid_of(series, "series")
                    instances = _all_of(partial(client.search_for_instances, *above), "instance")
                    found.update((*above, _uid_of(each, "instance")) for each in instances)
        if not found:
            raise ArchiveError(
                f"{self.url} holds no radiographs like these (modality {', '.join(modalities)})."
            )
        return [self._file(*uids) for uids in sorted(found)]

    def _file(self, study: str, series: str, instance: str) -> RemoteFile:
        name = f"{self.url}/studies/{study}/series/{series}/instances/{instance}"
        return RemoteFile(name, instance, partial(self._fetch, name))

    def _fetch(self, name: str) -> bytes:
        """Returns a file as it was sent: what is in it is read where every file is, with limits."""
        try:
            with (
                self._refusing("read"),
                self._fetching.get(
                    name, headers={"Accept": _AS_STORED}, stream=True, timeout=_SECONDS
                ) as response,
            ):
                response.raise_for_status()
                body = _read_within(response, MAX_BYTES + _ENVELOPE)
                return _part_of(response.headers.get("Content-Type", ""), body)
        except ArchiveError as error:
            raise RadiographError(f"{name} cannot be fetched: {error}") from error
        except RadiographError as error:
            raise RadiographError(f"{name}: {error}") from error

    def keep(self, stem: str, objects: DicomObjects) -> None:
        """Stores overlay and report in the archive, in the radiograph's study.

        Raises:
            ArchiveError: They are refused.
        """
        edge = uuid4().hex
        head = f"\r\n--{edge}\r\nContent-Type: application/dicom\r\n\r\n".encode()
        body = b"".join(head + to_bytes(each) for each in objects) + f"\r\n--{edge}--".encode()
        headers = {
            "Content-Type": f"{_MULTIPART}; boundary={edge}",
            "Accept": "application/dicom+json",
        }
        with self._refusing("written to"):
            answer = self._session.post(
                f"{self.url}/studies",
                data=body,
                headers=headers,
                timeout=_SECONDS,
                allow_redirects=False,  # a redirected POST becomes a GET, and stores nothing
            )
            if answer.status_code not in _TOLD:
                answer.raise_for_status()
                raise ArchiveError(
                    f"{self.url} does not say that it has stored what was made of {stem} "
                    f"(HTTP {answer.status_code})."
                )
            self._require_stored(stem, objects, answer)

    def _require_stored(self, stem: str, objects: DicomObjects, answer: Any) -> None:
        """Raises `ArchiveError` unless an answer says that all is stored (PS3.18 table I.1-1)."""
        told, status = _json_of(answer), answer.status_code
        if status == 200 and _kind_of(answer).endswith("xml"):
            return  # of archives that know no JSON; this status is of all objects
        refused = _items_of(told, _FAILED)
        if refused or (status != 200 and told is None):
            codes = [_first_of(item, _REASON) for item in refused]
            reasons = sorted({f"0x{code:04x}" for code in codes if isinstance(code, int)})
            raise ArchiveError(
                f"{self.url} refuses what was made of {stem} "
                f"({', '.join(reasons) or f'HTTP {status}'})."
            )
        stored = [_first_of(item, _STORED_UID) for item in _items_of(told, _STORED)]
        if not all(each.SOPInstanceUID in stored for each in objects):
            raise ArchiveError(f"{self.url} has not stored all that was made of {stem}.")

    @contextmanager
    def _refusing(self, done: str) -> Iterator[None]:
        """Turns whatever the connection raises into one line."""
        from requests import RequestException

        try:
            yield
        except (RequestException, ValueError, OSError, RecursionError, TypeError) as error:
            # The last two: JSON nested too deep, and what Python's own reader of headers raises
            # of a Content-Type that is numbered in part (boundary*0=a; boundary*=b).
            told = getattr(getattr(error, "response", None), "status_code", None)
            cause = f"HTTP {told}" if told else type(error).__name__
            advice = (
                "It is busy: try again later."
                if told in _BUSY
                else "Check the address, that the server runs, and "
                f"{AUTHORIZATION} if it asks who you are."
            )
            raise ArchiveError(f"{self.url} cannot be {done} ({cause}). {advice}") from error


def _connect() -> Any:
    """Returns a session that asks again where asking does no harm, and says who asks."""
    from requests import Session
    from requests.adapters import HTTPAdapter
    from urllib3 import Retry

    class BoundedAdapter(HTTPAdapter):
        def send(self, request: Any, *arguments: Any, **options: Any) -> Any:
            response = super().send(request, *arguments, **options)
            if request.method == "GET" and response.status_code in _BUSY:
                # Not left to urllib3, which first reads the answer to its end, whatever its size;
                # and for no longer than this, though the answer may ask for hours.
                response.close()
                time.sleep(_PAUSE)
                response = super().send(request, *arguments, **options)
            response.raw = _Bounded(response.raw)
            return response

    header = os.environ.get(AUTHORIZATION)
    session = _connect_as(header) if header else Session()
    session.hooks["response"].append(_drop_redirect)
    again = Retry(1, allowed_methods=["GET"], respect_retry_after_header=False)
    for scheme in ("http://", "https://"):
        session.mount(scheme, BoundedAdapter(max_retries=again))
    return session


class _Bounded:
    """A body of urllib3 that ends, with an `ArchiveError` if it does not do so by itself."""

    def __init__(self, body: Any) -> None:
        self._body = body

    def __getattr__(self, name: str) -> Any:
        return getattr(self._body, name)

    def stream(self, amount: int, decode_content: bool | None = None) -> Iterator[bytes]:
        """Yields what has come, `amount` bytes at most, and waits for no more than it has to."""
        begun, read = time.monotonic(), 0
        while chunk := self._body.read1(amount, decode_content):
            read += len(chunk)
            if read > LARGEST:
                self._refuse(f"is larger than {LARGEST // 2**20} MiB")
            if time.monotonic() - begun > LONGEST:
                self._refuse(f"takes longer than {LONGEST} seconds")
            yield chunk

    def _refuse(self, why: str) -> None:
        self._body.close()  # with its connection: what is still to come would be taken for others'
        raise ArchiveError(f"The archive's answer {why}.")


def _connect_as(header: str) -> Any:
    """Returns a session that sends this header, but not to another host that it is led to.

    As a header of a plain session it would give way to `~/.netrc`, at first and at each redirect.
    """
    from requests import Session

    class SigningSession(Session):
        def rebuild_auth(self, prepared_request: Any, response: Any) -> None:
            if self.should_strip_auth(response.request.url, prepared_request.url):
                prepared_request.headers.pop("Authorization", None)

    def sign(request: Any) -> Any:
        request.headers["Authorization"] = header
        return request

    session = SigningSession()
    session.auth = sign
    return session


def _drop_redirect(response: Any, **_: object) -> None:
    """Closes a redirect, whose body requests would read and inflate whatever its size."""
    if response.is_redirect:
        response.close()


def _all_of(search: Callable[..., list[JsonObject]], level: str) -> Iterator[JsonObject]:
    """Yields what a search finds, page by page; ends with one that brings nothing new.

    There are servers that pass over the offset and send the first page for ever.
    """
    seen: set[str] = set()
    offset = 0
    while page := search(offset=offset):
        if not isinstance(page, list):
            raise ArchiveError("The archive's answer is not a list of what it has found.")
        new = [each for each in page if _uid_of(each, level) not in seen]
        if not new:
            return
        yield from new
        seen.update(_uid_of(each, level) for each in new)
        offset += len(page)


def _uid_of(found: JsonObject, level: str) -> str:
    """Reads an identifier from an answer in DICOM JSON (PS3.18 annex F).

    Raises:
        ArchiveError: It is none (PS3.5 section 9.1); files are named by it.
    """
    uid = _first_of(found, _UIDS[level])
    if not (isinstance(uid, str) and len(uid) <= 64 and re.fullmatch(r"[0-9]+(\.[0-9]+)*", uid)):
        raise ArchiveError(f"The archive's answer lacks the identifier of a {level}.")
    return uid


def _first_of(item: Any, tag: str) -> Any:
    """Returns the first value of an element in DICOM JSON; None if there is none."""
    values = _items_of(item, tag)
    return values[0] if values else None


def _items_of(item: Any, tag: str) -> list[Any]:
    """Returns the values of an element in DICOM JSON; none of something else."""
    element = item.get(tag) if isinstance(item, dict) else None
    values = element.get("Value") if isinstance(element, dict) else None
    return values if isinstance(values, list) else []


def _kind_of(answer: Any) -> str:
    """Returns an answer's media type without what it adds."""
    kind: str = answer.headers.get("Content-Type", "")
    return kind.partition(";")[0].strip().lower()


def _json_of(answer: Any) -> Any:
    """Returns what an answer says in JSON, out of a list of one; None if it says nothing so."""
    spoken = _kind_of(answer) in ("application/dicom+json", "application/json")
    told = answer.json() if spoken else None
    return told[0] if isinstance(told, list) and len(told) == 1 else told


def _read_within(response: Any, most: int) -> bytes:
    """Reads the body of an answer.

    Raises:
        RadiographError: It is longer than `most` bytes.
    """
    body = bytearray()
    for chunk in response.iter_content(2**16):
        body += chunk
        if len(body) > most:
            raise RadiographError(
                f"the answer is larger than {MAX_BYTES // 2**20} MiB, the most that is read."
            )
    return bytes(body)


def _part_of(kind: str, body: bytes) -> bytes:
    """Returns the one file in an answer (PS3.18 section 8.6.1.2), which may be there by itself.

    Raises:
        RadiographError: There is none.
    """
    header = Message()
    header["Content-Type"] = kind
    if header.get_content_type() == "application/dicom":
        return body
    edge = header.get_boundary()
    if header.get_content_type() != "multipart/related" or edge is None:
        raise RadiographError("it is sent as something other than DICOM.")
    line = f"\r\n--{edge}".encode()
    _, _, rest = (b"\r\n" + body).partition(line)
    _, begins, rest = rest.partition(b"\r\n\r\n")
    part, ends, _ = rest.partition(line)
    if not (begins and ends):
        raise RadiographError("the answer is cut off.")
    return part
