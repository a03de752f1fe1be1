"""Writes the figures of the shipped model card and the measurements beside it into the pages.

    python -m docs.make_tables

They go between markers. A test fails when a page and the files in weights/ disagree.
"""

import json
import re
from collections.abc import Callable
from pathlib import Path

from benchmarks import against_looks, cards_side_by_side
from pneumo.explaining.methods import METHODS
from pneumo.network.card import runs_of
from pneumo.training.recipe import parse_arguments, settings_of
from pneumo.ui.model_page.words import describe_bfloat16

ROOT = Path(__file__).resolve().parent.parent

PAGES = {
    "README.md": ("headline",),
    "docs/evaluation.md": (
        *("figures", "official", "bfloat16", "points", "across"),
        *("rests", "shifts", "scope", "command"),
    ),
    "docs/surroundings.md": ("since", "hidden", "looks", "views"),
    "docs/explanations.md": ("erasing", "evidence", "heat"),
    "docs/training.md": ("ablation",),
}
"""Page -> the tables that it has."""
CARD = ROOT / "weights" / "model_card.json"
SCOPE_WORDS = ("accepted", "warned", "refused")
HEADLINE = {
    "washed out": "washed out",
    "other class's levels and texture": "with the other class's levels and texture",
    "other class's surroundings": "with the other class's surroundings",
    "other class's letters": "with the other class's letters",
}
"""Changes under which a false reason would show -> their words in the first table of all."""
MEASURED = {
    "ablation": "python -m benchmarks.ablation",
    "official_validation": "python -m pneumo evaluate chest_xray/val",
    "thresholds_across_patients": "python -m benchmarks.thresholds_across_patients",
    "hidden_lungs": "python -m benchmarks.hidden_lungs",
    "against_looks": "python -m benchmarks.against_looks",
    "views_side_by_side": "python -m benchmarks.cards_side_by_side",
    "erasing": "python -m benchmarks.explanations",
    "evidence_training": "python -m benchmarks.evidence_training",
    "heat_side_by_side": "python -m benchmarks.heat_side_by_side",
}
"""Files beside the card, NAME.json -> the command that writes each with --json."""


def read_measured() -> dict[str, dict]:
    """Reads what there is of `MEASURED`."""
    paths = {name: CARD.with_name(f"{name}.json") for name in MEASURED}
    return {
        name: json.loads(path.read_text(encoding="utf-8"))
        for name, path in paths.items()
        if path.exists()
    }


def make_tables(card: dict, measured: dict[str, dict]) -> dict[str, str]:
    """Returns Markdown by the name of its marker.

    What was measured of other weights than the card's gives way to a sentence that says so.
    """

    def table(name: str, write: Callable[[dict], str]) -> str:
        found = measured.get(name)
        if not found or found.get("weights_sha256", sha256) != sha256:
            return f"Not measured with the present weights: `{MEASURED[name]}` does it."
        return write(found)

    sha256 = card["weights"]["sha256"]
    return {
        "headline": _headline(card),
        "figures": _figures(card),
        "official": table(
            "official_validation",
            lambda found: _official(found, card["metrics"]["held_out_patients"]),
        ),
        "hidden": table("hidden_lungs", _hidden),
        "looks": table("against_looks", lambda looks: against_looks.format_table(looks["rows"])),
        "views": table(
            "views_side_by_side", lambda views: cards_side_by_side.format_table(views["weights"])
        ),
        "erasing": table("erasing", _erasing),
        "evidence": table("evidence_training", _evidence),
        "heat": table("heat_side_by_side", _heat),
        "since": _since(card),
        "bfloat16": describe_bfloat16(card["metrics"]),
        "points": _points(card),
        "across": table("thresholds_across_patients", _across),
        "shifts": _shifts(card),
        "rests": _rests(card),
        "ablation": table("ablation", _ablation),
        "scope": _scope(card),
        "command": _command(card),
    }


def fill(page: str, text: str, tables: dict[str, str]) -> str:
    """Puts the tables of a page between their `<!-- name -->` and `<!-- /name -->`."""
    for name in PAGES[page]:
        begin, end = f"<!-- {name} -->", f"<!-- /{name} -->"
        pattern = re.escape(begin) + ".*?" + re.escape(end)
        replacement = f"{begin}\n{tables[name]}\n{end}"
        text, count = re.subn(pattern, lambda _, new=replacement: new, text, flags=re.DOTALL)
        if count != 1:
            raise ValueError(f"{page} needs the markers {begin} and {end} once.")
    return text


def _headline(card: dict) -> str:
    """Compares the radiographs as they are with those changed so that a false reason would show."""
    rows = ["| held-out patients | n | AUC | sensitivity | specificity |", "|---|---|---|---|---|"]
    metrics, shifts = card["metrics"]["held_out_patients"], card["metrics"]["shifts"]
    whole = " | ".join(_interval(metrics, name) for name in ("auc", "sensitivity", "specificity"))
    rows.append(f"| as they are | {metrics['n']} | {whole} |")
    for name, words in HEADLINE.items():
        if name not in shifts:  # a card of an earlier suite
            continue
        entry = shifts[name]
        rates = " | ".join(f"{entry[rate]:.3f}" for rate in ("auc", "sensitivity", "specificity"))
        rows.append(f"| {words} | {entry['n']} | {rates} |")
    painted = card["metrics"]["rests_on"]["lungs painted over"]
    low, high = painted["p_range"]
    rows += [
        f"| with the lungs painted over (0.5 would be right) | {painted['n']} | "
        f"{painted['auc']:.3f} | | |",
        "",
        f"With the lungs painted over nine in ten answers lie between {low:.3f} and {high:.3f}.",
    ]
    return "\n".join(rows)


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


def _share(value: float) -> str:
    return f"{100 * value:.0f} %"


def _erased(row: dict) -> str:
    """Returns cells: AUC, and of tenth, third and tenth of the lungs own and another's heatmap."""
    other = "another's_"
    pairs = [
        f"{_share(row[key])} ({_share(row[other + key])})"
        for key in ("tenth", "third", "tenth_of_lungs")
    ]
    return " | ".join([row["name"], row["fill"], f"{row['auc']:.3f}", *pairs])


_SQUARE = (
    "Shares with a * are of the heat in the whole square that the network is shown, beyond the "
    "outline of the lungs too, where an even heatmap has not the share in brackets but 42 to 47 % "
    "of its heat in the lungs (three samples); the others are of the heat in the lung field."
)


def _in_lungs(row: dict) -> str:
    """Returns the share of heat in the lungs, and that of an even map; * for an older count."""
    return f"{_share(row['in_lungs'])}{'*' * row.get('of_square', False)} ({_share(row['even'])})"


def _evidence(document: dict) -> str:
    rows = [
        "| training | erased by | AUC | hottest tenth costs more (another's) | hottest third costs "
        "more (another's) | within the lungs alone, hottest tenth (another's) | hottest half says "
        "more | rank correlation, cells | heat in the lungs (if even) |",
        "|---" * 9 + "|",
    ]
    rows += [
        f"| {_erased(row)} | {_share(row['kept'])} | {row['cells']:+.2f} | {_in_lungs(row)} |"
        for row in document["rows"]
    ]
    older = any(row.get("of_square") for row in document["rows"])
    return "\n".join([*rows, "", f"{document['settings']}." + f" {_SQUARE}" * older])


def _heat(document: dict) -> str:
    rows = [
        "| weights | erased by | AUC | hottest tenth costs more (another's) | hottest third costs "
        "more (another's) | within the lungs alone, hottest tenth (another's) | heat in the lungs "
        "(if even) | haze drawn in: P rises, the heat most there (at another's) |",
        "|---" * 8 + "|",
    ]
    rows += [
        f"| {_erased(row)} | {_in_lungs(row)} | "
        f"{_share(row['haze_found'] * row['rises_in'])} "
        f"({_share(row['haze_elsewhere'] * row['rises_in'])}) |"
        for row in document["rows"]
    ]
    words = (
        f"{METHODS[document['method']].name}, on {document['radiographs']} held-out "
        "radiographs of either class that were called right."
    )
    if any(row.get("of_square") for row in document["rows"]):
        words = f"{words} {_SQUARE}"
    return "\n".join([*rows, "", words])


def _official(official: dict, whole: dict) -> str:
    counts = official["confusion"]
    right = counts["tn"] + counts["tp"]
    chance = _chance_of_so_few(
        right,
        (counts["tn"] + counts["fp"], whole["specificity"]),
        (counts["tp"] + counts["fn"], whole["sensitivity"]),
    )
    meaning = "So few radiographs say little."
    if chance < 0.05:
        meaning = (
            "That would be so, or worse, once in "
            f"{float(f'{1 / chance:.2g}'):,.0f} times if they were like the held-out patients: "
            "what is measured there may not hold here."
        )
    return (
        f"Of the {official['n']} radiographs of the official validation folder the present "
        f"weights call {right} right: AUC {official['auc']:.3f}, sensitivity "
        f"{official['sensitivity']:.3f}, specificity {official['specificity']:.3f} at the balanced "
        f"threshold. The first weights had all of them right. {meaning}"
    )


def _chance_of_so_few(right: int, *groups: tuple[int, float]) -> float:
    """Returns how probable it is that no more are right, given each group's size and rate."""
    counts = [1.0]  # by how many are right
    for size, rate in groups:
        for _ in range(size):
            wrong, correct = [*counts, 0.0], [0.0, *counts]
            counts = [(1 - rate) * a + rate * b for a, b in zip(wrong, correct, strict=True)]
    return sum(counts[: right + 1])


def _since(card: dict) -> str:
    """Compares the present weights with earlier ones, whose figures stay what they were."""
    shifts, painted = card["metrics"]["shifts"], card["metrics"]["rests_on"]["lungs painted over"]
    low, high = painted["p_range"]
    rows = {
        "as they are": ("0.997", card["metrics"]["held_out_patients"]["auc"]),
        "in the surroundings of the other class": (
            "0.633",
            shifts["other class's surroundings"]["auc"],
        ),
        "with its letters": ("not measured", shifts["other class's letters"]["auc"]),
        "lungs painted over": ("0.987", painted["auc"]),
    }
    hardest = min(shifts, key=lambda name: shifts[name]["balanced_accuracy"])
    return "\n".join(
        [
            "| held-out patients, AUC | first weights | present weights |",
            "|---|---|---|",
            *(f"| {name} | {first} | {now:.3f} |" for name, (first, now) in rows.items()),
            "",
            f"Present weights: {sum(run['epochs'] for run in runs_of(card['training']))} epochs, "
            "the changes on "
            f"{painted['n']} radiographs with lungs as the finder draws them. With the lungs "
            f"painted over nine in ten answers lie between {low:.3f} and {high:.3f}. What costs "
            f"them most is *{hardest}*, with a balanced accuracy of "
            f"{shifts[hardest]['balanced_accuracy']:.3f}.",
        ]
    )


def _hidden(hidden: dict) -> str:
    rows = [
        f"| lungs, {hidden['count']} + {hidden['count']} held-out radiographs | AUC | called "
        "PNEUMONIA: ill, well | P: 5th, 50th, 95th percentile |",
        "|---|---|---|---|",
    ]
    for row in hidden["lungs"]:
        called = f"{100 * row['sensitivity']:.0f} %, {100 - 100 * row['specificity']:.0f} %"
        spread = ", ".join(f"{row[name]:.3f}" for name in ("p5", "p50", "p95"))
        rows.append(f"| {row['lungs']} | {row['auc']:.3f} | {called} | {spread} |")
    outline = hidden["outline"]
    served, varied = outline["as serving draws it"], outline["as training varies it"]
    rows += [
        "",
        f"A classifier that is given nothing but the outline of the lung field tells the classes "
        f"apart with an AUC of {served:.3f} (cross-validated, {outline['count']:,} training "
        f"radiographs), and of {varied:.3f} as training varies it.",
    ]
    return "\n".join(rows)


def _erasing(erasing: dict) -> str:
    rows = [
        "| method | heatmap | erased by | hottest tenth costs more | log odds it costs, elsewhere "
        "| hottest third costs more | log odds it costs, elsewhere | hottest half says more than "
        "the coldest | rank correlation, cells | heat in the lungs (if even) |",
        "|---" * 10 + "|",
    ]
    rows += [
        f"| {METHODS[row['method']].name} | {row['heatmap']} | {row['fill']} | "
        f"{_share(row['tenth'])} | {row['tenth_cost']:.2f}, {row['tenth_elsewhere']:.2f} | "
        f"{_share(row['third'])} | {row['third_cost']:.2f}, {row['third_elsewhere']:.2f} | "
        f"{_share(row['kept'])} | "
        f"{row['cells']:+.2f} | {_in_lungs(row)} |"
        for row in erasing["rows"]
    ]
    counts: dict[tuple[int, int], list[str]] = {}
    for row in erasing["rows"]:
        counts.setdefault((row["tenths"], row["cells_in"]), []).append(METHODS[row["method"]].name)
    told = [
        f"{' and '.join(dict.fromkeys(names))} on {count}, each cell by itself in {cells} of them"
        for (count, cells), names in counts.items()
    ]
    rows += ["", f"Held-out pneumonias that were called right: {'; '.join(told)}."]
    if any(row.get("of_square") for row in erasing["rows"]):
        rows[-1] += f" {_SQUARE}"
    return "\n".join(rows)


def _command(card: dict) -> str:
    """Returns the commands that trained the weights, one for each run that went on with another."""
    runs = runs_of(card["training"])
    lines = []
    for number, run in enumerate(runs, 1):
        begin = f" --init runs/{number - 1}/{run['init']}" if number > 1 else ""
        end = f" --output runs/{number}" if number < len(runs) else ""
        lines.append(f"{_train(run)}{begin}{end}")
    return "\n".join(["```sh", *lines, "```"])


_TOLD_OTHERWISE = ("recipe", "init", "finder")
_BEFORE = {"against_looks": 1.0}
"""What runs were before there was a flag for it."""


def _train(run: dict) -> str:
    """Returns the command of one run: every flag that its recipe does not set to the same."""
    recipe = run.get("recipe", "robust")
    usual = settings_of(parse_arguments("", ["--data", ".", "--recipe", recipe]))
    flags = [] if recipe == "robust" else [f"--recipe {recipe}"]
    for name, standard in usual.items():
        if name in _TOLD_OTHERWISE:
            continue
        value, flag = run.get(name, _BEFORE.get(name, standard)), name.replace("_", "-")
        if value == standard:
            continue
        if isinstance(value, bool):
            flags.append(f"--{flag}" if value else f"--no-{flag}")
        else:
            words = " ".join(value) if isinstance(value, list) else value
            flags.append(f"--{flag} {words}")
    return " ".join(["python train.py --data chest_xray", *flags])


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


def _across(found: dict) -> str:
    rows = [
        "| operating point | threshold | chosen by halves of the patients | sensitivity, "
        "specificity of those who chose | of others | least balanced accuracy of those who chose "
        "| of others |",
        "|---|---|---|---|---|---|---|",
    ]
    for name, point in found["points"].items():
        same, others = point["same"], point["others"]
        rates, least = (
            [shape.format(**part) for part in (same, others)]
            for shape in ("{sensitivity:.3f}, {specificity:.3f}", "{least_balanced_accuracy:.3f}")
        )
        chosen = "{:.3f} to {:.3f}".format(*point["halves"])
        rows.append(
            f"| {name} | {point['threshold']:.3f} | {chosen} | {' | '.join((*rates, *least))} |"
        )
    rows.append(
        f"\n{found['radiographs']} radiographs of {found['patients']} patients, as they are and "
        f"under {found['changes']} changes."
    )
    return "\n".join(rows)


def _shifts(card: dict) -> str:
    rows = [
        "| held-out patients | n | AUC | sensitivity | specificity | balanced accuracy | "
        "mean change of P |",
        "|---|---|---|---|---|---|---|",
    ]
    for name, entry in card["metrics"]["shifts"].items():
        rates = ("auc", "sensitivity", "specificity", "balanced_accuracy", "mean_change")
        shown = "as they are" if name == "none" else name
        figures = " | ".join(f"{entry[rate]:.3f}" for rate in rates)
        rows.append(f"| {shown} | {entry['n']} | {figures} |")
    return "\n".join(rows)


def _rests(card: dict) -> str:
    rows = [
        "| held-out patients | n | AUC | sensitivity | specificity | P, 5th to 95th percentile |",
        "|---|---|---|---|---|---|",
    ]
    for name, entry in card["metrics"]["rests_on"].items():
        shown = "as they are" if name == "none" else name
        rates = " | ".join(f"{entry[rate]:.3f}" for rate in ("auc", "sensitivity", "specificity"))
        low, high = entry["p_range"]
        rows.append(f"| {shown} | {entry['n']} | {rates} | {low:.3f} to {high:.3f} |")
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


def main() -> None:
    """Writes every table anew."""
    tables = make_tables(json.loads(CARD.read_text(encoding="utf-8")), read_measured())
    for page in PAGES:
        path = ROOT / page
        path.write_text(fill(page, path.read_text(encoding="utf-8"), tables), encoding="utf-8")


if __name__ == "__main__":
    main()
