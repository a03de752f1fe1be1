"""The figures in README and docs are the model card's, links lead somewhere, and it stays short."""

import argparse
import json
import re
import runpy
from pathlib import Path

import pytest

from pneumo.training.recipe import RECIPES

ROOT = Path(__file__).resolve().parents[1]
PAGES = sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/*.md"), *ROOT.glob("samples/*.md")])


@pytest.fixture(scope="module")
def tools():
    return runpy.run_path(str(ROOT / "docs" / "make_tables.py"))


@pytest.fixture
def card():
    return json.loads((ROOT / "weights" / "model_card.json").read_text())


def change(value):
    """Returns a report with every number in it another one."""
    if isinstance(value, dict):
        return {key: change(entry) for key, entry in value.items()}
    if isinstance(value, list):
        return [change(entry) for entry in value]
    return value if isinstance(value, bool | str) or value is None else value + 1


@pytest.mark.parametrize("page", runpy.run_path(str(ROOT / "docs" / "make_tables.py"))["PAGES"])
def test_pages_show_the_figures_of_the_shipped_card(tools, card, page):
    text = (ROOT / page).read_text()
    measured = tools["read_measured"]()
    written = tools["fill"](page, text, tools["make_tables"](card, measured))
    assert written == text, "run python -m docs.make_tables"
    others = tools["make_tables"](change(card), change(measured))
    assert tools["fill"](page, text, others) != text


def test_every_generated_table_is_checked(tools):
    marked = {
        page.relative_to(ROOT).as_posix(): set(re.findall(r"<!-- (\w+) -->", page.read_text()))
        for page in PAGES
    }
    for page in ("docs/inputs.md", "docs/command-line.md"):  # made, and tested, by others
        del marked[page]
    assert {page: names for page, names in marked.items() if names} == {
        page: set(names) for page, names in tools["PAGES"].items()
    }


@pytest.mark.parametrize(
    ("file", "marker"),
    [
        ("official_validation", "official"),
        ("thresholds_across_patients", "across"),
        ("hidden_lungs", "hidden"),
        ("against_looks", "looks"),
        ("views_side_by_side", "views"),
        ("erasing", "erasing"),
    ],
)
def test_what_was_measured_of_other_weights_is_not_told(tools, card, file, marker):
    measured = tools["read_measured"]()
    measured[file]["weights_sha256"] = card["weights"]["sha256"]
    assert "Not measured" not in tools["make_tables"](card, measured)[marker]
    card["weights"]["sha256"] = "0" * 64
    for unknown in (measured, {}):
        assert "Not measured" in tools["make_tables"](card, unknown)[marker]


def test_official_validation_counts_what_was_called_right(tools, card):
    report = {"n": 16, "confusion": {"tn": 5, "fp": 3, "fn": 1, "tp": 7}, "auc": 0.875}
    report |= {"sensitivity": 0.875, "specificity": 0.625}
    report["weights_sha256"] = card["weights"]["sha256"]
    told = tools["make_tables"](card, {"official_validation": report})["official"]
    assert "call 12 right: AUC 0.875, sensitivity 0.875, specificity 0.625" in told


def test_command_has_every_flag_that_differs_from_the_recipe(tools, card):
    run = card["training"]
    assert tools["_train"](RECIPES["robust"]) == "python train.py --data chest_xray"
    assert tools["_train"]({}).endswith("--against-looks 1.0"), "as before there was a flag"
    changed = {"view": "cut", "against_looks": 7.0, "seed": 3, "folds": 5, "balance": False}
    told = tools["_train"](run | changed)
    for flag in ("--view cut", "--against-looks 7.0", "--seed 3", "--folds 5", "--no-balance"):
        assert flag in told
    assert tools["_train"]({"recipe": "origin"}).endswith("--recipe origin")


def test_so_few_right_is_told_from_bad_luck(tools, card):
    chance = tools["_chance_of_so_few"]
    assert chance(0, (2, 0.9)) == pytest.approx(0.01)
    assert chance(1, (1, 0.9), (1, 0.5)) == pytest.approx(0.55)
    assert chance(16, (8, 0.9), (8, 0.8)) == pytest.approx(1)
    card["metrics"]["held_out_patients"] |= {"sensitivity": 0.5, "specificity": 1.0}
    report = {"n": 10, "auc": 0.9, "sensitivity": 0.0, "specificity": 1.0}
    report["weights_sha256"] = card["weights"]["sha256"]
    for wrong, words in ((3, "So few radiographs say little"), (5, "once in 32 times")):
        counts = {"tn": 5, "fp": 0, "tp": 5 - wrong, "fn": wrong}
        told = tools["make_tables"](card, {"official_validation": report | {"confusion": counts}})
        assert words in told["official"]


def test_ablation_is_written_between_its_markers_and_taken_out_again(tools, card):
    page = "docs/training.md"
    text = (ROOT / page).read_text()
    bench = runpy.run_path(str(ROOT / "benchmarks" / "ablation.py"))
    names = ("none", *bench["SHIFTS"], *bench["LOOKS"])
    rates = {name: {"auc": 0.9, "balanced_accuracy": 0.8} for name in names}
    rates["blur"] = {"auc": 0.7, "balanced_accuracy": 0.6}
    row = bench["summarise"]("without style", rates)
    ablation = {"settings": "2 epochs", "note": "One seed.", "rows": [row]}
    shown = tools["fill"](page, text, tools["make_tables"](card, {"ablation": ablation}))
    assert "| without style | 0.900 | 0.800 | 0.700 | 0.600 | 0.900 | 0.800 |" in shown
    emptied = tools["fill"](page, shown, tools["make_tables"](card, {}))
    assert "without style |" not in emptied


def test_command_line_is_described_as_its_help_does():
    tools = runpy.run_path(str(ROOT / "docs" / "make_command_line.py"))
    text = (ROOT / "docs" / "command-line.md").read_text(encoding="utf-8")
    assert tools["fill"](text) == text, "run python -m docs.make_command_line"
    assert text.count("usage: python -m pneumo ") == 5


def test_help_is_described_alike_on_every_python():
    describe = runpy.run_path(str(ROOT / "docs" / "make_command_line.py"))["describe"]
    parser = argparse.ArgumentParser(prog="score", add_help=False)
    parser.add_argument("-o", "--output", metavar="X", help="at 100 %%")
    one = parser.add_mutually_exclusive_group()
    for name in ("--first", "--second", "--third"):
        one.add_argument(name, metavar="W" * 20)
    parser.add_argument("paths", nargs="+", metavar="PATH")
    wide = "W" * 20
    assert describe(parser).splitlines() == [
        "usage: score [-o X]",
        f"             [--first {wide} | --second {wide} | --third {wide}]",
        "             PATH [PATH ...]",
        "",
        "positional arguments:",
        "  PATH",
        "",
        "options:",
        "  -o, --output X        at 100 %",
        f"  --first {wide}",
        f"  --second {wide}",
        f"  --third {wide}",
    ]


def test_readme_is_read_in_five_minutes():
    assert len((ROOT / "README.md").read_text().split()) <= 1200


@pytest.mark.parametrize("page", PAGES, ids=lambda path: path.relative_to(ROOT).as_posix())
def test_links_between_pages_lead_somewhere(page):
    text = re.sub(r"```.*?```", "", page.read_text(encoding="utf-8"), flags=re.DOTALL)
    links = re.findall(r"\]\(([^)\s]+)\)|(?:src|href)=\"([^\"]+)\"", text)
    for link in ("".join(pair) for pair in links):
        if "://" in link:
            continue
        target, _, anchor = link.partition("#")
        there = (page.parent / target) if target else page
        assert there.exists(), link
        if anchor:
            assert anchor in anchors_of(there), link


def anchors_of(page: Path) -> set[str]:
    headings = re.findall(r"^#+ (.+)$", page.read_text(encoding="utf-8"), flags=re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", text.lower()).replace(" ", "-") for text in headings}


@pytest.mark.parametrize("page", PAGES, ids=lambda path: path.relative_to(ROOT).as_posix())
def test_files_that_are_named_exist(page):
    text = page.read_text(encoding="utf-8")
    named = re.findall(r"`((?:pneumo|tests|benchmarks|docs|weights|samples)/[\w/.\-]+)`", text)
    assert all((ROOT / name).exists() for name in named), [
        name for name in named if not (ROOT / name).exists()
    ]
