"""Breaks the numeric core in every small way and names the faults that no test notices.

    python -m benchmarks.mutants [pneumo/evaluation/calibration.py ...]

A mutant differs from the code in one comparison, sign, number, condition, negation, keyword
argument or call whose answer nobody takes. Each is put into a fork of a process that has collected
the tests. What survives is printed with its line: a missing test, or a change that makes no
difference (those are to be read, not counted). Ends with status 1 if any survived.
"""

import argparse
import ast
import copy
import inspect
import os
import signal
import sys
import types
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parent.parent

TARGETS = {
    "pneumo/evaluation/bootstrap.py": ["bootstrap", "held_out"],
    "pneumo/evaluation/calibration.py": ["metrics"],
    "pneumo/evaluation/metrics.py": ["metrics", "robustness", "held_out"],
    "pneumo/evaluation/held_out.py": ["held_out"],
    "pneumo/network/operating_points.py": ["metrics", "held_out"],
    "pneumo/dataset/splits.py": ["splits"],
    "pneumo/training/finish.py": ["finish"],
}
"""Module -> names of the tests that must notice."""

SWAPS = {
    **{ast.Lt: ast.LtE, ast.LtE: ast.Lt, ast.Gt: ast.GtE, ast.GtE: ast.Gt},
    **{ast.Eq: ast.NotEq, ast.NotEq: ast.Eq, ast.In: ast.NotIn, ast.NotIn: ast.In},
    **{ast.Is: ast.IsNot, ast.IsNot: ast.Is, ast.And: ast.Or, ast.Or: ast.And},
    **{ast.Add: ast.Sub, ast.Sub: ast.Add, ast.Mult: ast.Div, ast.Div: ast.Mult},
    **{ast.BitAnd: ast.BitOr, ast.BitOr: ast.BitAnd, ast.MatMult: ast.Mult},
    **{ast.FloorDiv: ast.Mult, ast.Mod: ast.Mult, ast.Pow: ast.Mult},
}
LEFT_OUT = ("decorator_list", "annotation", "returns")
"""Parts of the syntax tree whose faults make no difference."""

SECONDS = 120


def faults_of(node: ast.AST) -> Iterator[ast.AST]:
    """Yields the node with one fault, in each way that there is."""
    if isinstance(node, ast.Compare | ast.BinOp | ast.AugAssign | ast.BoolOp):
        yield from _swap_operators(node)
    elif isinstance(node, ast.UnaryOp):
        yield node.operand
    elif isinstance(node, ast.Constant) and isinstance(node.value, bool | int | float):
        value = node.value
        yield ast.Constant(not value if isinstance(value, bool) else value + 1)
    elif isinstance(node, ast.If | ast.IfExp | ast.While):
        changed = copy.deepcopy(node)
        changed.test = ast.UnaryOp(ast.Not(), changed.test)
        yield changed
    elif isinstance(node, ast.Expr) and isinstance(node.value, ast.Call):
        yield ast.Pass()
    elif isinstance(node, ast.Call):
        for place in range(len(node.keywords)):
            changed = copy.deepcopy(node)
            del changed.keywords[place]
            yield changed


def _swap_operators(node: Any) -> Iterator[ast.AST]:
    for place, operator in enumerate(getattr(node, "ops", None) or [node.op]):
        if swap := SWAPS.get(type(operator)):
            changed = copy.deepcopy(node)
            if isinstance(node, ast.Compare):
                changed.ops[place] = swap()
            else:
                changed.op = swap()
            yield changed


def mutants_of(source: str) -> Iterator[tuple[int, str, str]]:
    """Yields line, what became of it, and the whole source, for each mutant."""
    tree = ast.parse(source)
    for parent, field, place, node in list(_places_of(tree)):
        for fault in faults_of(node):
            ast.copy_location(fault, node)
            _put(parent, field, place, fault)
            words = ast.unparse(ast.fix_missing_locations(fault)).split("\n")[0][:70]
            yield node.lineno, words, ast.unparse(ast.fix_missing_locations(tree))
            _put(parent, field, place, node)


def _places_of(parent: ast.AST) -> Iterator[tuple[ast.AST, str, int, Any]]:
    """Yields every node below one, with the place where it stands."""
    for field, value in ast.iter_fields(parent):
        if field in LEFT_OUT:
            continue
        for place, node in enumerate(value if isinstance(value, list) else [value]):
            if isinstance(node, ast.AST):
                yield parent, field, place, node
                yield from _places_of(node)


def _put(parent: ast.AST, field: str, place: int, node: ast.AST) -> None:
    if isinstance(getattr(parent, field), list):
        getattr(parent, field)[place] = node
    else:
        setattr(parent, field, node)


def put_in(name: str, source: str) -> None:
    """Gives a loaded module the functions and constants of another source, wherever they are."""
    module, fresh = sys.modules[name], types.ModuleType(name)
    exec(compile(source, module.__file__, "exec"), fresh.__dict__)
    ours = [m for key, m in sys.modules.items() if key.startswith(("pneumo", "test"))]
    for own, new in list(vars(fresh).items()):
        old = vars(module).get(own)
        if getattr(new, "__module__", name) != name or own.startswith("__"):
            continue
        if isinstance(new, type):
            for key, value in vars(new).items():
                _replace_code(vars(old).get(key), value)
        elif callable(new):
            _replace_code(old, new)
        else:
            for other in ours:
                if vars(other).get(own) is old:
                    setattr(other, own, new)


def _replace_code(old: object, new: object) -> None:
    old, new = inspect.unwrap(old), inspect.unwrap(new)
    if inspect.isfunction(old) and inspect.isfunction(new):
        old.__code__, old.__defaults__ = new.__code__, new.__defaults__


class Hunt:
    """A plugin of pytest: instead of running the tests once, runs them on every mutant."""

    def __init__(self, path: str) -> None:
        self.path, self.name = path, path.removesuffix(".py").replace("/", ".")
        self.count, self.survivors = 0, []

    def pytest_runtestloop(self, session: pytest.Session) -> bool:
        """Takes the place of pytest's own loop."""
        source = (ROOT / self.path).read_text(encoding="utf-8")
        if self._is_noticed(session, source):
            raise session.Failed(f"{self.path}: the tests fail without a fault.")
        for line, words, mutant in mutants_of(source):
            self.count += 1
            if not self._is_noticed(session, mutant):
                self.survivors.append((line, words))
        return True

    def _is_noticed(self, session: pytest.Session, source: str) -> bool:
        """Runs the tests in a process of its own, until one fails."""
        child = os.fork()
        if child:
            return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) != 0
        signal.alarm(SECONDS)  # a mutant that loops is noticed
        silent = os.open(os.devnull, os.O_WRONLY)
        os.dup2(silent, 1)
        os.dup2(silent, 2)
        try:
            put_in(self.name, source)
            for item, following in zip(session.items, [*session.items[1:], None], strict=True):
                item.config.hook.pytest_runtest_protocol(item=item, nextitem=following)
                if session.testsfailed:
                    os._exit(1)
        except BaseException:
            os._exit(1)
        os._exit(0)


def hunt(path: str) -> int:
    """Runs every mutant of one module; returns how many survived."""
    plugin = Hunt(path)
    files = [str(next(ROOT.glob(f"tests/*/test_{name}.py"))) for name in TARGETS[path]]
    quick = ["-q", "-s", "-p", "no:cacheprovider", "--assert=plain", "--tb=no", "--no-header"]
    if code := pytest.main([*quick, *files], [plugin]):
        sys.exit(int(code))
    for line, words in plugin.survivors:
        print(f"{path}:{line}  {words}")
    print(f"{path}: {plugin.count} mutants, {len(plugin.survivors)} survived", flush=True)
    return len(plugin.survivors)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("modules", nargs="*", metavar="MODULE", help=f"of {', '.join(TARGETS)}")
    args = parser.parse_args()
    os.chdir(ROOT)
    os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"
    return int(sum(hunt(path) for path in args.modules or TARGETS) > 0)


if __name__ == "__main__":
    sys.exit(main())
