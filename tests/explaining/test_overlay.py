import io

import numpy as np
import pytest
from PIL import Image

from pneumo.explaining.overlay import (
    COLOUR_MAPS,
    CONTOUR_LEVELS,
    blend,
    colour_table,
    draw_contours,
    stretch_heatmap,
)
from pneumo.images import encode_jpeg, encode_png, fit_within


@pytest.mark.parametrize("shape", [(300, 300), (240, 600), (731, 417)])
@pytest.mark.parametrize("cell", [(1, 1), (4, 7), (8, 2)])
def test_hot_cell_peaks_at_its_own_centre(shape, cell):
    heatmap = np.zeros((10, 10), np.float32)
    heatmap[cell] = 1
    stretched = stretch_heatmap(heatmap, shape)
    assert stretched.shape == shape
    y, x = np.mgrid[: shape[0], : shape[1]]
    centre = ((y * stretched).sum() / stretched.sum(), (x * stretched).sum() / stretched.sum())
    expected = [(index + 0.5) * side / 10 - 0.5 for index, side in zip(cell, shape, strict=True)]
    np.testing.assert_allclose(centre, expected, atol=0.5)


def test_stretched_values_stay_in_range():
    heatmap = np.random.default_rng(0).uniform(0, 1, (10, 10)).astype(np.float32)
    heatmap[0, 0], heatmap[9, 9] = 0, 1
    stretched = stretch_heatmap(heatmap, (333, 500))
    assert stretched.dtype == np.float32
    assert stretched.min() >= 0
    assert stretched.max() <= 1
    assert stretched[0, 0] == 0
    assert stretched[-1, -1] == 1


def test_blend_leaves_cold_places_grey_and_paints_hot_ones():
    pixels = np.full((2, 2), 100, np.uint8)
    heatmap = np.array([[0, 1], [0.5, 0]], np.float32)
    picture = blend(pixels, heatmap, opacity=1, colour_map="viridis")
    table = colour_table("viridis")
    np.testing.assert_array_equal(picture[0, 0], [100, 100, 100])
    np.testing.assert_array_equal(picture[0, 1], table[255])
    half = np.rint(100 + (table[128].astype(float) - 100) * 0.5)
    np.testing.assert_allclose(picture[1, 0], half, atol=1)


def test_blend_mixes_each_grey_with_the_colour_of_its_heat():
    rng = np.random.default_rng(0)
    pixels = rng.integers(0, 256, (150, 70), dtype=np.uint8)
    heat = rng.random(pixels.shape, np.float32)
    colours = colour_table("turbo")[np.rint(255 * heat).astype(int)].astype(float)
    grey, alpha = pixels[..., np.newaxis], 0.45 * heat[..., np.newaxis]
    mixed = grey * (1 - alpha) + colours * alpha
    picture = blend(pixels, heat, 0.45, "turbo")
    np.testing.assert_allclose(picture, mixed, atol=0.5 + 255 * 0.45 / 255 / 2)


def test_zero_opacity_shows_the_radiograph(phantom):
    heatmap = np.ones(phantom.shape, np.float32)
    np.testing.assert_array_equal(blend(phantom, heatmap, 0)[..., 1], phantom)


@pytest.mark.parametrize("name", COLOUR_MAPS)
def test_colour_tables_run_from_dark_to_another_colour(name):
    table = colour_table(name)
    assert table.shape == (256, 3)
    assert table.dtype == np.uint8
    assert np.abs(np.diff(table.astype(int), axis=0)).max() < 16


def test_fit_within_keeps_aspect_and_never_enlarges(phantom):
    assert fit_within(phantom, 120).shape == (90, 120)
    assert fit_within(phantom, 1000) is phantom


def test_png_round_trip(phantom):
    decoded = np.asarray(Image.open(io.BytesIO(encode_png(phantom))))
    np.testing.assert_array_equal(decoded, phantom)


@pytest.mark.parametrize("shape", [(300, 300), (240, 600), (731, 417)])
@pytest.mark.parametrize("cells", [10, 19, 37, 299])
def test_drawn_heat_sits_within_half_a_pixel_of_its_cell(shape, cells):
    # The hot spot covers what the cell covers of the radiograph, whatever its aspect.
    place = (cells // 4, 2 * cells // 3)
    heatmap = np.zeros((cells, cells), np.float32)
    heatmap[place] = 1
    picture = blend(np.zeros(shape, np.uint8), stretch_heatmap(heatmap, shape), 1, "viridis")
    heat = picture.astype(float).sum(axis=-1)
    y, x = np.mgrid[: shape[0], : shape[1]]
    centre = ((y * heat).sum() / heat.sum(), (x * heat).sum() / heat.sum())
    expected = [(i + 0.5) * side / cells - 0.5 for i, side in zip(place, shape, strict=True)]
    np.testing.assert_allclose(centre, expected, atol=0.5)


def test_heat_below_the_least_is_not_drawn():
    pixels = np.full((1, 3), 100, np.uint8)
    heatmap = np.array([[0.2, 0.5, 0.9]], np.float32)
    picture = blend(pixels, heatmap, opacity=1, above=0.5)
    np.testing.assert_array_equal(picture[0, 0], [100, 100, 100])
    np.testing.assert_array_equal(picture[0, 1:], blend(pixels, heatmap, opacity=1)[0, 1:])


def test_contours_surround_the_heat_and_leave_the_rest_untouched():
    ramp = np.tile(np.linspace(0, 1, 400, dtype=np.float32), (50, 1))
    pixels = np.full(ramp.shape, 77, np.uint8)
    picture = draw_contours(pixels, ramp, "viridis")
    coloured = (picture != 77).any(axis=-1)
    columns = np.flatnonzero(coloured.any(axis=0))
    expected = [np.flatnonzero(ramp[0] >= level)[0] - 1 for level in CONTOUR_LEVELS]
    np.testing.assert_array_equal(columns, expected)
    np.testing.assert_array_equal(
        picture[0, expected], colour_table("viridis")[[round(255 * v) for v in CONTOUR_LEVELS]]
    )
    fewer = draw_contours(pixels, ramp, "viridis", above=0.6)
    assert (fewer != 77).any(axis=(0, 2)).sum() == sum(v >= 0.6 for v in CONTOUR_LEVELS)


def test_jpeg_keeps_size_and_colours_nearly():
    picture = np.full((20, 30, 3), (200, 100, 50), np.uint8)
    decoded = np.asarray(Image.open(io.BytesIO(encode_jpeg(picture))))
    assert decoded.shape == picture.shape
    assert np.abs(decoded.astype(int) - picture).max() < 6
