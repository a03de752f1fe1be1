"""Writes the figures of the shipped model card and of the ablation into README.md.

    python docs/make_tables.py

They go between its markers. A test fails when README and card or ablation disagree.
"""

import json
import re
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
README = ROOT / "README.md"
CARD = ROOT / "weights" / "model_card.json"
SCOPE_WORDS = ("accepted", "warned", "refused")
ABLATION = ROOT / "weights" / "ablation.json"


def read_ablation() -> dict | None:
    """Reads what `benchmarks/ablation.py --json` wrote; None if there is no such file."""
    return json.loads(ABLATION.read_text(encoding="utf-8")) if ABLATION.exists() else None


def make_tables(card: dict, ablation: dict | None) -> dict[str, str]:
    """Returns Markdown by the name of its marker."""
    return {
        "figures": _figures(card),
        "points": _points(card),
        "shifts": _shifts(card),
        "ablation": _ablation(ablation) if ablation else "",
        "scope": _scope(card),
    }


def fill(text: str, tables: dict[str, str]) -> str:
    """Puts each table between `<!-- name -->` and `<!-- /name -->`."""
    for name, table in tables.items():
        begin, end = f"<!-- {name} -->", f"<!-- /{name} -->"
        pattern = re.escape(begin) + ".*?" + re.escape(end)
        replacement = f"{begin}\n{table}\n{end}"
        text, count = re.subn(pattern, lambda _, new=replacement: new, text, flags=re.DOTALL)
        if count != 1:
            raise ValueError(f"README.md needs the markers {begin} and {end} once.")
    return text


def _figures(card: dict) -> str:
    data, metrics = card["data"], card["metrics"]["held_out_patients"]
    training = data["training_NORMAL"] + data["training_PNEUMONIA"]
    calibration = card["calibration"]
    error = f"{calibration['ece_cross_fitted']:.3f} ({calibration['ece_before']:.3f} before"
    return (
        f"Trained on {data['training_patients']:,} patients ({training:,} radiographs), measured "
        f"on {data['held_out_patients']} other patients of the same hospital "
        f"({metrics['n']} radiographs): AUC {_interval(metrics, 'auc')}, at the card's threshold "
        f"of {metrics['threshold']:.3f} sensitivity {_interval(metrics, 'sensitivity')}, "
        f"specificity {_interval(metrics, 'specificity')}, balanced accuracy "
        f"{metrics['balanced_accuracy']:.3f}. Calibration error {error} temperature scaling), both "
        "classes weighted alike, as the probability is meant. Intervals are 95 %, over patients."
    )


def _scope(card: dict) -> str:
    rows = [
        "| pictures the scope was not fitted to | n | accepted | warned | refused | refused, kind "
        "left out of the fit |",
        "|---|---|---|---|---|---|",
    ]
    scope = card["scope"]
    for group, outcome in scope["outcomes"].items():
        name = group.removesuffix(", not fitted to")
        shares = [f"{100 * outcome[w] / outcome['n']:.1f} %" for w in SCOPE_WORDS]
        left = scope["kinds_left_out"].get(name)
        shares.append(f"{100 * left['refused'] / left['n']:.1f} %" if left else "")
        rows.append(f"| {name} | {outcome['n']} | {' | '.join(shares)} |")
    return "\n".join(rows)


def _points(card: dict) -> str:
    rows = [
        "| operating point | threshold | sensitivity | specificity | worst under shifts |",
        "|---|---|---|---|---|",
    ]
    for name, point in card["operating_points"].items():
        worst = (
            f"{point['least_sensitivity_under_shifts']:.3f} / "
            f"{point['least_specificity_under_shifts']:.3f}"
        )
        rows.append(
            f"| {name} | {point['threshold']:.3f} | {_interval(point, 'sensitivity')} | "
            f"{_interval(point, 'specificity')} | {worst} |"
        )
    return "\n".join(rows)


def _shifts(card: dict) -> str:
    rows = [
        "| held-out patients | AUC | sensitivity | specificity | balanced accuracy | "
        "mean change of P |",
        "|---|---|---|---|---|---|",
    ]
    for name, entry in card["metrics"]["shifts"].items():
        rates = ("auc", "sensitivity", "specificity", "balanced_accuracy", "mean_change")
        shown = "as they are" if name == "none" else name
        rows.append(f"| {shown} | " + " | ".join(f"{entry[rate]:.3f}" for rate in rates) + " |")
    return "\n".join(rows)


def _ablation(ablation: dict) -> str:
    rows = [
        f"{ablation['settings']}. {ablation['note']}",
        "",
        "| recipe | AUC | balanced accuracy | least AUC under shifts | least balanced accuracy "
        "under shifts | AUC, other class's looks | balanced accuracy there |",
        "|---|---|---|---|---|---|---|",
    ]
    for entry in ablation["rows"]:
        name, *rates = entry.values()
        rows.append(f"| {name} | " + " | ".join(f"{rate:.3f}" for rate in rates) + " |")
    return "\n".join(rows)


def _interval(entry: dict, name: str) -> str:
    low, high = entry[f"{name}_ci95"]
    return f"{entry[name]:.3f} ({low:.3f} to {high:.3f})"


if __name__ == "__main__":
    tables = make_tables(json.loads(CARD.read_text(encoding="utf-8")), read_ablation())
    README.write_text(fill(README.read_text(encoding="utf-8"), tables), encoding="utf-8")
