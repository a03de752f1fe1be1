"""The order in which letters are drawn, worked out by hand."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from reportlab.pdfbase.pdfmetrics import getFont

from pneumo.export import pdf
from pneumo.export.text_direction import join_letters, order_line, runs_leftwards

ALEF, BET, GIMEL = "\u05d0", "\u05d1", "\u05d2"
ANY = range(0x110000)


@pytest.mark.parametrize(
    ("line", "drawn"),
    [
        ("chest.png", "chest.png"),
        (ALEF + BET + GIMEL, GIMEL + BET + ALEF),
        (f"{ALEF}{BET} {GIMEL}.png", f"png.{GIMEL} {BET}{ALEF}"),
        (f"ward/{ALEF}{BET}.png", f"ward/{BET}{ALEF}.png"),
        (f"{ALEF} 12.5 {BET}", f"{BET} 12.5 {ALEF}"),
        (f"{ALEF} (2)", f"(2) {ALEF}"),
        (f"({ALEF}) [x]", f"[x] ({ALEF})"),
        (f"{ALEF}\u05b8{BET}", f"{BET}\u05b8{ALEF}"),  # a vowel goes with its letter
        (f"e\u0301 {ALEF}", f"e\u0301 {ALEF}"),
    ],
)
def test_line_is_ordered_as_it_is_drawn(line, drawn):
    assert order_line(line, runs_leftwards(line)) == drawn


@pytest.mark.parametrize(
    ("text", "leftwards"),
    [("", False), ("12.png", False), (f"2 {ALEF} a", True), (f"a {ALEF}", False), ("\u0635", True)],
)
def test_first_letter_with_a_direction_decides(text, leftwards):
    assert runs_leftwards(text) == leftwards


@pytest.mark.parametrize(
    ("word", "forms"),
    [
        ("\u0635\u0648\u0631\u0629", "\ufebb\ufeee\ufead\ufe93"),  # sura, a picture
        ("\u0628\u0628\u0628", "\ufe91\ufe92\ufe90"),  # beh: initial, medial, final
        ("\u0644\u0627", "\ufefb"),  # lam and alef are drawn as one
        ("\u0628\u200c\u0628", "\ufe8f\ufe8f"),  # kept apart by a joiner that is not drawn
        ("\u0628\u064e\u0628", "\ufe91\u064e\ufe90"),  # with a vowel
    ],
)
def test_arabic_letters_are_joined(word, forms):
    assert join_letters(word, ANY) == forms


def test_form_that_the_font_lacks_gives_way_to_the_letter():
    forms = "\ufe91\ufe90"
    assert join_letters("\u0628\u0628", {ord(forms[0])}) == forms[0] + "\u0628"
    assert join_letters("\u5b57", ()) == "\u5b57"


@given(st.text(max_size=60))
def test_any_text_is_ordered_and_as_long_as_before(text):
    pdf.register_fonts()
    line = pdf.to_line(text)
    assert len(order_line(line, runs_leftwards(line))) == len(line)
    known = getFont(pdf.PLAIN).face.charToGlyph
    assert all(ord(letter) in known for letter in order_line(line, False))


def lines_of(text):
    """The lines of a paragraph as they are drawn."""
    pdf.register_fonts()
    item = pdf.paragraph(text, 10)
    item.wrap(200, 800)
    return [" ".join(words) for _, words in item.blPara.lines], item


def test_hebrew_name_is_broken_where_it_is_read_and_stands_on_the_right():
    words = [letter * 12 for letter in (ALEF, BET, GIMEL, "\u05d3", "\u05d4")]
    lines, item = lines_of(" ".join(words))
    assert len(lines) > 1
    assert [word for line in lines for word in reversed(line.split(" "))] == words
    assert item.style.alignment == 2
    assert lines_of("plain.png")[1].style.alignment == 0


def test_markup_in_a_name_is_text():
    assert lines_of(f"<b>&amp;{ALEF}")[0] == [f"<b>&amp;{ALEF}"]
