"""`predict` loses no finished work: outputs checked first, rows kept at once, runs taken up."""

import csv
import json
import os
import signal
import subprocess
import sys
import time
from collections import Counter
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from pneumo import __main__ as cli
from pneumo.cli import file_by_file, scoring
from pneumo.cli.heatmaps import leave_out
from pneumo.cli.outputs import JOURNAL_SUFFIX, Outputs, Scored
from pneumo.cli.stopping import heed_signals
from pneumo.evaluation.stability import VARIATIONS
from pneumo.export.rows import row_of_failure
from pneumo.inference import Engine
from pneumo.reading.radiograph import read_radiograph
from tests.ui.test_app import picture

ROOT = Path(__file__).resolve().parents[2]
SCRIPT = """
import os, sys, time
from dataclasses import replace
from pneumo import __main__ as cli
from pneumo.cli import predict
from pneumo.inference import Engine
from tests.conftest import StandIn

classifier, explainer = StandIn().engine
pauses = iter(os.environ.get("PAUSES", "").split())

def forward(batch):
    time.sleep(float(next(pauses, "0.4")))
    return classifier.forward(batch)

def load(**flags):
    if "SECONDS_TO_LOAD" in os.environ:
        print("loading", flush=True)
        time.sleep(float(os.environ["SECONDS_TO_LOAD"]))
    return Engine(replace(classifier, forward=forward), explainer)

predict.load_engine = load
sys.exit(cli.main())
"""
"""The command line with a stand-in for the network that takes its time."""


class Killed(BaseException):
    """As sudden as a lost process: nothing that follows is run."""


@pytest.fixture
def classifier(stand_in):
    """Counts its passes, and can be told after how many to fail."""
    return stand_in.classifier


@pytest.fixture(autouse=True)
def loaded(monkeypatch, stand_in):
    monkeypatch.setattr("pneumo.cli.predict.load_engine", lambda **flags: stand_in.engine)


@pytest.fixture
def folder(tmp_path):
    folder = tmp_path / "x-rays"
    folder.mkdir()
    for number in range(6):
        (folder / f"{number}.png").write_bytes(picture(0.2 + 0.1 * number))
    return folder


def run(*arguments) -> int:
    return cli.main(["predict", *map(str, arguments)])


def read_csv(path):
    with path.open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def names_in(path) -> list[str]:
    rows = read_csv(path) if path.suffix == ".csv" else json.loads(path.read_text())
    return [Path(row["path"]).name for row in rows]


def fail_after(monkeypatch, passes: int, error: BaseException) -> None:
    """Lets scoring fail from a certain file on."""
    count, predict = Counter(), scoring.predict

    def failing(*args):
        count["scored"] += 1
        if count["scored"] > passes:
            raise error
        return predict(*args)

    monkeypatch.setattr(scoring, "predict", failing)


# What the rows tell


def test_stability_is_in_every_output(folder, tmp_path, capsys, stand_in):
    chest = folder / "4.png"
    threshold = 0.601  # just above its P(PNEUMONIA)
    table, records = tmp_path / "o.csv", tmp_path / "o.json"
    outputs = ["--csv", table, "--json", records, "--threshold", threshold]
    assert run(chest, "--stability", *outputs) == 0
    assert stand_in.passes == 1 + len(VARIATIONS)
    (row,), (record,) = read_csv(table), json.loads(records.read_text())
    assert record["p_low"] <= record["p_pneumonia"] < threshold <= record["p_high"]
    assert (float(row["p_low"]), float(row["p_high"])) == (record["p_low"], record["p_high"])
    assert row["uncertain"] == record["uncertain"]
    assert f"across the threshold of {threshold:.3f}" in record["uncertain"]
    fields = capsys.readouterr().out.rstrip("\n").split("\t")
    assert fields[2] == record["verdict"] == "NORMAL"
    assert fields[3].startswith("Uncertain. Small changes that no radiologist would mind move P")
    run(chest, *outputs)
    (record,) = json.loads(records.read_text())
    assert (record["p_low"], record["uncertain"]) == (None, "")
    assert "Uncertain" not in capsys.readouterr().out


def test_rows_say_in_what_precision_they_were_answered(folder, tmp_path, monkeypatch, stand_in):
    asked = []

    def load(precision):
        asked.append(precision)
        classifier, explainer = stand_in.engine
        return Engine(replace(classifier, precision=precision), explainer)

    monkeypatch.setattr("pneumo.cli.predict.load_engine", load)
    (folder / "5.png").write_bytes(b"nothing")
    table = tmp_path / "o.csv"
    run(folder, "--csv", table)
    assert {row["precision"] for row in read_csv(table)} == {"float32"}
    run(folder, "--csv", table, "--precision", "bfloat16")
    assert {row["precision"] for row in read_csv(table)} == {"bfloat16"}
    assert asked == ["float32", "bfloat16"]


def test_label_is_told_by_folders_below_what_is_given(folder, tmp_path):
    for place in ("NORMAL", "x/pneumonia", "x/other"):
        (folder / place).mkdir(parents=True)
        (folder / place / "chest.png").write_bytes(picture(0.4))
    (folder / "NORMAL" / "broken.png").write_bytes(b"nothing")
    table = tmp_path / "o.csv"
    run(folder, "--csv", table)
    told = {
        Path(row["path"]).relative_to(folder).as_posix(): row["label"] for row in read_csv(table)
    }
    labelled = {name: label for name, label in told.items() if label}
    assert labelled == {
        "NORMAL/chest.png": "NORMAL",
        "NORMAL/broken.png": "NORMAL",
        "x/pneumonia/chest.png": "PNEUMONIA",
    }
    assert len(told) == 6 + 4
    run(folder / "NORMAL", "--csv", table)  # further up a folder may be called anything
    assert {row["label"] for row in read_csv(table)} == {""}


def test_overlays_are_on_the_scale_of_the_app_and_raw_maps_on_their_own(folder, tmp_path, stand_in):
    shades = {}
    for name, scale in (("strong", 1.0), ("weak", 4.0)):  # what the stand-in's heat of 1 is to them
        card = replace(stand_in.classifier.card, heat_scales={"gradcam": scale})
        stand_in.classifier = replace(stand_in.classifier, card=card)
        out = tmp_path / name
        assert run(folder / "0.png", "--heatmaps", out, "--raw-maps", out) == 0
        assert np.load(out / "0.npy").max() == 1
        plain, heated = (read_radiograph(path).pixels for path in (folder / "0.png", out / "0.png"))
        shades[name] = np.abs(heated.astype(int) - plain).max()
    assert 0 < shades["weak"] < shades["strong"] / 2


def test_row_names_the_overlay(folder, tmp_path):
    (folder / "more").mkdir()
    (folder / "more/0.png").write_bytes(picture(0.3))
    heat = tmp_path / "heat"
    run(folder, "--heatmaps", heat, "--json", tmp_path / "o.json")
    overlays = [row["overlay"] for row in json.loads((tmp_path / "o.json").read_text())]
    assert overlays == [str(heat / f"{stem}.png") for stem in (*range(6), "0-2")]
    assert all(Path(overlay).is_file() for overlay in overlays)


# Outputs are checked before the network is loaded


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (["--csv", "{tmp}/gone/o.csv"], "there is no folder"),
        (["--json", "{tmp}/gone/o.json"], "there is no folder"),
        (["--csv", "{tmp}"], "is a folder"),
        (["--csv", "{tmp}/o", "--json", "{tmp}/o"], "both name"),
        (["--csv", "{tmp}/o", "--json", "{tmp}/x-rays/../o"], "both name"),
        (["--csv", "{tmp}/link", "--json", "{tmp}/target"], "both name"),
        (["--csv", "{tmp}/x-rays/0.png"], "would overwrite the radiograph"),
        (["--heatmaps", "{tmp}/x-rays"], "overlays would overwrite"),
        (["--heatmaps", "{tmp}/x-rays/../x-rays"], "overlays would overwrite"),
        (["--heatmaps", "{tmp}/x-rays/0.png"], "cannot be written to"),
        (["--raw-maps", "{tmp}/x-rays/0.png/deep"], "cannot be written to"),
        (["--csv", "{tmp}/loop"], "is a link that leads back to itself"),
        (["--resume"], "needs the --csv, --json or --parquet"),
        (["--resume", "--csv", os.devnull], "needs the --csv, --json or --parquet"),
    ],
)
def test_hopeless_outputs_are_told_before_any_work(
    options, words, folder, tmp_path, capsys, monkeypatch
):
    def load(**flags):
        raise AssertionError("the network was loaded first")

    monkeypatch.setattr("pneumo.cli.predict.load_engine", load)
    (tmp_path / "target").touch()
    (tmp_path / "link").symlink_to(tmp_path / "target")
    (tmp_path / "loop").symlink_to(tmp_path / "loop")
    before = sorted(tmp_path.rglob("*"))
    assert run(folder, *(option.format(tmp=tmp_path) for option in options)) == 2
    output = capsys.readouterr()
    assert words in output.err
    assert output.err.count("\n") == 1
    assert output.out == ""
    assert sorted(tmp_path.rglob("*")) == before


def test_overlays_below_the_folder_that_is_read_are_no_radiographs(folder, tmp_path):
    for _ in range(2):
        assert run(folder, "--heatmaps", folder / "heat", "--csv", tmp_path / "o.csv") == 0
        assert names_in(tmp_path / "o.csv") == [f"{number}.png" for number in range(6)]


def test_radiographs_below_the_folder_for_overlays_are_scored(folder, tmp_path):
    for _ in range(2):
        outputs = ["--heatmaps", tmp_path, "--dicom", tmp_path, "--csv", tmp_path / "o.csv"]
        assert run(folder, *outputs) == 0
        assert names_in(tmp_path / "o.csv") == [f"{number}.png" for number in range(6)]
        assert (tmp_path / "5.png").is_file()


def test_only_what_an_earlier_run_could_have_written_is_left_out(tmp_path, monkeypatch):
    names = ["a.png", "b.jpeg", "c.dcm", "c.overlay.dcm", "c.report.dcm", "deep/d.png"]
    files = [tmp_path / "in" / name for name in names]
    monkeypatch.chdir(tmp_path)

    def left(heatmaps, dicom, *given):
        kept = leave_out(files, heatmaps, dicom, [tmp_path, *given])
        return [path.relative_to(tmp_path / "in").as_posix() for path in kept]

    assert left(None, None) == names
    assert left(Path("in"), None) == names[1:]
    assert left(None, Path("in")) == ["a.png", "b.jpeg", "c.dcm", "deep/d.png"]
    # What is named is read, or told to be overwritten, however it is named; no DICOM object is one
    # of the radiographs beside which it was written.
    for name in ("in", tmp_path / "in", "in/deep/.."):
        assert left(tmp_path / "in", None, Path(name)) == names
        assert left(None, tmp_path / "in", Path(name)) == ["a.png", "b.jpeg", "c.dcm", "deep/d.png"]
    assert "c.report.dcm" in left(None, Path("in"), Path("in/c.report.dcm"))


def test_nothing_left_to_score_is_told(folder, tmp_path, capsys):
    assert run(tmp_path, "--heatmaps", folder) == 2
    output = capsys.readouterr()
    assert output.err == (
        "pneumo: Nothing is left to score: the 6 files found lie in the folder for --heatmaps or "
        "--dicom, and are named like what is written there. Name another folder for that.\n"
    )
    assert output.out == ""


def test_link_to_itself_is_a_row_with_its_reason(folder, tmp_path):
    (folder / "x.png").symlink_to("x.png")
    assert run(folder, "--heatmaps", folder / "heat", "--csv", tmp_path / "o.csv") == 1
    *scored, failed = read_csv(tmp_path / "o.csv")
    assert len(scored) == 6
    assert failed["verdict"] == "ERROR"
    assert failed["error"].startswith(f"{folder}/x.png cannot be read: ")


def test_link_and_device_stay_what_they_are(folder, tmp_path):
    target, link = tmp_path / "target.csv", tmp_path / "link.csv"
    target.write_text("old")
    link.symlink_to(target)
    assert run(folder, "--csv", link, "--json", os.devnull) == 0
    assert link.is_symlink()
    assert len(read_csv(target)) == 6
    assert not Path(os.devnull).is_file()


# Rows are kept as soon as they are known


def test_rows_are_there_while_the_work_goes_on(folder, tmp_path, monkeypatch):
    seen = []
    table = tmp_path / "o.csv"
    tell = file_by_file.tell
    monkeypatch.setattr(file_by_file, "tell", lambda row: (seen.append(read_csv(table)), tell(row)))
    run(folder, "--csv", table)
    assert [len(rows) for rows in seen] == [1, 2, 3, 4, 5, 6]
    assert seen[-1] == read_csv(table)
    assert set(tmp_path.iterdir()) == {folder, table}


@pytest.mark.parametrize("error", [OSError(28, "No space left on device"), MemoryError()])
def test_whatever_ends_the_work_leaves_what_is_done(folder, tmp_path, monkeypatch, error):
    table, records = tmp_path / "o.csv", tmp_path / "o.json"
    fail_after(monkeypatch, 3, error)
    if isinstance(error, OSError):
        assert run(folder, "--csv", table, "--json", records) == 2
    else:
        with pytest.raises(MemoryError):
            run(folder, "--csv", table, "--json", records)
    assert names_in(table) == names_in(records) == ["0.png", "1.png", "2.png"]


def test_old_outputs_stay_until_there_is_a_row(folder, tmp_path, monkeypatch):
    table, records = tmp_path / "o.csv", tmp_path / "o.json"
    run(folder, "--csv", table, "--json", records)
    before = table.read_bytes(), records.read_bytes()
    fail_after(monkeypatch, 0, KeyboardInterrupt())
    assert run(folder, "--csv", table, "--json", records) == 130
    assert (table.read_bytes(), records.read_bytes()) == before


# Unfinished runs are taken up


@pytest.fixture
def broken_off(folder, tmp_path, monkeypatch):
    """Breaks a run off after three files as kill -9 would: nothing is written at its end."""
    options = [folder, "--csv", tmp_path / "o.csv", "--json", tmp_path / "o.json"]

    def begin(*more):
        with monkeypatch.context() as patch:
            fail_after(patch, 3, Killed())
            patch.setattr(Outputs, "finish", lambda outputs, *_: outputs._close())
            with pytest.raises(Killed):
                run(*options, *more)
        return [*options, *more]

    return begin


def test_killed_run_goes_on_without_a_row_lost_or_doubled(
    broken_off, folder, tmp_path, capsys, stand_in
):
    options = broken_off()
    table, records = tmp_path / "o.csv", tmp_path / "o.json"
    assert names_in(table) == ["0.png", "1.png", "2.png"]
    assert not records.exists()
    capsys.readouterr()
    stand_in.passes = 0
    assert run(*options, "--resume") == 0
    assert stand_in.passes == 3
    output = capsys.readouterr()
    assert "3 files are done already" in output.err
    assert len(output.out.splitlines()) == 3
    assert names_in(table) == names_in(records) == [f"{number}.png" for number in range(6)]
    assert set(tmp_path.iterdir()) == {folder, table, records}
    whole = table.read_bytes(), records.read_bytes()
    run(*options)
    assert (table.read_bytes(), records.read_bytes()) == whole


@pytest.mark.parametrize("cut", [1, 40])
def test_line_cut_off_in_the_middle_is_done_again(broken_off, tmp_path, cut):
    options = broken_off()
    journal = tmp_path / f"o.csv{JOURNAL_SUFFIX}"
    journal.write_bytes(journal.read_bytes()[:-cut])
    assert run(*options, "--resume") == 0
    assert names_in(tmp_path / "o.json") == [f"{number}.png" for number in range(6)]


def test_files_that_changed_failed_vanished_or_came_since(broken_off, folder, tmp_path, capsys):
    (folder / "1.png").write_bytes(b"no picture")
    options = broken_off()
    before = read_csv(tmp_path / "o.csv")
    changed = folder / "0.png"
    changed.write_bytes(picture(0.9))
    (folder / "1.png").write_bytes(picture(0.5))  # mended
    (folder / "2.png").unlink()
    (folder / "9.png").write_bytes(picture(0.4))
    assert run(*options, "--resume") == 0
    rows = {Path(row["path"]).name: row for row in read_csv(tmp_path / "o.csv")}
    assert sorted(names_in(tmp_path / "o.csv")) == [f"{n}.png" for n in (0, 1, 2, 3, 4, 5, 9)]
    assert float(rows["0.png"]["p_pneumonia"]) == pytest.approx(0.9, abs=0.01)
    assert (before[1]["verdict"], rows["1.png"]["verdict"]) == ("ERROR", "PNEUMONIA")
    assert rows["2.png"] == before[2]


def test_file_named_twice_keeps_two_rows(folder, tmp_path, monkeypatch):
    table = tmp_path / "o.csv"
    options = [folder / "0.png", folder / "0.png", folder / "1.png", "--csv", table]
    with monkeypatch.context() as patch:
        fail_after(patch, 1, KeyboardInterrupt())
        assert run(*options) == 130
    assert run(*options, "--resume") == 0
    assert names_in(table) == ["0.png", "0.png", "1.png"]


def test_overlays_of_one_name_stay_apart_over_a_break(folder, tmp_path, monkeypatch):
    (folder / "more").mkdir()
    (folder / "more/0.png").write_bytes(picture(0.3))
    options = [folder, "--heatmaps", tmp_path / "heat", "--json", tmp_path / "o.json"]
    with monkeypatch.context() as patch:
        fail_after(patch, 3, KeyboardInterrupt())
        assert run(*options) == 130
    assert run(*options, "--resume") == 0
    rows = json.loads((tmp_path / "o.json").read_text())
    assert len({row["overlay"] for row in rows}) == 7
    assert Path(rows[-1]["overlay"]).name == "0-2.png"


@pytest.mark.parametrize(
    ("more", "differs"),
    [
        (["--threshold", "0.3"], "threshold"),
        (["--stability"], "stability"),
        (["--precision", "bfloat16"], "precision"),
    ],
)
def test_other_settings_are_not_mixed_into_one_table(broken_off, tmp_path, capsys, more, differs):
    options = broken_off()
    before = (tmp_path / "o.csv").read_bytes()
    assert run(*options, "--resume", *more) == 2
    assert f"had other settings ({differs})" in capsys.readouterr().err
    assert (tmp_path / "o.csv").read_bytes() == before


@pytest.mark.parametrize(
    "text", ["", "[]\n", "nonsense\n", "{}\nnonsense\n{}\n", '{"columns": 1}\n']
)
def test_what_is_no_journal_is_told(folder, tmp_path, capsys, text):
    (tmp_path / f"o.csv{JOURNAL_SUFFIX}").write_text(text)
    assert run(folder, "--csv", tmp_path / "o.csv", "--resume") == 2
    assert "is not a list of finished rows" in capsys.readouterr().err


def test_nothing_to_take_up_is_said_and_all_is_done(folder, tmp_path, capsys):
    assert run(folder, "--csv", tmp_path / "o.csv", "--resume") == 0
    assert "nothing unfinished beside" in capsys.readouterr().err
    assert len(read_csv(tmp_path / "o.csv")) == 6


# Names


def test_names_that_are_no_utf8_survive(folder, tmp_path, capsys):
    try:
        (folder / "caf\udce9.png").write_bytes(picture(0.5))
    except OSError:
        pytest.skip("the file system holds UTF-8 names alone")
    table, records = tmp_path / "o.csv", tmp_path / "o.json"
    assert run(folder, "--csv", table, "--json", records) == 0
    assert "caf\\udce9.png" in capsys.readouterr().out
    assert names_in(table)[-1] == "caf\\udce9.png"
    path = json.loads(records.read_text(encoding="utf-8"))[-1]["path"]
    assert Path(path) == folder / "caf\udce9.png"
    assert Path(path).is_file()


def test_control_characters_in_names_are_shown_escaped(folder, capsys):
    good, bad = folder / "a\x1b[31m\tb\nc.png", folder / "d\x1b[2J\u202egnp.exe"
    good.write_bytes(picture(0.5))
    bad.write_bytes(b"no picture")
    assert run(good, bad) == 1
    output = capsys.readouterr()
    assert output.out.startswith(f"{folder}/a\\x1b[31m\\tb\\nc.png\t0.5")
    assert output.out.count("\n") == output.err.count("\n") == 1
    assert output.err.startswith(f"{folder}/d\\x1b[2J\\u202egnp.exe is not a picture")


# Signals and pipes, with a process of its own


def start(*arguments, **options) -> subprocess.Popen:
    return subprocess.Popen(
        [sys.executable, "-c", SCRIPT, "predict", *map(str, arguments)],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        # What a shell starts in the background ignores this, and so would all that it starts.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
        **options,
    )


@pytest.fixture
def many(folder):
    for number in range(6, 60):
        (folder / f"{number:02d}.png").write_bytes(picture(0.5))
    return folder


@pytest.mark.parametrize(("number", "status"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_signal_ends_with_what_is_done_and_says_so(number, status, many, tmp_path):
    table, records = tmp_path / "o.csv", tmp_path / "o.json"
    process = start(many, "--csv", table, "--json", records)
    for _ in range(3):
        process.stdout.readline()
    process.send_signal(number)
    out, err = process.communicate(timeout=300)
    assert process.returncode == status, err
    done = 3 + len(out.splitlines())
    assert 3 <= done < 60
    assert err == (
        f"pneumo: interrupted after {done} of 60 files. Their rows are in {table} and {records}, "
        "and --resume goes on from there.\n"
    )
    assert len(read_csv(table)) == len(json.loads(records.read_text())) == done
    assert run(many, "--csv", table, "--json", records, "--resume") == 0
    assert names_in(table) == names_in(records) == sorted(path.name for path in many.iterdir())


@pytest.mark.parametrize(("number", "status"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_signal_while_the_network_is_loaded_ends_at_once(number, status, folder, tmp_path):
    table = tmp_path / "o.csv"
    table.write_text("old")
    process = start(folder, "--csv", table, env={**os.environ, "SECONDS_TO_LOAD": "900"})
    assert process.stdout.readline() == "loading\n"
    process.send_signal(number)
    assert process.communicate(timeout=300) == ("", "pneumo: interrupted.\n")
    assert process.returncode == status
    assert table.read_text() == "old"


def test_signal_that_is_ignored_stays_so():
    before = signal.signal(signal.SIGTERM, signal.SIG_IGN)
    try:
        with heed_signals() as stop:
            os.kill(os.getpid(), signal.SIGTERM)
        assert stop.signal == 0
    finally:
        signal.signal(signal.SIGTERM, before)


def test_signals_mean_what_they_meant_after_undisturbed_work():
    before = [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)]
    with heed_signals():
        assert signal.getsignal(signal.SIGTERM) != before[1]
    assert [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)] == before


@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="no such signal there")
def test_killed_process_leaves_its_rows(many, tmp_path):
    table = tmp_path / "o.csv"
    process = start(many, "--csv", table)
    for _ in range(3):
        process.stdout.readline()
    process.kill()
    process.communicate(timeout=300)
    assert 3 <= len(read_csv(table)) < 60
    assert run(many, "--csv", table, "--resume") == 0
    assert names_in(table) == sorted(path.name for path in many.iterdir())


def test_second_signal_does_not_wait_for_the_file_at_hand(many, tmp_path):
    table = tmp_path / "o.csv"
    process = start(many, "--csv", table, env={**os.environ, "PAUSES": "0 900"})
    process.stdout.readline()
    time.sleep(0.5)  # the next file is at hand by then
    for _ in range(200):
        process.send_signal(signal.SIGINT)
        try:
            _, err = process.communicate(timeout=1)
            break
        except subprocess.TimeoutExpired:
            pass
    assert process.returncode == 130, err
    assert "interrupted after 1 of 60 files" in err
    assert len(read_csv(table)) == 1


def test_closed_pipe_ends_quietly_with_what_is_done(many, tmp_path):
    table, records = tmp_path / "o.csv", tmp_path / "o.json"
    process = start(many, "--csv", table, "--json", records)
    process.stdout.readline()
    process.stdout.close()
    with process.stderr:
        assert process.stderr.read() == ""
    assert process.wait(timeout=300) == 141
    assert 1 <= len(read_csv(table)) == len(json.loads(records.read_text())) < 60


def test_terminal_of_few_letters_ends_nothing(folder):
    (folder / "חולה.png").write_bytes(picture(0.5))
    environment = {**os.environ, "PYTHONIOENCODING": "ascii", "PAUSES": "0 " * 7}
    out, err = start(folder, env=environment).communicate(timeout=300)
    assert err == ""
    assert len(out.splitlines()) == 7
    assert "\\u05d7\\u05d5\\u05dc\\u05d4.png" in out


def test_row_that_failed_does_not_hold(tmp_path):
    row = row_of_failure("gone.png", "gone.png is empty.", 0.5, "ab")
    entry = Scored("gone.png", 0, row)
    assert not entry.holds
    assert replace(entry, row=replace(row, verdict="NORMAL")).holds


def test_next_file_is_read_while_the_one_before_is_scored(folder, monkeypatch):
    opened, in_time = [], []
    really_open, really_score = scoring.Scorer.open, scoring.Scorer.score

    def open_file(self, file):
        found = really_open(self, file)
        opened.append(file)
        return found

    def score(self, found, number):
        place, until = opened.index(found.file), time.monotonic() + 20
        last = place == len(list(folder.iterdir())) - 1
        while not last and len(opened) < place + 2 and time.monotonic() < until:
            time.sleep(0.01)
        in_time.append(last or len(opened) == place + 2)  # the next one, and none beyond
        return really_score(self, found, number)

    monkeypatch.setattr(scoring.Scorer, "open", open_file)
    monkeypatch.setattr(scoring.Scorer, "score", score)
    run(folder)
    assert len(in_time) == len(list(folder.iterdir())) > 2
    assert all(in_time)
