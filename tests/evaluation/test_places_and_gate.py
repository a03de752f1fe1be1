"""What the benchmarks `places` and `gate` change is what they say they change."""

import numpy as np
import pytest

from benchmarks.gate import CHANGES, bounds, cover, cut, light, pad
from benchmarks.places import ZONES
from benchmarks.planted import plant
from pneumo.network.lung_field import EQUALISED, crop_outline, cut_out, field_of, present
from pneumo.network.model_input import ModelInput
from tests.network.test_lung_field import draw_lungs

# On 128 cells a side: the left lung from column 24 to 54, the right one to 104; rows 30 to 100.
FIELD = field_of(draw_lungs((24, 30, 54, 100), (74, 30, 104, 100)))
PICTURE = np.full((256, 512), 100, np.uint8)


def test_lungs_are_bounded_in_pixels():
    assert bounds(FIELD.lungs, PICTURE.shape) == (96, 60, 416, 200)


@pytest.mark.parametrize(
    ("change", "rows"), [(cut(top=0.5), 256 - 130), (cut(bottom=0.5), 130), (cut(top=1), 56)]
)
def test_lungs_are_cut(change, rows):
    assert change(PICTURE, FIELD).shape == (rows, 512)


def test_part_of_the_left_lung_is_covered():
    covered = cover(0.25, 0)(PICTURE, FIELD)
    # A quarter of the way from 96 to 216.
    assert not covered[:, :126].any() and (covered[:, 126:] == 100).all()
    assert (PICTURE == 100).all()


def test_bars_are_laid():
    assert pad(0.25, 0, 255)(PICTURE, FIELD).shape == (256 + 128, 512)
    beside = pad(0, 0.25, 255)(PICTURE, FIELD)
    assert beside.shape == (256, 768) and (beside[:, :128] == 255).all()


def test_light_falls_off():
    lit = light(0.5)(PICTURE, FIELD)
    assert (lit[0, 0], lit[-1, 0]) == (50, 150) and (np.diff(lit[:, 0].astype(int)) >= 0).all()


def test_every_change_gives_a_picture():
    for name, change in CHANGES.items():
        changed = change(PICTURE, FIELD)
        assert changed.dtype == np.uint8 and changed.ndim == 2, name
        assert (
            name == "as it is"
            or changed.shape != PICTURE.shape
            or "mirrored" in name
            or (changed != PICTURE).any()
        ), name


def test_zones_are_parts_of_the_whole():
    y, x = (np.indices((100, 100)) + 0.5) / 100
    zones = [zone(y, x) for zone in ZONES.values()]
    assert (np.sum(zones, axis=0) == 1).all()
    assert [zone.mean() for zone in zones] == pytest.approx([0.2, 0.2, 0.24, 0.36])


def test_haze_is_drawn_in_its_zone():
    size = 299
    noise = np.random.default_rng(0).integers(40, 60, (512, 512)).astype(np.uint8)
    grid = present(cut_out(noise, FIELD, size), crop_outline(FIELD, size), EQUALISED)
    seen = ModelInput(grid, 100, FIELD)
    y, x = (np.indices((size, size)) + 0.5) / size
    for name, zone in ZONES.items():
        picture, haze = plant(seen, EQUALISED, np.random.default_rng(1), zone(y, x))
        assert (picture != grid)[haze].mean() > 0.5, name
        assert (haze & zone(y, x)).any(), name
