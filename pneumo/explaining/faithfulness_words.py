"""What the checks of one heatmap mean, in sentences; see `pneumo.explaining.faithfulness`."""

from collections.abc import Iterable

import numpy as np

from pneumo.explaining.faithfulness import FILLS, FRACTIONS, Erasure, Shares, hot_share


def describe_gap(
    heatmap: np.ndarray, shape: tuple[int, int], inside: np.ndarray | None = None
) -> str:
    """Says what can't be checked by erasing because there is too little heat; empty if all can.

    Args:
        heatmap: `(h, w)` at least 0.
        shape: Of the picture that is erased from.
        inside: `shape` bool, the field; the whole picture by default.
    """
    share = hot_share(heatmap, shape, inside)
    if share == 0:
        return "No place of this heatmap is hotter than another: there is nothing to check."
    missing = [f"{100 * fraction:.0f} %" for fraction in FRACTIONS if fraction > share]
    if not missing:
        return ""
    whole = "the picture" if inside is None else "what the network sees"
    some = f"Only {100 * share:.1f} % of {whole} has heat"
    if len(missing) == len(FRACTIONS):
        return f"{some}: by erasing there is nothing to check."
    return f"{some}: there is no hottest {' or '.join(missing)} to erase."


def describe_erasures(erasures: Iterable[Erasure], name: str, verdict: str) -> list[str]:
    """Says in one sentence for each erasure what it means, and in a last one what none can mean.

    Args:
        erasures: Results of `erase_hottest`.
        name: Of the class that is explained.
        verdict: The class that was answered.
    """
    sentences = [
        f"With the hottest {100 * entry.fraction:.0f} % {FILLS[entry.fill]}, P({name}) is "
        f"{entry.hottest:.3f} instead of {entry.before:.3f}; with a random region of that "
        f"shape {entry.random.mean():.3f} on average "
        f"({entry.random.min():.3f} to {entry.random.max():.3f}). "
        + _describe_together([entry], name, verdict)
        for entry in erasures
    ]
    return sentences + [_describe_other(name, verdict)] * bool(sentences and name != verdict)


def describe_meaning(erasures: list[Erasure], name: str, verdict: str) -> str:
    """Says what the erasures mean together, for the class that is explained and the verdict.

    Args:
        erasures: At least one.
        name: Of the class that is explained.
        verdict: The class that was answered.
    """
    together = _describe_together(erasures, name, verdict)
    return together if name == verdict else f"{together} {_describe_other(name, verdict)}"


def _describe_together(erasures: list[Erasure], name: str, verdict: str) -> str:
    matter = sum(entry.matters for entry in erasures)
    if 2 * matter <= len(erasures):
        subject = "the answer" if name == verdict else f"P({name})"
        return f"What the heatmap marks matters no more to {subject} than other places: doubt it."
    subject = "The answer" if name == verdict else f"P({name})"
    part = "" if matter == len(erasures) else " in part"
    return f"{subject} rests{part} on what the heatmap marks."


def _describe_other(name: str, verdict: str) -> str:
    """Says what a heatmap of the class that was not answered can't tell."""
    return (
        f"The verdict is {verdict}, and this is a heatmap of what speaks for {name}: what the "
        f"answer rests on is for the heatmap of {verdict} to show."
    )


def describe_shares(shares: Shares) -> str:
    """Says in words how much of the heat lies in the lungs."""
    if np.isnan(shares.heat):
        return "The heatmap is empty: there is no heat whose place could be checked."
    text = (
        f"Of the heat within the outline {100 * shares.heat:.0f} % lies in the lungs "
        f"({100 * shares.even:.0f} % if it were spread evenly there). What lies beyond the outline "
        "is not drawn and not counted here."
    )
    if shares.heat < shares.even:
        text += " That is little for an answer about lungs: doubt it."
    return text
