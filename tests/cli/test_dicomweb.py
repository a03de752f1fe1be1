"""Radiographs out of an archive and answers into it: a real server, which this starts (Orthanc)."""

import contextlib
import csv
import gc
import gzip
import io
import json
import re
import shutil
import socket
import struct
import subprocess
import threading
import time
import tracemalloc
import urllib.request
import warnings
import zlib
from collections import Counter
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import numpy as np
import pytest
from pydicom import dcmread
from pydicom.dataset import FileMetaDataset
from pydicom.fileset import FileSet
from pydicom.filewriter import write_file_meta_info
from pydicom.uid import DeflatedExplicitVRLittleEndian, JPEG2000Lossless

from pneumo import __main__ as cli
from pneumo.cli import dicomweb
from pneumo.cli.dicomweb import AUTHORIZATION, DicomArchive
from pneumo.export.dicom_objects import DicomObjects, to_bytes
from pneumo.reading.limits import MAX_BYTES
from tests.conftest import encode
from tests.reading.test_dicom import make, make_dataset

ORTHANC = shutil.which("Orthanc")
PLUGIN = Path("/usr/share/orthanc/plugins/libOrthancDicomWeb.so")
with_server = pytest.mark.skipif(
    not (ORTHANC and PLUGIN.exists()),
    reason="needs Orthanc (apt-get install orthanc orthanc-dicomweb)",
)
PASSWORD = "Basic cG5ldW1vOnNlY3JldA=="  # pneumo:secret


@pytest.fixture(autouse=True)
def loaded(monkeypatch, stand_in):
    monkeypatch.setattr("pneumo.cli.predict.load_engine", lambda **flags: stand_in.engine)


def elements(number: int, **others):
    """What puts a radiograph into a study of its own."""
    made = {
        "StudyInstanceUID": f"1.2.3.{number}",
        "SeriesInstanceUID": f"1.2.3.{number}.1",
        "SOPInstanceUID": f"1.2.3.{number}.1.1",
        "StudyDate": f"202601{number:02d}",
        "PatientID": f"P{number}",
    }
    return made | others


def radiograph(number: int, **others) -> bytes:
    """A DICOM radiograph for whose grey the stand-in answers as it is bright."""
    rows = np.full((120, 100), 40 * number, np.uint8)
    rows[::2, ::2] += 30
    return make(rows, **elements(number, **others))


@contextlib.contextmanager
def serve(folder: Path, **options):
    """Starts Orthanc with its DICOMweb service; yields the service's address."""
    ports = []
    for _ in range(2):
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            ports.append(probe.getsockname()[1])
    settings = {
        "StorageDirectory": str(folder / "storage"),
        "IndexDirectory": str(folder / "storage"),
        "HttpPort": ports[0],
        "DicomPort": ports[1],
        "RemoteAccessAllowed": False,
        "Plugins": [str(PLUGIN)],
        "DicomWeb": {"Enable": True, "Root": "/dicom-web/"},
        **options,
    }
    path = folder / "orthanc.json"
    path.write_text(json.dumps(settings))
    server = subprocess.Popen(
        [ORTHANC, path], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, cwd=folder
    )
    address = f"http://127.0.0.1:{ports[0]}"
    try:
        for _ in range(600):
            with contextlib.suppress(ConnectionError, urllib.error.URLError):
                ask(f"{address}/system")
                break
            time.sleep(0.05)
        yield f"{address}/dicom-web"
    finally:
        server.kill()  # asked to end, it takes seconds to put away what nobody reads again
        server.wait(20)


def ask(address: str, data: bytes | None = None):
    request = urllib.request.Request(address, data, {"Authorization": PASSWORD})
    with urllib.request.urlopen(request, timeout=20) as answer:
        return answer.read()


@pytest.fixture(scope="module")
def archive(tmp_path_factory):
    with serve(tmp_path_factory.mktemp("orthanc")) as address:
        root = address.removesuffix("/dicom-web")
        for number in (1, 2, 3):
            ask(f"{root}/instances", radiograph(number))
        ask(f"{root}/instances", radiograph(4, Modality="CT"))
        yield address


def run(address, *options) -> int:
    return cli.main(["dicomweb", address, *map(str, options)])


def rows_of(path):
    with path.open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


@with_server
def test_radiographs_are_found_fetched_and_scored_as_from_the_disk(archive, tmp_path, capsys):
    files = []
    for number in (1, 2, 3):
        files.append(tmp_path / f"{number}.dcm")
        files[-1].write_bytes(radiograph(number))
    assert run(archive, "--csv", tmp_path / "a.csv") == 0
    assert cli.main(["predict", *map(str, files), "--csv", str(tmp_path / "b.csv")]) == 0
    remote, local = rows_of(tmp_path / "a.csv"), rows_of(tmp_path / "b.csv")
    assert [row["path"] for row in remote] == [
        f"{archive}/studies/1.2.3.{n}/series/1.2.3.{n}.1/instances/1.2.3.{n}.1.1" for n in (1, 2, 3)
    ]
    answers = [[row["p_pneumonia"] for row in rows] for rows in (remote, local)]
    assert answers[0] == answers[1]
    assert len(set(answers[0])) == 3
    assert len(capsys.readouterr().out.splitlines()) == 6


@with_server
@pytest.mark.parametrize(
    ("options", "studies"),
    [
        (["--study", "1.2.3.2"], [2]),
        (["--date", "20260102-20260103"], [2, 3]),
        (["--date", "20260101"], [1]),
    ],
)
def test_search_is_narrowed(archive, tmp_path, options, studies):
    assert run(archive, *options, "--csv", tmp_path / "a.csv") == 0
    found = [row["path"].split("/studies/")[1].split("/")[0] for row in rows_of(tmp_path / "a.csv")]
    assert found == [f"1.2.3.{number}" for number in studies]


@with_server
def test_what_is_no_radiograph_is_refused_when_it_is_asked_for(archive, tmp_path, capsys):
    assert run(archive, "--modality", "CT", "--csv", tmp_path / "a.csv") == 1
    assert "of modality CT (computed tomography)" in capsys.readouterr().err


@with_server
def test_overlay_and_report_are_stored_in_the_study_and_once(tmp_path):
    with serve(tmp_path) as address:
        root = address.removesuffix("/dicom-web")
        ask(f"{root}/instances", radiograph(1))
        for _ in range(2):
            assert run(address, "--store", "--dicom", tmp_path / "own") == 0
        (study,) = json.loads(ask(f"{root}/studies?expand"))
        series = [json.loads(ask(f"{root}/series/{key}")) for key in study["Series"]]
    kinds = Counter(each["MainDicomTags"]["Modality"] for each in series)
    assert kinds == {"DX": 1, "OT": 1, "SR": 1}
    assert all(len(each["Instances"]) == 1 for each in series)
    own = sorted((tmp_path / "own").iterdir())
    assert [path.name.split(".")[-2] for path in own] == ["overlay", "report"]
    assert {dcmread(path).StudyInstanceUID for path in own} == {"1.2.3.1"}


@with_server
def test_server_that_asks_who_one_is(tmp_path, monkeypatch, capsys):
    users = {"AuthenticationEnabled": True, "RegisteredUsers": {"pneumo": "secret"}}
    with serve(tmp_path, **users) as address:
        ask(f"{address.removesuffix('/dicom-web')}/instances", radiograph(1))
        assert run(address) == 2
        assert f"HTTP 401). Check the address, that the server runs, and {AUTHORIZATION}" in (
            capsys.readouterr().err
        )
        monkeypatch.setenv(AUTHORIZATION, PASSWORD)
        assert run(address) == 0
        assert "secret" not in capsys.readouterr().out


@with_server
def test_compressed_radiograph_is_fetched_as_it_is_stored(tmp_path):
    rng = np.random.default_rng(0)
    dataset = make_dataset(rng.integers(0, 256, (120, 100), np.uint8), **elements(1))
    dataset.compress(JPEG2000Lossless, generate_instance_uid=False)
    with serve(tmp_path) as address:
        ask(f"{address.removesuffix('/dicom-web')}/instances", to_bytes(dataset))
        with DicomArchive(address) as archive:
            (file,) = archive.find()
            assert file.fetch() == to_bytes(dataset)


@with_server
def test_instance_that_vanishes_is_a_row_with_its_reason(archive, tmp_path, monkeypatch):
    from requests import ConnectionError as Lost
    from requests import Session

    fetch = Session.get

    def lose(session, url, **options):
        if "/1.2.3.2.1.1" in url:
            raise Lost
        return fetch(session, url, **options)

    monkeypatch.setattr(Session, "get", lose)
    assert run(archive, "--csv", tmp_path / "a.csv") == 1
    rows = rows_of(tmp_path / "a.csv")
    assert [row["verdict"] == "ERROR" for row in rows] == [False, True, False]
    assert "cannot be fetched" in rows[1]["error"]


FOUND = {
    "0020000D": {"vr": "UI", "Value": ["1.2"]},
    "0020000E": {"vr": "UI", "Value": ["1.2.1"]},
    "00080018": {"vr": "UI", "Value": ["1.2.1.1"]},
}
PART = 'multipart/related; type="application/dicom"; boundary=part'
JSON = "application/dicom+json"


def in_parts(data: bytes) -> bytes:
    return b"--part\r\nContent-Type: application/dicom\r\n\r\n" + data + b"\r\n--part--"


@contextlib.contextmanager
def serve_by_hand(
    instance=b"",
    kind=PART,
    found=(FOUND,),
    pages=True,
    statuses=(),
    busy=b"busy",
    stored=None,
    moved="",
    more=None,
    drips=0.0,
    chunked=False,
):
    """A DICOMweb service with one radiograph that answers as it is told.

    The radiograph is sent as `instance`, of that `kind`; searches find `found`, bytes being sent as
    they are, whatever the filter and, without `pages`, whatever the offset; the first answers have
    other `statuses` and say `busy`; what is stored is answered by `stored`: status, kind and body.
    All that is not there has `moved` to another host, or below that path. With `drips` what is
    found is sent a byte at a time, with so many seconds between, and `chunked` if asked for; it has
    `more` headers. Yields the address and the requests.
    """
    told, statuses = [], list(statuses)
    bomb = gzip.compress(bytes(100 * 2**20)) if moved else b""

    class Answer(BaseHTTPRequestHandler):
        def do_GET(self):
            told.append((self.path, dict(self.headers), b""))
            if moved and not self.path.startswith(moved):
                self.answer(302, "text/plain", bomb)
            elif statuses:
                self.answer(statuses.pop(0), "text/plain", busy)
            elif self.path.partition("?")[0].endswith("/instances/1.2.1.1"):
                self.answer(200, kind, instance)
            else:
                first = not pages or "offset=0" in self.path
                body = found if isinstance(found, bytes) else json.dumps(list(found)).encode()
                self.answer(200, JSON, body if first else b"[]", **(more or {}))

        def do_POST(self):
            length = int(self.headers.get("Content-Length", 0))
            told.append((self.path, dict(self.headers), self.rfile.read(length)))
            self.answer(*stored)

        def answer(self, status, kind, body, **others):
            self.send_response(status)
            self.send_header("Content-Type", kind)
            in_chunks = chunked and kind == JSON
            length = {"Transfer-Encoding": "chunked"} if in_chunks else {}
            for name, value in {"Content-Length": len(body), **others, **length}.items():
                if not (in_chunks and name == "Content-Length"):
                    self.send_header(name, str(value))
            if status == 301:
                self.send_header("Location", self.path)
            if status == 302:
                self.send_header("Location", moved + self.path)
                self.send_header("Content-Encoding", "gzip")
            if status == 503:
                self.send_header("Retry-After", "20000")
            self.end_headers()
            with contextlib.suppress(ConnectionError):  # who has read enough hangs up
                if not (drips and kind == JSON):
                    self.wfile.write(body)
                    return
                for byte in body:
                    self.wfile.write(b"1\r\n%c\r\n" % byte if chunked else bytes([byte]))
                    time.sleep(drips)
                self.wfile.write(b"0\r\n\r\n" if chunked else b"")

        def log_message(self, *words):
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Answer) as server:
        # Asked every hundredth of a second whether it is to end: by default it is every half.
        threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}/dicom-web", told
        server.shutdown()


def trace(act):
    """Returns what a function returns, and the most bytes that Python held meanwhile."""
    tracemalloc.start()
    try:
        return act(), tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


def deflated(bytes_of_zeros: int) -> bytes:
    """A DICOM file that is small until it is inflated (PS3.5 section A.5)."""
    meta = FileMetaDataset()
    meta.MediaStorageSOPClassUID = "1.2.840.10008.5.1.4.1.1.1"
    meta.MediaStorageSOPInstanceUID = "1.2.1.1"
    meta.TransferSyntaxUID = DeflatedExplicitVRLittleEndian
    head = io.BytesIO()
    write_file_meta_info(head, meta)
    squeeze = zlib.compressobj(9, zlib.DEFLATED, -15)
    body = squeeze.compress(struct.pack("<HH2sHI", 0x7FE0, 0x10, b"OW", 0, bytes_of_zeros))
    for _ in range(bytes_of_zeros // 2**20):
        body += squeeze.compress(bytes(2**20))
    return bytes(128) + b"DICM" + head.getvalue() + body + squeeze.flush()


@pytest.mark.parametrize(
    ("instance", "why"),
    [
        (b"", "is empty"),
        (b"\0" * 128 + b"DICM" + b"\xff" * 200, "is damaged or incomplete"),
        (b"<html>busy</html>", "is not a picture"),
        (deflated(600 * 2**20), "inflate"),
        (radiograph(1)[:-4000], "it is incomplete"),
        (bytes(MAX_BYTES + 8192), "larger than 32 MiB"),
    ],
    ids=["nothing", "noise", "a page", "a bomb", "half", "too much"],
)
def test_whatever_an_archive_sends_is_a_row_with_its_reason(instance, why, tmp_path, capsys):
    with serve_by_hand(in_parts(instance)) as (address, _):
        assert run(address, "--csv", tmp_path / "a.csv") == 1
    (row,) = rows_of(tmp_path / "a.csv")
    assert row["verdict"] == "ERROR"
    assert why in row["error"]
    assert "Traceback" not in capsys.readouterr().err


@pytest.mark.parametrize(
    ("instance", "kind", "why"),
    [
        (b"{}", JSON, "sent as something other than DICOM"),
        (in_parts(radiograph(1))[:-9], PART, "the answer is cut off"),
        (in_parts(radiograph(1)), "multipart/related", "sent as something other than DICOM"),
        (b"", "multipart/related; boundary*0=a; boundary*=b", "cannot be fetched"),
        (radiograph(1), "application/dicom", ""),
        (in_parts(radiograph(1)), PART.replace("=part", '="part"'), ""),
    ],
    ids=["JSON", "cut off", "no boundary", "half numbered", "by itself", "quoted"],
)
def test_answer_is_taken_as_it_says_what_it_is(instance, kind, why, tmp_path):
    with serve_by_hand(instance, kind) as (address, _):
        assert run(address, "--csv", tmp_path / "a.csv") == bool(why)
    (row,) = rows_of(tmp_path / "a.csv")
    assert why in row["error"]
    assert (row["verdict"] == "ERROR") is bool(why)


@pytest.mark.parametrize("pages", [True, False])
def test_server_that_passes_over_filter_and_offset_brings_one_row(pages, tmp_path):
    with serve_by_hand(in_parts(radiograph(1)), pages=pages) as (address, told):
        assert run(address, "--csv", tmp_path / "a.csv") == 0
        port = address.split(":")[2].split("/")[0]
    assert len(rows_of(tmp_path / "a.csv")) == 1
    assert len(told) < 20
    assert {headers["Host"] for _, headers, _ in told} == {f"127.0.0.1:{port}"}


@pytest.mark.parametrize(
    "found",
    [
        ["1.2"],
        [{**FOUND, "0020000E": {"vr": "UI", "Value": []}}],
        [{**FOUND, "0020000E": {"vr": "UI"}}],
        [{**FOUND, "00080018": {"vr": "UI", "Value": ["../../up"]}}],
        [{**FOUND, "00080018": {"vr": "UI", "Value": [".."]}}],
    ],
    ids=str,
)
def test_odd_answer_to_a_search_ends_in_one_line(found, capsys):
    with serve_by_hand(found=found) as (address, _):
        assert run(address) == 2
    error = capsys.readouterr().err
    assert "lacks the identifier" in error
    assert len(error.splitlines()) == 1


@pytest.mark.parametrize(
    ("found", "why"),
    [
        (b"5", "is not a list of what it has found"),
        (b"true", "is not a list of what it has found"),
        (b"[" * 100_000, "cannot be searched (RecursionError)"),
    ],
    ids=["number", "truth", "nested"],
)
def test_search_answered_by_no_list_ends_in_one_line(found, why, capsys):
    with serve_by_hand(found=found) as (address, _):
        assert run(address) == 2
    error = capsys.readouterr().err
    assert why in error
    assert len(error.splitlines()) == 1


@pytest.mark.parametrize("squeezed", [False, True])
def test_answer_to_a_search_that_does_not_end_is_not_waited_for(squeezed, capsys, monkeypatch):
    monkeypatch.setattr(dicomweb, "LARGEST", 2**20)
    body = b"[" + b" " * 40 * 2**20
    squeeze = {"Content-Encoding": "gzip"} if squeezed else {}
    with serve_by_hand(found=gzip.compress(body) if squeezed else body, more=squeeze) as (at, _):
        status, peak = trace(lambda: run(at))
    assert status == 2
    assert "answer is larger than 1 MiB" in capsys.readouterr().err
    assert peak < 60 * 2**20  # of which the server has 40, or what it squeezed them to


@pytest.mark.parametrize("chunked", [False, True])
def test_answer_that_comes_by_the_byte_is_not_waited_for(chunked, capsys, monkeypatch):
    monkeypatch.setattr(dicomweb, "LONGEST", 0.5)
    with serve_by_hand(found=b"[" + b" " * 400, drips=0.05, chunked=chunked) as (address, _):
        begun = time.monotonic()
        assert run(address) == 2
        assert time.monotonic() - begun < 15  # whole, it takes 20
    assert "answer takes longer than 0.5 seconds" in capsys.readouterr().err


@pytest.mark.parametrize("chunked", [False, True])
def test_answer_in_pieces_is_put_together(chunked, tmp_path):
    found = json.dumps([FOUND]).encode()
    with serve_by_hand(
        in_parts(radiograph(1)), found=found, pages=False, drips=0.001, chunked=chunked
    ) as (address, _):
        assert run(address, "--csv", tmp_path / "a.csv") == 0
    assert len(rows_of(tmp_path / "a.csv")) == 1


def test_series_of_a_study_need_not_repeat_its_identifier(tmp_path):
    series = {tag: value for tag, value in FOUND.items() if tag != "0020000D"}
    with serve_by_hand(in_parts(radiograph(1)), found=[series]) as (address, _):
        assert run(address, "--study", "1.2", "--csv", tmp_path / "a.csv") == 0
    assert "/studies/1.2/series/1.2.1/" in rows_of(tmp_path / "a.csv")[0]["path"]


def test_busy_server_is_asked_twice_and_then_told(tmp_path, capsys, monkeypatch):
    slept = []
    monkeypatch.setattr(time, "sleep", slept.append)
    with serve_by_hand(in_parts(radiograph(1)), statuses=[503]) as (address, _):
        assert run(address) == 0
    with serve_by_hand(statuses=[503] * 9) as (address, told):
        assert run(address) == 2
    error = capsys.readouterr().err
    assert "HTTP 503). It is busy: try again later." in error
    assert len(told) == 2
    assert 0 < sum(slept) < 60, "the server asks for hours"


def test_what_a_busy_server_says_is_not_read_to_its_end(monkeypatch):
    monkeypatch.setattr(dicomweb, "_PAUSE", 0)
    monkeypatch.setattr(dicomweb, "LARGEST", 2**20)
    body = bytes(80 * 2**20)
    with serve_by_hand(statuses=[503, 503], busy=body) as (address, told):
        status, peak = trace(lambda: run(address))
    assert status == 2
    assert len(told) == 2
    assert peak < 60 * 2**20


@pytest.mark.parametrize("moved", ["", "/moved"])
def test_header_is_sent_whatever_netrc_says(tmp_path, monkeypatch, moved):
    (tmp_path / ".netrc").write_text("machine 127.0.0.1 login other password pw")
    (tmp_path / ".netrc").chmod(0o600)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv(AUTHORIZATION, "Bearer mine")
    with serve_by_hand(in_parts(radiograph(1)), moved=moved) as (address, told):
        assert run(address) == 0
    assert {headers["Authorization"] for _, headers, _ in told} == {"Bearer mine"}


def test_another_host_is_asked_by_its_name_and_not_told_who_asks(monkeypatch):
    monkeypatch.setenv(AUTHORIZATION, "Bearer mine")
    with serve_by_hand(in_parts(radiograph(1))) as (other, told):
        host = other.removeprefix("http://").removesuffix("/dicom-web")
        with serve_by_hand(moved=f"http://{host}") as (address, told_first):
            assert run(address) == 0
    assert {headers["Authorization"] for _, headers, _ in told_first} == {"Bearer mine"}
    assert len(told) == len(told_first)
    assert {(h["Host"], h.get("Authorization")) for _, h, _ in told} == {(host, None)}


@pytest.mark.parametrize(
    ("instance", "moved"),
    [(deflated(100 * 2**20), ""), (radiograph(1), "/moved")],
    ids=["the file", "what a redirect has besides"],
)
def test_fetching_inflates_nothing(instance, moved):
    with (
        serve_by_hand(in_parts(instance), moved=moved) as (address, _),
        DicomArchive(address) as archive,
    ):
        (file,) = archive.find()
        fetched, peak = trace(file.fetch)
    assert fetched == instance
    assert peak < 20 * 2**20  # that is 100 MiB


def answer_of(**sequences) -> bytes:
    """What a server says of stored objects, in DICOM JSON."""
    tags = {"failed": ("00081198", "00081197"), "stored": ("00081199", "00081155")}
    return json.dumps(
        {
            tags[name][0]: {"vr": "SQ", "Value": [{tags[name][1]: {"Value": [one]}} for one in all]}
            for name, all in sequences.items()
        }
    ).encode()


@pytest.mark.parametrize(
    ("stored", "why"),
    [
        ((202, f"{JSON}; charset=utf-8", answer_of(failed=[0xA700])), "refuses .*0xa700"),
        ((409, JSON, answer_of(failed=[0x0110])), "refuses .*0x0110"),
        ((409, "text/plain", b"no"), "refuses .*HTTP 409"),
        ((200, JSON, answer_of(stored=["1.2.3"])), "has not stored all"),
        ((200, JSON, b"[]"), "has not stored all"),
        ((200, JSON, answer_of(failed=[{}])), "refuses .*HTTP 200"),
        ((200, JSON, answer_of(stored=[[]])), "has not stored all"),
        ((200, JSON, b"[" * 100_000), "cannot be written to .RecursionError"),
        ((200, JSON, b"{"), "cannot be written to"),
        ((301, "text/plain", b""), "does not say that it has stored"),
        ((503, "text/plain", b"busy"), "HTTP 503.*try again later"),
        ((200, "text/html", b"Log in, please."), "has not stored all"),
        ((200, JSON, b"null"), "has not stored all"),
        ((200, "application/dicom+xml; charset=utf-8", b"<NativeDicomModel/>"), ""),
    ],
    ids=lambda value: str(value)[:60],
)
def test_what_is_not_stored_is_told(stored, why, capsys):
    with serve_by_hand(in_parts(radiograph(1)), stored=stored) as (address, told):
        assert run(address, "--store") == (2 if why else 0)
    error = capsys.readouterr().err
    assert re.search(why, error)
    assert "Traceback" not in error
    bodies = [body for _, headers, body in told if "multipart" in headers.get("Content-Type", "")]
    assert len(bodies) == 1  # what is sent is not sent again, least of all empty
    assert bodies[0].count(b"DICM") == 2


def test_answer_in_a_list_of_one_tells_what_is_stored():
    objects = DicomObjects(
        *(make_dataset(np.eye(64, dtype=np.uint8), SOPInstanceUID=uid) for uid in ("1.2", "1.3"))
    )
    told = b"[" + answer_of(stored=["1.3", "1.2"]) + b"]"
    with (
        serve_by_hand(stored=(200, JSON, told)) as (address, sent),
        DicomArchive(address) as archive,
    ):
        archive.keep("a", objects)
    assert len(sent) == 1


@pytest.mark.parametrize(
    ("address", "why"),
    [
        ("ftp://host/dicom-web", "is not the address of a DICOMweb service"),
        ("http://user:word@host/dicom-web", "Leave name and password out of the address"),
        ("http://127.0.0.1:9/dicom-web", "cannot be searched"),
    ],
)
def test_wrong_address_ends_in_one_line(address, why, capsys):
    assert run(address) == 2
    error = capsys.readouterr().err
    assert why in error
    assert "Traceback" not in error


# Discs


@pytest.fixture
def disc(tmp_path):
    """A disc's folder as DICOM has it: names without suffix, and the list of them."""
    with warnings.catch_warnings():
        warnings.simplefilter(
            "ignore", ResourceWarning
        )  # pydicom leaves its folders to the collector
        files = FileSet()
        for number in (1, 2):
            grey = np.full((120, 100), 40 * number, np.uint8)
            grey[::2, ::2] += 30
            dataset = make_dataset(grey, **elements(number, StudyTime="1200", StudyID="1"))
            dataset.SeriesNumber = dataset.InstanceNumber = 1
            dataset.file_meta.MediaStorageSOPClassUID = dataset.SOPClassUID
            dataset.file_meta.MediaStorageSOPInstanceUID = dataset.SOPInstanceUID
            files.add(dataset)
        files.write(tmp_path / "disc")
        del files
        gc.collect()
    return tmp_path / "disc"


def test_list_of_a_disc_stands_for_its_radiographs(disc, tmp_path):
    for source, table in ((disc / "DICOMDIR", "a.csv"), (disc, "b.csv")):
        assert cli.main(["predict", str(source), "--csv", str(tmp_path / table)]) == 0
    listed, found = rows_of(tmp_path / "a.csv"), rows_of(tmp_path / "b.csv")
    assert len(listed) == 2
    assert sorted(row["path"] for row in listed) == [row["path"] for row in found]


def test_list_of_a_disc_whose_names_are_shown_in_small_letters(disc, tmp_path):
    for path in sorted(disc.rglob("*"), reverse=True):
        path.rename(path.with_name(path.name.lower() + ";1" * path.is_file()))
    (disc / "dicomdir;1").rename(disc / "dicomdir")
    assert cli.main(["predict", str(disc / "dicomdir"), "--csv", str(tmp_path / "a.csv")]) == 0
    assert len(rows_of(tmp_path / "a.csv")) == 2


def test_deflated_list_of_a_disc_is_refused(tmp_path, capsys):
    (tmp_path / "DICOMDIR").write_bytes(deflated(2**20))
    assert cli.main(["predict", str(tmp_path / "DICOMDIR")]) == 2
    assert "is not a list of a disc's files, or is damaged (ValueError)" in capsys.readouterr().err


def test_what_the_list_names_and_the_disc_has_not_is_told(disc, capsys):
    (lost, *_) = sorted(path for path in disc.rglob("*") if path.is_file() and path.parent != disc)
    lost.unlink()
    assert cli.main(["predict", str(disc / "DICOMDIR")]) == 1
    assert f"{lost} cannot be read" in capsys.readouterr().err


@pytest.mark.parametrize("data", [b"no list", encode(np.eye(90, dtype=np.uint8) * 255)])
def test_damaged_list_ends_in_one_line(tmp_path, capsys, data):
    (tmp_path / "DICOMDIR").write_bytes(data)
    assert cli.main(["predict", str(tmp_path / "DICOMDIR")]) == 2
    assert "is not a list of a disc's files, or is damaged" in capsys.readouterr().err


def test_list_that_leads_elsewhere_is_not_followed(disc, capsys):
    data = (disc / "DICOMDIR").read_bytes()
    records = dcmread(disc / "DICOMDIR").DirectoryRecordSequence
    named = next(r.ReferencedFileID for r in records if r.DirectoryRecordType == "IMAGE")
    old = "\\".join(named).encode()
    new = b"..\\..\\etc\\passwd".ljust(len(old))[: len(old)]
    assert data.count(old) == 1
    (disc / "DICOMDIR").write_bytes(data.replace(old, new))
    cli.main(["predict", str(disc / "DICOMDIR")])
    assert "passwd" not in "".join(capsys.readouterr())


def test_pictures_among_dicom_files_are_scored_and_told(tmp_path, capsys):
    (tmp_path / "a.png").write_bytes(encode(np.eye(200, dtype=np.uint8) * 200))
    (tmp_path / "b.dcm").write_bytes(radiograph(1))
    (tmp_path / "out").mkdir()
    for _ in range(2):  # what the first run wrote is no radiograph to the second
        assert cli.main(["predict", str(tmp_path), "--dicom", str(tmp_path / "out")]) == 0
        output = capsys.readouterr()
        assert len(output.out.splitlines()) == 2
        assert "a.png is no DICOM file, so no DICOM objects are made of it." in output.err
    assert len(list((tmp_path / "out").iterdir())) == 2


def test_objects_beside_their_radiograph_are_no_radiographs(tmp_path, monkeypatch):
    (tmp_path / "b.dcm").write_bytes(radiograph(1))
    monkeypatch.chdir(tmp_path)
    for _ in range(2):
        words = [str(tmp_path), "--dicom", ".", "--json", "o.json"]
        assert cli.main(["predict", *words]) == 0
        assert [Path(row["path"]).name for row in json.loads(Path("o.json").read_text())] == [
            "b.dcm"
        ]
    assert {path.name for path in tmp_path.glob("*.dcm")} == {
        "b.dcm",
        "b.overlay.dcm",
        "b.report.dcm",
    }


def test_objects_of_an_adult_have_no_verdict_but_its_row_has(tmp_path, capsys):
    for name, age in (("child", "003Y"), ("adult", "040Y")):
        (tmp_path / name).write_bytes(radiograph(5, PatientAge=age))
    words = [str(tmp_path), "--dicom", str(tmp_path / "out"), "--csv", str(tmp_path / "o.csv")]
    assert cli.main(["predict", *words]) == 0
    adult, child = rows_of(tmp_path / "o.csv")
    assert adult["verdict"] == child["verdict"] == "PNEUMONIA"
    assert capsys.readouterr().out.count("\tPNEUMONIA\t") == 2
    reports = [str(dcmread(tmp_path / "out" / f"{n}.report.dcm")) for n in ("adult", "child")]
    assert ["No verdict for adults" in report for report in reports] == [True, False]
    assert ["233604007" in report for report in reports] == [False, True]  # SNOMED CT: pneumonia
