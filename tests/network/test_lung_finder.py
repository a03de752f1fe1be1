"""The lung finder: its input, the shipped weights on real radiographs, and its training."""

import numpy as np
import pytest
from PIL import Image

from pneumo.errors import DatasetError, WeightsError
from pneumo.network.compiling import compile_finder
from pneumo.network.lung_field import field_of
from pneumo.network.lung_finder import (
    FINDER_NAME,
    build_finder,
    find_lungs,
    finder_of,
    load_finder,
    load_finder_model,
    to_finder_input,
    with_features,
)
from pneumo.network.weights_files import WEIGHTS_FOLDER
from pneumo.reading.radiograph import read_radiograph
from pneumo.training.lungs import FinderRecipe, load_masks, overlaps, redraw, train_finder
from pneumo.training.phantom import write_phantom_dataset
from tests.network.test_triage import SAMPLES


@pytest.fixture(scope="module")
def model():
    return load_finder_model(WEIGHTS_FOLDER / FINDER_NAME)


def test_input_is_the_stretched_picture_evened_out():
    pixels = np.tile(np.array([[10, 30]], np.uint8), (300, 200))
    batch = to_finder_input([pixels, pixels // 2])
    assert batch.shape == (2, 128, 128, 1) and batch.dtype == np.float32
    assert np.abs(batch.mean(axis=(1, 2))).max() < 1e-4
    assert to_finder_input([np.full((50, 60), 7, np.uint8)]).any() == np.False_  # no division by 0


def test_compiled_finder_equals_keras(model):
    batch = to_finder_input([read_radiograph(path).pixels for path in SAMPLES[:3]])
    compiled = compile_finder(model)(batch)
    lungs, features = (np.asarray(part) for part in with_features(model)(batch, training=False))
    np.testing.assert_allclose(compiled.lungs, lungs[..., 0], atol=1e-3)
    np.testing.assert_allclose(compiled.features, features, atol=1e-2 * features.max())
    assert compiled.features.shape == (3, 512)


def test_small_enough(model):
    assert (WEIGHTS_FOLDER / FINDER_NAME).stat().st_size <= 2_000_000
    assert model.count_params() < 500_000


@pytest.mark.parametrize("path", SAMPLES, ids=lambda path: path.stem)
def test_lungs_of_the_samples_are_two_of_plausible_size(model, path):
    lungs = find_lungs(compile_finder(model), [read_radiograph(path).pixels]).lungs[0]
    field = field_of(lungs)
    assert field.found
    assert 0.15 < (lungs >= 0.5).mean() < 0.6
    assert field.smaller_lung() > 0.35
    assert field.cut_off() < 0.2


def test_each_of_any_number_of_pictures_gets_its_own_lungs(model):
    find = finder_of(model)
    batch = np.random.default_rng(0).standard_normal((5, 128, 128, 1), np.float32)
    for count in (1, 3, 5):
        found = find(batch[:count])
        assert found.lungs.shape == (count, 128, 128) and found.features.shape == (count, 512)
        alone = find(batch[count - 1 : count])
        np.testing.assert_allclose(found.lungs[-1:], alone.lungs, atol=1e-5)
        np.testing.assert_allclose(found.features[-1:], alone.features, atol=1e-4)


def test_damaged_or_missing_weights_are_named(tmp_path):
    for name, content in (("a.weights.h5", b"no"), ("b.weights.h5", None)):
        path = tmp_path / name
        if content:
            path.write_bytes(content)
        with pytest.raises(WeightsError, match=f"{name}.*lung finder.*pneumo.training.lungs"):
            load_finder(path)


def test_overlap_is_intersection_over_union():
    truth = np.zeros((2, 256, 256), np.uint8)
    truth[:, 64:192, 64:192] = 255
    drawn = np.zeros((2, 128, 128), np.float32)
    drawn[0, 32:96, 32:96] = 1  # the same
    drawn[1, 32:96, 64:128] = 1  # half of it, and as much beside
    assert overlaps(drawn, truth) == pytest.approx([1, 1 / 3], abs=0.02)


def test_redrawn_picture_and_mask_move_together():
    """The mask's lungs stay the darkest part of the picture wherever both are moved."""
    grid = np.full((192, 192), 180, np.uint8)
    mask = np.zeros((192, 192), np.uint8)
    mask[50:140, 30:80] = mask[50:140, 110:160] = 255
    grid[mask > 0] = 40
    told = 0
    for seed in range(60):
        picture, lungs = redraw(grid, mask, (grid, mask), np.random.default_rng(seed))
        assert picture.shape == lungs.shape == (128, 128)
        inside = lungs > 200
        told += picture[inside].mean() < picture[lungs < 50].mean() - 10
    assert told > 45  # but where the lungs were painted, whitened, or all around is dark


@pytest.mark.slow
def test_training_writes_weights_and_measures(tmp_path):
    data = write_phantom_dataset(tmp_path / "data", patients=8)
    masks = tmp_path / "masks"
    for path in data.rglob("*.jpeg"):
        target = masks / "train" / path.parent.name / f"{path.stem}.png"
        target.parent.mkdir(parents=True, exist_ok=True)
        with Image.open(path) as image:
            dark = np.asarray(image.convert("L").resize((384, 384))) < 90
        Image.fromarray(dark).save(target)
    args = FinderRecipe(
        data=data, masks=masks, output=tmp_path / "out", epochs=1, batch_size=4,
        learning_rate=1e-3, held_out=0.34, seed=0,
    )  # fmt: skip
    report = train_finder(args)
    assert report["held_out"]["all"]["n"] > 0
    assert load_finder(args.output / FINDER_NAME)(np.zeros((1, 128, 128, 1), "f4")).lungs.shape == (
        1,
        128,
        128,
    )
    assert (args.output / FINDER_NAME).stat().st_size < 2_000_000
    with pytest.raises(DatasetError, match="holds no mask"):
        load_masks([], tmp_path / "none", 128)


def test_untrained_finder_has_the_architecture_of_the_shipped(model):
    assert [layer.name for layer in build_finder().layers if layer.weights] == [
        layer.name for layer in model.layers if layer.weights
    ]
