"""What lies around the lungs: taken away, exchanged, and nothing of the lungs touched."""

import numpy as np
import pytest
from PIL import Image

from pneumo.evaluation.surroundings import (
    CHEST_SIDE,
    Chest,
    find_marks,
    keep_lungs_alone,
    lend_marks,
    lend_surroundings,
    paint_chest,
    paint_lungs,
    remove_marks,
)
from tests.network.test_lung_field import draw_lungs

LUNGS = np.where(draw_lungs((24, 30, 54, 100), (74, 30, 104, 100)) > 0.5, 1, 0).astype(np.float32)
INSIDE = np.kron(LUNGS > 0.5, np.ones((3, 3), bool))  # 384 x 384
ROWS, COLUMNS = np.indices((CHEST_SIDE, CHEST_SIDE))


def make_chest(level: int, lungs: np.ndarray = LUNGS) -> Chest:
    """A ramp from left to right around a level, with darker lungs."""
    pixels = np.clip(level + COLUMNS / 12, 0, 255)
    inside = np.asarray(
        Image.fromarray(lungs).resize((CHEST_SIDE, CHEST_SIDE), Image.Resampling.NEAREST)
    )
    return Chest(np.where(inside > 0.5, pixels - 60, pixels).astype(np.uint8), lungs)


def well(mask: np.ndarray, by: int = 6) -> np.ndarray:
    """What of a mask lies clear of its edge, where shares are neither 0 nor 1."""
    from scipy import ndimage

    return ndimage.binary_erosion(mask, iterations=by)


def test_painting_the_lungs_leaves_all_the_rest():
    own = make_chest(120)
    painted = paint_lungs(own)
    assert np.unique(painted[well(INSIDE)]).tolist() == [round(float(own.pixels.mean()))]
    np.testing.assert_array_equal(painted[well(~INSIDE)], own.pixels[well(~INSIDE)])


def test_lungs_alone_are_the_opposite():
    own = make_chest(120)
    alone = keep_lungs_alone(own)
    np.testing.assert_array_equal(alone[well(INSIDE)], own.pixels[well(INSIDE)])
    assert np.unique(alone[well(~INSIDE)]).tolist() == [round(float(own.pixels.mean()))]


def test_surroundings_alone_hide_what_lies_between_the_lungs_too():
    own = make_chest(120)
    left = paint_chest(own)
    level = round(float(own.pixels.mean()))
    assert left[200, 192] == left[200, 100] == level  # between, and in a lung
    np.testing.assert_array_equal(left[:40], own.pixels[:40])
    np.testing.assert_array_equal(left[:, -30:], own.pixels[:, -30:])


def test_lungs_go_into_the_other_chest_at_its_lungs_place_and_size():
    own = make_chest(200)
    elsewhere = np.zeros((128, 128), np.float32)
    elsewhere[50:85, 10:25] = elsewhere[50:85, 35:50] = 1
    donor = make_chest(80, elsewhere)
    lent = lend_surroundings(own, donor)
    box = np.zeros((CHEST_SIDE, CHEST_SIDE), bool)
    box[3 * 50 : 3 * 85, 3 * 10 : 3 * 50] = True
    np.testing.assert_array_equal(lent[well(~box)], donor.pixels[well(~box)])
    # The middle of the own left lung lies in the middle of the donor's.
    assert lent[3 * 67, 3 * 17] == pytest.approx(int(own.pixels[3 * 65, 3 * 38]), abs=6)
    assert lent[3 * 67, 3 * 17] > donor.pixels[3 * 67, 3 * 17] + 80


def test_without_lungs_nothing_is_lent():
    own, none = make_chest(120), np.zeros((128, 128), np.float32)
    np.testing.assert_array_equal(lend_surroundings(own, Chest(own.pixels, none)), own.pixels)


def with_letter(chest: Chest, top: int, left: int) -> Chest:
    """Adds a T of strokes six pixels wide."""
    pixels = chest.pixels.copy()
    pixels[top : top + 6, left : left + 24] = 250
    pixels[top : top + 30, left + 9 : left + 15] = 250
    return Chest(pixels, chest.lungs)


def test_letters_are_found_outside_the_lungs_alone():
    plain = make_chest(90)
    assert not find_marks(plain).any()
    marks = find_marks(with_letter(plain, 20, 20))
    assert marks[23, 30] and marks[40, 32]
    assert not marks[60:].any() and not marks[:, 60:].any()
    assert not find_marks(with_letter(plain, 150, 100)).any()  # on a lung


def test_a_removed_letter_leaves_what_was_around_it():
    plain = make_chest(90)
    removed = remove_marks(with_letter(plain, 20, 20)).astype(int)
    assert np.abs(removed - plain.pixels).max() <= 4


def test_a_lent_letter_stands_where_it_stood_and_the_own_is_gone():
    own = with_letter(make_chest(90), 20, 20)
    donor = with_letter(make_chest(70), 20, 330)
    lent = lend_marks(own, donor).astype(int)
    assert lent[22, 340] == 250
    assert abs(lent[22, 30] - make_chest(90).pixels[22, 30]) <= 4
    np.testing.assert_array_equal(lent[well(INSIDE)], own.pixels[well(INSIDE)])
