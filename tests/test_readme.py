"""README's figures are the model card's."""

import json
import runpy
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]


def test_readme_shows_the_figures_of_the_shipped_card():
    tools = runpy.run_path(str(ROOT / "docs" / "make_tables.py"))
    text = (ROOT / "README.md").read_text()
    card = json.loads((ROOT / "weights" / "model_card.json").read_text())
    assert tools["fill"](text, tools["make_tables"](card)) == text, "run docs/make_tables.py"
    card["metrics"]["held_out_patients"]["auc"] = 0.123
    assert tools["fill"](text, tools["make_tables"](card)) != text
