"""The model card: what the weights are, what they were made of, how they were measured.

After Mitchell et al. 2019, "Model Cards for Model Reporting", https://arxiv.org/abs/1810.03993.
One JSON file beside the weights, readable by people and checked by `load_classifier`.
"""

import datetime
import json
import re
from dataclasses import dataclass
from pathlib import Path

import pneumo
from pneumo.errors import WeightsError
from pneumo.files import JsonObject, atomic_write
from pneumo.network.architecture import Layout
from pneumo.network.lung_field import VIEWS, WHOLE
from pneumo.network.operating_points import BALANCED, RULE_IN, RULE_OUT, OperatingPoint

FORMAT = 4
"""Version of the card's own form."""
_LIMITS = (
    "A demonstration and a teaching tool, not a medical device; never for a diagnosis.",
    "Trained on children of 1 to 5 years from one hospital; not made for adults.",
    "Knows frontal chest radiographs only, and only pneumonia against normal: any other "
    "finding is called one or the other.",
    "Not made for mirrored radiographs, which it answers otherwise and does not recognise.",
    "Held-out patients share the hospital and its exports with the training patients, "
    "so their figures are better than what other hospitals will see.",
)


@dataclass(frozen=True)
class ModelCard:
    """The part of the card that the program acts on, and all of it for people.

    Attributes:
        weights_file: File name of the weights, in the card's folder.
        weights_sha256: Hexadecimal SHA-256 of that file.
        layout: Of the network.
        self_test: P(PNEUMONIA) of the pictures of `pneumo.network.self_test`.
        view: What the network is shown, one of `pneumo.network.lung_field.VIEWS`.
        finder_file: File name of the lung finder's weights, in the card's folder; empty if the
            view needs none.
        finder_sha256: Hexadecimal SHA-256 of that file.
        heat_scales: Method of explanation -> the value that is drawn hottest in every radiograph,
            in logits a cell.
        scope_sha256: Hexadecimal SHA-256 of the scope beside the weights; empty without one.
        points: The operating points by name: `rule-out`, `balanced`, `rule-in`.
        document: The whole card as parsed from JSON.
    """

    weights_file: str
    weights_sha256: str
    layout: Layout
    self_test: tuple[float, ...]
    view: str
    finder_file: str
    finder_sha256: str
    heat_scales: dict[str, float]
    scope_sha256: str
    points: dict[str, OperatingPoint]
    document: JsonObject

    @property
    def default(self) -> OperatingPoint:
        """The operating point that the app starts at."""
        return self.points[BALANCED]


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
        weights, found = document["weights"], document["operating_points"]
        points = {name: _read_point(name, found[name]) for name in (RULE_OUT, BALANCED, RULE_IN)}
        shown = document["input"]
        size = int(shown["image_size"])
        layout = Layout(size, int(shown.get("last_stride", 2)), int(shown.get("tiles", 0)))
        view = shown["view"]
        if view not in VIEWS:
            raise ValueError(f"the view {view!r}")
        finder = {"file": "", "sha256": ""} if view == WHOLE else document["lung_finder"]
        if any(Path(entry["file"]).name != entry["file"] for entry in (weights, finder)):
            raise ValueError("a file name with folders")
        return ModelCard(
            weights["file"],
            weights["sha256"],
            layout,
            tuple(map(float, document["self_test"])),
            view,
            finder["file"],
            finder["sha256"],
            dict(document.get("heat_scales", {})),
            document["scope"]["sha256"] if "scope" in document else "",
            points,
            document,
        )
    except (KeyError, TypeError, ValueError) as error:
        raise WeightsError(f"The model card {path} is incomplete ({error!r}). {mend}") from error


def describe_architecture(tiles: int) -> str:
    """Returns the network in words."""
    cut = f" in {tiles} x {tiles} tiles after the entry flow" if tiles else ""
    return f"Xception (Chollet 2017){cut}, global average pooling, Dense(2, softmax)"


def _read_point(name: str, entry: JsonObject) -> OperatingPoint:
    point = OperatingPoint(
        name,
        float(entry["threshold"]),
        float(entry["sensitivity"]),
        float(entry["specificity"]),
        tuple(entry["sensitivity_ci95"]),
        tuple(entry["specificity_ci95"]),
        entry["chosen_by"],
    )
    if not 0 <= point.threshold <= 1:
        raise ValueError(f"the threshold {point.threshold} of {name} is out of bounds")
    return point


def compose_card(
    *,
    weights: JsonObject,
    layout: Layout,
    view: str,
    lung_finder: JsonObject | None,
    data: JsonObject,
    training: JsonObject,
    metrics: JsonObject,
    calibration: JsonObject,
    operating_points: JsonObject,
    heat_scales: JsonObject,
    self_test: list[float],
    out_of_fold: JsonObject,
) -> JsonObject:
    """Writes down what a user of the weights must know.

    Args:
        weights: `file`, `dtype`, `sha256`.
        layout: See `ModelCard`.
        view: See `ModelCard`.
        lung_finder: `file`, `sha256`, source and measures of the lung finder; None without one.
        data: Name, source, counts, and how it was split.
        training: Every setting of the run, the software, the history by epoch.
        metrics: Reports of `pneumo.evaluation.metrics`: `held_out_patients`, `shifts` by name, and
            `rests_on`, what is left of the answers without lungs or without surroundings.
        calibration: Temperature, and what it did to the calibration error.
        operating_points: Name -> threshold, rates with intervals, `chosen_by`.
        heat_scales: See `ModelCard`.
        self_test: P(PNEUMONIA) of the pictures of `pneumo.network.self_test`.
        out_of_fold: `label`, `patient` (a number without meaning) and `p_pneumonia` of every
            radiograph that thresholds and curves are drawn from, and `of`, who they are.

    Returns:
        A document for `write_card`.
    """
    return {
        "name": "pneumo Xception",
        "version": pneumo.__version__,
        "created": datetime.date.today().isoformat(),
        "weights": weights,
        "architecture": describe_architecture(layout.tiles),
        "input": {
            **layout._asdict(),
            "range": [-1, 1],
            "classes": list(pneumo.CLASSES),
            "view": view,
        },
        **({"lung_finder": lung_finder} if lung_finder else {}),
        "data": data,
        "training": training,
        "metrics": metrics,
        "calibration": calibration,
        "operating_points": operating_points,
        "heat_scales": heat_scales,
        "self_test": self_test,
        "limits": list(_LIMITS),
        "out_of_fold": out_of_fold,
    }


def runs_of(training: JsonObject) -> list[JsonObject]:
    """Returns the settings of the runs that made the weights, each beginning where one ended.

    Args:
        training: Of the model card.

    Returns:
        The first run first; `training` itself is the last.
    """
    runs = [training]
    while "began_from" in runs[0]:
        runs.insert(0, runs[0]["began_from"])
    return runs


def write_card(path: Path, document: JsonObject) -> None:
    """Writes a card in one step, so that a reader never meets half of one."""
    text = json.dumps({"format": FORMAT, **document}, indent=2, ensure_ascii=False)
    # A list of numbers on one line: the scores would otherwise fill thousands.
    text = re.sub(r"\[\s+([-\d.,e\s]+?)\s+\]", lambda m: f"[{' '.join(m[1].split())}]", text)
    with atomic_write(path) as draft:
        draft.write_text(text + "\n", encoding="utf-8")
