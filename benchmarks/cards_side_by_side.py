"""What several sets of weights say of the same held-out patients, from their model cards.

    python -m benchmarks.cards_side_by_side NAME=FOLDER ... [--also DIR] [--json FILE]

A set with one good figure may have paid for it with another; here they stand in one table, each
at its own balanced threshold: as the radiographs are, under the changes that cost most, and with
the lungs painted over. `--also` scores a labelled folder, such as the official validation folder.
The last set is the one that the others are compared with.
Prints a table in Markdown.
"""

import argparse
import json
from pathlib import Path

from rich.progress import track

from pneumo.dataset.examples import index_folder, labels_of
from pneumo.evaluation.metrics import area_under_roc
from pneumo.inference import score_pixels
from pneumo.network.classifier import load_classifier
from pneumo.network.operating_points import count_outcomes, rates_of
from pneumo.reading.radiograph import read_radiograph

CHANGES = (
    *("washed out", "local contrast 0.6", "local contrast 1.6", "noise"),
    *("other class's levels", "other class's texture", "other class's levels and texture"),
    *("other class's surroundings", "other class's letters"),
)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("weights", nargs="+", metavar="NAME=FOLDER")
    parser.add_argument("--also", type=Path, help="labelled folder to score")
    parser.add_argument("--json", type=Path, help="write the figures to this file too")
    args = parser.parse_args()

    named = dict(one.split("=", 1) for one in args.weights)
    columns = {name: measure(Path(folder), args.also) for name, folder in named.items()}
    print(format_table(columns))
    if args.json:
        *_, last = columns.values()
        document = {"weights_sha256": last["weights_sha256"], "weights": columns}
        args.json.write_text(json.dumps(document, indent=2) + "\n", encoding="utf-8")


def measure(folder, also):
    """Returns what the card of one set says, and its figures on the labelled folder."""
    classifier = load_classifier(folder)
    metrics = classifier.card.document["metrics"]
    whole, shifts = metrics["held_out_patients"], metrics["shifts"]
    painted = metrics["rests_on"]["lungs painted over"]
    found = {
        "weights_sha256": classifier.card.weights_sha256,
        "threshold": classifier.card.default.threshold,
        "as they are": {
            key: whole[key] for key in ("n", "auc", "balanced_accuracy", "ece_equal_classes")
        },
        "changed": {
            name: {key: shifts[name][key] for key in ("n", "auc", "balanced_accuracy")}
            for name in CHANGES
        },
        "least": {
            key: min(entry[key] for entry in shifts.values())
            for key in ("auc", "balanced_accuracy")
        },
        "lungs painted over": {"auc": painted["auc"], "p_range": painted["p_range"]},
    }
    if also:
        examples = index_folder(also)
        pictures = (read_radiograph(one.path).pixels for one in track(examples, folder.name))
        labels, answers = labels_of(examples), score_pixels(classifier, pictures)
        rates = rates_of(**count_outcomes(labels, answers, found["threshold"]))
        found["also"] = {
            "n": len(labels),
            "auc": area_under_roc(labels, answers),
            "sensitivity": rates["sensitivity"],
            "specificity": rates["specificity"],
        }
    return found


def format_table(columns):
    """Puts what `measure` found of each set into Markdown."""

    def both(entry):
        return f"{entry['auc']:.3f}, {entry['balanced_accuracy']:.3f}"

    def row(words, write):
        return f"| {words} | {' | '.join(write(one) for one in columns.values())} |"

    first = next(iter(columns.values()))
    n = first["as they are"]["n"]
    lines = [
        f"| held-out patients: AUC, balanced accuracy | {' | '.join(columns)} |",
        "|---" * (1 + len(columns)) + "|",
        row(f"as they are ({n})", lambda one: both(one["as they are"])),
        row("calibration error", lambda one: f"{one['as they are']['ece_equal_classes']:.3f}"),
        *(
            row(f"{name} ({entry['n']})", lambda one, name=name: both(one["changed"][name]))
            for name, entry in first["changed"].items()
        ),
        row("least of all changes", lambda one: both(one["least"])),
        row("lungs painted over: AUC", lambda one: f"{one['lungs painted over']['auc']:.3f}"),
        row(
            "P there, 5th to 95th percentile",
            lambda one: "{:.3f} to {:.3f}".format(*one["lungs painted over"]["p_range"]),
        ),
    ]
    if "also" in first:
        lines.append(
            row(
                f"official validation folder ({first['also']['n']}): AUC, sensitivity, specificity",
                lambda one: ", ".join(
                    f"{one['also'][key]:.3f}" for key in ("auc", "sensitivity", "specificity")
                ),
            )
        )
    return "\n".join(lines)


if __name__ == "__main__":
    main()
