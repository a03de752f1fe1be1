"""The model card: what the weights are, what they were made of, how they were measured.

After Mitchell et al. 2019, "Model Cards for Model Reporting", https://arxiv.org/abs/1810.03993.
One JSON file beside the weights, readable by people and checked by `load_classifier`.
"""

import datetime
import json
from dataclasses import dataclass
from pathlib import Path

import pneumo
from pneumo.errors import WeightsError
from pneumo.operating_point import OperatingPoint

FORMAT = 1
"""Version of the card's own layout."""


@dataclass(frozen=True)
class ModelCard:
    """The part of the card that the program acts on, and all of it for people.

    Attributes:
        weights_file: File name of the weights, in the card's folder.
        weights_sha256: Hexadecimal SHA-256 of that file.
        image_size: Side of the network's input in pixels.
        default: The operating point that the app starts at.
        document: The whole card as parsed from JSON.
    """

    weights_file: str
    weights_sha256: str
    image_size: int
    default: OperatingPoint
    document: dict


def read_card(path: Path) -> ModelCard:
    """Reads and checks a model card.

    Raises:
        WeightsError: The card is missing, no JSON, of another format, or lacks an entry.
    """
    mend = "Restore it with 'git checkout -- weights', or train anew with train.py."
    try:
        document = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise WeightsError(f"The model card {path} is missing. {mend}") from error
    except (OSError, ValueError) as error:
        raise WeightsError(f"The model card {path} cannot be read ({error}). {mend}") from error
    try:
        if document["format"] != FORMAT:
            raise WeightsError(
                f"The model card {path} has format {document['format']}, this version of pneumo "
                f"reads format {FORMAT}. Use the weights and the code of the same release."
            )
        weights, point = document["weights"], document["operating_points"]["default"]
        default = OperatingPoint(
            "default",
            float(point["threshold"]),
            float(point["sensitivity"]),
            float(point["specificity"]),
            tuple(point["sensitivity_ci95"]),
            tuple(point["specificity_ci95"]),
            point["chosen_by"],
        )
        if Path(weights["file"]).name != weights["file"] or not 0 <= default.threshold <= 1:
            raise ValueError("a file name or a threshold out of bounds")
        size = int(document["input"]["image_size"])
        return ModelCard(weights["file"], weights["sha256"], size, default, document)
    except (KeyError, TypeError, ValueError) as error:
        raise WeightsError(f"The model card {path} is incomplete ({error!r}). {mend}") from error


def compose_card(
    *,
    weights: dict,
    image_size: int,
    data: dict,
    training: dict,
    metrics: dict,
    chosen_by: str,
) -> dict:
    """Writes down what a user of the weights must know.

    Args:
        weights: `file`, `dtype`, `sha256`.
        image_size: Side of the network's input in pixels.
        data: Name, source, counts, and how it was split.
        training: Every setting of the run, the software, the history by epoch.
        metrics: Reports of `pneumo.evaluate.compute_metrics`; `held_out_patients` gives the
            default operating point its threshold and rates.
        chosen_by: How that threshold was chosen.

    Returns:
        A document for `write_card`.
    """
    rates = ("threshold", "sensitivity", "specificity", "sensitivity_ci95", "specificity_ci95")
    default = {name: metrics["held_out_patients"][name] for name in rates}
    return {
        "name": "pneumo Xception",
        "version": pneumo.__version__,
        "created": datetime.date.today().isoformat(),
        "weights": weights,
        "architecture": "Xception (Chollet 2017), global average pooling, Dense(2, softmax)",
        "input": {
            "image_size": image_size,
            "range": [-1, 1],
            "classes": list(pneumo.CLASSES),
        },
        "data": data,
        "training": training,
        "metrics": metrics,
        "operating_points": {"default": {**default, "chosen_by": chosen_by}},
        "limits": [
            "A demonstration and a teaching tool, not a medical device; never for a diagnosis.",
            "Trained on children of 1 to 5 years from one hospital; not made for adults.",
            "Knows frontal chest radiographs only, and only pneumonia against normal: any other "
            "finding is called one or the other.",
            "Held-out patients share the hospital and its exports with the training patients, "
            "so their figures are better than what other hospitals will see.",
        ],
    }


def write_card(path: Path, document: dict) -> None:
    """Writes a card in one step, so that a reader never meets half of one."""
    text = json.dumps({"format": FORMAT, **document}, indent=2, ensure_ascii=False) + "\n"
    draft = path.with_name(path.name + ".part")
    draft.write_text(text, encoding="utf-8")
    draft.replace(path)
