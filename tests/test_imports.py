"""Who may import whom, read from the source; and what `import pneumo` costs."""

import ast
import subprocess
import sys
from graphlib import TopologicalSorter
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
SOURCES = sorted([*ROOT.glob("pneumo/**/*.py"), ROOT / "streamlit_app.py", ROOT / "train.py"])

ALLOWED = {
    "streamlit": {"streamlit_app.py", "pneumo/ui/*", "pneumo/ui/*/*"},
    "tf_keras_vis": {"pneumo/explaining/explainer.py"},
    "tensorflow": {"pneumo/explaining/explainer.py", "pneumo/network/compiling.py"},
    "openvino": {"pneumo/network/openvino_runtime.py"},
    "keras": {"pneumo/network/*.py", "pneumo/training/*.py", "train.py"},
}

# Imports point back along the data's way: a package may import only those before it.
PACKAGES = (
    *("errors", "files", "images", "progress", "reading", "network", "dataset", "explaining"),
    *("inference", "evaluation", "export", "cli", "training", "__main__", "ui"),
)
PANELS = (
    *("theme", "session", "server", "view_names", "about", "components", "model_page"),
    *("explanations", "measures", "worklist", "case", "pages", "start"),
)
"""The same of what is in `pneumo.ui`."""


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
    if parts[0] != "pneumo" or parts[1] == "__init__":
        return
    for name in _imports(path):
        imported = name.split(".")
        if imported[0] == "pneumo" and imported[1:]:
            assert PACKAGES.index(imported[1]) <= PACKAGES.index(parts[1]), f"{path} imports {name}"
        if imported[:2] == ["pneumo", "ui"] == list(parts[:2]):
            assert PANELS.index(imported[2]) <= PANELS.index(parts[2]), f"{path} imports {name}"


def test_no_circle_of_imports():
    modules = {_module(path): path for path in SOURCES}
    graph = {
        module: {name for name in _imports(path) if name in modules}
        for module, path in modules.items()
    }
    assert list(TopologicalSorter(graph).static_order())


def _module(path):
    return ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")


def test_importing_pneumo_loads_nothing_heavy():
    code = (
        "import sys, pneumo, pneumo.network.classifier, pneumo.reading.radiograph; "
        "import pneumo.training.batches; "
        "heavy = {'tensorflow', 'keras', 'streamlit', 'sklearn', 'matplotlib', 'jax', 'pydicom'}; "
        "print(sorted(heavy & set(sys.modules)))"
    )
    output = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert output.stdout.strip() == "[]"
