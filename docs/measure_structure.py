"""Measures how the code is built: `python -m docs.measure_structure [FOLDER]`.

The folder is that of a checkout, by default this one, so that two states can be compared.
"""

import ast
import json
import sys
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

LONG, MANY = 60, 5
"""Lines of a function, and arguments by position, that are not to be exceeded."""


def measure(root: Path) -> dict[str, object]:
    """Returns what the table in docs/architecture.md holds.

    Modules are those of the package and the two scripts beside it. A floor stands on all that it
    imports; the lowest imports nothing of ours.
    """
    modules = {_name_of(path, root): ast.parse(path.read_text("utf-8")) for path in _files(root)}
    imports = {name: set(_imports(tree, modules)) - {name} for name, tree in modules.items()}
    lines, arguments, constants = [], [], defaultdict(set)
    for name, tree in modules.items():
        for node in ast.walk(tree):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                lines.append(node.end_lineno - node.lineno + 1)
                given = [*node.args.posonlyargs, *node.args.args]
                arguments.append(sum(each.arg not in ("self", "cls") for each in given))
        for constant in _constants(tree):
            constants[constant].add(name)
    siblings = {(_sibling(name), _sibling(one)) for name, of in imports.items() for one in of}
    return {
        "modules": len(modules),
        "packages and modules directly in pneumo/": len({*map(_sibling, modules)}) - 3,
        "imports between them": sum(a != b for a, b in siblings),
        "imports between modules": sum(map(len, imports.values())),
        "floors": max(_floors(imports).values()),
        "longest function, in lines": max(lines),
        f"functions over {LONG} lines": sum(count > LONG for count in lines),
        f"functions with over {MANY} arguments by position": sum(n > MANY for n in arguments),
        "names of constants with two meanings": sum(len(of) > 1 for of in constants.values()),
        "words of the README": len((root / "README.md").read_text("utf-8").split()),
    }


def _files(root: Path) -> list[Path]:
    return [*root.glob("pneumo/**/*.py"), root / "train.py", root / "streamlit_app.py"]


def _name_of(path: Path, root: Path) -> str:
    return ".".join(path.relative_to(root).with_suffix("").parts).removesuffix(".__init__")


def _sibling(module: str) -> str:
    return ".".join(module.split(".")[:2])


def _imports(tree: ast.Module, modules: dict[str, ast.Module]) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and node.module:
            for alias in node.names:
                for name in (f"{node.module}.{alias.name}", node.module):
                    if name in modules:
                        yield name
                        break


def _constants(tree: ast.Module) -> Iterator[str]:
    for node in tree.body:
        if isinstance(node, ast.Assign | ast.AnnAssign):
            targets = node.targets if isinstance(node, ast.Assign) else [node.target]
            for name in (each for target in targets for each in ast.walk(target)):
                if isinstance(name, ast.Name) and name.id.isupper() and name.id[0] != "_":
                    yield name.id


def _floors(imports: dict[str, set[str]]) -> dict[str, int]:
    floors: dict[str, int] = {}

    def floor(name: str) -> int:
        if name not in floors:
            floors[name] = 1 + max(map(floor, imports[name]), default=0)
        return floors[name]

    for name in imports:
        floor(name)
    return floors


if __name__ == "__main__":
    folder = Path(sys.argv[1]) if sys.argv[1:] else Path(__file__).resolve().parents[1]
    print(json.dumps(measure(folder), indent=2))
