"""`train.py` as a user runs it: whole, small, on both backends."""

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from pneumo.model import load_classifier
from pneumo.phantom import write_phantom_dataset

ROOT = Path(__file__).resolve().parents[1]
TINY = ["--init", "random", "--image-size", "71", "--batch-size", "4", "--held-out", "0.34"]


def run_train(*arguments: object, backend: str = "tensorflow", check: bool = True):
    return subprocess.run(
        [sys.executable, "train.py", *map(str, arguments)],
        cwd=ROOT,
        env={**os.environ, "KERAS_BACKEND": backend, "TF_CPP_MIN_LOG_LEVEL": "3"},
        capture_output=True,
        text=True,
        check=check,
    )


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    return write_phantom_dataset(tmp_path_factory.mktemp("data"), patients=6)


@pytest.mark.parametrize("backend", ["tensorflow", "jax"])
def test_smoke_run_writes_weights_that_the_app_loads(tmp_path, backend):
    result = run_train("--smoke", "--output", tmp_path, backend=backend)
    assert "held_out_auc" in result.stdout
    document = json.loads((tmp_path / "model_card.json").read_text())
    assert document["data"]["name"].startswith("phantoms")
    assert backend in document["training"]["software"]
    assert document["operating_points"]["default"]["threshold"] == 0.5
    loaded = load_classifier(tmp_path)
    assert loaded.card.image_size == 71
    grids = np.zeros((1, 71, 71, 3), np.float32)
    assert loaded.forward(grids)[1].sum() == pytest.approx(1, abs=1e-5)


def test_training_never_imports_tensorflow_on_jax():
    code = (
        "import sys; import train; "
        "print('tensorflow' in sys.modules, 'tf_keras_vis' in sys.modules)"
    )
    output = subprocess.run(
        [sys.executable, "-c", code],
        cwd=ROOT,
        env={**os.environ, "KERAS_BACKEND": "jax"},
        capture_output=True,
        text=True,
        check=True,
    )
    assert output.stdout.strip() == "False False"


def test_resumed_run_equals_unbroken_run(tmp_path, data):
    whole, broken = tmp_path / "whole", tmp_path / "broken"
    common = ["--data", data, *TINY, "--epochs", 2]
    run_train(*common, "--output", whole)
    # The first epoch of the same run, cut off as if the machine had gone down after it.
    code = (
        "import train; args = train.parse_arguments(); original = train.save_checkpoint\n"
        "def stop(*a):\n    original(*a); raise SystemExit(7)\n"
        "train.save_checkpoint = stop; train.train(args)"
    )
    cut = subprocess.run(
        [sys.executable, "-c", code, *map(str, [*common, "--output", broken])],
        cwd=ROOT,
        env={**os.environ, "TF_CPP_MIN_LOG_LEVEL": "3"},
    )
    assert cut.returncode == 7
    assert not (broken / "model_card.json").exists()
    run_train(*common, "--output", broken, "--resume")
    cards = [json.loads((path / "model_card.json").read_text()) for path in (whole, broken)]
    histories = [card["training"]["history"] for card in cards]
    assert len(histories[1]) == 2
    assert histories[0][1]["loss"] == pytest.approx(histories[1][1]["loss"], rel=1e-4)
    assert cards[0]["metrics"]["held_out_patients"]["brier"] == pytest.approx(
        cards[1]["metrics"]["held_out_patients"]["brier"], rel=1e-3
    )


def test_resuming_with_other_settings_refused(tmp_path, data):
    (tmp_path / "checkpoint.json").write_text('{"settings": {"seed": 9}, "history": []}')
    result = run_train(
        "--data", data, *TINY, "--epochs", 1, "--output", tmp_path, "--resume", check=False
    )
    assert result.returncode == 1
    assert "belongs to a run with other settings" in result.stderr
    assert "Traceback" not in result.stderr


@pytest.mark.parametrize(
    ("prepare", "arguments", "words"),
    [
        (lambda folder: None, ["--data", "{folder}/gone"], "There is no folder"),
        (
            lambda folder: [f.unlink() for f in (folder / "train/NORMAL").iterdir()],
            ["--data", "{folder}"],
            "class folder NORMAL is missing",
        ),
        (
            lambda folder: (folder / "train/NORMAL/IM-0003-0000.jpeg").write_text("x"),
            ["--data", "{folder}", "--init", "random"],
            "IM-0003-0000.jpeg",
        ),
        (
            lambda folder: None,
            ["--data", "{folder}", "--init", "gone.weights.h5", "--image-size", "71"],
            "--init names gone.weights.h5",
        ),
        (lambda folder: None, [], "--data is needed"),
        (lambda folder: None, ["--data", "x", "--epochs", "0"], "--epochs is at least 1"),
        (lambda folder: None, ["--data", "x", "--image-size", "64"], "at least 71"),
    ],
)
def test_foreseeable_failure_ends_in_a_clear_line(tmp_path, prepare, arguments, words):
    folder = write_phantom_dataset(tmp_path / "data", patients=4)
    prepare(folder)
    arguments = [argument.format(folder=folder) for argument in arguments]
    result = run_train(*arguments, "--output", tmp_path / "out", check=False)
    assert result.returncode != 0
    assert words in result.stderr
    assert "Traceback" not in result.stderr


def test_loss_that_is_not_finite_stops_training_naming_the_step(tmp_path, data):
    result = run_train(
        *["--data", data, *TINY, "--epochs", 1, "--output", tmp_path],
        *["--learning-rate", "1e30", "--optimizer", "rmsprop", "--schedule", "constant"],
        check=False,
    )
    assert result.returncode == 1
    assert "The loss became nan at step" in result.stderr


def test_origin_recipe_has_the_published_values(tmp_path):
    os.environ["KERAS_BACKEND"] = "tensorflow"
    import train

    args = train.parse_arguments(["--data", "x", "--recipe", "origin"])
    assert (args.learning_rate, args.batch_size, args.epochs) == (0.001, 10, 10)
    assert (args.retrain_layers, args.image_size, args.optimizer) == (55, 299, "rmsprop")
    assert not args.augment
    assert (
        train.parse_arguments(
            ["--data", "x", "--recipe", "origin", "--retrain-layers", "100"]
        ).retrain_layers
        == 100
    )
