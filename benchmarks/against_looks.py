"""Does the network still answer right where a radiograph's looks speak for the other class?

    python -m benchmarks.against_looks --data chest_xray [NAME=FOLDER ...] [--also DIR]

Held-out patients share exports and framing with the training patients, so a network that reads
those looks good on them. Here gradient-boosted trees that are told of looks and of nothing else
are fitted to the training patients:

- what lies around the lungs: brightness and sharpness of the radiograph with its whole chest
  painted over, where letters are, how the lungs lie in the picture;
- the lung field as a whole: its brightness and sharpness, nothing of what is where. A sick lung
  changes these rightly, so part of what they tell is medicine.

Then come the held-out radiographs about which those trees are most mistaken: in each class the
third, and the tenth, that looks most like the other class. A network that follows looks falls
there as deep as the trees; one that reads lungs stays. Several sets of weights of one split stand
side by side, those of interest last; the shipped ones unless others are named. Prints tables in
Markdown.
"""

import argparse
import json
from pathlib import Path

import numpy as np
from rich.progress import track

from pneumo import CLASSES, NORMAL, PNEUMONIA
from pneumo.dataset.examples import index_folder, labels_of, load_grids
from pneumo.dataset.splits import split_as_trained
from pneumo.evaluation.metrics import area_under_roc
from pneumo.evaluation.shortcuts import global_statistics, least_typical, look_around
from pneumo.evaluation.surroundings import CHEST_SIDE, Chest, paint_chest
from pneumo.inference import score_pixels
from pneumo.network.classifier import load_classifier
from pneumo.network.lung_field import cut_out, field_of
from pneumo.network.lung_finder import FINDER_NAME, find_lungs, load_finder
from pneumo.network.operating_points import count_outcomes, rates_of
from pneumo.network.preprocess import resize_to_grid
from pneumo.network.weights_files import WEIGHTS_FOLDER

AROUND, WITHIN = "what lies around the lungs", "the lung field as a whole"
RATES = ("sensitivity", "specificity")
SHARES = {"all": 1.0, "most misleading third": 1 / 3, "most misleading tenth": 0.1}
"""Name -> share of each class."""


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    shipped = f"network={WEIGHTS_FOLDER}"
    parser.add_argument("weights", nargs="*", default=[shipped], metavar="NAME=FOLDER")
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--also", type=Path, help="labelled folder whose looks are judged too")
    parser.add_argument("--json", type=Path, help="write the figures to this file too")
    args = parser.parse_args()

    folders = {name: Path(path) for name, path in (each.split("=", 1) for each in args.weights)}
    networks = {name: load_classifier(folder) for name, folder in folders.items()}
    (*_, folder), (*_, last) = folders.values(), networks.values()
    training, held_out = split_as_trained(args.data, last.card.document["training"])
    find = load_finder(folder / FINDER_NAME)
    known, unknown = describe(training, find), describe(held_out, find)
    looks = judge(known, labels_of(training), unknown)
    labels = labels_of(held_out)
    answers = {name: answer(network, held_out) for name, network in networks.items()}
    rows = []
    for name, scores in looks.items():
        for share, part in SHARES.items():
            chosen = least_typical(labels, scores, part)
            own = labels[chosen]
            row = {
                "looks": name,
                "share": share,
                "normal": int((own == NORMAL).sum()),
                "pneumonia": int((own == PNEUMONIA).sum()),
                "looks_auc": area_under_roc(own, scores[chosen]),
            }
            row["networks"] = {
                key: measure(own, answers[key][chosen], network.card.default.threshold)
                for key, network in networks.items()
            }
            rows.append(row)
    print(f"\n{len(labels)} held-out radiographs, each network at its own balanced threshold\n")
    print(format_table(rows))
    if args.also:
        others = index_folder(args.also)
        scores = judge(known, labels_of(training), describe(others, find))
        said = {name: answer(network, others) for name, network in networks.items()} | scores
        print("\nP(PNEUMONIA) by networks and by looks\n")
        print(row_of("class", "file", *said))
        print(row_of(*["---"] * (2 + len(said))))
        for example, *numbers in zip(others, *said.values(), strict=True):
            print(row_of(CLASSES[example.label], example.path.name, *[f"{p:.2f}" for p in numbers]))
    if args.json:
        document = {"weights_sha256": last.card.weights_sha256, "count": len(labels), "rows": rows}
        args.json.write_text(json.dumps(document, indent=2) + "\n", encoding="utf-8")


def answer(network, examples):
    """Returns `(n,)` P(PNEUMONIA)."""
    pictures = track(load_grids(examples, CHEST_SIDE), "scoring", total=len(examples))
    return score_pixels(network, pictures)


def format_table(rows):
    """Returns the table of both looks and all shares, in Markdown."""
    names = rows[0]["networks"]
    columns = "who knows the looks", "held-out radiographs", "n", "AUC of the looks"
    figures = [f"{name}: AUC, sensitivity, specificity" for name in names]
    lines = [row_of(*columns, *figures), row_of(*["---"] * (len(columns) + len(names)))]
    for row in rows:
        cells = row["looks"], row["share"], f"{row['normal']} + {row['pneumonia']}"
        said = [
            ", ".join(f"{row['networks'][name][figure]:.3f}" for figure in ("auc", *RATES))
            for name in names
        ]
        lines.append(row_of(*cells, f"{row['looks_auc']:.3f}", *said))
    return "\n".join(lines)


def describe(examples, find):
    """Returns the numbers that either classifier is given: name -> `(n, d)` float32."""
    around, within = [], []
    for pixels in track(load_grids(examples, CHEST_SIDE), "looking", total=len(examples)):
        (drawn,) = find_lungs(find, [pixels]).lungs
        field, parts = field_of(drawn), look_around(pixels, find)
        bare = paint_chest(Chest(pixels, field.lungs))
        numbers = global_statistics(resize_to_grid(bare, 128)), parts["marks"], parts["framing"]
        around.append(np.concatenate(numbers))
        within.append(global_statistics(cut_out(pixels, field, 128)))
    return {AROUND: np.stack(around), WITHIN: np.stack(within)}


def judge(known, labels, unknown):
    """Fits a classifier to each set of numbers.

    Returns:
        Name -> `(n,)` P(PNEUMONIA) of the unknown, of gradient-boosted trees, both classes alike.
    """
    from sklearn.ensemble import HistGradientBoostingClassifier
    from threadpoolctl import threadpool_limits

    with threadpool_limits(1, "openmp"):  # a set this small is faster so
        return {
            name: HistGradientBoostingClassifier(class_weight="balanced", random_state=0)
            .fit(numbers, labels)
            .predict_proba(unknown[name])[:, 1]
            for name, numbers in known.items()
        }


def measure(labels, said, threshold):
    """Returns AUC, and sensitivity and specificity at a threshold."""
    rates = rates_of(**count_outcomes(labels, said, threshold))
    return {"auc": area_under_roc(labels, said), **{name: rates[name] for name in RATES}}


def row_of(*cells):
    """Returns a row of a table in Markdown."""
    return f"| {' | '.join(map(str, cells))} |"


if __name__ == "__main__":
    main()
