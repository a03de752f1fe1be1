"""Examples -> what the network is shown: in training, and when it is measured."""

from functools import lru_cache
from pathlib import Path

import keras
import numpy as np

from pneumo.dataset.examples import Example, load_grids
from pneumo.network.lung_field import WHOLE
from pneumo.network.lung_finder import Finder, load_finder
from pneumo.network.model_input import prepare_inputs, stack_grids
from pneumo.network.weights_files import sha256_of
from pneumo.training.callbacks import show_share
from pneumo.training.finish import Predictor, make_predictor
from pneumo.training.framing import SOURCE_SIZE, Sources, add_lungs
from pneumo.training.recipe import Recipe


def finder_of(recipe: Recipe) -> Finder:
    """Loads the lung finder, once in a run: each time it would be compiled anew."""
    return _load_finder(recipe.finder, sha256_of(recipe.finder))


@lru_cache(maxsize=1)
def _load_finder(path: Path, sha256: str) -> Finder:
    return load_finder(path)


def load_sources(recipe: Recipe, training: list[Example]) -> Sources:
    """Decodes the radiographs to train on and finds their lungs, where the recipe wants them."""
    side = recipe.image_size if recipe.view == WHOLE else SOURCE_SIZE
    with show_share("decoding") as progress:
        grids = load_grids(training, side, progress)
    return Sources(grids) if recipe.view == WHOLE else add_lungs(grids, finder_of(recipe))


def see(recipe: Recipe, examples: list[Example]) -> np.ndarray:
    """Returns `(n, image_size, image_size)` uint8 of examples as the network sees them."""
    if recipe.view == WHOLE:
        return load_grids(examples, recipe.image_size)
    pictures, find = list(load_grids(examples, SOURCE_SIZE)), finder_of(recipe)
    return stack_grids(prepare_inputs(pictures, recipe.image_size, find, recipe.view))


def predictor(recipe: Recipe, model: keras.Model, devices: int) -> Predictor:
    """Wraps a classifier so that it takes radiographs, cut as the recipe says."""
    find = None if recipe.view == WHOLE else finder_of(recipe)
    return make_predictor(model, find, recipe.view, devices)
