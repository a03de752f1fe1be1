"""Counts and rates of a handful of labelled radiographs."""

import pytest

from pneumo.evaluation.own_cases import Share, Tally, tally


def test_each_pair_is_counted_where_it_belongs():
    pairs = [("NORMAL", "NORMAL")] * 1 + [("NORMAL", "PNEUMONIA")] * 2
    pairs += [("PNEUMONIA", "NORMAL")] * 3 + [("PNEUMONIA", "PNEUMONIA")] * 4
    found = tally(pairs)
    assert found == Tally(tn=1, fp=2, fn=3, tp=4)
    assert (found.sensitivity, found.specificity) == (Share(4, 7), Share(1, 3))
    assert (found.right, found.wrong) == (5, 5)


@pytest.mark.parametrize("pair", [("NORMAL", "Uncertain"), ("", "NORMAL"), ("normal", "NORMAL")])
def test_what_is_no_class_is_refused(pair):
    with pytest.raises(ValueError, match="are no label and answer"):
        tally([pair])


def test_interval_is_wilsons():
    # Newcombe 1998, Statistics in Medicine 17:857, table I: 81 of 263, 15 of 148, 0 of 20, 1 of 29.
    for part, whole, low, high in (
        (81, 263, 0.2553, 0.3662),
        (15, 148, 0.0624, 0.1605),
        (0, 20, 0.0, 0.1611),
        (1, 29, 0.0061, 0.1718),
    ):
        assert Share(part, whole).interval == pytest.approx((low, high), abs=6e-5)
    assert Share(0, 0).interval is None
