"""Faults at run time: a bad file among many, full disks, closed folders, two users, a lost one."""

import errno
import io
import os
import sys
import tempfile
import zipfile
from contextlib import contextmanager
from pathlib import Path

import pytest
from streamlit.runtime.scriptrunner import StopException
from streamlit.testing.v1 import AppTest

from pneumo import __main__ as cli
from pneumo.training.phantom import write_phantom_dataset
from pneumo.ui.worklist import intake
from tests.reading.test_archive import pack
from tests.training.test_train import fail_to_train
from tests.ui.test_app import drop, passes, picture, table

ROOT = Path(__file__).resolve().parents[2]


def files_shown(app: AppTest) -> list[str]:
    return table(app)["File"]


def test_one_bad_file_among_fifty_is_one_line_and_the_others_are_scored(app, stand_in):
    files = [(f"{number}.png", picture(number / 60)) for number in range(1, 51)]
    files[23] = ("24.png", files[23][1][:-40])
    drop(app, *files)
    assert not app.exception
    assert [error.value.replace("\\", "").split(" is ")[0] for error in app.error] == ["24.png"]
    assert files_shown(app) == [f"{number}.png" for number in range(1, 51)]
    scores = table(app)["P(PNEUMONIA)"]
    assert scores.pop(23) is None
    expected = [number / 60 for number in range(1, 51) if number != 24]
    assert scores == pytest.approx(expected, abs=0.03)
    assert stand_in.passes == passes(49)


def test_equal_names_are_two_radiographs(app, stand_in):
    drop(app, ("chest.png", picture(0.2)), ("chest.png", picture(0.8)))
    assert not app.exception
    assert files_shown(app) == ["chest.png"] * 2
    assert table(app)["Verdict"] == ["NORMAL", "PNEUMONIA"]
    assert stand_in.passes == passes(2)


@pytest.mark.filterwarnings("ignore:Duplicate name:UserWarning")  # zipfile's, when writing
def test_equal_names_within_an_archive_are_two_radiographs(app):
    buffer = io.BytesIO(pack({"chest.png": picture(0.2)}))
    with zipfile.ZipFile(buffer, "a") as archive:
        archive.writestr("chest.png", picture(0.8))
    drop(app, ("xrays.zip", buffer.getvalue()))
    assert not app.exception
    assert files_shown(app) == ["xrays.zip/chest.png"] * 2
    assert table(app)["Verdict"] == ["NORMAL", "PNEUMONIA"]


def test_two_sessions_at_once_see_only_their_own(app, stand_in):
    other = AppTest.from_file(str(ROOT / "streamlit_app.py"), default_timeout=60)
    drop(app, ("mine.png", picture(0.2)), ("mine too.png", picture(0.3)))
    drop(other, ("theirs.png", picture(0.8)), ("theirs too.png", picture(0.9)))
    app.slider(key="threshold").set_value(0.25).run()
    other.run()
    assert files_shown(app) == ["mine.png", "mine too.png"]
    assert files_shown(other) == ["theirs.png", "theirs too.png"]
    assert app.slider(key="threshold").value == 0.25
    assert other.slider(key="threshold").value == stand_in.classifier.card.default.threshold


def test_disconnect_in_mid_batch_keeps_what_is_scored_and_goes_on(app, stand_in, monkeypatch):
    """Streamlit ends the script of a page that is gone, and runs it anew when it is back."""
    batches = []
    predict = intake.predict

    def predict_until_gone(engine, radiographs):
        batches.append(len(radiographs))
        if len(batches) == 2:
            raise StopException
        return predict(engine, radiographs)

    monkeypatch.setattr(intake, "predict", predict_until_gone)
    drop(app, *((f"{number}.png", picture(0.2 + number / 40)) for number in range(20)))
    assert len(app.session_state["entries"]) == intake.BATCH_SIZE
    app.run()
    assert not app.exception
    assert len(files_shown(app)) == 20
    assert sum(batches) == 20 + intake.BATCH_SIZE  # what was lost is done again, and no more
    assert max(batches) == intake.BATCH_SIZE
    assert stand_in.passes == passes(20)


@contextmanager
def as_nobody():
    """Gives up the rights of root, for whom no folder is closed."""
    if os.geteuid() != 0:
        yield
        return
    os.seteuid(65534)
    try:
        yield
    finally:
        os.seteuid(0)


@pytest.fixture
def folder():
    """A folder that everybody may look into."""
    if sys.platform == "win32":
        pytest.skip("rights are others there")
    with tempfile.TemporaryDirectory() as name:
        Path(name).chmod(0o755)
        yield Path(name)


@pytest.fixture
def predict(monkeypatch, stand_in, folder):
    monkeypatch.setattr("pneumo.cli.predict.load_engine", lambda **flags: stand_in.engine)
    (folder / "chest.png").write_bytes(picture(0.8))
    return lambda *options: cli.main(["predict", str(folder / "chest.png"), *map(str, options)])


@pytest.mark.parametrize("option", ["--csv", "--json"])
def test_full_disk_ends_prediction_in_a_clear_line(predict, capsys, option):
    if not Path("/dev/full").exists():
        pytest.skip("needs /dev/full")
    assert predict(option, "/dev/full") == 2
    output = capsys.readouterr()
    assert "\tPNEUMONIA" in output.out
    assert output.err == "pneumo: [Errno 28] No space left on device\n"


@pytest.mark.parametrize("option", ["--csv", "--json", "--heatmaps"])
def test_closed_folder_ends_prediction_in_a_clear_line(predict, folder, capsys, option):
    closed = folder / "closed"
    closed.mkdir(mode=0o555)
    with as_nobody():
        assert predict(option, closed / "answers") == 2
    error = capsys.readouterr().err
    assert "Permission denied" in error
    assert str(closed / "answers") in error
    assert error.count("\n") == 1


def test_closed_folder_ends_training_in_a_clear_line(tmp_path, monkeypatch, capsys):
    data, mkdir = write_phantom_dataset(tmp_path / "data", patients=4), os.mkdir

    def refuse(path, *args, **kwargs):
        if Path(path).name == "closed":
            raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), str(path))
        mkdir(path, *args, **kwargs)

    monkeypatch.setattr(os, "mkdir", refuse)
    arguments = ["--data", data, "--init", "random", "--output", tmp_path / "closed"]
    line = fail_to_train(monkeypatch, capsys, *arguments)
    assert "Permission denied" in line
    assert "closed" in line
    assert "Traceback" not in line


def test_closed_radiograph_is_one_line_and_the_others_are_scored(predict, folder, capsys):
    secret = folder / "secret.png"
    secret.write_bytes(picture(0.5))
    secret.chmod(0)
    with as_nobody():
        assert predict(secret) == 1
    output = capsys.readouterr()
    assert len(output.out.splitlines()) == 1
    assert output.err == f"{secret} cannot be read: Permission denied.\n"
