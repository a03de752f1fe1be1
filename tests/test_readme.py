"""README's figures are the model card's, and the ablation's where it has been measured."""

import json
import runpy
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]


def test_readme_shows_the_figures_of_the_shipped_card():
    tools = runpy.run_path(str(ROOT / "docs" / "make_tables.py"))
    text = (ROOT / "README.md").read_text()
    card = json.loads((ROOT / "weights" / "model_card.json").read_text())
    ablation = tools["read_ablation"]()
    written = tools["fill"](text, tools["make_tables"](card, ablation))
    assert written == text, "run docs/make_tables.py"
    card["metrics"]["held_out_patients"]["auc"] = 0.123
    assert tools["fill"](text, tools["make_tables"](card, ablation)) != text


def test_ablation_is_written_between_its_markers_and_taken_out_again():
    tools = runpy.run_path(str(ROOT / "docs" / "make_tables.py"))
    text = (ROOT / "README.md").read_text()
    card = json.loads((ROOT / "weights" / "model_card.json").read_text())
    bench = runpy.run_path(str(ROOT / "benchmarks" / "ablation.py"))
    names = ("none", *bench["SHIFTS"], *bench["LOOKS"])
    rates = {name: {"auc": 0.9, "balanced_accuracy": 0.8} for name in names}
    rates["blur"] = {"auc": 0.7, "balanced_accuracy": 0.6}
    row = bench["summarise"]("without style", rates)
    ablation = {"settings": "2 epochs", "note": "One seed.", "rows": [row]}
    shown = tools["fill"](text, tools["make_tables"](card, ablation))
    assert "| without style | 0.900 | 0.800 | 0.700 | 0.600 | 0.900 | 0.800 |" in shown
    emptied = tools["fill"](shown, tools["make_tables"](card, None))
    assert "without style |" not in emptied
