"""Works out the intervals of a model card anew, from the scores that it holds.

    python -m docs.refresh_intervals [weights/model_card.json] && python -m docs.make_tables

For a card that was written before the bootstrap changed: `train.py` writes the same intervals.
"""

import sys
from pathlib import Path

from pneumo.evaluation.held_out import read_scores
from pneumo.evaluation.metrics import compute_metrics
from pneumo.network.card import read_card, write_card

ROOT = Path(__file__).resolve().parent.parent


def refresh(path: Path) -> None:
    """Rewrites every `*_ci95` of the held-out patients in place."""
    card = read_card(path)
    document, scores = card.document, read_scores(card)
    held_out, points = document["metrics"]["held_out_patients"], document["operating_points"]
    for entry in (held_out, *points.values()):
        found = compute_metrics(
            scores.labels, scores.probabilities, scores.patients, entry["threshold"]
        )
        rates = ("sensitivity", "specificity")
        if len(scores.labels) != held_out["n"] or any(found[r] != entry[r] for r in rates):
            sys.exit(f"{path} holds other scores than those its rates are of: train anew.")
        entry |= {key: found[key] for key in entry if key.endswith("_ci95")}
    del document["format"]
    write_card(path, document)


if __name__ == "__main__":
    refresh(Path(sys.argv[1] if len(sys.argv) > 1 else ROOT / "weights" / "model_card.json"))
