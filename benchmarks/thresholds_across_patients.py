"""How far the operating points hold for patients who had no say in them.

    python -m benchmarks.thresholds_across_patients --data chest_xray [--shifts NAME ...]

The card's thresholds are chosen on the held-out patients that they are then measured on. Here all
of these are scored under the robustness suite once; then, again and again, half of the patients
choose the thresholds (`choose_thresholds`) and the other half is measured at them. Prints both.
"""

import argparse
import json
from pathlib import Path

import numpy as np

from pneumo.cli.terminal import show_progress
from pneumo.dataset.examples import labels_of, patients_of
from pneumo.dataset.splits import halve_patients, split_as_trained
from pneumo.evaluation.metrics import compare_shifted, score_suite
from pneumo.evaluation.robustness import LOOKS, SHIFTS, SURROUNDINGS
from pneumo.inference import score_pixels
from pneumo.network.classifier import load_classifier
from pneumo.network.operating_points import choose_thresholds
from pneumo.network.weights_files import WEIGHTS_FOLDER

RATES = ("sensitivity", "specificity", "balanced_accuracy")


def measure(labels, scores, threshold):
    """Returns the rates as they are, and the least of each under the changes."""
    changed = compare_shifted(labels, scores, threshold)
    return {
        **{rate: changed["none"][rate] for rate in RATES},
        **{f"least_{rate}": min(entry[rate] for entry in changed.values()) for rate in RATES},
    }


def take(scores, part):
    return {name: values[part] for name, values in scores.items()}


def across_patients(labels, patients, scores, rounds=100, seed=0):
    """Chooses on one half and measures on the other, each way round.

    Args:
        labels: `(n,)` integers.
        patients: `(n,)` identities.
        scores: Name of a change -> `(n,)` P(PNEUMONIA); `none` is the radiographs as they are.
        rounds: How often the patients are halved anew.
        seed: Of the halves.

    Returns:
        Operating point -> its threshold chosen on all, what is measured there on the same (`same`)
        and, on average, on patients who had no say (`others`), and the 5th and 95th percentile of
        the thresholds that halves choose.
    """
    rng = np.random.default_rng(seed)
    found = {}
    for _ in range(rounds):
        half = halve_patients(labels, patients, rng)
        for part in (half, ~half):
            for name, (threshold, _) in choose_thresholds(labels[part], take(scores, part)).items():
                rates = measure(labels[~part], take(scores, ~part), threshold)
                found.setdefault(name, []).append({"threshold": threshold, **rates})
    report = {}
    for name, (threshold, _) in choose_thresholds(labels, scores).items():
        tried = found[name]
        low, high = np.percentile([each["threshold"] for each in tried], [5, 95])
        report[name] = {
            "threshold": threshold,
            "halves": [round(float(low), 3), round(float(high), 3)],
            "same": measure(labels, scores, threshold),
            "others": {
                key: float(np.mean([each[key] for each in tried]))
                for key in tried[0]
                if key != "threshold"
            },
        }
    return report


def main() -> None:
    names = (*SHIFTS, *LOOKS, *SURROUNDINGS)
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--weights", type=Path, default=WEIGHTS_FOLDER)
    parser.add_argument("--shifts", nargs="+", choices=names, default=names, metavar="NAME")
    parser.add_argument("--json", type=Path)
    args = parser.parse_args()
    classifier = load_classifier(args.weights)
    _, held_out = split_as_trained(args.data, classifier.card.document["training"])
    with show_progress("scoring", len(held_out)) as progress:
        scores = score_suite(
            held_out,
            lambda pictures: score_pixels(classifier, pictures),
            [args.shifts] * len(held_out),
            classifier.find,
            progress,
        )
    labels, patients = labels_of(held_out), patients_of(held_out)
    report = {
        "radiographs": len(labels),
        "patients": len(np.unique(patients)),
        "changes": len(scores) - 1,
        "weights_sha256": classifier.card.weights_sha256,
        "points": across_patients(labels, patients, scores),
    }
    text = json.dumps(report, indent=2)
    print(text)
    if args.json:
        args.json.write_text(text + "\n")


if __name__ == "__main__":
    main()
