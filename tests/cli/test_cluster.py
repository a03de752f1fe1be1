"""`predict --engine ray` on a cluster of two workers that this starts: the rows of a local run."""

import contextlib
import os
import shutil
import signal
import subprocess
import sys
import threading
from dataclasses import asdict, replace
from pathlib import Path

import pyarrow.parquet as parquet
import pytest
from fsspec import AbstractFileSystem, register_implementation
from fsspec.registry import known_implementations

from pneumo import __main__ as cli
from pneumo.cli import cluster
from pneumo.cli.cluster import predict_on_ray
from pneumo.cli.parquet_folder import forget_cut_files, forget_failures, read_done, status_of
from pneumo.errors import OutputError, WeightsError
from pneumo.export.rows import Row, to_parquet
from pneumo.network.card import read_card
from pneumo.network.weights_files import CARD_NAME, WEIGHTS_FOLDER

pytestmark = [
    pytest.mark.slow,
    # Ray Data's own, of its own settings.
    pytest.mark.filterwarnings("ignore:.*deprecated:DeprecationWarning"),
]
pytest.importorskip("ray", reason="needs Ray (pip install -r requirements-scale.txt)")

ROOT = Path(__file__).resolve().parents[2]
SAMPLES = sorted((ROOT / "samples").glob("*/*.jpeg"))


@pytest.fixture(autouse=True)
def quiet(monkeypatch):
    """No telemetry, and workers that find the tests' Python."""
    monkeypatch.setenv("RAY_USAGE_STATS_ENABLED", "0")


@pytest.fixture
def folder(tmp_path):
    """The samples in folders that tell their class, a file that is none, and one of odd name."""
    folder = tmp_path / "x rays"
    for path in SAMPLES:
        (folder / path.parent.name).mkdir(parents=True, exist_ok=True)
        shutil.copy(path, folder / path.parent.name)
    (folder / "NORMAL" / "röntgen 1.jpeg").write_bytes(b"no picture")
    (folder / "odd\x1b.jpeg").symlink_to(SAMPLES[0])
    return folder


def run(*words) -> int:
    return cli.main(["predict", *map(str, words)])


def rows_of(path):
    rows = parquet.read_table(path).to_pylist()
    return sorted(rows, key=lambda row: row["path"])


def on_ray(*words) -> int:
    return run(*words, "--engine", "ray", "--workers", "2")


def test_rows_are_those_of_a_local_run(folder, tmp_path):
    assert on_ray(folder, "--parquet", tmp_path / "ray") == 1
    assert run(folder, "--parquet", tmp_path / "local.parquet") == 1
    there, here = rows_of(tmp_path / "ray"), rows_of(tmp_path / "local.parquet")
    assert len(here) == len(SAMPLES) + 2
    for one, other in zip(there, here, strict=True):
        for name in ("p_pneumonia", "evidence_inside"):
            assert one.pop(name) == pytest.approx(other.pop(name), abs=1e-5)
    assert there == here
    assert {row["label"] for row in here} == {"NORMAL", "PNEUMONIA", ""}
    assert [row["error"] for row in here if row["verdict"] == "ERROR"] == [
        f"{folder}/NORMAL/röntgen 1.jpeg is not a picture that can be read here (DICOM, JPEG, PNG, "
        "WebP, TIFF, BMP or GIF), whatever its name says."
    ]
    # Taken up: what is done is not done again; what failed and what came since is, by its address
    # too.
    shutil.copy(SAMPLES[2], folder / "NORMAL" / "röntgen 1.jpeg")
    shutil.copy(SAMPLES[0], folder / "new.jpeg")
    more = tmp_path / "more" / "NORMAL"
    more.mkdir(parents=True)
    for name in ("a.jpeg", "IM0001", "1.2.840.113.7", ".hidden.jpeg", "notes.txt"):
        shutil.copy(SAMPLES[1], more / name)
    assert on_ray(folder, f"file://{more.parent}", "--parquet", tmp_path / "ray", "--resume") == 0
    after = rows_of(tmp_path / "ray")
    came = [f"file://{more}/{name}" for name in ("1.2.840.113.7", "IM0001", "a.jpeg")]
    came.append(str(folder / "new.jpeg"))
    assert [row["path"] for row in after] == sorted([row["path"] for row in here] + came)
    assert {row["verdict"] for row in after} == {"NORMAL", "PNEUMONIA"}
    labels = {row["path"]: row["label"] for row in after}
    assert [labels[path] for path in came] == ["NORMAL"] * 3 + [""]


@contextlib.contextmanager
def meanwhile(act):
    """Runs a function beside the block, with the event that the block is over."""
    is_over = threading.Event()
    beside = threading.Thread(target=act, args=[is_over])
    beside.start()
    try:
        yield
    finally:
        is_over.set()
        beside.join()


def wait_until(is_so, is_over) -> bool:
    """Returns whether it came to be so before it was over."""
    while not is_over.wait(0.05):
        if is_so():
            return True
    return False


@contextlib.contextmanager
def kill_when_busy():
    """Kills a worker as soon as it is at work."""
    busy = []

    def is_one_busy():
        # Named so once it is at work: networks loaded, files in its hands.
        busy.extend(pid for pid in workers() if cpu_seconds(pid) > 2.5)
        return busy

    def kill(is_over):
        if wait_until(is_one_busy, is_over):
            os.kill(busy[0], signal.SIGKILL)

    with meanwhile(kill):
        yield
    assert busy


def test_job_is_done_though_a_worker_is_killed(tmp_path):
    folder = tmp_path / "many"
    folder.mkdir()
    for number in range(24):
        shutil.copy(SAMPLES[number % len(SAMPLES)], folder / f"{number:03d}.jpeg")
    with kill_when_busy():
        assert on_ray(folder, "--parquet", tmp_path / "ray") == 0
    names = [Path(row["path"]).name for row in rows_of(tmp_path / "ray")]
    assert names == [f"{number:03d}.jpeg" for number in range(24)]


BY_FOURS = """
import sys
from pneumo.__main__ import main
from pneumo.cli import cluster
cluster.FILES_A_BLOCK = 4
sys.exit(main())
"""


def test_sigterm_ends_it_as_a_local_run_and_what_is_done_by_then_stays(tmp_path):
    folder, output = tmp_path / "many", tmp_path / "ray"
    folder.mkdir()
    for number in range(160):  # more than are done by then, however busy this machine is
        (folder / f"{number:03d}.jpeg").symlink_to(SAMPLES[number % len(SAMPLES)])
    words = map(str, ("predict", folder, "--engine", "ray", "--workers", 2, "--parquet", output))
    # In a process of its own: where Ray has run before, a signal ends a process by a segmentation
    # fault, and that would be the tests'.
    with (
        subprocess.Popen(
            [sys.executable, "-c", BY_FOURS, *words], cwd=ROOT, stderr=subprocess.PIPE, text=True
        ) as process,
        stop_at_the_first_rows(output, process),
    ):
        _, told = process.communicate()
    assert "interrupted" in told
    assert process.returncode == 143, told
    whole = whole_files_of(output)
    done = {Path(row["path"]) for path in whole for row in rows_of(path)}
    left = sorted(set(folder.iterdir()) - done)
    assert done
    assert len(left) > 8
    for path in left[8:]:
        path.unlink()
    cut = begin_another_file(next(iter(whole)))
    assert on_ray(folder, "--parquet", output, "--resume") == 0
    assert [row["path"] for row in rows_of(output)] == sorted(map(str, folder.iterdir()))
    assert not cut.exists()
    assert {path: path.read_bytes() for path in whole} == whole


def whole_files_of(output):
    """Returns the files with rows -> their bytes; one may be cut, whose writer was stopped too."""
    files = {path: path.read_bytes() for path in output.glob("*.parquet")}
    return {path: data for path, data in files.items() if len(data) > 4 and data[-4:] == b"PAR1"}


def begin_another_file(whole):
    """Leaves, under a name as Ray gave it, what SIGKILL leaves of a file that is being written."""
    cut = whole.with_name(whole.name.replace("-0.parquet", "-1.parquet"))
    assert cut != whole
    cut.write_bytes(whole.read_bytes()[:1000])
    return cut


def stop_at_the_first_rows(output, process):
    """Sends a process SIGTERM once rows are written, if workers still score then."""

    def stop(is_over):
        if wait_until(lambda: whole_files_of(output), is_over):
            before = sum(map(cpu_seconds, workers()))
            if wait_until(lambda: sum(map(cpu_seconds, workers())) - before > 0.2, is_over):
                process.terminate()

    return meanwhile(stop)


def test_rows_that_went_elsewhere_are_missed(tmp_path):
    output = str(tmp_path / "ray")
    keep(tmp_path / "ray" / "a.parquet", scored("a"), scored("b\x1b"))
    status_of(output, ["a", "b\x1b"])
    with pytest.raises(OutputError, match="rows of 2 files are not in .*, c for one"):
        status_of(output, ["a", "d", "c"])
    with pytest.raises(OutputError, match="rows of 1 files are not in"):
        status_of(str(tmp_path / "nothing"), ["a"])


@pytest.mark.parametrize("is_resumed", [False, True])
def test_job_whose_rows_went_elsewhere_is_no_success(tmp_path, monkeypatch, capsys, is_resumed):
    class Elsewhere:
        def map_batches(self, *arguments, **options):
            return self

        def write_parquet(self, *arguments, **options):
            pass

    monkeypatch.setattr("ray.init", lambda *arguments, **options: None)
    monkeypatch.setattr("ray.cluster_resources", lambda: {"CPU": 2.0})
    monkeypatch.setattr("ray.data.from_items", lambda *arguments, **options: Elsewhere())
    monkeypatch.setattr(cluster, "load_engine", lambda **options: None)
    words = []
    if is_resumed:
        keep(tmp_path / "ray" / "1.parquet", scored(str(SAMPLES[0])))
        words = ["--resume"]
    assert on_ray(*SAMPLES[:3], "--parquet", tmp_path / "ray", *words) == 2
    assert (
        f"The rows of {3 - is_resumed} files are not in {tmp_path}/ray" in capsys.readouterr().err
    )


def test_what_cannot_score_is_told_before_ray_is_started(tmp_path, monkeypatch, capsys):
    def refuse(precision):
        raise WeightsError(f"This processor calculates in f32, not in {precision}.")

    monkeypatch.setattr(cluster, "load_engine", refuse)
    output = tmp_path / "ray"
    assert on_ray(SAMPLES[0], "--parquet", output, "--precision", "bfloat16") == 2
    assert "This processor calculates in f32, not in bfloat16." in capsys.readouterr().err
    assert not output.exists()


def test_why_workers_cannot_start_is_told(tmp_path, monkeypatch):
    monkeypatch.setattr(cluster, "load_engine", lambda **options: None)  # here, not in workers
    settings = {"threshold": None, "stability": False, "precision": "none", "resume": False}
    with pytest.raises(OutputError, match=r"given up \(ActorDiedError: KeyError: 'none'\)"):
        predict_on_ray(
            [str(SAMPLES[0])], str(tmp_path / "ray"), address=None, workers=1, **settings
        )


def keep(path, *rows):
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(to_parquet(rows))


def scored(name, **changes):
    card = read_card(WEIGHTS_FOLDER / CARD_NAME)
    row = Row(name, 0.5, "NORMAL", card.default.threshold, "", "", "", card.weights_sha256)
    return replace(row, **changes)


def failed(name):
    return scored(name, p_pneumonia=None, verdict="ERROR", error="Gone.")


def test_machines_that_would_answer_otherwise_are_told(monkeypatch):
    import ray

    cluster._begin_ray(None, 1)
    try:
        cluster._require_alike("float32")
        with pytest.raises(OutputError, match="machine .* cannot score .*fp8"):
            cluster._require_alike("fp8")  # fails there
        monkeypatch.setattr(cluster, "__version__", "0.0.1")  # in this process, not in Ray's
        with pytest.raises(OutputError, match=r"pneumo \d.* there, 0\.0\.1 with .* here"):
            cluster._require_alike("float32")
    finally:
        ray.shutdown()


def test_cluster_is_asked_before_anything_is_scored(tmp_path, monkeypatch, capsys):
    def refuse(precision):
        raise OutputError(f"machine b cannot score in {precision}")

    for name in ("_require_listener", "_begin_ray"):
        monkeypatch.setattr(cluster, name, lambda *arguments: None)
    monkeypatch.setattr(cluster, "_require_alike", refuse)
    words = ["--address", "127.0.0.1:9", "--parquet", tmp_path / "ray"]
    assert on_ray(SAMPLES[0], *words) == 2
    assert "machine b cannot score in float32" in capsys.readouterr().err
    assert not (tmp_path / "ray").exists()


def test_machine_says_why_it_cannot_score(monkeypatch):
    def refuse(**options):
        raise WeightsError("This processor has no bfloat16.")

    monkeypatch.setattr(cluster, "load_engine", refuse)
    found = cluster._look_at_machine("bfloat16")
    assert found == (cluster.__version__, "", "This processor has no bfloat16.")


@pytest.mark.parametrize(
    ("rows", "words", "differs"),
    [
        ([scored("a"), failed("b")], ["--threshold", "0.3"], "threshold"),
        ([scored("a")], ["--precision", "bfloat16", "--stability"], "precision, stability"),
        ([scored("a", weights_sha256="0")], [], "weights_sha256"),
        ([scored("a"), scored("b", p_low=0.4, p_high=0.6)], [], "stability"),
    ],
)
def test_other_settings_are_not_mixed_into_one_table(tmp_path, capsys, rows, words, differs):
    keep(tmp_path / "rows" / "1.parquet", *rows)
    assert on_ray(SAMPLES[0], "--parquet", tmp_path / "rows", "--resume", *words) == 2
    error = capsys.readouterr().err
    assert f"The unfinished run in {tmp_path}/rows had other settings ({differs})." in error
    assert [path.name for path in (tmp_path / "rows").iterdir()] == ["1.parquet"]


def test_what_failed_is_not_done_and_what_is_refused_is(tmp_path):
    refused = scored("c", p_pneumonia=None, verdict="REFUSED")
    keep(tmp_path / "1.parquet", scored("a"), failed("b"), refused)
    for threshold in (None, scored("a").threshold):
        assert read_done(str(tmp_path), threshold, False, "float32") == {"a", "c"}
    assert read_done(str(tmp_path / "none"), None, False, "float32") == set()


@pytest.mark.parametrize("scheme", ["", "file://"])
def test_rows_of_failures_that_are_tried_again_go_and_no_others(tmp_path, scheme):
    folder = tmp_path / "rows"
    keep(folder / "1.parquet", scored("a"), failed("b"), failed("c"))
    keep(folder / "2.parquet", failed("d"))
    keep(folder / "3.parquet", scored("e"))
    (folder / "_1.parquet").write_bytes(b"left behind by a job that was killed")
    untouched = (folder / "3.parquet").stat()
    before = rows_of(folder)
    forget_failures(f"{scheme}{folder}", ["new"])
    assert rows_of(folder) == before
    forget_failures(f"{scheme}{folder}", ["b", "d", "new"])
    names = sorted(path.name for path in folder.iterdir())
    assert names == ["1.parquet", "3.parquet"]
    assert rows_of(folder) == [asdict(row) for row in (scored("a"), failed("c"), scored("e"))]
    assert (folder / "3.parquet").stat() == untouched


def test_job_that_dies_while_failures_are_forgotten_loses_no_row(tmp_path, monkeypatch):
    def die(*arguments):
        raise KeyboardInterrupt

    keep(tmp_path / "rows" / "1.parquet", scored("a"), failed("b"))
    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr("fsspec.implementations.local.LocalFileSystem.mv", die)
        forget_failures(str(tmp_path / "rows"), ["b"])
    assert read_done(str(tmp_path / "rows"), None, False, "float32") == {"a"}


@pytest.mark.parametrize("scheme", ["", "file://"])
def test_files_that_a_killed_job_began_go_and_no_others(tmp_path, scheme):
    names = [f"0356qag2f0_{'67648e57' * 4}_{number:06d}-0.parquet" for number in range(4)]
    for name in [*names, "cut.parquet", "notes.txt"]:
        keep(tmp_path / name, scored(name))
    for name, length in [(names[1], 100), (names[2], 0), (names[3], -1), ("cut.parquet", 100)]:
        (tmp_path / name).write_bytes((tmp_path / name).read_bytes()[:length])
    (tmp_path / "notes.txt").write_text("no rows")
    output = f"{scheme}{tmp_path}"
    forget_cut_files(output)
    there = sorted(path.name for path in tmp_path.iterdir())
    assert there == [names[0], "cut.parquet", "notes.txt"]
    with pytest.raises(OutputError, match="holds something other than whole rows"):
        read_done(output, None, False, "float32")
    for name in there[1:]:
        (tmp_path / name).unlink()
    forget_cut_files(output)
    assert read_done(output, None, False, "float32") == {names[0]}
    (tmp_path / names[0]).write_bytes(b"PAR1")
    forget_cut_files(output)
    assert read_done(output, None, False, "float32") == set()


@pytest.mark.parametrize(
    ("output", "why"),
    [
        ("foo://x", "Protocol not known: foo"),
        ("none://x", "Install nonefs"),
        ("lost://x", "Nobody knows you"),
        ("memory://x", "memory of one process"),
        ("{tmp}/notes", r"notes\.txt"),
        ("{tmp}/cut", r"1\.parquet"),
    ],
)
def test_output_that_holds_no_rows_or_cannot_be_asked_is_told(tmp_path, output, why, monkeypatch):
    class Lost(AbstractFileSystem):
        def exists(self, path):
            raise RuntimeError("Nobody knows you")  # no OSError, as of some stores

    missing = {"class": "nonefs.NoneFileSystem", "err": "Install nonefs"}
    monkeypatch.setitem(known_implementations, "none", missing)  # whatever is installed here
    register_implementation("lost", Lost, clobber=True)
    (tmp_path / "notes").mkdir()
    (tmp_path / "notes" / "notes.txt").write_text("no rows")
    keep(tmp_path / "cut" / "1.parquet", scored("a"))
    cut = tmp_path / "cut" / "1.parquet"
    cut.write_bytes(cut.read_bytes()[:-4])
    output = output.format(tmp=tmp_path)
    with pytest.raises(OutputError, match=f"--parquet {output} .*{why}.* Name "):
        read_done(output, None, False, "float32")
    with pytest.raises(OutputError, match=f"--parquet {output} "):
        forget_failures(output, ["a"])
    assert on_ray(SAMPLES[0], "--parquet", output) == 2


def workers():
    """Yields the processes that score files for this one by Ray."""
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            words = (folder / "cmdline").read_bytes()
        except OSError:
            continue
        pid = int(folder.name)
        if words.startswith(b"ray::") and b"Worker" in words and os.getpid() in ancestors(pid):
            yield pid


def ancestors(pid):
    """Yields the process that started one, the one that started that, and so on."""
    while pid:
        fields = stat_of(pid)
        pid = int(fields[1]) if fields else 0
        yield pid


def cpu_seconds(pid: int) -> float:
    fields = stat_of(pid)
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK") if fields else 0


def stat_of(pid: int) -> list[str]:
    """Returns what the system knows of a process, from its state on; nothing if it is gone."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    except OSError:
        return []


@pytest.mark.parametrize(
    ("words", "why"),
    [
        ([], "--engine ray needs --parquet"),
        (["--parquet", "x", "--csv", "a.csv"], "--csv is not written by --engine ray"),
        (["--parquet", "x", "--workers", "0"], "--workers is at least 1"),
        (["--parquet", "{tmp}/full"], "holds something already"),
        (["nowhere://x", "--parquet", "{tmp}/new"], "nowhere://x cannot be listed"),
        (["zip://::file://{tmp}/a.zip", "--parquet", "{tmp}/new"], "lies within another address"),
        (["file://{tmp}/empty", "--parquet", "{tmp}/new"], "holds no pictures"),
        (["--parquet", "{tmp}/new", "--address", "127.0.0.1:9"], "No Ray cluster can be used"),
    ],
)
def test_what_cannot_be_done_is_told_in_one_line(tmp_path, capsys, words, why):
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "a.parquet").write_bytes(b"")
    (tmp_path / "empty").mkdir()
    words = [word.format(tmp=tmp_path) for word in words]
    sources = [] if words and "://" in words[0] else [SAMPLES[0]]
    assert run(*sources, *words, "--engine", "ray") == 2
    error = capsys.readouterr().err
    assert why in error
    assert "Traceback" not in error


def test_flags_of_the_cluster_are_refused_without_it(capsys):
    assert run(SAMPLES[0], "--workers", "2") == 2
    assert "--workers is for --engine ray" in capsys.readouterr().err
