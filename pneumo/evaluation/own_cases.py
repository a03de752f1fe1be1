"""A handful of labelled radiographs -> counts and rates, of the model or of a person.

Nobody knows whose they are, so each counts as one patient: the intervals are the binomial ones.
"""

from collections.abc import Iterable
from dataclasses import dataclass

from pneumo import CLASSES, NORMAL, PNEUMONIA


@dataclass(frozen=True)
class Share:
    """A part of a whole.

    Attributes:
        part: Those that count, 0 to `whole`.
        whole: All of them.
    """

    part: int
    whole: int

    @property
    def interval(self) -> tuple[float, float] | None:
        """The 95 % interval in [0, 1] (Wilson 1927); None of nothing."""
        if not self.whole:
            return None
        from scipy.stats import binomtest  # half a second, of which few have need

        found = binomtest(self.part, self.whole).proportion_ci(method="wilson")
        return float(found.low), float(found.high)


@dataclass(frozen=True)
class Tally:
    """Answers beside labels, counted; PNEUMONIA is the positive class.

    Attributes:
        tn: NORMAL called NORMAL.
        fp: NORMAL called PNEUMONIA.
        fn: PNEUMONIA called NORMAL.
        tp: PNEUMONIA called PNEUMONIA.
    """

    tn: int
    fp: int
    fn: int
    tp: int

    @property
    def sensitivity(self) -> Share:
        """PNEUMONIA called PNEUMONIA."""
        return Share(self.tp, self.tp + self.fn)

    @property
    def specificity(self) -> Share:
        """NORMAL called NORMAL."""
        return Share(self.tn, self.tn + self.fp)

    @property
    def right(self) -> int:
        """Answers that are the label."""
        return self.tn + self.tp

    @property
    def wrong(self) -> int:
        """Answers that are not."""
        return self.fp + self.fn


def tally(pairs: Iterable[tuple[str, str]]) -> Tally:
    """Counts pairs of label and answer, each `NORMAL` or `PNEUMONIA`.

    Raises:
        ValueError: One of them is neither.
    """
    counts = {(label, answer): 0 for label in CLASSES for answer in CLASSES}
    for pair in pairs:
        if pair not in counts:
            raise ValueError(f"{pair} are no label and answer: expected two of {CLASSES}.")
        counts[pair] += 1
    normal, pneumonia = CLASSES[NORMAL], CLASSES[PNEUMONIA]
    return Tally(
        tn=counts[normal, normal],
        fp=counts[normal, pneumonia],
        fn=counts[pneumonia, normal],
        tp=counts[pneumonia, pneumonia],
    )
