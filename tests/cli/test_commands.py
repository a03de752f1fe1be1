"""The command line with the shipped weights, called as a program would call it."""

import csv
import dataclasses
import io
import json
import re
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from pneumo import __main__ as cli
from pneumo.cli import measure
from pneumo.cli.terminal import show_progress
from pneumo.explaining.explainer import Explainer
from pneumo.inference import Engine
from pneumo.network.architecture import Layout
from pneumo.network.forward import ForwardPass
from pneumo.network.openvino_runtime import load_forward
from pneumo.network.weights_files import sha256_of
from pneumo.progress import follow

ROOT = Path(__file__).resolve().parents[2]
NORMAL = sorted((ROOT / "samples/NORMAL").glob("*"))[0]
PNEUMONIA = sorted((ROOT / "samples/PNEUMONIA").glob("*"))[0]


@pytest.fixture(autouse=True)
def loaded_once(monkeypatch, classifier):
    engine = Engine(classifier, Explainer(classifier))
    monkeypatch.setattr("pneumo.cli.predict.load_engine", lambda **flags: engine)
    for module in (cli, measure):
        monkeypatch.setattr(module, "load_classifier", lambda **flags: classifier)


def read_csv(path):
    with path.open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def test_predict_writes_lines_rows_and_maps(tmp_path, capsys, classifier):
    arguments = ["predict", str(NORMAL), str(PNEUMONIA)]
    outputs = ["--csv", "--json", "--heatmaps", "--raw-maps"]
    places = [tmp_path / name for name in ("o.csv", "o.json", "heat", "raw")]
    for option, place in zip(outputs, places, strict=True):
        arguments += [option, str(place)]
    assert cli.main(arguments) == 0

    lines = [line.split("\t") for line in capsys.readouterr().out.splitlines()]
    assert [line[0] for line in lines] == [str(NORMAL), str(PNEUMONIA)]
    rows = read_csv(places[0])
    records = json.loads(places[1].read_text())
    for line, row, record in zip(lines, rows, records, strict=True):
        assert float(line[1]) == pytest.approx(record["p_pneumonia"], abs=5e-5)
        assert float(row["p_pneumonia"]) == record["p_pneumonia"]
        called = record["p_pneumonia"] >= classifier.card.default.threshold
        assert line[2] == row["verdict"] == ("PNEUMONIA" if called else "NORMAL")
        assert record["weights_sha256"] == classifier.card.weights_sha256
    for path in (NORMAL, PNEUMONIA):
        with Image.open(path) as image:
            size = image.size
        raw = np.load(places[3] / f"{path.stem}.npy")
        assert raw.dtype == np.float32
        assert raw.shape == size[::-1]
        assert 0 <= raw.min() <= raw.max() <= 1
        with Image.open(places[2] / f"{path.stem}.png") as overlay:
            assert overlay.size == size


def test_threshold_decides_the_verdict(capsys):
    cli.main(["predict", str(NORMAL), "--threshold", "0"])
    assert capsys.readouterr().out.endswith("\tPNEUMONIA\n")
    cli.main(["predict", str(PNEUMONIA), "--threshold", "1"])
    assert capsys.readouterr().out.endswith("\tNORMAL\n")


def test_unreadable_file_gives_reason_row_and_status(tmp_path, capsys):
    bad = tmp_path / "bad.jpg"
    bad.write_text("nothing")
    missing = tmp_path / "gone.jpg"
    table = tmp_path / "o.csv"
    paths = [str(bad), str(missing), str(NORMAL)]
    assert cli.main(["predict", *paths, "--csv", str(table)]) == 1
    captured = capsys.readouterr()
    assert len(captured.out.splitlines()) == 1
    assert f"{bad} is not a picture" in captured.err
    assert f"{missing} cannot be read" in captured.err
    rows = read_csv(table)
    assert [row["verdict"] for row in rows[:2]] == ["ERROR", "ERROR"]
    assert rows[0]["error"].startswith(str(bad))
    assert rows[2]["error"] == ""


def test_folder_searched_and_equal_names_kept_apart(tmp_path, capsys):
    for folder in ("a", "b"):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "chest.jpeg").write_bytes(NORMAL.read_bytes())
    (tmp_path / "a" / "notes.txt").touch()
    assert cli.main(["predict", str(tmp_path), "--raw-maps", str(tmp_path / "raw")]) == 0
    assert len(capsys.readouterr().out.splitlines()) == 2
    names = sorted(path.name for path in (tmp_path / "raw").iterdir())
    assert names == ["chest-2.npy", "chest.npy"]


def test_evaluate_prints_and_writes_the_same_metrics(tmp_path, capsys, classifier):
    path = tmp_path / "metrics.json"
    assert cli.main(["evaluate", str(ROOT / "samples"), "--json", str(path)]) == 0
    metrics = json.loads(path.read_text())
    assert json.loads(capsys.readouterr().out) == metrics
    assert metrics.keys() >= {
        *("n", "auc", "auc_ci95", "accuracy", "balanced_accuracy", "sensitivity", "specificity"),
        *("ppv", "npv", "confusion", "ece", "brier", "threshold", "weights_sha256"),
    }
    assert metrics["n"] == 8
    assert sum(metrics["confusion"].values()) == 8
    assert metrics["threshold"] == classifier.card.default.threshold
    assert metrics["weights_sha256"] == sha256_of(ROOT / "weights" / classifier.card.weights_file)
    # The shipped weights know the samples.
    assert metrics["auc"] >= 0.9  # one of the four NORMAL ones is called PNEUMONIA
    assert metrics["accuracy"] >= 0.75


def test_evaluate_tells_and_counts_a_broken_link(tmp_path, capsys):
    (tmp_path / "NORMAL").mkdir()
    (tmp_path / "NORMAL" / "a.jpeg").symlink_to(NORMAL)
    (tmp_path / "NORMAL" / "x.png").symlink_to(tmp_path / "gone.png")
    assert cli.main(["evaluate", str(tmp_path)]) == 0
    output = capsys.readouterr()
    metrics = json.loads(output.out)
    assert (metrics["n"], metrics["unreadable"]) == (1, 1)
    assert f"{tmp_path}/NORMAL/x.png cannot be read: No such file" in output.err


def test_evaluate_under_chosen_shifts(tmp_path, capsys):
    for path in (NORMAL, PNEUMONIA):
        (tmp_path / path.parent.name).mkdir()
        (tmp_path / path.parent.name / path.name).symlink_to(path)
    samples = str(tmp_path)
    wanted = ["jpeg quality 75", "other class's levels"]
    cli.main(["evaluate", samples, "--shifts", *wanted])
    shifts = json.loads(capsys.readouterr().out)["shifts"]
    assert list(shifts) == ["none", *wanted]
    assert shifts["none"]["mean_change"] == 0
    assert 0 < shifts["jpeg quality 75"]["mean_change_NORMAL"] < 0.1
    with pytest.raises(SystemExit):
        cli.main(["evaluate", samples, "--shifts", "hail"])


def test_evaluate_folder_of_one_class_reports_what_it_can(capsys):
    assert cli.main(["evaluate", str(ROOT / "samples" / "NORMAL")]) == 0
    metrics = json.loads(capsys.readouterr().out)
    assert metrics["n"] == 4
    assert metrics["auc"] is None
    assert metrics["sensitivity"] is None
    assert metrics["specificity"] is not None


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["evaluate", "gone"], "There is no folder gone"),
        (["evaluate", str(ROOT / "docs")], "holds no radiographs"),
        (["predict", str(ROOT / "pneumo" / "cli")], "holds no pictures"),
    ],
)
def test_hopeless_input_ends_in_one_line(arguments, words, capsys):
    assert cli.main(arguments) == 2
    error = capsys.readouterr().err
    assert words in error
    assert error.count("\n") == 1


@pytest.mark.parametrize("threshold", ["-0.1", "1.5", "high"])
def test_threshold_out_of_range_refused(threshold, capsys):
    with pytest.raises(SystemExit):
        cli.main(["predict", str(NORMAL), "--threshold", threshold])
    assert "--threshold" in capsys.readouterr().err


@pytest.mark.parametrize(("kind", "suffix"), [("onnx", ".onnx"), ("openvino", ".xml")])
def test_exported_network_answers_as_the_weights_do(tmp_path, capsys, classifier, kind, suffix):
    import openvino

    path = tmp_path / f"pneumo{suffix}"
    assert cli.main(["export", str(path), "--format", kind]) == 0
    assert float(capsys.readouterr().out.rsplit("by ", 1)[1].split()[0]) <= 1e-4
    core = openvino.Core()
    model = core.compile_model(core.read_model(path), "CPU", {"INFERENCE_PRECISION_HINT": "f32"})
    assert [output.any_name for output in model.outputs] == ["maps", "probability"]
    pictures = np.random.default_rng(0).uniform(-1, 1, (2, 299, 299, 3)).astype(np.float32)
    maps, probabilities = classifier.forward(pictures)
    found = model([pictures])
    np.testing.assert_allclose(found["probability"], probabilities, rtol=0, atol=1e-5)
    np.testing.assert_allclose(found["maps"], maps, rtol=0, atol=1e-4 * maps.max())


@pytest.fixture(scope="module")
def small(classifier):
    """The shipped weights in a small layout, which is padded and cut into tiles likewise."""
    layout = Layout(84, tiles=3)
    forward, _ = load_forward(ROOT / "weights" / classifier.card.weights_file, layout)
    card = dataclasses.replace(classifier.card, layout=layout)
    return dataclasses.replace(classifier, forward=forward, card=card)


def test_network_for_litert_answers_as_the_weights_do(tmp_path, capsys, small, monkeypatch):
    from ai_edge_litert.interpreter import Interpreter

    monkeypatch.setattr(cli, "load_classifier", lambda **flags: small)
    path = tmp_path / "pneumo.tflite"
    assert cli.main(["export", str(path), "--format", "litert"]) == 0
    assert float(capsys.readouterr().out.rsplit("by ", 1)[1].split()[0]) <= 1e-4
    assert list(tmp_path.iterdir()) == [path]
    answer = Interpreter(str(path)).get_signature_runner()
    picture = np.random.default_rng(0).uniform(-1, 1, (1, 84, 84, 3)).astype(np.float32)
    maps, probabilities = small.forward(picture)
    found = answer(image=picture)
    np.testing.assert_allclose(found["probability"], probabilities, rtol=0, atol=1e-5)
    np.testing.assert_allclose(found["maps"], maps, rtol=0, atol=1e-4 * maps.max())


def test_export_under_a_name_that_tells_otherwise_refused(tmp_path, capsys):
    assert cli.main(["export", str(tmp_path / "pneumo.onnx"), "--format", "openvino"]) == 2
    assert "openvino is called *.xml" in capsys.readouterr().err
    assert not any(tmp_path.iterdir())


def test_export_of_weights_that_answer_otherwise_refused(tmp_path, capsys, small, monkeypatch):
    other = dataclasses.replace(
        small, forward=lambda batch: ForwardPass(None, np.full((len(batch), 2), 0.5))
    )
    monkeypatch.setattr(cli, "load_classifier", lambda **flags: other)
    assert cli.main(["export", str(tmp_path / "pneumo.onnx")]) == 2
    assert "answers otherwise than the weights do" in capsys.readouterr().err
    assert not any(tmp_path.iterdir())


def test_bar_on_a_terminal_shows_share_time_left_and_rate(monkeypatch):
    screen = io.StringIO()
    screen.isatty = lambda: True
    monkeypatch.setattr(sys, "stderr", screen)
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setenv("COLUMNS", "100")
    with show_progress("reading radiographs", 4) as progress:
        for _ in follow(range(4), progress):
            time.sleep(0.25)
    last = re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", screen.getvalue()).split("\r")[-1]
    rate = float(re.search(r"100% 0:00:00 (\S+) a second", last).group(1))
    assert 1 < rate <= 4  # one every quarter of a second
