"""Which files below a folder are taken for radiographs; for the command line and for training."""

import os

import numpy as np
import pytest

from pneumo import __main__ as cli
from pneumo.errors import RadiographError
from pneumo.reading.folders import find_files, find_radiographs, stem_of, suffix_of
from pneumo.reading.radiograph import read_radiograph
from tests.conftest import encode
from tests.reading.test_dicom import make

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
    monkeypatch.setattr(cli, "load_engine", lambda **flags: stand_in.engine)
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
