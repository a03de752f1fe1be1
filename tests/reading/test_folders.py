"""Which files below a folder are taken for radiographs; for the command line and for training."""

import os
import time

import numpy as np
import pytest
from pydicom.dataset import Dataset, FileMetaDataset

from pneumo import __main__ as cli
from pneumo.errors import RadiographError
from pneumo.reading.folders import (
    find_files,
    find_radiographs,
    read_disc_list,
    stem_of,
    suffix_of,
)
from pneumo.reading.radiograph import read_radiograph
from tests.conftest import encode
from tests.reading.test_dicom import EXPLICIT, make, to_bytes

NOISE = np.random.default_rng(0).integers(0, 256, (80, 90), np.uint8)
PICTURE, DICOM = encode(NOISE), make(NOISE)


def put(folder, **files):
    """Writes files; two underscores stand for a folder, one for a dot."""
    for name, content in files.items():
        path = folder / name.replace("__", "/").replace("_", ".")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)


def found(folder):
    return [path.relative_to(folder).as_posix() for path in find_radiographs(folder)]


def disc_list(*names):
    """A DICOMDIR of these names, which lie beside it."""
    dataset = Dataset()
    dataset.file_meta = FileMetaDataset()
    dataset.file_meta.TransferSyntaxUID = EXPLICIT
    dataset.file_meta.MediaStorageSOPClassUID = "1.2.840.10008.1.3.10"
    dataset.file_meta.MediaStorageSOPInstanceUID = "1.2"
    dataset.DirectoryRecordSequence = [Dataset() for _ in names]
    for record, name in zip(dataset.DirectoryRecordSequence, names, strict=True):
        record.DirectoryRecordType, record.ReferencedFileID = "IMAGE", name
    return to_bytes(dataset)


def test_pictures_by_name_and_dicom_by_content(tmp_path):
    put(tmp_path, ward__b_PNG=PICTURE, a_jpeg=b"damaged", notes_txt=b"text", short=b"x")
    put(tmp_path, IM000001=DICOM, disc__1_2_840_7=DICOM, other_png__deep_tif=PICTURE)
    names = ["IM000001", "a.jpeg", "disc/1.2.840.7", "other.png/deep.tif", "ward/b.PNG"]
    assert found(tmp_path) == names


def test_what_systems_add_is_passed_over(tmp_path):
    for name in ("._a.jpeg", ".b.png", ".cache/c.png", "__MACOSX/d.png", "DICOMDIR"):
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(DICOM)
    (tmp_path / "scan.dcm").mkdir()
    put(tmp_path, e_png=PICTURE)
    assert found(tmp_path) == ["e.png"]


def test_hidden_folder_is_searched_where_it_is_asked_for(tmp_path):
    put(tmp_path / ".cache", a_png=PICTURE)
    assert found(tmp_path / ".cache") == ["a.png"]


def test_links_are_followed_but_not_in_circles(tmp_path):
    put(tmp_path / "pool", a_png=PICTURE)
    put(tmp_path / "data", deep__b_png=PICTURE)
    (tmp_path / "data" / "linked").symlink_to(tmp_path / "pool")
    (tmp_path / "data" / "c.png").symlink_to(tmp_path / "pool" / "a.png")
    (tmp_path / "data" / "deep" / "back").symlink_to(tmp_path / "data")
    (tmp_path / "data" / "self").symlink_to(tmp_path / "data" / "self")
    assert found(tmp_path / "data") == ["c.png", "deep/b.png", "linked/a.png"]


def test_nothing_is_lost_in_silence(tmp_path, monkeypatch):
    put(tmp_path, closed__a_png=PICTURE, b_png=PICTURE)
    (tmp_path / "broken.png").symlink_to(tmp_path / "gone.png")
    scan = os.scandir

    def closed(path):
        if path.name == "closed":
            raise PermissionError(13, "Permission denied")
        return scan(path)

    monkeypatch.setattr("pneumo.reading.folders.os.scandir", closed)
    assert found(tmp_path) == ["b.png", "broken.png", "closed"]


def test_files_given_are_kept_as_they_are_and_empty_folders_refused(tmp_path):
    put(tmp_path, a_png=PICTURE, notes_txt=b"text", empty__text_txt=b"text")
    given = [tmp_path / "notes.txt", tmp_path / "gone", tmp_path]
    assert list(find_files(given)) == [*given[:2], tmp_path / "a.png"]
    with pytest.raises(RadiographError, match="empty holds no pictures .* DICOM by any name"):
        list(find_files([tmp_path / "empty"]))


@pytest.mark.parametrize(
    ("name", "stem", "suffix"),
    [
        ("a.b.JPEG", "a.b", ".jpeg"),
        ("IM-1.dcm", "IM-1", ".dcm"),
        ("1.2.840.7", "1.2.840.7", ""),
        ("IM0001", "IM0001", ""),
        ("song.mp3", "song.mp3", ".mp3"),
    ],
)
def test_number_behind_a_dot_is_no_suffix(tmp_path, name, stem, suffix):
    assert stem_of(tmp_path / name) == stem
    assert suffix_of(tmp_path / name) == suffix


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="has no named pipes")
def test_pipe_and_device_are_refused_at_once(tmp_path):
    os.mkfifo(tmp_path / "pipe.png")
    for path in (tmp_path / "pipe.png", "/dev/zero"):
        with pytest.raises(RadiographError, match="a pipe or a device, not a file. Save it"):
            read_radiograph(path)


def test_predict_scores_what_it_can_of_an_odd_folder(tmp_path, capsys, monkeypatch, stand_in):
    monkeypatch.setattr("pneumo.cli.predict.load_engine", lambda **flags: stand_in.engine)
    put(tmp_path, a_png=PICTURE, IM000001=DICOM)
    (tmp_path / "._a.png").write_bytes(b"macOS")
    (tmp_path / "scan.dcm").mkdir()
    os.mkfifo(tmp_path / "pipe.png")
    assert cli.main(["predict", str(tmp_path), "/dev/zero"]) == 1
    output = capsys.readouterr()
    scored = [line.split("\t")[0] for line in output.out.splitlines()]
    assert scored == [str(tmp_path / "IM000001"), str(tmp_path / "a.png")]
    assert [line.split(" cannot")[0] for line in output.err.splitlines()] == [
        str(tmp_path / "pipe.png"),
        "/dev/zero",
    ]


def test_large_disc_in_small_letters_is_listed_at_once(tmp_path):
    numbers = range(1000)
    for number in numbers:
        (tmp_path / f"im{number:04}").touch()
    (tmp_path / "DICOMDIR").write_bytes(disc_list(*(f"IM{number:04}" for number in numbers)))
    begin = time.perf_counter()
    files = read_disc_list(tmp_path / "DICOMDIR")
    assert time.perf_counter() - begin < 5  # the folder is not read again for each
    assert files == [tmp_path / f"im{number:04}" for number in numbers]


def test_disc_whose_names_have_their_version(tmp_path):
    (tmp_path / "DICOMDIR;1").write_bytes(disc_list("IM1", "IM2", "IM3"))
    for name in ("IM1.;1", "im2;1", "IM3", "im3"):
        (tmp_path / name).write_bytes(DICOM)
    named = [tmp_path / name for name in ("IM1.;1", "im2;1", "IM3")]
    assert list(find_files([tmp_path / "DICOMDIR;1"])) == named
    assert found(tmp_path) == ["IM1.;1", "IM3", "im2;1", "im3"]


def test_name_that_no_file_can_have_is_not_listed(tmp_path):
    data = disc_list("IMX1", "IM2")
    assert data.count(b"IMX1") == 1
    (tmp_path / "DICOMDIR").write_bytes(data.replace(b"IMX1", b"IM\x001"))
    assert read_disc_list(tmp_path / "DICOMDIR") == [tmp_path / "IM2"]
