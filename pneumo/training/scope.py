"""Fits the scope of weights: when a picture is no radiograph that they may judge.

    python -m pneumo.training.scope --data chest_xray --pictures PICTURES [--adults DIR]

`benchmarks/collect_pictures.py` makes PICTURES; DIR holds radiographs of adults. Beside the weights
it writes `scope.npz`, and into the model card how often it errs: on the held-out patients of the
training, and on the half of the adults and of the originals of each kind that it was not fitted to.
Limits are set on the training patients, scored by fits without them.
"""

import argparse
import hashlib
import json
import re
import sys
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from PIL import Image

from pneumo.dataset.examples import Example, patients_of
from pneumo.dataset.splits import split_as_trained
from pneumo.errors import DatasetError, PneumoError, WeightsError
from pneumo.evaluation.robustness import SHIFTS
from pneumo.files import JsonObject, atomic_write
from pneumo.network.card import write_card
from pneumo.network.classifier import Classifier, load_classifier
from pneumo.network.model_input import ModelInput
from pneumo.network.out_of_distribution import (
    ADULT,
    CHILD,
    INVERTED,
    KINDS,
    LEFT,
    OTHER,
    PART,
    RIGHT,
    SCOPE_NAME,
    SCREEN,
    UPSIDE_DOWN,
    Scope,
    write_scope,
)
from pneumo.network.triage import judge
from pneumo.network.weights_files import CARD_NAME, WEIGHTS_FOLDER, sha256_of
from pneumo.reading.radiograph import SUFFIXES, read_radiograph

DIRECTIONS = 32
FOLDS = 5
REGULARISATION = 0.01
"""Of the classifier: 512 features, some thousand pictures."""

FALSE_ALARMS = {ADULT: 0.02, PART: 0.005, SCREEN: 0.002}
"""Share of training patients' radiographs that a kind may be taken for by mistake; others 0.1 %."""

REFUSAL_FACTOR = 1.25
"""Distance that is refused, over the greatest of a training patient."""

Change = Callable[[np.ndarray, np.random.Generator], np.ndarray]


@dataclass(frozen=True)
class ScopeRecipe:
    """Everything that a run of `python -m pneumo.training.scope` is told.

    Attributes:
        data: The data set that the weights are of.
        patients: The table that `train.py` was given; None if it was given none.
        pictures: Folder of other pictures, in folders by kind.
        adults: Folder of chest radiographs of adults; None if there are none.
        weights: Folder of the weights, for the scope and the changed model card as well.
        children: Most radiographs of children that are shown of each part of the split.
    """

    data: Path
    patients: Path | None
    pictures: Path
    adults: Path | None
    weights: Path
    children: int


def photograph_screen(pixels: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Imitates a photograph of a screen: askew, with its surroundings, moiré and uneven light."""
    height, width = pixels.shape
    frame = Image.new("L", (round(1.4 * width), round(1.4 * height)), int(rng.integers(10, 120)))
    corners = np.array([(0, 0), (0, height), (width, height), (width, 0)], float)
    seen = corners + (0.2 * width, 0.2 * height)
    seen += rng.uniform(-0.05, 0.05, (4, 2)) * (width, height)
    equations, values = [], []
    for (x, y), (u, v) in zip(seen, corners, strict=True):
        equations += [[x, y, 1, 0, 0, 0, -u * x, -u * y], [0, 0, 0, x, y, 1, -v * x, -v * y]]
        values += [u, v]
    turn = np.linalg.solve(equations, values)

    def see(picture: Image.Image) -> Image.Image:
        kind = Image.Transform.PERSPECTIVE
        return picture.transform(frame.size, kind, turn.tolist(), Image.Resampling.BILINEAR)

    frame.paste(see(Image.fromarray(pixels)), mask=see(Image.new("L", (width, height), 255)))
    light = np.asarray(frame, float)
    y, x = np.mgrid[: light.shape[0], : light.shape[1]]
    light += 6 * np.sin(2 * np.pi * (x * rng.uniform(0.1, 0.3) + y * rng.uniform(0.05, 0.3)))
    center = rng.uniform(0.3, 0.7, 2)
    light *= 1.1 - 0.4 * np.hypot(x / light.shape[1] - center[0], y / light.shape[0] - center[1])
    return np.clip(light, 0, 255).astype(np.uint8)


def cut_off(pixels: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Keeps half of each side, of the left or of the right lung."""
    height, width = (side // 2 for side in pixels.shape)
    top, left = int(rng.uniform(0, height)), int(rng.choice([0, width]))
    return pixels[top : top + height, left : left + width]


def shift(pixels: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Applies one of the robustness suite, which changes no verdict and shall raise no alarm."""
    return list(SHIFTS.values())[rng.integers(len(SHIFTS))](pixels)


CHANGES: dict[str, tuple[str, Change]] = {
    "shifted": (CHILD, shift),
    "inverted": (INVERTED, lambda pixels, rng: 255 - pixels),
    "turned to the left": (LEFT, lambda pixels, rng: np.rot90(pixels)),
    "upside down": (UPSIDE_DOWN, lambda pixels, rng: np.rot90(pixels, 2)),
    "turned to the right": (RIGHT, lambda pixels, rng: np.rot90(pixels, 3)),
    "half cut off": (PART, cut_off),
    "photographed screen": (SCREEN, photograph_screen),
}
"""Of children's radiographs: name -> the kind that it becomes, and how."""


Told = tuple[str, str, str, bool]
"""What is told of a picture: the arguments of `Pictures.add` but its pixels."""


class Pictures:
    """What is shown to the lung finder, row by row; its features say what kind of picture it is."""

    def __init__(self, classifier: Classifier) -> None:
        self.classifier = classifier
        self.seen: list[ModelInput] = []
        self.rows: list[Told] = []

    def add(self, group: str, kind: str, origin: str, fitted: bool, pixels: np.ndarray) -> None:
        """Adds one.

        Args:
            group: What the report calls it.
            kind: One of `KINDS`.
            origin: Patient, or original picture; never in both halves.
            fitted: Whether the scope is fitted to it.
            pixels: `(height, width)` uint8.
        """
        self.seen += self.classifier.prepare([np.ascontiguousarray(pixels)])
        self.rows.append((group, kind, origin, fitted))
        if len(self.rows) % 500 == 0:
            print(f"{len(self.rows)} pictures", flush=True)

    @property
    def features(self) -> np.ndarray:
        """The `(n, d)` features of all of them."""
        found = [seen.features for seen in self.seen if seen.features is not None]
        return np.stack(found)


def collect(recipe: ScopeRecipe, classifier: Classifier) -> Pictures:
    """Lists everything, each with its kind; deterministic."""
    rng = np.random.default_rng(0)
    pictures = Pictures(classifier)
    settings = classifier.card.document["training"]
    training, held_out = split_as_trained(recipe.data, settings, recipe.patients)
    for examples, fitted, part in ((training, True, "training"), (held_out, False, "held-out")):
        for number, example in enumerate(_draw(examples, recipe.children, rng)):
            origin, pixels = patients_of([example])[0], read_radiograph(example.path).pixels
            pictures.add(f"{part} children", CHILD, origin, fitted, pixels)
            for change, (kind, apply) in CHANGES.items():
                if number % 6 == 0 or (change == "shifted" and number % 6 == 3):
                    name = f"{part} children, {change}"
                    pictures.add(name, kind, origin, fitted, apply(pixels, rng))
    for path, pixels in _read_all(recipe.adults):
        (origin,) = re.findall(r"^[A-Za-z-]*\d*", path.stem)  # COVID-00003a and -b are one person
        fitted = _first_half(origin)
        part = "" if fitted else ", not fitted to"
        pictures.add(f"adults{part}", ADULT, origin, fitted, pixels)
        pictures.add(f"adults, shifted{part}", ADULT, origin, fitted, shift(pixels, rng))
    for path, pixels in _read_all(recipe.pictures):
        origin = f"{path.parent.name}/{path.stem.split('~')[0]}"
        # Of a single patient or texture no half can be left out but by its pictures.
        single = path.parent.name in ("skull radiograph", "texture", "MR slice", "CT slice")
        fitted = _first_half(path.stem if single else origin)
        group = path.parent.name + ("" if fitted else ", not fitted to")
        pictures.add(group, OTHER, origin, fitted, pixels)
    return pictures


def _draw(examples: list[Example], count: int, rng: np.random.Generator) -> list[Example]:
    return [examples[i] for i in sorted(rng.permutation(len(examples))[:count])]


def _read_all(folder: Path | None) -> Iterator[tuple[Path, np.ndarray]]:
    for path in sorted(folder.rglob("*")) if folder else ():
        if path.suffix.lower() in SUFFIXES:
            try:
                pixels = read_radiograph(path).pixels
            except PneumoError as error:  # a blank slice, say
                print(error, file=sys.stderr)
            else:
                yield path, pixels


def _first_half(origin: str) -> bool:
    return hashlib.sha256(origin.encode()).digest()[0] % 2 == 0


def fit_scope(features: np.ndarray, kinds: np.ndarray, origins: np.ndarray) -> Scope:
    """Fits directions, classifier and limits.

    Args:
        features: `(n, d)` of what to fit to.
        kinds: `(n,)` names of `KINDS`.
        origins: `(n,)`; pictures of one origin are in one fold.
    """
    from sklearn.model_selection import GroupKFold

    child = kinds == CHILD
    distances, probabilities = np.zeros(len(kinds)), np.zeros((len(kinds), len(KINDS)))
    for others, own in GroupKFold(FOLDS).split(features, kinds, origins):
        part = _fit(features[others], kinds[others])
        distances[own] = part.distances(features[own])
        probabilities[own] = part.kinds(features[own])
    limits = [
        max(0.5, float(np.quantile(probabilities[child, i], 1 - FALSE_ALARMS.get(kind, 0.001))))
        for i, kind in enumerate(KINDS)
    ]
    # An adult is told from a child by less than even odds: the warning costs little.
    adult = KINDS.index(ADULT)
    limits[adult] = float(np.quantile(probabilities[child, adult], 1 - FALSE_ALARMS[ADULT]))
    return replace(
        _fit(features, kinds),
        limits=np.array(limits),
        warn_distance=float(np.quantile(distances[child], 0.99)),
        refuse_distance=REFUSAL_FACTOR * float(distances[child].max()),
    )


def _fit(features: np.ndarray, kinds: np.ndarray) -> Scope:
    from sklearn.decomposition import PCA
    from sklearn.linear_model import LogisticRegression

    own = features[kinds == CHILD]
    mean, scale = own.mean(axis=0), own.std(axis=0) + 1e-6
    standard = (features - mean) / scale
    pca = PCA(DIRECTIONS, random_state=0).fit(standard[kinds == CHILD])
    # What is no child's chest lies far out in that scale: the classifier has one of its own.
    center, width = standard.mean(axis=0), standard.std(axis=0)
    told = LogisticRegression(C=REGULARISATION, max_iter=2000, class_weight="balanced")
    told.fit((standard - center) / width, kinds)
    kernel, bias = np.zeros((len(mean), len(KINDS))), np.full(len(KINDS), -1e9)
    for column, kind in enumerate(told.classes_):
        weights = told.coef_[column] / width
        kernel[:, KINDS.index(kind)] = weights
        bias[KINDS.index(kind)] = told.intercept_[column] - weights @ center
    return Scope(mean, scale, pca.components_.T, kernel, bias, np.ones(len(KINDS)), np.inf, np.inf)


LARGE_ENOUGH = 600, 600
"""Height and width in pixels: radiographs are judged by what they show, small ones too."""


def describe_outcomes(
    scope: Scope, rows: Iterable[Told], seen: Iterable[ModelInput]
) -> dict[str, JsonObject]:
    """Counts for each group what `judge` says: `n`, `accepted`, `warned`, `refused`, `reasons`."""
    report: dict[str, JsonObject] = {}
    for (group, *_), own in zip(rows, seen, strict=True):
        found = judge(LARGE_ENOUGH, own, (), scope)
        outcome = "accepted"
        if found:
            outcome = "refused" if found[0].refuses else "warned"
        entry = report.setdefault(
            group, {"n": 0, "accepted": 0, "warned": 0, "refused": 0, "reasons": {}}
        )
        entry["n"] += 1
        entry[outcome] += 1
        if found:
            reason = re.split(r"[.:]", found[0].text)[0]
            entry["reasons"][reason] = entry["reasons"].get(reason, 0) + 1
    return report


def leave_kinds_out(whole: Scope, pictures: Pictures) -> dict[str, JsonObject]:
    """Counts what is said of each kind of other picture by a scope that was fitted without it."""
    rows, features = np.array(pictures.rows, object), pictures.features
    report: dict[str, JsonObject] = {}
    fitted = rows[:, 3].astype(bool)
    names = {row[0].removesuffix(", not fitted to") for row in rows[rows[:, 1] == OTHER]}
    for name in sorted(names):
        own = np.array([row[0].removesuffix(", not fitted to") == name for row in rows])
        rest = fitted & ~own
        # Distances and their limits are of children alone: only the classifier is another.
        part = _fit(features[rest], rows[rest, 1])
        scope = replace(whole, kernel=part.kernel, bias=part.bias)
        left = [(name, *row[1:]) for row in rows[own]]
        report |= describe_outcomes(scope, left, [pictures.seen[i] for i in np.flatnonzero(own)])
    return report


def main() -> None:
    """Runs the command; a foreseeable failure ends in one line, not in a traceback."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, required=True, help="that the weights are of")
    parser.add_argument("--patients", type=Path, help="the table that train.py was given")
    parser.add_argument("--pictures", type=Path, required=True, help="folders by kind")
    parser.add_argument("--adults", type=Path, help="chest radiographs of adults")
    parser.add_argument("--weights", type=Path, default=WEIGHTS_FOLDER, help="their folder")
    parser.add_argument("--children", type=int, default=900, help="most radiographs of each part")
    recipe = ScopeRecipe(**vars(parser.parse_args()))
    try:
        make_scope(recipe)
    except PneumoError as error:
        sys.exit(str(error))


def make_scope(recipe: ScopeRecipe) -> None:
    """Fits, measures, writes scope and card into the weights' folder, prints the outcomes."""
    classifier = load_classifier(recipe.weights)
    document = classifier.card.document
    if classifier.find is None:
        raise WeightsError("These weights look at whole radiographs: they have no lung finder.")
    pictures = collect(recipe, classifier)
    rows = np.array(pictures.rows, object)
    if not {CHILD, OTHER} <= set(rows[:, 1]):
        raise DatasetError(f"{recipe.pictures} holds no pictures in folders by kind.")
    features = pictures.features
    fitted = rows[:, 3].astype(bool)
    scope = fit_scope(features[fitted], rows[fitted, 1], rows[fitted, 2])
    outcomes = describe_outcomes(scope, pictures.rows, pictures.seen)
    measured = {
        "fitted_to": {kind: int(np.sum(fitted & (rows[:, 1] == kind))) for kind in KINDS},
        "outcomes": {g: o for g, o in outcomes.items() if not _seen(g, pictures)},
        "kinds_left_out": leave_kinds_out(scope, pictures),
    }
    del document["format"]
    # The card holds the scope's hash: the two change together, once everything is known.
    with atomic_write(recipe.weights / SCOPE_NAME) as draft:
        write_scope(draft, scope)
        document["scope"] = {"file": SCOPE_NAME, "sha256": sha256_of(draft), **measured}
    write_card(recipe.weights / CARD_NAME, document)
    print(json.dumps(document["scope"], indent=2, ensure_ascii=False))


def _seen(group: str, pictures: Pictures) -> bool:
    return any(row[3] for row in pictures.rows if row[0] == group)


if __name__ == "__main__":
    main()
