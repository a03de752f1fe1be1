"""Text in the order of reading -> the order of drawing, which a PDF has to bring along.

Hebrew and Arabic run from right to left, numbers and Latin within them from left to right (Unicode
Standard Annex 9, "UAX 9"), and an Arabic letter has a form for each place in a word.
"""

import unicodedata
from collections.abc import Container

from arabic_reshaper import ArabicReshaper
from bidi.algorithm import get_base_level, get_display

_JOINERS = dict.fromkeys(map(ord, "\u200c\u200d"))
"""They say how the letters beside them join; then there is nothing of them to draw."""

_reshaper = ArabicReshaper({"delete_harakat": False})


def runs_leftwards(text: str) -> bool:
    """Tells whether the first letter with a direction runs from right to left (UAX 9, P2)."""
    return bool(get_base_level(text) == 1)


def join_letters(text: str, known: Container[int]) -> str:
    """Gives each Arabic letter the form for its place, if the font has it.

    Args:
        text: In the order of reading.
        known: Code points that the font has.
    """
    joined = _reshaper.reshape(text).translate(_JOINERS)
    return "".join(
        letter if ord(letter) in known or not _is_form(letter) else _plain(letter)
        for letter in joined
    )


def _is_form(letter: str) -> bool:
    return "\ufb50" <= letter <= "\ufdff" or "\ufe70" <= letter <= "\ufefc"


def _plain(form: str) -> str:
    return unicodedata.normalize("NFKC", form)


def order_line(line: str, leftwards: bool) -> str:
    """Orders the letters of one line from left to right as they are drawn.

    Args:
        line: In the order of reading, after text was broken into lines (UAX 9, L2).
        leftwards: Whether the text as a whole runs from right to left.

    Returns:
        As many letters, brackets mirrored. A vowel sign comes before its letter, over which fonts
        without layout draw it there.
    """
    return str(get_display(line, base_dir="R" if leftwards else "L"))
