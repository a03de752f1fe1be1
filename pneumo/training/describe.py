"""What the model card says of the data, the lung finder and the scores of a run."""

import json

from pneumo.dataset.examples import Example
from pneumo.files import JsonObject, atomic_write
from pneumo.network.lung_field import WHOLE
from pneumo.network.lung_finder import FINDER_NAME, FINDER_REPORT_NAME
from pneumo.network.weights_files import sha256_of
from pneumo.training.recipe import Recipe


def add_finder(recipe: Recipe) -> JsonObject | None:
    """Puts the lung finder beside the weights, which are of no use without it.

    Returns:
        The card's entry on it, with its measures where they are known; None without a finder.
    """
    if recipe.view == WHOLE:
        return None
    with atomic_write(recipe.output / FINDER_NAME) as draft:
        draft.write_bytes(recipe.finder.read_bytes())
    report = recipe.finder.with_name(FINDER_REPORT_NAME)
    return {
        "file": FINDER_NAME,
        "sha256": sha256_of(recipe.finder),
        **(json.loads(report.read_text(encoding="utf-8")) if report.is_file() else {}),
    }


def source_of(recipe: Recipe, examples: list[Example]) -> JsonObject:
    """Names the data; Kaggle's chest_xray is known by its file names, so that it is cited."""
    if recipe.phantoms or recipe.data is None:
        return {
            "name": "phantoms drawn by pneumo, no radiographs",
            "source": "pneumo/training/phantom.py",
        }
    if {example.stratum for example in examples} == {"NORMAL", "bacteria", "virus"}:
        return {
            "name": "Chest X-Ray Images (Pneumonia)"
            + (", training split" if (recipe.data / "train").is_dir() else ""),
            "source": "Kermany et al. 2018, doi:10.17632/rscbjbr9sj, CC BY 4.0",
        }
    return {"name": recipe.data.resolve().name, "source": "not known to pneumo"}


def describe_judged(examples: list[Example], folds: int) -> str:
    """Says whose scores the card holds, and by which network."""
    words = "the held-out patients, by the shipped network; one split"
    if folds:
        words = f"training patients, each by the network of {folds} that had not seen them"
    known = all(example.by != "file" for example in examples)
    return words + ("" if known else "; whose radiographs they are is not known: a file each")
