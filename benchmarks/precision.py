"""What the answers lose in bfloat16, on the patients kept out of training.

    python -m benchmarks.precision --data chest_xray [--weights DIR] [--card]

Scores every held-out radiograph in float32 and in bfloat16 (`python -m pneumo predict --precision
bfloat16`) from the same lung field, and prints both, how far answers move, and the verdicts that
change at the card's balanced threshold. `--card` writes it into the model card. Needs OpenVINO and
a processor that calculates in bfloat16.
"""

import argparse
import json
from pathlib import Path

import numpy as np
from rich.progress import track

from pneumo import NORMAL, PNEUMONIA
from pneumo.dataset.examples import labels_of, patients_of
from pneumo.dataset.splits import split_as_trained
from pneumo.evaluation.metrics import compute_metrics
from pneumo.inference import score_grids
from pneumo.network.card import write_card
from pneumo.network.classifier import PRECISIONS, load_classifier
from pneumo.network.weights_files import CARD_NAME, WEIGHTS_FOLDER
from pneumo.reading.radiograph import read_radiograph


def compare(answers: dict[str, np.ndarray], labels, patients, threshold: float) -> dict:
    """Returns the figures of bfloat16 and its distance from float32.

    Args:
        answers: Precision -> `(n,)` P(PNEUMONIA).
        labels: `(n,)`.
        patients: `(n,)`.
        threshold: Of the verdicts.
    """
    exact, coarse = answers["float32"], answers["bfloat16"]
    change = coarse - exact
    turned = (exact >= threshold) != (coarse >= threshold)
    return {
        **compute_metrics(labels, coarse, patients, threshold),
        "mean_change": float(np.abs(change).mean()),
        "largest_change": float(np.abs(change).max()),
        "mean_shift": {
            name: float(change[labels == label].mean())
            for name, label in (("NORMAL", NORMAL), ("PNEUMONIA", PNEUMONIA))
        },
        "verdicts_changed": int(turned.sum()),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--weights", type=Path, default=WEIGHTS_FOLDER)
    parser.add_argument("--card", action="store_true", help="write it into the model card")
    args = parser.parse_args()
    classifiers = {
        name: load_classifier(args.weights, "openvino", precision=name) for name in PRECISIONS
    }
    card = classifiers["float32"].card
    _, held_out = split_as_trained(args.data, card.document["training"])
    answers: dict[str, list[float]] = {name: [] for name in classifiers}
    for example in track(held_out, "scoring"):
        seen = classifiers["float32"].prepare([read_radiograph(example.path).pixels])
        for name, classifier in classifiers.items():
            answers[name] += score_grids(classifier, [each.grid for each in seen]).tolist()
    found = {name: np.array(values) for name, values in answers.items()}
    report = compare(found, labels_of(held_out), patients_of(held_out), card.default.threshold)
    print(json.dumps(report, indent=2))
    if args.card:
        document = card.document
        document["metrics"]["bfloat16"] = report
        del document["format"]
        write_card(args.weights / CARD_NAME, document)


if __name__ == "__main__":
    main()
