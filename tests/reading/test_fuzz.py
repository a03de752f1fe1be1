"""Damaged files and odd ones: each gives a sound radiograph or a clear refusal, in bounded time.

    pytest -s tests/reading/test_fuzz.py                              some thousand, fixed
    pytest -s tests/reading/test_fuzz.py --hypothesis-profile=long    100,000, new each time

Both change the bytes of sound files, and draw files of any mode and tags (`fuzz_tags.py`).

A decoder that brings down the process cannot be caught here. To learn from what it did, set
FUZZ_LAST to a path: every file is written there before it is read.
"""

import faulthandler
import os
import time
from collections import Counter
from functools import partial
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import TiffImagePlugin

from pneumo.errors import RadiographError
from pneumo.images import encode_png, fit_within
from pneumo.network.preprocess import resize_to_grid
from pneumo.reading.archive import list_pictures, unpack_picture
from pneumo.reading.decode import FORMATS
from pneumo.reading.limits import MAX_PIXELS, MIN_SIDE
from pneumo.reading.radiograph import read_radiograph
from tests.fuzz_seeds import ARCHIVES, DICOM, PICTURES, seed
from tests.fuzz_tags import MAKES, MODES, can_save, draw_mode, layout_tiff
from tests.inputs import save

SECONDS = 5
"""Of processor time for one small file; they take milliseconds."""
SHAPES = ((80, 96), (96, 80), (100, 100), (1024, 256), (664, 1152))
LAST = os.environ.get("FUZZ_LAST")
tried = Counter()
"""Files by what came of them."""

# Positions are taken modulo the file's length; half of them lie in its first bytes, the headers.
places = st.integers(0, 400) | st.integers(0, 2**20)
numbers = st.sampled_from([0, 1, 2, 3, 127, 128, 255, 256, 32767, 65535, 2**31 - 1, 2**32 - 1])
edits = st.one_of(
    st.tuples(st.just("flip"), places, st.integers(0, 7)),
    st.tuples(st.just("set"), places, st.integers(0, 255)),
    st.tuples(st.just("number"), places, numbers, st.sampled_from([1, 2, 4]), st.booleans()),
    st.tuples(st.just("insert"), places, st.binary(min_size=1, max_size=40)),
    st.tuples(st.just("delete"), places, st.integers(1, 300)),
    st.tuples(st.just("repeat"), places, st.integers(1, 100), st.integers(1, 300)),
    st.tuples(st.just("cut"), places),
    st.tuples(st.just("splice"), places, st.sampled_from(sorted(PICTURES | DICOM)), places),
)


def damage(data: bytes, changes: list[tuple]) -> bytes:
    """Applies edits one after the other."""
    for kind, place, *values in changes:
        at = place % max(len(data), 1)
        head, tail = data[:at], data[at:]
        match kind, values:
            case "flip", [bit]:
                data = head + bytes([byte ^ 1 << bit for byte in tail[:1]]) + tail[1:]
            case "set", [byte]:
                data = head + bytes([byte]) + tail[1:]
            case "number", [number, size, big]:
                code = number.to_bytes(4, "big" if big else "little")
                data = head + (code[-size:] if big else code[:size]) + tail[size:]
            case "insert", [more]:
                data = head + more + tail
            case "delete", [count]:
                data = head + tail[count:]
            case "repeat", [count, times]:
                data = head + tail[:count] * times + tail
            case "cut", []:
                data = head
            case "splice", [other, start]:
                donor = seed(other)
                data = head + donor[start % len(donor) :]
    return data


@pytest.fixture(autouse=True, scope="module")
def account():
    """Says at the end how much was tried."""
    yield
    print(f"\n{tried.total():,} files: {tried['read']:,} read, {tried['refused']:,} refused")


@pytest.fixture(autouse=True)
def watch():
    """Ends the process with a traceback if a decoder never comes back.

    Once a test, not once a file: the thread that watches takes longer to start than most files.
    """
    faulthandler.dump_traceback_later(600, exit=True)
    yield
    faulthandler.cancel_dump_traceback_later()


def check(data: bytes) -> None:
    """Reads a file and checks what comes of it, up to what the network and the page see."""
    if LAST:
        Path(LAST).write_bytes(data)
    started = time.process_time()
    try:
        radiograph = read_radiograph(data, "chest")
    except RadiographError as error:
        assert str(error).startswith("chest ")  # noqa: PT017
        tried["refused"] += 1
    else:
        assert radiograph.pixels.dtype == np.uint8
        height, width = radiograph.pixels.shape
        assert min(height, width) >= MIN_SIDE
        assert height * width <= MAX_PIXELS
        assert all(isinstance(note, str) for note in radiograph.info.notes)
        assert resize_to_grid(radiograph.pixels, 299).shape == (299, 299)
        assert encode_png(fit_within(radiograph.pixels, 96))
        tried["read"] += 1
    assert time.process_time() - started < SECONDS


@pytest.mark.parametrize("name", PICTURES | DICOM)
def test_sound_file_is_read(name):
    assert read_radiograph(seed(name), "chest").pixels.shape in SHAPES


@pytest.mark.parametrize("name", PICTURES | DICOM)
@given(changes=st.lists(edits, min_size=1, max_size=6))
def test_damaged_file_is_read_or_refused(name, changes):
    check(damage(seed(name), changes))


@pytest.mark.parametrize("compression", [1, 8])
@pytest.mark.parametrize("layout", TiffImagePlugin.OPEN_INFO, ids=str)
def test_tiff_of_every_layout_is_read_or_refused(layout, compression):
    check(layout_tiff(layout, compression))


@pytest.mark.parametrize("kind", FORMATS)
def test_every_mode_that_is_saved_is_read_or_refused(kind):
    for mode in filter(partial(can_save, kind=kind), MODES):
        check(save(draw_mode(mode, 96, 80), kind))


@pytest.mark.parametrize("make", MAKES)
def test_file_of_any_mode_and_tags_is_read_or_refused_and_some_are_read(make):
    """If none were, nothing would be tried but their headers."""
    before = tried.copy()
    given(MAKES[make])(check)()
    assert tried["read"] > before["read"]


@pytest.mark.parametrize("name", ARCHIVES)
@given(changes=st.lists(edits, min_size=1, max_size=6))
def test_damaged_archive_is_unpacked_or_refused(name, changes):
    data = damage(seed(name), changes)
    try:
        pictures = list_pictures(data, "xrays.zip")
    except RadiographError as error:
        assert "xrays.zip" in str(error)  # noqa: PT017
        return
    for place in range(min(len(pictures), 5)):
        try:
            picture = unpack_picture(data, "xrays.zip", place)
        except RadiographError as error:
            assert "xrays.zip" in str(error)  # noqa: PT017
        else:
            check(picture)
