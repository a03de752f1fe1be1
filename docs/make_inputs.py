"""Writes docs/inputs.md: what was tried, what came of it, which faults were put in.

    python -m docs.make_inputs [--bombs FILE]

The outcomes are those of the very files that tests/reading/test_inputs.py checks. The table of
bombs is a measurement, so it is written only from FILE, made by `benchmarks/bombs.py --json FILE`.
"""

import argparse
import json
import re
import warnings
from pathlib import Path

from benchmarks.bombs import make_table
from tests.inputs import outcomes
from tests.inputs.faults import FAULTS
from tests.inputs.table import KINDS

ROOT = Path(__file__).resolve().parent.parent

PAGE = ROOT / "docs" / "inputs.md"


def make_inputs() -> str:
    """Returns the table of inputs, made by reading them all."""
    rows, files = [], 0
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # pydicom's, when it writes odd files
        for kind in KINDS:
            number, words = outcomes(kind)
            files += number
            if len(words) > 2:
                words = dict.fromkeys(map(_shorten, words))
            shown = "<br>".join(map(_escape, words))
            rows.append([kind.family, _escape(kind.name), str(number), shown])
    refused = sum(bool(kind.refusal) for kind in KINDS)
    head = (
        f"{len(KINDS)} kinds in {files} files: {len(KINDS) - refused} kinds are read, {refused} "
        "are refused. In refusals, `chest` stands for the file's name."
    )
    return head + "\n\n" + _table(["family", "input", "files", "outcome"], rows)


def make_faults() -> str:
    """Returns the table of faults."""
    rows = [[fault, outcome, f"`{test}`"] for fault, outcome, test in FAULTS]
    return _table(["fault", "what survives", "shown by"], rows)


def fill(page: str, tables: dict[str, str]) -> str:
    """Puts each table between `<!-- name -->` and `<!-- /name -->`."""
    for name, table in tables.items():
        pattern = f"(<!-- {name} -->\n).*?(<!-- /{name} -->)"
        page, count = re.subn(
            pattern, lambda m, table=table: f"{m[1]}{table}\n{m[2]}", page, flags=re.DOTALL
        )
        if count != 1:
            raise ValueError(f"{PAGE.name} needs the markers of {name} once.")
    return page


def _table(heads: list[str], rows: list[list[str]]) -> str:
    return "\n".join(f"| {' | '.join(cells)} |" for cells in (heads, ["---"] * len(heads), *rows))


def _shorten(words: str) -> str:
    """Leaves out what a decoder says: it depends on the place of the damage."""
    return re.sub(r"incomplete \([^()]*(\([^()]*\)[^()]*)*\)", "incomplete (...)", words)


def _escape(text: str) -> str:
    return text.replace("|", "\\|").replace("<", "&lt;")


def main() -> None:
    """Rewrites the page."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--bombs", type=Path, metavar="FILE")
    args = parser.parse_args()
    tables = {"inputs": make_inputs(), "faults": make_faults()}
    if args.bombs:
        tables["bombs"] = make_table(json.loads(args.bombs.read_text(encoding="utf-8")))
    page = fill(PAGE.read_text(encoding="utf-8"), tables)
    PAGE.write_text(page, encoding="utf-8")


if __name__ == "__main__":
    main()
