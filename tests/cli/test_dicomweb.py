"""Radiographs out of an archive and answers into it: a real server, which this starts (Orthanc)."""

import contextlib
import csv
import gc
import json
import shutil
import socket
import subprocess
import threading
import time
import urllib.request
import warnings
from collections import Counter
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import numpy as np
import pytest
from pydicom import dcmread
from pydicom.fileset import FileSet

from pneumo import __main__ as cli
from pneumo.cli.dicomweb import AUTHORIZATION
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
    monkeypatch.setattr(cli, "load_engine", lambda **flags: stand_in.engine)


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
        server.terminate()
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
def test_instance_that_vanishes_is_a_row_with_its_reason(archive, tmp_path, monkeypatch):
    from dicomweb_client import DICOMwebClient
    from requests import ConnectionError as Lost

    fetch = DICOMwebClient.retrieve_instance

    def lose(client, study, *more):
        if study == "1.2.3.2":
            raise Lost
        return fetch(client, study, *more)

    monkeypatch.setattr(DICOMwebClient, "retrieve_instance", lose)
    assert run(archive, "--csv", tmp_path / "a.csv") == 1
    rows = rows_of(tmp_path / "a.csv")
    assert [row["verdict"] == "ERROR" for row in rows] == [False, True, False]
    assert "cannot be fetched" in rows[1]["error"]


@contextlib.contextmanager
def serve_nonsense(instance: bytes):
    """A DICOMweb service with one radiograph, sent as these bytes; yields its address."""
    found = {
        "0020000D": {"vr": "UI", "Value": ["1.2"]},
        "0020000E": {"vr": "UI", "Value": ["1.2.1"]},
        "00080018": {"vr": "UI", "Value": ["1.2.1.1"]},
    }

    class Answer(BaseHTTPRequestHandler):
        def do_GET(self):
            path, _, query = self.path.partition("?")
            if path.endswith("/instances/1.2.1.1"):
                kind = 'multipart/related; type="application/dicom"; boundary=part'
                head = b"--part\r\nContent-Type: application/dicom\r\n\r\n"
                body = head + instance + b"\r\n--part--"
            else:
                kind = "application/dicom+json"
                first = "offset=0" in query or "offset" not in query
                body = json.dumps([found] if first and "Modality=CR" in query else []).encode()
                if path.endswith("/instances"):
                    body = json.dumps([found] if first else []).encode()
            self.send_response(200)
            self.send_header("Content-Type", kind)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            with contextlib.suppress(ConnectionError):  # who has read enough hangs up
                self.wfile.write(body)

        def log_message(self, *words):
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Answer) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}/dicom-web"
        server.shutdown()


@pytest.mark.parametrize(
    ("instance", "why"),
    [
        (b"", "cannot be read as DICOM"),
        (b"\0" * 128 + b"DICM" + b"\xff" * 200, "cannot be read as DICOM"),
        (b"<html>busy</html>", "cannot be read as DICOM"),
        (radiograph(1)[:-4000], "it is incomplete"),
        (bytes(MAX_BYTES + 8192), "larger than 32 MiB"),
    ],
    ids=["nothing", "noise", "a page", "half", "too much"],
)
def test_whatever_an_archive_sends_is_a_row_with_its_reason(instance, why, tmp_path, capsys):
    with serve_nonsense(instance) as address:
        assert run(address, "--csv", tmp_path / "a.csv") == 1
    (row,) = rows_of(tmp_path / "a.csv")
    assert row["verdict"] == "ERROR"
    assert why in row["error"]
    assert "Traceback" not in capsys.readouterr().err


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
