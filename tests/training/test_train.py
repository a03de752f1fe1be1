"""`train.py` as a user runs it: whole, small, on every backend that is installed."""

import csv
import importlib.util
import json
import os
import sys
from pathlib import Path
from tempfile import TemporaryDirectory

import h5py
import numpy as np
import pytest

from pneumo.errors import TrainingError
from pneumo.network.classifier import load_classifier
from pneumo.training.checkpoint import (
    begin_run,
    earlier_run,
    epochs_before,
    require_same_split,
)
from pneumo.training.phantom import write_phantom_dataset
from tests.training.forks import run_fork

SMALL = """
import keras

def build_small(include_top, weights, input_tensor):
    maps = input_tensor
    for number, width in enumerate((16, 64, 64)):
        maps = keras.layers.Conv2D(width, 3, 2, name=f"block{number}_conv")(maps)
        maps = keras.layers.BatchNormalization(name=f"block{number}_bn")(maps)
    maps = keras.layers.ReLU(name="block14_sepconv2_act")(maps)
    return keras.Model(input_tensor, maps)

keras.applications.Xception = build_small
train.draw_figures = lambda folder, *results: folder.mkdir(exist_ok=True)
"""
"""Code that puts a network of seconds in the place of Xception, and spares the figures.

The smoke tests try the whole.
"""

KNOWN_LUNGS = """
import numpy as np
from pneumo.network.lung_finder import FinderPass
from pneumo.training import inputs

def find(batch):
    y, x = (np.indices((128, 128)) + 0.5) / 128 - 0.5
    lungs = ((abs(x) - 0.2) / 0.15) ** 2 + (y / 0.33) ** 2 < 1
    return FinderPass(np.float32([lungs] * len(batch)), np.zeros((len(batch), 512), np.float32))

inputs.load_finder = lambda path: find
"""
"""Code that puts in the place of the lung finder where phantoms have their lungs."""

NO_TENSORFLOW = "import sys; sys.modules['tensorflow'] = None\n"
"""Code that makes it unknown, as on the GPU machines that JAX is meant for."""

QUICKLY_COMPILED = "--xla_backend_optimization_level=0"
"""For XLA: nothing here runs for so long that it were worth making it fast."""

BACKENDS = [
    "tensorflow",
    "jax",
    pytest.param(
        "torch",
        marks=pytest.mark.skipif(
            importlib.util.find_spec("torch") is None, reason="PyTorch is not installed"
        ),
    ),
]

OVERFLOW = """
import numpy as np
from pneumo.training import fit

save = {0}.save_weights_fp16

def overflow(model, path):
    model.set_weights([np.full_like(w, 7e4) for w in model.get_weights()])
    save(model, path)

{0}.save_weights_fp16 = overflow
"""
"""Code that makes a module export weights that are beyond float16."""

TINY = ["--init", "random", "--image-size", "71", "--batch-size", "4", "--held-out", "0.34"]
TINY += ["--suite", "0", "--tiles", "0", "--against-looks", "1"]


def run_train(
    *arguments: object,
    backend: str = "tensorflow",
    check: bool = True,
    before: str = "",
    limit: int | None = None,
    stand_ins: str = SMALL + KNOWN_LUNGS,
    xla: str = "",
):
    """Runs train.py in a process of its own, after some code and under a limit of file size.

    With stand-ins for what takes long, but for a whole smoke run.
    """
    if "--smoke" not in arguments:
        before = stand_ins + before
    if backend == "jax":
        before = NO_TENSORFLOW + before
    with TemporaryDirectory() as folder:
        result = run_fork(
            backend,
            f"{before}\ntrain.main()",
            [*map(str, arguments)],
            Path(folder),
            limit,
            {"XLA_FLAGS": f"{QUICKLY_COMPILED} {xla}"},
        )
    if check and result.returncode:
        raise AssertionError(f"train.py ended with {result.returncode}: {result.stderr}")
    return result


def fail_to_train(monkeypatch, capsys, *arguments: object) -> str:
    """Runs train.py in this process, which is quicker; returns the line that it ends with."""
    import train

    monkeypatch.setattr(sys, "argv", ["train.py", *map(str, arguments)])
    with pytest.raises(SystemExit) as end:
        train.main()
    assert end.value.code not in (None, 0)
    return f"{end.value.code}\n{capsys.readouterr().err}"


def card_of(folder: Path) -> dict:
    return json.loads((folder / "model_card.json").read_text())


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    return write_phantom_dataset(tmp_path_factory.mktemp("data"), patients=6)


# Most changes of the suite and the looks are the same on any backend, and tried on one; the lung
# finder on JAX is tried by `test_two_devices_train_as_one`.
LESS_OF_THE_SAME = f"""
{KNOWN_LUNGS}
from pneumo.evaluation import robustness

robustness.SHIFTS = {{name: robustness.SHIFTS[name] for name in ("jpeg quality 30", "border 5 %")}}
"""


@pytest.mark.parametrize(
    ("backend", "before", "tiles", "flags"),
    [
        ("tensorflow", "", 1, []),
        ("jax", LESS_OF_THE_SAME, 0, ["--share", "0.34", "--against-looks", "1"]),
    ],
)
def test_smoke_run_writes_weights_that_the_app_loads(tmp_path, backend, before, tiles, flags):
    result = run_train(
        *["--smoke", "--tiles", tiles, *flags, "--output", tmp_path], backend=backend, before=before
    )
    assert "held_out_auc" in result.stdout
    document = card_of(tmp_path)
    assert document["data"]["name"].startswith("phantoms")
    assert backend in document["training"]["software"]
    assert set(document["metrics"]["shifts"]) > {"none", "jpeg quality 30", "border 5 %"}
    loaded = load_classifier(tmp_path)
    assert loaded.card.layout == (71, 2, tiles)
    assert ("1 x 1 tiles" in document["architecture"]) == bool(tiles)
    assert set(loaded.card.points) == {"rule-out", "balanced", "rule-in"}
    grids = np.zeros((1, 71, 71, 3), np.float32)
    assert loaded.forward(grids)[1].sum() == pytest.approx(1, abs=1e-5)

    held_out = document["data"]["held_out_NORMAL"] + document["data"]["held_out_PNEUMONIA"]
    assert [len(document["out_of_fold"][key]) for key in ("label", "p_pneumonia")] == [held_out] * 2
    names = ("loss", "roc", "precision_recall", "reliability", "confusion")
    assert {path.name for path in (tmp_path / "report").iterdir()} == {
        *(f"{name}.png" for name in names),
        "model_card.json",
    }
    with (tmp_path / "history.csv").open() as file:
        assert [row["epoch"] for row in csv.DictReader(file)] == ["1"]
    assert list((tmp_path / "tensorboard").glob("events.*"))


def test_training_never_imports_tensorflow_on_jax(tmp_path):
    code = "print('tensorflow' in sys.modules, 'tf_keras_vis' in sys.modules)"
    assert run_fork("jax", code, [], tmp_path).stdout.strip() == "False False"


# Batch number i has the target i, and the loss is the target: what the network saw, in order.
WATCH_BATCHES = """
import json, random, time
import keras, numpy as np
from pneumo.training.batches import EpochBatches, Presentation
from pneumo.training.epoch import train_epoch
from pneumo.training.framing import Sources

class Numbered(EpochBatches):
    def __getitem__(self, index):
        time.sleep(random.random() / 50)
        images, targets = super().__getitem__(index)
        return images, np.full_like(targets, index)

model = keras.Sequential([keras.Input((8, 8, 3)), keras.layers.Flatten(), keras.layers.Dense(2)])
model.compile("sgd", lambda true, answer: keras.ops.mean(true) + 0 * keras.ops.mean(answer))
epochs = []
for epoch in range(2):
    seen, sums = [], [0.0]
    def show(step, mean):
        sums.append(mean * (step + 1))
        seen.append(round(sums[-1] - sums[-2]))
    grids = np.zeros((40, 8, 8), np.uint8)
    presentation = Presentation(size=8, batch_size=2, seed=0)
    batches = Numbered(Sources(grids), np.arange(40) % 2, presentation, epoch, workers=5)
    train_epoch(model, batches, show)
    epochs.append(seen)
print("seen", json.dumps(epochs))
"""


@pytest.mark.parametrize("backend", BACKENDS)
def test_the_network_sees_each_batch_once_in_order(tmp_path, backend):
    result = run_fork(backend, WATCH_BATCHES, [], tmp_path)
    assert json.loads(result.stdout.split("seen", 1)[1]) == [list(range(20))] * 2


# Dies as by `kill -9` while the second epoch is being prepared and trained.
DIE_IN_SECOND_EPOCH = """
import os, signal
from pneumo.training.batches import EpochBatches
prepare = EpochBatches.__getitem__
def die(batches, index):
    if (batches.epoch, index) == (1, 1):
        os.kill(os.getpid(), signal.SIGKILL)
    return prepare(batches, index)
EpochBatches.__getitem__ = die
"""


@pytest.mark.parametrize("backend", BACKENDS)
def test_killed_in_mid_epoch_and_resumed_run_equals_unbroken_run(tmp_path, data, backend):
    whole, broken = tmp_path / "whole", tmp_path / "broken"
    common = ["--data", data, *TINY, "--epochs", 2, "--workers", 3]
    run_train(*common, "--output", whole, backend=backend)
    killed = run_train(
        *common, "--output", broken, before=DIE_IN_SECOND_EPOCH, check=False, backend=backend
    )
    assert killed.returncode == -9
    assert len(json.loads((broken / "checkpoint.json").read_text())) == 1
    assert not (broken / "model_card.json").exists()
    run_train(*common, "--output", broken, "--resume", backend=backend)
    expected, received = [card_of(folder)["training"]["history"] for folder in (whole, broken)]
    for name in ("loss", "accuracy", "held_out_auc"):
        assert [e[name] for e in received] == pytest.approx([e[name] for e in expected], rel=1e-4)
    expected, received = (card_of(f)["metrics"]["held_out_patients"] for f in (whole, broken))
    assert received["brier"] == pytest.approx(expected["brier"], rel=1e-3)
    assert received["confusion"] == expected["confusion"]


def test_folds_score_every_training_patient_once_and_soup_is_their_mean(tmp_path, data):
    import h5py

    # Of one step AdamW keeps little but the signs of the gradient, which the folds share.
    arguments = ["--data", data, *TINY, "--epochs", 4, "--folds", 2, "--final", "soup"]
    arguments += ["--schedule", "constant", "--learning-rate", "0.01"]
    run_train(*arguments, "--output", tmp_path)
    with (tmp_path / "splits.csv").open() as file:
        parts = [(row["part"], row["class"] + row["patient"]) for row in csv.DictReader(file)]
    of = {part: {patient for p, patient in parts if p == part} for part, _ in parts}
    assert set(of) == {"fold 0", "fold 1", "held-out"}
    assert sum(map(len, of.values())) == len(set.union(*of.values())) == 12
    document = card_of(tmp_path)
    assert len(document["out_of_fold"]["label"]) == sum(p != "held-out" for p, _ in parts)
    assert document["metrics"]["held_out_patients"]["patients"] == len(of["held-out"])

    def kernel(folder):
        with h5py.File(tmp_path / folder / "uncalibrated.weights.h5") as file:
            names = []
            file.visit(names.append)
            shapes = {name: getattr(file[name], "shape", None) for name in names}
            (name,) = (name for name, shape in shapes.items() if shape == (64, 2))
            return file[name][()].astype(float)

    members = [kernel("fold-0"), kernel("fold-1")]
    assert not np.allclose(*members, atol=1e-4)
    np.testing.assert_allclose(kernel("."), np.mean(members, axis=0), atol=1e-3)


def test_two_devices_train_as_one(tmp_path, data):
    arguments = ["--data", data, *TINY, "--epochs", 1, "--forget-surroundings"]
    two = "--xla_force_host_platform_device_count=2"
    each = {"backend": "jax", "stand_ins": SMALL}  # with the lung finder, which is divided too
    run_train(*arguments, "--output", tmp_path / "one", **each)
    run_train(*arguments, "--output", tmp_path / "two", "--devices", "all", xla=two, **each)
    one, other = (card_of(tmp_path / name) for name in ("one", "two"))
    assert [card["training"]["devices"] for card in (one, other)] == [1, 2]
    expected, received = (card["training"]["history"][0]["loss"] for card in (one, other))
    assert received == pytest.approx(expected, rel=1e-3)
    scores = [np.array(card["out_of_fold"]["p_pneumonia"]) for card in (one, other)]
    np.testing.assert_allclose(*scores, atol=5e-3)


TELL_EPOCHS = """
from pneumo.training import fit
prepare = fit.EpochBatches
def tell(*arguments, **options):
    print("drawn as epoch", arguments[3])
    return prepare(*arguments, **options)
fit.EpochBatches = tell
"""


def test_begins_from_an_earlier_run_with_its_head_keeps_a_share_of_it_and_forgets_if_asked_to(
    tmp_path, data, monkeypatch, capsys
):
    arguments = ["--data", data, *TINY, "--epochs", 1]
    run_train(*arguments, "--output", tmp_path / "first", "--learning-rate", 0.1)
    arguments[arguments.index("random")] = tmp_path / "first" / "uncalibrated.weights.h5"
    arguments += ["--output", tmp_path / "then"]
    went_on = run_train(*arguments, "--learning-rate", 1e-9, before=TELL_EPOCHS)
    assert "drawn as epoch 1\n" in went_on.stdout, "what was redrawn before is seen again"
    first, then = (card_of(tmp_path / name) for name in ("first", "then"))
    scores = [card["out_of_fold"]["p_pneumonia"] for card in (first, then)]
    np.testing.assert_allclose(*scores, atol=2e-3)  # a head drawn at random would not
    assert then["training"]["began_from"]["epochs"] == 1
    assert epochs_before(tmp_path / "then" / "uncalibrated.weights.h5") == 2
    assert epochs_before("imagenet") == 0
    line = fail_to_train(monkeypatch, capsys, *arguments, "--seed", 1)
    assert "was split otherwise" in line

    # A share of the weights that it began with is kept; the checkpoint has the trained ones alone.
    arguments[-1] = tmp_path / "kept"
    run_train(*arguments, "--learning-rate", 0.1, "--keep-init", 0.25)
    began, trained, kept = (
        stored(tmp_path / name)
        for name in (
            "first/uncalibrated.weights.h5",
            "kept/1.checkpoint.weights.h5",
            "kept/uncalibrated.weights.h5",
        )
    )
    moved = 0
    for name, values in kept.items():
        expected = 0.25 * began[name] + 0.75 * trained[name]
        np.testing.assert_allclose(values, expected, rtol=2e-3, atol=1e-4, err_msg=name)
        moved += np.abs(trained[name] - began[name]).max() > 0.01
    assert moved > 2, "training moved nothing, so any share would do"
    assert card_of(tmp_path / "kept")["training"]["keep_init"] == 0.25

    # The last layer alone is moved.
    forgot = [*arguments[:-1], tmp_path / "forgot", "--learning-rate", 1e-9]
    run_train(*forgot, "--forget-surroundings")
    trained = stored(tmp_path / "forgot/1.checkpoint.weights.h5")
    for name, values in stored(tmp_path / "forgot/uncalibrated.weights.h5").items():
        same = np.allclose(values, trained[name], rtol=2e-3, atol=1e-4)
        assert same == ("dense" not in name), name
    assert card_of(tmp_path / "forgot")["training"]["forget_surroundings"] is True

    line = fail_to_train(monkeypatch, capsys, "--data", data, *TINY, "--keep-init", 0.5)
    assert "--keep-init needs the weights of an earlier run, head included" in line


def stored(path: Path) -> dict[str, np.ndarray]:
    """Returns what a file of weights holds, as float64, by its name there."""
    found = {}

    def take(name, item):
        if isinstance(item, h5py.Dataset):
            found[name] = item[()].astype(float)

    with h5py.File(path) as file:
        file.visititems(take)
    return found


def test_words_for_weights_are_of_no_run_in_the_working_directory(tmp_path, monkeypatch):
    (tmp_path / "run.json").write_text('{"epochs": 4}')
    monkeypatch.chdir(tmp_path)
    assert earlier_run("own.weights.h5") == {"epochs": 4}
    assert earlier_run("imagenet") == earlier_run("random") == {}


def test_weights_of_a_fold_and_weights_copied_with_their_card_tell_their_split(tmp_path):
    (tmp_path / "run.json").write_text('{"epochs": 4, "splits": "a"}')
    fold = str(tmp_path / "fold-0" / "uncalibrated.weights.h5")
    require_same_split(fold, "a")
    with pytest.raises(TrainingError, match="was split otherwise"):
        require_same_split(fold, "b")

    (tmp_path / "copied").mkdir()
    card = {"weights": {"file": "own.weights.h5"}, "training": {"epochs": 4, "splits": "a"}}
    card["training"]["history"] = [{"epoch": 1}]
    (tmp_path / "copied/model_card.json").write_text(json.dumps(card))
    copied = str(tmp_path / "copied/own.weights.h5")
    assert earlier_run(copied) == {"epochs": 4, "splits": "a"}
    with pytest.raises(TrainingError, match="was split otherwise"):
        require_same_split(copied, "b")
    require_same_split(str(tmp_path / "copied/imagenet.weights.h5"), "b")  # not the card's
    del card["training"]["splits"]
    (tmp_path / "copied/model_card.json").write_text(json.dumps(card))
    with pytest.raises(TrainingError, match="does not tell how its patients were split"):
        require_same_split(copied, "a")


def test_devices_refuse_what_they_cannot_divide(tmp_path, data):
    arguments = ["--data", data, *TINY, "--devices", "all", "--output", tmp_path]
    result = run_train(*arguments, check=False)
    assert result.returncode == 1
    assert "KERAS_BACKEND=jax" in result.stderr
    odd = "--xla_force_host_platform_device_count=3"
    result = run_train(*arguments, check=False, backend="jax", xla=odd)
    assert result.returncode == 1
    assert "--batch-size 4 cannot be divided equally among 3 devices" in result.stderr


def test_full_disk_ends_in_a_clear_line_and_leaves_no_half_file(tmp_path, data):
    result = run_train(
        *["--data", data, *TINY, "--epochs", 1, "--output", tmp_path],
        check=False,
        limit=400 * 2**10,  # less than a checkpoint, more than a run under coverage writes besides
    )
    assert result.returncode == 1
    assert "checkpoint of epoch 1 cannot be written" in result.stderr
    assert "Traceback" not in result.stderr
    kept = {"run.json", "splits.csv", "history.csv", "tensorboard"}
    assert {path.name for path in tmp_path.iterdir()} == kept


def test_resuming_with_other_settings_refused(tmp_path, data, monkeypatch, capsys):
    begin_run(tmp_path, {"seed": 9, "recipe": "robust"}, resume=False)
    arguments = ["--data", data, *TINY, "--epochs", 1, "--output", tmp_path, "--resume"]
    line = fail_to_train(monkeypatch, capsys, *arguments)
    assert "belongs to a run with other settings" in line
    assert "seed" in line
    assert "splits" in line
    assert "recipe" not in line
    assert not (tmp_path / "splits.csv").exists()


def test_new_run_forgets_the_checkpoints_of_an_older_one(tmp_path):
    for own in ("fold-1", "latest"):
        (tmp_path / own).mkdir()
    another = tmp_path / "latest" / "checkpoint.json"
    another.write_text("[]")
    states = [tmp_path / "checkpoint.json", tmp_path / "fold-1" / "checkpoint.json"]
    for resume, kept in ((False, False), (True, True), (False, False)):
        for state in states:
            state.write_text("[]")
        begin_run(tmp_path, {"seed": 1}, resume)
        assert [state.exists() for state in states] == [kept, kept]
    assert another.exists(), "a run of its own in a folder below was forgotten too"
    with pytest.raises(TrainingError, match="other settings: seed"):
        begin_run(tmp_path, {"seed": 2}, resume=True)
    (tmp_path / "run.json").write_text("{")
    with pytest.raises(TrainingError, match="is damaged"):
        begin_run(tmp_path, {"seed": 1}, resume=True)


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
        (  # before any radiograph is read: reading all of them takes a while
            lambda folder: (folder / "train/NORMAL/IM-0003-0000.jpeg").write_text("x"),
            ["--data", "{folder}", "--init", "gone.weights.h5", "--image-size", "71"],
            "--init names gone.weights.h5",
        ),
        (
            lambda folder: (folder / "train/NORMAL/IM-0003-0000.jpeg").write_text("x"),
            ["--data", "{folder}", "--init", "gone.weights.h5", "--keep-init", "0.5"],
            "--init names gone.weights.h5",
        ),
        (lambda folder: None, [], "--data is needed"),
        (lambda folder: None, ["--data", "x", "--epochs", "0"], "--epochs is at least 1"),
        (lambda folder: None, ["--data", "x", "--image-size", "64"], "at least 71"),
        (lambda folder: None, ["--data", "x", "--folds", "1"], "--folds is 0 or at least 2"),
        (lambda folder: None, ["--data", "x", "--share", "0"], "--share lies above 0"),
        (lambda folder: None, ["--data", "x", "--keep-init", "1"], "--keep-init is a share from 0"),
        (lambda folder: None, ["--data", "x", "--mixup", "-1"], "--mixup is at least 0"),
        (
            lambda folder: None,
            ["--data", "x", "--forget-surroundings", "--view", "whole"],
            "--forget-surroundings needs to know where the lungs are",
        ),
        (
            lambda folder: None,
            ["--data", "x", "--forget-surroundings", "--mixup", "0.2"],
            "--forget-surroundings needs to know where the lungs are",
        ),
        (
            lambda folder: (folder / "train/NORMAL/IM-0003-0000.jpeg").write_text("x"),
            ["--data", "{folder}", "--init", "random", "--finder", "gone.h5", "--view", "whole"],
            "--finder names gone.h5",
        ),
        (lambda folder: None, ["--data", "x", "--learning-rate", "0"], "lies above 0"),
        (
            lambda folder: (folder / "x.weights.h5").write_bytes(b"no HDF5"),
            ["--data", "{folder}", "--init", "{folder}/x.weights.h5", "--image-size", "71"],
            "is no .weights.h5 of Xception",
        ),
        (
            lambda folder: None,
            ["--data", "{folder}", "--init", "random", "--folds", "9"],
            "9 folds are too many for these patients",
        ),
    ],
)
def test_foreseeable_failure_ends_in_a_clear_line(
    tmp_path, monkeypatch, capsys, prepare, arguments, words
):
    folder = write_phantom_dataset(tmp_path / "data", patients=4)
    prepare(folder)
    arguments = [argument.format(folder=folder) for argument in arguments]
    common = ["--against-looks", "1", "--output", tmp_path / "out"]  # four patients are too few
    line = fail_to_train(monkeypatch, capsys, *common, *arguments)
    assert words in line


def test_loss_that_is_not_finite_stops_training_naming_the_step(tmp_path, data):
    result = run_train(
        *["--data", data, *TINY, "--epochs", 1, "--output", tmp_path],
        *["--learning-rate", "1e30", "--optimizer", "rmsprop", "--schedule", "constant"],
        check=False,
    )
    assert result.returncode == 1
    assert "The loss became nan at step" in result.stderr


@pytest.mark.parametrize(
    ("rate", "before", "words"),
    [
        # The first step's loss is fine; what the step does to the weights is not.
        ("1e38", "", "After step 1 of epoch 1, its last, the weights or answers are no numbers"),
        ("1e-3", OVERFLOW.format("fit"), "After rounding to 16 bits the weights or answers"),
        # The training's own export is fine; the calibrated head no longer fits into 16 bits.
        (
            "1e-3",
            OVERFLOW.format("train"),
            "After calibration the weights or answers are no numbers",
        ),
    ],
)
def test_last_step_that_spoils_the_weights_ends_in_a_clear_line(
    tmp_path, data, rate, before, words
):
    result = run_train(
        *["--data", data, *TINY, "--epochs", 1, "--output", tmp_path, "--batch-size", "16"],
        *["--learning-rate", rate, "--optimizer", "rmsprop", "--schedule", "constant"],
        check=False,
        before=before,
    )
    assert result.returncode == 1
    assert words in result.stderr
    assert "--learning-rate" in result.stderr
    assert "Traceback" not in result.stderr
    assert not (tmp_path / "model_card.json").exists()
    assert (tmp_path / "checkpoint.json").exists() == (rate == "1e-3")


def test_resuming_with_other_pictures_of_equal_names_and_sizes_refused(
    tmp_path, monkeypatch, capsys
):
    import train
    from pneumo.training.recipe import parse_arguments

    folder = write_phantom_dataset(tmp_path / "data", patients=4)
    out = tmp_path / "out"
    arguments = ["--data", folder, *TINY, "--epochs", 1, "--output", out]
    out.mkdir()
    train.divide(parse_arguments("", [*map(str, arguments)]))
    path = folder / "train/NORMAL/IM-0001-0000.jpeg"
    changed = bytearray(path.read_bytes())
    changed[-20] ^= 1
    path.write_bytes(changed)
    line = fail_to_train(monkeypatch, capsys, *arguments, "--resume")
    assert "belongs to a run with other settings: splits" in line


def test_copies_of_a_radiograph_are_in_no_part_twice(tmp_path):
    import train
    from pneumo.dataset.splits import split_as_trained
    from pneumo.training.recipe import parse_arguments, settings_of

    folder = write_phantom_dataset(tmp_path / "data", patients=6)
    for path in sorted(folder.rglob("*.jpeg")):  # as if of other patients
        name = path.name.replace("IM-0", "IM-9").replace("person", "person9")
        (path.parent / name).write_bytes(path.read_bytes())
    arguments = ["--data", str(folder), "--output", str(tmp_path), "--held-out", "0.3"]
    args = parse_arguments("", arguments)
    training, held_out, *_ = train.divide(args)
    assert len(training + held_out) == 24
    assert len({e.path.read_bytes() for e in training + held_out}) == 24
    assert split_as_trained(folder, settings_of(args)) == (training, held_out)


@pytest.mark.parametrize(
    "flags", [[], ["--share", "0.6"], ["--patient-by", "file"], ["--patient-pattern", r"(\d+)[_-]"]]
)
def test_split_is_found_again_from_the_settings_of_the_card(tmp_path, data, flags):
    import train
    from pneumo.dataset.splits import split_as_trained
    from pneumo.training.recipe import parse_arguments, settings_of

    arguments = ["--data", str(data), "--output", str(tmp_path), "--held-out", "0.3", *flags]
    args = parse_arguments("", arguments)
    training, held_out, *_ = train.divide(args)
    assert split_as_trained(data, settings_of(args)) == (training, held_out)


@pytest.mark.parametrize(
    ("flags", "split", "by"),
    [
        ([], "by patient, told by folders; stratified", "folder"),
        (
            ["--patient-by", "file"],
            "by file: which radiographs share a patient is not known",
            "file",
        ),
    ],
)
def test_card_says_how_patients_were_told_apart(tmp_path, flags, split, by):
    folder = tmp_path / "data"
    for path in write_phantom_dataset(tmp_path / "kaggle", patients=6).rglob("*.jpeg"):
        patient, view = path.stem.rsplit("_" if "_" in path.stem else "-", 1)
        place = folder / path.parent.name / f"own-{patient}" / f"{view}.jpeg"
        place.parent.mkdir(parents=True, exist_ok=True)
        path.rename(place)
    run_train("--data", folder, *TINY, "--epochs", 1, "--output", tmp_path / "out", *flags)
    document = card_of(tmp_path / "out")
    assert document["data"]["split"].startswith(split)
    with (tmp_path / "out" / "splits.csv").open() as file:
        rows = [(row["file"].rsplit("/", 1)[0], row["part"]) for row in csv.DictReader(file)]
    of = {part: {owner for owner, p in rows if p == part} for part in ("training", "held-out")}
    assert bool(of["training"] & of["held-out"]) == (by == "file")
    held_out = [part for _, part in rows].count("held-out")
    patients = document["metrics"]["held_out_patients"]["patients"]
    assert patients == (held_out if by == "file" else held_out // 2)
    assert ("not known" in document["out_of_fold"]["of"]) == (by == "file")


def test_origin_recipe_has_the_published_values(tmp_path):
    os.environ["KERAS_BACKEND"] = "tensorflow"
    import train

    args = train.parse_arguments("", ["--data", "x", "--recipe", "origin"])
    assert (args.learning_rate, args.batch_size, args.epochs) == (0.001, 10, 10)
    assert (args.retrain_layers, args.image_size, args.optimizer) == (55, 299, "rmsprop")
    assert not args.augment
    assert (
        train.parse_arguments(
            "", ["--data", "x", "--recipe", "origin", "--retrain-layers", "100"]
        ).retrain_layers
        == 100
    )
