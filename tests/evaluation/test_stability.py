import numpy as np
import pytest

from pneumo.evaluation.stability import VARIATIONS, Stability, describe_doubt, measure_stability


@pytest.mark.parametrize("shape", [(180, 240), (1400, 900), (1200, 1500)])
def test_every_variation_changes_a_radiograph_a_little_and_keeps_its_aspect(shape):
    height, width = shape
    smooth = 128 + 60 * np.sin(np.arange(height) / height * 9)[:, np.newaxis]
    pixels = np.rint(smooth + 50 * np.cos(np.arange(width) / width * 7)).astype(np.uint8)
    for name, change in VARIATIONS.items():
        varied = change(pixels)
        assert varied.dtype == np.uint8
        assert abs(varied.shape[0] / varied.shape[1] / (height / width) - 1) < 0.1, name
        assert not np.array_equal(varied, pixels), name
        if varied.shape == pixels.shape:
            assert np.abs(varied.astype(int) - pixels).mean() < 25, name


def test_movements_go_where_they_say():
    pixels = np.zeros((200, 300), np.uint8)
    pixels[95:105, 145:155] = 200

    def centre(picture):
        rows, columns = np.nonzero(picture > 100)
        return rows.mean(), columns.mean()

    row, column = centre(pixels)
    assert centre(VARIATIONS["3 % to the right"](pixels)) == pytest.approx((row, column + 9))
    assert centre(VARIATIONS["3 % to the left"](pixels)) == pytest.approx((row, column - 9))
    assert centre(VARIATIONS["3 % up"](pixels)) == pytest.approx((row - 6, column))
    assert centre(VARIATIONS["3 % down"](pixels)) == pytest.approx((row + 6, column))


def test_rotation_continues_the_border_instead_of_a_dark_wedge():
    white = np.full((200, 300), 220, np.uint8)
    assert VARIATIONS["3 degrees to the left"](white).min() > 215


def test_range_and_crossing_follow_the_threshold():
    answers = iter(np.linspace(0.45, 0.9, len(VARIATIONS)))
    stability = measure_stability(
        np.full((50, 50), 100, np.uint8),
        0.6,
        lambda pictures: np.array([next(answers) for _ in pictures]),
    )
    assert list(stability.varied) == list(VARIATIONS)
    assert (stability.low, stability.high) == pytest.approx((0.45, 0.9))
    assert stability.crossing(0.5) == ["3 % to the left"]
    assert stability.crossing(0.4) == []
    assert "0.450 and 0.900" in describe_doubt(stability, 0.5)
    assert "3 % to the left" in describe_doubt(stability, 0.5)
    assert describe_doubt(stability, 0.95) == ""


def test_verdict_below_the_threshold_is_crossed_from_below():
    stability = Stability(0.3, {"a": 0.2, "b": 0.5})
    assert stability.crossing(0.5) == ["b"]
    assert stability.crossing(0.51) == []
