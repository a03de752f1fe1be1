import csv
import datetime
import io
import json
import re
import weakref
import zipfile
from dataclasses import replace

import numpy as np
import pytest
from PIL import Image
from pypdf import PdfReader
from reportlab.pdfbase.pdfmetrics import stringWidth

from pneumo.export.evidence_pack import safe_stem, write_pack
from pneumo.export.pdf import PAGE_MARGIN, PLAIN, TEXT_WIDTH
from pneumo.export.report_page import CaseReport, PackContext, PageWriter
from pneumo.export.rows import Row
from pneumo.progress import follow

SHA256 = "ce880f0c0cb9ef93dc3f1f64f08c5689e9927c8b7f9c6543a11dcbe3bec06ee9"
CONTEXT = PackContext(
    model="pneumo Xception",
    version="0.1.0",
    weights_sha256=SHA256,
    date=datetime.date(2026, 11, 30),
    sensitivity=0.9497,
    sensitivity_ci95=(0.9259, 0.969),
    specificity=0.99,
    specificity_ci95=(0.9749, 1.0),
    measured_on="Measured on 798 radiographs of 527 patients.",
    disclaimer="A teaching tool. Never use it to decide about a patient.",
)
SENTENCE = "The heatmap of a network with random weights correlates with 0.12. " * 4
HOSTILE = [
    "<b onclick='x'>a</b> &amp; &#60; </para> <img src=x>.png",
    "W" * 296 + ".png",
    "x-ray " * 2000,
    "../../etc/passwd",
    "..\\..\\windows\\system32",
    "=cmd|' /C calc'!A0",
    "חולה صورة.png",
    "胸部X线 \N{LUNGS}.png",
    "half \udcff a letter \x00 \u202egnp.exe",
    ".png",
    "",
    "  ",
    "..",
    "CON",
    "nul.png",
    "con",
    "two\nlines\t.png",
    'a:b*c?d"e<f>g|h.png',
]


def write_pdf(cases, context):
    """Returns the report alone, one A4 page a case."""
    pages = PageWriter(context)
    for each in cases:
        pages.add(each)
    return pages.finish()


@pytest.fixture
def case(phantom):
    overlay = np.stack([phantom, phantom // 2, phantom // 4], axis=-1)
    row = Row("patient 1.png", 0.8734, "PNEUMONIA", 0.5, "", "", "", SHA256)
    return CaseReport(row, phantom, overlay, "Grad-CAM, evidence for PNEUMONIA")


def _change(case, **changes):
    """Returns the case with other values in its row."""
    return replace(case, row=replace(case.row, **changes))


def _pages(data):
    return PdfReader(io.BytesIO(data), strict=True).pages


def _squeeze(text):
    return re.sub(r"\s+", "", text)


def _words(page):
    """Text of a page without white space, which the breaks of lines would change."""
    return _squeeze(page.extract_text())


def _unpack(data):
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        assert archive.testzip() is None
        return {name: archive.read(name) for name in archive.namelist()}


def _pieces(page):
    """Returns text, left, base line, right and size of each piece of text on a page."""
    pieces = []

    def visit(text, cm, tm, _font, size):
        scale = tm[0] * cm[0]
        left, y = tm[4] * cm[0] + cm[4], tm[5] * cm[3] + cm[5]
        for line in filter(str.strip, text.split("\n")):
            width = stringWidth(line.strip(), PLAIN, size * scale)
            pieces.append((line.strip(), left, y, left + width, size * scale))

    page.extract_text(visitor_text=visit)
    # The number of pages is a form, of which only the place within it is told.
    return [piece for piece in pieces if piece[0] != "of 1"]


def test_an_adult_has_a_page_without_a_verdict(case):
    page, judged = _pages(write_pdf([_change(case, verdict="ADULT"), case], CONTEXT))
    assert _squeeze("No verdict for adults") in _words(page)
    said = [_words(each).count("PNEUMONIA") for each in (page, judged)]
    assert said[0] < said[1]
    assert "ADULT" not in _words(page)


def test_each_page_tells_all_of_its_case(case):
    cases = [
        replace(
            _change(case, notes="colour turned to grey; cut"),
            shown="here smaller",
            checks=("Check one.", "Check two."),
        ),
        _change(
            case,
            path="b.dcm",
            p_pneumonia=0.123,
            verdict="NORMAL",
            uncertain="It wobbles.",
            findings="It leans.",
            p_low=0.1,
            p_high=0.6,
        ),
    ]
    first, second = _pages(write_pdf(cases, CONTEXT))
    for page, number in ((first, 1), (second, 2)):
        words = _words(page)
        for text in (
            *("Not a medical device", "Radiograph", "Grad-CAM, evidence for PNEUMONIA"),
            *("from no evidence to strong", "threshold 0.500"),
            "sensitivity 95.0 % (95 % interval 92.6 to 96.9), ",
            "specificity 99.0 % (95 % interval 97.5 to 100.0). " + CONTEXT.measured_on,
            *("pneumo Xception, version 0.1.0", SHA256, "2026-11-30", CONTEXT.disclaimer),
            f"Page {number} of 2",
        ):
            assert _squeeze(text) in words, text
        assert (float(page.mediabox.width), float(page.mediabox.height)) == pytest.approx(
            (595.28, 841.89), abs=0.01
        )
    words = _words(first)
    for text in ("patient 1.png", "P(PNEUMONIA) 87.3 %", "P(PNEUMONIA) is at or above it"):
        assert _squeeze(text) in words, text
    assert "colourturnedtogrey;cut;heresmaller" in words
    assert "P(PNEUMONIA)undersmallchanges:nottried" in words
    assert "Checkone.Checktwo." in words
    assert "ncertain" not in words
    words = _words(second)
    for text in (
        "b.dcm",
        "P(PNEUMONIA) 12.3 %",
        "P(PNEUMONIA) is below it",
        "It wobbles.",
        "It leans.",
        "P(PNEUMONIA) under small changes: 0.100 to 0.600",
    ):
        assert _squeeze(text) in words, text
    assert "NORMALuncertain,withawarning" in words
    assert "Checks" not in words


@pytest.mark.parametrize(
    ("probability", "words"), [(1.0, ">99.9%"), (0.0, "<0.1%"), (0.9994, ">99.9%"), (0.5, "50.0%")]
)
def test_probability_never_claims_certainty(case, probability, words):
    (page,) = _pages(write_pdf([_change(case, p_pneumonia=probability)], CONTEXT))
    assert f"P(PNEUMONIA){words}" in _words(page)


def test_date_with_time_has_its_zone(case):
    zone = datetime.timezone(datetime.timedelta(hours=2))
    context = replace(CONTEXT, date=datetime.datetime(2026, 11, 30, 9, 5, tzinfo=zone))
    reader = PdfReader(io.BytesIO(write_pdf([case], context)))
    assert "2026-11-3009:05UTC+02:00" in _words(reader.pages[0])
    assert reader.metadata["/CreationDate"] == "D:20261130090500"


def test_pictures_are_the_two_undistorted_and_small(case):
    pixels = np.zeros((1500, 2000), np.uint8)
    pixels[:, 1000:] = 200
    overlay = np.zeros((300, 400, 3), np.uint8)
    overlay[..., 0] = 250
    data = write_pdf([replace(case, pixels=pixels, overlay=overlay)], CONTEXT)
    grey, red = sorted((i.image for i in _pages(data)[0].images), key=lambda i: i.mode)
    assert (grey.mode, grey.size) == ("L", (720, 540))
    assert (red.mode, red.size) == ("RGB", (400, 300))
    np.testing.assert_allclose(np.asarray(grey)[:, [100, 600]], [[0, 200]] * 540, atol=3)
    np.testing.assert_allclose(np.asarray(red)[150, 200], [250, 0, 0], atol=6)


def test_page_of_noise_stays_small(case):
    rng = np.random.default_rng(0)
    noise = rng.integers(0, 256, (2000, 2000), np.uint8)
    colours = rng.integers(0, 256, (2000, 2000, 3), np.uint8)
    assert len(write_pdf([replace(case, pixels=noise, overlay=colours)], CONTEXT)) < 400_000


@pytest.mark.parametrize("shape", [(60, 3000), (3000, 60), (1, 5000), (1, 1)])
@pytest.mark.parametrize("checks", [(), (SENTENCE,) * 16])
def test_everything_stays_on_its_page_and_apart(case, shape, checks):
    extreme = replace(
        _change(case, path=HOSTILE[1], threshold=0.999, uncertain=SENTENCE, notes=SENTENCE),
        pixels=np.full(shape, 90, np.uint8),
        overlay=np.full((*shape, 3), 90, np.uint8),
        explanation="Grad-CAM " * 40,
        checks=checks,
    )
    context = replace(CONTEXT, disclaimer=SENTENCE * 3 + "The end.", measured_on=SENTENCE * 2)
    (page,) = _pages(write_pdf([extreme], context))
    pieces = _pieces(page)
    for text, left, y, right, _ in pieces:
        assert left >= PAGE_MARGIN - 1, text
        assert right <= PAGE_MARGIN + TEXT_WIDTH + 4, text  # reportlab sets spaces up to 5 % closer
        assert 30 <= y <= 842 - 40, text
    assert _words(page).count(_squeeze(SENTENCE)) == 7 + len(checks)
    lowest = min(y for text, _, y, _, _ in pieces if SHA256 in text)
    first = max(y for text, _, y, _, _ in pieces if "The end" in text)
    assert lowest > first + 10


def test_sixteen_long_checks_take_one_page_in_readable_letters(case):
    (page,) = _pages(write_pdf([replace(case, checks=(SENTENCE,) * 16)], CONTEXT))
    assert _words(page).count(_squeeze(SENTENCE)) == 16
    assert min(size for *_, size in _pieces(page)) > 4.5


def test_endless_text_takes_one_page(case):
    endless = replace(case, checks=(SENTENCE * 100,), explanation=SENTENCE * 20)
    assert len(_pages(write_pdf([endless], CONTEXT))) == 1


def test_hostile_names_take_a_page_each(case):
    pages = _pages(write_pdf((_change(case, path=name) for name in HOSTILE), CONTEXT))
    assert len(pages) == len(HOSTILE)
    words = [_words(page) for page in pages]
    for place, name in enumerate(HOSTILE):
        if name.isascii() and name.isprintable() and len(name) <= 300:
            assert _squeeze(name) in words[place]
        assert SHA256 in words[place]
    assert "��X�" in words[HOSTILE.index("胸部X线 \N{LUNGS}.png")]
    assert "(withoutaname)" in words[HOSTILE.index("")]
    assert "(withoutaname)" in words[HOSTILE.index("  ")]


def test_equal_input_gives_equal_bytes(case):
    cases = [case, _change(case, path="חולה")]
    assert write_pdf(cases, CONTEXT) == write_pdf(iter(cases), CONTEXT)
    assert write_pack(cases, CONTEXT) == write_pack(iter(cases), CONTEXT)


def test_page_says_where_the_evidence_lies(case):
    told = _change(
        case, evidence_inside=0.713, strongest_place="lower part of the lung at the left"
    )
    (with_place, without) = (
        _squeeze(_pages(write_pdf([c], CONTEXT))[0].extract_text()) for c in (told, case)
    )
    words = "71 % of what speaks for PNEUMONIA lies inside the lungs; strongest: lower part of the"
    assert _squeeze(words) in with_place and "Doubtit" not in with_place
    odd = _change(told, evidence_doubt="the strongest place is outside the lungs")
    (page,) = _pages(write_pdf([odd], CONTEXT))
    assert _squeeze("Doubt it: the strongest place is outside") in _squeeze(page.extract_text())
    assert "Evidence" not in without.replace("evidencefor", "")


def test_pack_holds_these_files(case):
    cases = [
        _change(case, path="one/a.png", notes="cut; turned"),
        _change(
            case,
            path="a.png",
            verdict="NORMAL",
            p_pneumonia=0.25,
            uncertain="It wobbles.",
            findings="It leans.",
            p_low=0.2,
            p_high=0.7,
        ),
    ]
    refused = Row("c.png", None, "REFUSED", 0.5, "No chest.", "", "", SHA256)
    files = _unpack(write_pack(iter(cases), CONTEXT, without_page=[refused]))
    assert list(files) == [
        "README.txt",
        "overlays/001-a.png",
        "overlays/002-a.png",
        "report.pdf",
        "worklist.csv",
        "worklist.json",
    ]
    assert files["report.pdf"] == write_pdf(cases, CONTEXT)
    np.testing.assert_array_equal(
        np.asarray(Image.open(io.BytesIO(files["overlays/002-a.png"]))), case.overlay
    )
    rows = json.loads(files["worklist.json"])
    assert [row["path"] for row in rows[1:]] == ["a.png", "c.png"]
    assert rows[1] == {
        "path": "a.png",
        "p_pneumonia": 0.25,
        "verdict": "NORMAL",
        "threshold": 0.5,
        "findings": "It leans.",
        "notes": "",
        "error": "",
        "weights_sha256": SHA256,
        "uncertain": "It wobbles.",
        "overlay": "overlays/002-a.png",
        "p_low": 0.2,
        "p_high": 0.7,
        "evidence_inside": None,
        "strongest_place": "",
        "label": "",
        "precision": "float32",
        "evidence_doubt": "",
    }
    assert rows[0]["p_low"] is None
    table = list(csv.DictReader(io.StringIO(files["worklist.csv"].decode(), newline="")))
    assert table == [{k: "" if v is None else str(v) for k, v in row.items()} for row in rows]
    readme = " ".join(files["README.txt"].decode().split())
    for text in (CONTEXT.disclaimer, SHA256, CONTEXT.rates, "2026-11-30", "Not a medical device"):
        assert text in readme, text


def test_pack_of_hostile_names_unpacks_anywhere(case):
    files = _unpack(write_pack((_change(case, path=name) for name in HOSTILE), CONTEXT))
    overlays = [name for name in files if name.startswith("overlays/")]
    assert len({name.lower() for name in overlays}) == len(HOSTILE)
    for number, name in enumerate(overlays, 1):
        folder, _, file = name.partition("/")
        assert re.fullmatch(rf"{number:03d}-[\w.-]+\.png", file), file
        assert ".." not in file
        assert len(file) <= 100
        assert len(file.encode()) <= 255
    rows = json.loads(files["worklist.json"])
    assert [row["path"] for row in rows] == HOSTILE
    assert [row["overlay"] for row in rows] == overlays
    table = list(csv.DictReader(io.StringIO(files["worklist.csv"].decode(), newline="")))
    assert table[HOSTILE.index("=cmd|' /C calc'!A0")]["path"] == "'=cmd|' /C calc'!A0"


@pytest.mark.parametrize(
    ("name", "stem"),
    [
        ("scan.zip/ward 3/IM-0001.jpeg", "IM-0001"),
        ("../../etc/passwd", "passwd"),
        ("C:\\x\\a b.dcm", "a_b"),
        ("胸部X线.png", "胸部X线"),
        ("..hidden..png", "hidden"),
        ("a...b.png", "a.b"),
        ("", "radiograph"),
        ("///", "radiograph"),
        ("x" * 300, "x" * 56),
    ],
)
def test_stem_is_safe(name, stem):
    assert safe_stem(name) == stem


def test_progress_counts_cases_and_each_is_let_go(case):
    alive, most, told = [], [], []

    def cases():
        for number in follow(range(6), told.append):
            own = _change(case, path=f"{number}.png")
            alive.append(weakref.ref(own))
            yield own
            del own
            most.append(sum(ref() is not None for ref in alive))

    write_pack(cases(), CONTEXT)
    assert told == [n / 6 for n in range(7)]
    assert max(most) <= 1


def test_what_progress_raises_ends_the_work(case):
    def stop(done):
        if done == 0.4:
            raise InterruptedError

    with pytest.raises(InterruptedError):
        write_pack(follow([case] * 5, stop), CONTEXT)


@pytest.mark.parametrize("write", [write_pdf, write_pack])
def test_no_cases_are_refused(write):
    with pytest.raises(ValueError, match="one case or more"):
        write([], CONTEXT)
