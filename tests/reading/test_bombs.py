"""Small files that ask for much are refused with a reason before they cost memory or time."""

import re
import sys

import pytest

from benchmarks.bomb_list import BOMBS
from benchmarks.bombs import describe, make_table, measure

pytestmark = [
    pytest.mark.skipif(sys.platform != "linux", reason="memory is read from /proc"),
    pytest.mark.slow,
]


@pytest.fixture(scope="module")
def costs():
    return measure(BOMBS)


@pytest.mark.parametrize("bomb", BOMBS, ids=lambda bomb: bomb.name)
def test_bomb_costs_little_and_gets_a_reason(bomb, costs):
    cost = costs[bomb]
    assert cost.megabytes <= 300
    assert cost.seconds <= 30
    assert re.search(bomb.words, cost.outcome)
    if bomb.words != "read":
        assert "chest" in cost.outcome


def test_row_tells_what_was_measured(costs):
    table = make_table([describe(BOMBS[0], costs[BOMBS[0]])])
    assert re.search(
        r"\| PNG \| \d\d\.\d kB \| 13,000 x 13,000 pixels \| chest has .* \| \d+ MB \| 0\.\d\d s",
        table,
    )
