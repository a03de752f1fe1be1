"""Who may import whom, read from the source; and what `import pneumo` costs."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
SOURCES = sorted([*ROOT.glob("pneumo/**/*.py"), ROOT / "streamlit_app.py", ROOT / "train.py"])

ALLOWED = {
    "streamlit": {"streamlit_app.py", "pneumo/ui/*"},
    "tf_keras_vis": {"pneumo/explain.py"},
    "tensorflow": {"pneumo/explain.py", "pneumo/model.py"},
    "keras": {"pneumo/model.py", "pneumo/training/*.py", "train.py"},
}

# Imports point back along the data's way: a module may import only those before it.
ORDER = (
    *("errors", "files", "limits", "silence", "structure", "dicom_file", "dicom_display", "dicom"),
    *("adjust", "decode", "radiograph", "archive", "turns", "preprocess", "scope", "quality"),
    "self_test",
    *("operating_point", "card", "held_out", "model"),
    *("explain", "inference", "overlay", "checks", "report", "pdf", "page", "pack"),
    *("style", "shifts", "stability", "dataset", "calibration", "evaluate", "audit"),
    *("training", "__main__", "ui"),
)
TRAINING_ORDER = (
    *("phantom", "augment", "recipe", "network", "batches", "devices", "callbacks"),
    *("checkpoint", "logs", "finish", "figures"),
)


def _imports(path):
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield node.module


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: path.relative_to(ROOT).as_posix())
def test_heavy_packages_imported_only_where_allowed(path):
    relative = path.relative_to(ROOT)
    for name in _imports(path):
        package = name.split(".")[0]
        if package in ALLOWED:
            assert any(relative.match(pattern) for pattern in ALLOWED[package]), name


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: path.relative_to(ROOT).as_posix())
def test_imports_point_back(path):
    parts = path.relative_to(ROOT).with_suffix("").parts
    if parts[0] != "pneumo" or parts[-1] == "__init__":
        return
    own = ORDER.index(parts[1])
    for name in _imports(path):
        if not name.startswith("pneumo.") or parts[1] == "ui":
            continue
        package, *inner = name.split(".")[1:]
        if package == parts[1] == "training":
            assert TRAINING_ORDER.index(inner[0]) < TRAINING_ORDER.index(parts[2]), name
        else:
            assert ORDER.index(package) < own, f"{path.name} imports {name}"


def test_importing_pneumo_loads_nothing_heavy():
    code = (
        "import sys, pneumo, pneumo.model, pneumo.radiograph; "
        "heavy = {'tensorflow', 'keras', 'streamlit', 'sklearn', 'matplotlib', 'jax', 'pydicom'}; "
        "print(sorted(heavy & set(sys.modules)))"
    )
    output = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert output.stdout.strip() == "[]"
