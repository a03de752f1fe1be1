"""Damaged files: each gives a sound radiograph or a clear refusal, in bounded time, never worse.

    pytest tests/test_fuzz.py                               a few thousand, the same each time
    pytest tests/test_fuzz.py --hypothesis-profile=long     thirty times as many, new each time

A decoder that brings down the process cannot be caught here. To learn from what it did, set
FUZZ_LAST to a path: every file is written there before it is read.
"""

import faulthandler
import os
import time
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pneumo.archive import list_pictures, unpack_picture
from pneumo.errors import RadiographError
from pneumo.limits import MAX_PIXELS, MIN_SIDE
from pneumo.radiograph import read_radiograph
from tests.fuzz_seeds import ARCHIVES, DICOM, PICTURES, seed

SECONDS = 5
"""Of processor time for one small file; they take milliseconds."""
SHAPES = ((80, 96), (96, 80), (100, 100), (1024, 256), (592, 968))
LAST = os.environ.get("FUZZ_LAST")

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
def no_endless_loop():
    """Ends the process with a traceback if a decoder never comes back."""
    faulthandler.dump_traceback_later(1800, exit=True)
    yield
    faulthandler.cancel_dump_traceback_later()


def check(data: bytes) -> None:
    """Reads a file and checks what comes of it."""
    if LAST:
        Path(LAST).write_bytes(data)
    started = time.process_time()
    try:
        radiograph = read_radiograph(data, "chest")
    except RadiographError as error:
        assert str(error).startswith("chest ")  # noqa: PT017
    else:
        assert radiograph.pixels.dtype == np.uint8
        height, width = radiograph.pixels.shape
        assert min(height, width) >= MIN_SIDE
        assert height * width <= MAX_PIXELS
        assert all(isinstance(note, str) for note in radiograph.notes)
    assert time.process_time() - started < SECONDS


@pytest.mark.parametrize("name", PICTURES | DICOM)
def test_sound_file_is_read(name):
    assert read_radiograph(seed(name), "chest").pixels.shape in SHAPES


@pytest.mark.parametrize("name", PICTURES | DICOM)
@given(changes=st.lists(edits, min_size=1, max_size=6))
def test_damaged_file_is_read_or_refused(name, changes):
    check(damage(seed(name), changes))


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
