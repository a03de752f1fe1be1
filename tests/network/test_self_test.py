import numpy as np
import pytest

from pneumo.errors import WeightsError
from pneumo.network.forward import ForwardPass
from pneumo.network.lung_field import WHOLE
from pneumo.network.model_input import prepare_inputs
from pneumo.network.self_test import SELF_TEST_TOLERANCE, check_answers, draw_pictures


def _answer(*probabilities):
    def forward(batch):
        assert batch.shape == (3, 71, 71, 3)
        p = np.array(probabilities, np.float32)
        return ForwardPass(None, np.stack([1 - p, p], axis=1))

    return forward


def _prepare(pictures):
    return prepare_inputs(pictures, 71, None, WHOLE)


def test_pictures_are_the_same_everywhere():
    pictures = draw_pictures()
    assert [picture.shape for picture in pictures] == [(400, 500)] * 3
    # By hand from the formulas: the centre is spine and body, and haze brightens a lung.
    assert int(pictures[0][200, 250]) == pytest.approx(210, abs=1.5)
    lungs = [[int(picture[200, column]) for column in (137, 362)] for picture in pictures]
    assert max(lungs[0]) < 60
    assert lungs[1][0] == lungs[0][0] and lungs[1][1] > 100
    assert min(lungs[2]) > 100
    means = [float(picture.mean()) for picture in pictures]
    assert means == pytest.approx([102.649, 110.361, 118.076], abs=0.01)


def test_equal_answers_pass():
    check_answers(_answer(0.1, 0.5, 0.9), _prepare, (0.1, 0.5 + 0.9 * SELF_TEST_TOLERANCE, 0.9))


@pytest.mark.parametrize("answers", [(0.1, 0.5, 0.9 + 2 * SELF_TEST_TOLERANCE), (0.1, np.nan, 0.9)])
def test_other_answers_fail_and_say_what_to_do(answers):
    with pytest.raises(WeightsError, match=r"self-test failed.*\(0\.5000\).*requirements\.txt"):
        check_answers(_answer(*answers), _prepare, (0.1, 0.5, 0.9))
