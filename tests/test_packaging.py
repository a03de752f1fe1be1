"""What an installed package holds: every module, every file beside them, every requirement."""

import importlib.metadata
import re
import shutil
import subprocess
import sys
import tomllib
from fnmatch import fnmatch
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())
SETUP = PROJECT["tool"]["setuptools"]
PIN = re.compile(r"[\w.\-]+(\[\w+\])?==[\w.]+(; .+)?")


def requirements(name):
    lines = (line.split("#")[0].strip() for line in (ROOT / name).read_text().splitlines())
    return [line for line in lines if line]


def folder_of(package):
    mapped = SETUP["package-dir"].get(package)
    return ROOT / (mapped or package.replace(".", "/"))


def test_every_package_is_installed():
    there = {".".join(path.parent.relative_to(ROOT).parts) for path in ROOT.glob("pneumo/**/*.py")}
    assert set(SETUP["packages"]) == there | {"pneumo._weights"}


@pytest.mark.parametrize("package", SETUP["packages"])
def test_every_file_beside_the_modules_is_installed(package):
    patterns = SETUP["package-data"].get(package, [])
    files = [path.name for path in folder_of(package).iterdir() if path.is_file()]
    left_out = [
        name
        for name in files
        if not name.endswith((".py", ".pyc")) and not any(fnmatch(name, p) for p in patterns)
    ]
    assert files
    assert not left_out


def test_every_file_of_requirements_is_what_the_package_asks_for():
    dynamic = SETUP["dynamic"]
    stated = {"requirements.txt": dynamic["dependencies"]}
    for extra, source in dynamic["optional-dependencies"].items():
        stated[f"requirements-{extra}.txt"] = source
    assert stated.keys() == {path.name for path in ROOT.glob("requirements*.txt")}
    assert all(source == {"file": [name]} for name, source in stated.items())


def test_every_requirement_is_pinned_and_to_one_version():
    versions = {}
    for path in ROOT.glob("requirements*.txt"):
        for line in requirements(path.name):
            assert PIN.fullmatch(line), f"{path.name}: {line}"
            name, version = line.split(";")[0].strip().split("==")
            name = name.lower().replace("tensorflow-cpu", "tensorflow")  # the same but for GPUs
            assert versions.setdefault(name, version) == version, f"{path.name}: {line}"


def test_lock_holds_every_requirement_and_whatever_that_brings_along():
    from packaging.requirements import Requirement
    from packaging.utils import canonicalize_name

    locked = {}
    for line in requirements("requirements.lock"):
        needed = Requirement(line)
        locked.setdefault(canonicalize_name(needed.name), set()).add(str(needed.specifier))
    wanted = [
        Requirement(line)
        for path in ROOT.glob("requirements*.txt")
        for line in requirements(path.name)
    ]
    for needed in wanted:
        assert str(needed.specifier) in locked[canonicalize_name(needed.name)], str(needed)
    seen = set()
    while wanted:
        needed = wanted.pop()
        if str(needed) in seen:
            continue
        seen.add(str(needed))
        assert canonicalize_name(needed.name) in locked, f"{needed.name}: see requirements.lock"
        try:
            brought = importlib.metadata.requires(needed.name) or []
        except importlib.metadata.PackageNotFoundError:
            continue  # of another system, or of an extra that is not installed here
        for one in map(Requirement, brought):
            extras = ["", *needed.extras]
            if one.marker is None or any(one.marker.evaluate({"extra": e}) for e in extras):
                wanted.append(one)
    assert len(seen) > 100


@pytest.mark.parametrize("system", ["linux", "darwin"])
@pytest.mark.parametrize("machine", ["x86_64", "aarch64"])
def test_one_tensorflow_on_every_machine(system, machine):
    from packaging.requirements import Requirement

    here = {"sys_platform": system, "platform_machine": machine}
    wanted = [
        needed.name
        for needed in map(Requirement, requirements("requirements.txt"))
        if needed.name.startswith("tensorflow")
        and (needed.marker is None or needed.marker.evaluate(here))
    ]
    small = system == "linux" and machine == "x86_64"
    assert wanted == ["tensorflow-cpu" if small else "tensorflow"]


def test_entry_point_is_the_command_line():
    from pneumo.__main__ import main

    module, _, name = PROJECT["project"]["scripts"]["pneumo"].partition(":")
    assert (module, name) == (main.__module__, main.__name__)
    assert PROJECT["project"]["version"] == __import__("pneumo").__version__


HEAVY = ("tensorflow", "keras", "tf_keras_vis")
WITHOUT = f"import sys; sys.modules.update(dict.fromkeys({HEAVY}))\n"
"""Code after which a Python has none of them, as on a small host."""


def test_a_small_host_installs_all_but_tensorflow():
    heavy = {"tensorflow", "tensorflow-cpu", "keras", "tf-keras-vis"}
    full = {line.split(";")[0].strip() for line in requirements("requirements.txt")}
    fast = set(requirements("requirements-fast.txt"))
    small = set(requirements("deploy/requirements.txt"))
    h5py = {line for line in requirements("requirements-train.txt") if line.startswith("h5py")}
    assert small == {one for one in full if one.split("==")[0] not in heavy} | fast | h5py


@pytest.mark.slow  # with the shipped network, in a process of its own
def test_image_holds_what_it_needs_and_answers_when_built(tmp_path):
    lines = (ROOT / "Dockerfile").read_text(encoding="utf-8").splitlines()
    allowed = (ROOT / ".dockerignore").read_text(encoding="utf-8").split()
    copied = [line.split()[1:] for line in lines if line.startswith("COPY")]
    for *sources, target in copied:
        for source in sources:
            name = source.rstrip("/")
            assert f"!{name}" in allowed, f"{name} does not reach the build"
            into = tmp_path / target
            if (ROOT / name).is_dir():
                shutil.copytree(ROOT / name, into, ignore=shutil.ignore_patterns("__pycache__"))
            else:
                shutil.copy(ROOT / name, into)
    (check,) = [line for line in lines if "-m pneumo predict" in line]
    arguments = check.split("-m pneumo ")[1].split(" > ")[0].split()
    code = f"{WITHOUT}from pneumo.__main__ import main; sys.argv[1:] = {arguments}; main()"
    found = subprocess.run(
        [sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    rows = found.stdout.splitlines()
    assert found.returncode == 0, found.stderr
    assert len(rows) == len(list((ROOT / "samples/NORMAL").glob("*.jpeg")))
    assert all(row.startswith("samples/NORMAL/") for row in rows)
    assert lines.index("USER pneumo") > max(i for i, x in enumerate(lines) if x.startswith("RUN"))


def test_without_tensorflow_methods_with_gradients_are_not_offered():
    code = (
        f"{WITHOUT}from pneumo.explaining.methods import ALL_METHODS, METHODS\n"
        "print(*METHODS); print(*(key for key, one in ALL_METHODS.items() if one.gradients))"
    )
    found = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True
    )
    offered, missing = map(str.split, found.stdout.splitlines())
    assert offered == ["gradcam", "evidence", "scorecam", "occlusion"]
    assert missing == ["gradcam++", "layercam", "saliency", "smoothgrad"]
