"""Warnings are ignored in the block, and Python's filters are as before when all have left."""

import threading
import warnings

import pytest

from pneumo.reading.silence import silence


def test_overlapping_threads_put_the_filters_back():
    before = list(warnings.filters)
    entered, may_leave = threading.Event(), threading.Event()

    def stay():
        with silence():
            entered.set()
            may_leave.wait(10)
            warnings.warn("late", UserWarning, stacklevel=1)  # an error, were it not ignored

    other = threading.Thread(target=stay)
    with silence():
        other.start()
        assert entered.wait(10)
        warnings.warn("early", UserWarning, stacklevel=1)
    may_leave.set()
    other.join()
    assert warnings.filters == before
    with pytest.warns(UserWarning, match="loud"):
        warnings.warn("loud", UserWarning, stacklevel=1)


def test_filters_are_put_back_after_an_exception():
    before = list(warnings.filters)
    with pytest.raises(ValueError, match="damaged"), silence():
        raise ValueError("damaged")
    assert warnings.filters == before
