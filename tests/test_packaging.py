"""What an installed package holds: every module, every file beside them, every requirement."""

import re
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
