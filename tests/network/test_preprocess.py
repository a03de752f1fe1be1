import numpy as np

from pneumo.dataset.examples import index_folder, load_grids
from pneumo.inference import predict, prepare_input
from pneumo.network.preprocess import resize_to_grid, to_model_input
from pneumo.reading.radiograph import read_radiograph
from pneumo.training.batches import EpochBatches, Presentation
from pneumo.training.framing import Sources
from tests.conftest import encode


def test_model_input_maps_grey_levels_to_minus_one_to_one():
    grids = np.array([[[0, 51], [204, 255]]], np.uint8)
    model_input = to_model_input(grids)
    assert model_input.dtype == np.float32
    assert model_input.shape == (1, 2, 2, 3)
    for channel in range(3):
        np.testing.assert_allclose(model_input[0, :, :, channel], [[-1, -0.6], [0.6, 1]], atol=1e-6)


def test_shrinking_averages_instead_of_skipping():
    stripes = np.tile(np.array([0, 255], np.uint8), (600, 600))
    grid = resize_to_grid(stripes, 299)
    assert grid.shape == (299, 299)
    assert np.ptp(grid.astype(int)) < 80
    assert abs(grid.mean() - 127.5) < 1


def test_stretching_keeps_relative_places():
    pixels = np.zeros((400, 200), np.uint8)
    pixels[200:, 100:] = 255
    grid = resize_to_grid(pixels, 299)
    assert grid[140, 160] == 0
    assert grid[160, 140] == 0
    assert grid[160, 160] == 255


def test_training_evaluation_and_app_show_the_network_equal_pixels(tmp_path, phantom, stand_in):
    for name in ("NORMAL", "PNEUMONIA"):
        (tmp_path / name).mkdir()
        (tmp_path / name / f"{name}.jpeg").write_bytes(encode(phantom, "JPEG"))
    examples = index_folder(tmp_path)
    seen = []
    original = stand_in.classifier.forward

    def spy(batch):
        seen.append(batch)
        return original(batch)

    object.__setattr__(stand_in.classifier, "forward", spy)
    predict(
        stand_in.engine, [prepare_input(stand_in.classifier, read_radiograph(examples[0].path))]
    )
    grids = load_grids(examples, stand_in.classifier.card.layout.image_size)
    batches = EpochBatches(Sources(grids), np.array([0, 1]), Presentation(grids.shape[1], 2, 0), 0)
    np.testing.assert_array_equal(batches[0][0][:1], to_model_input(seen[0]))
