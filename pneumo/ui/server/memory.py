"""What the C library keeps of memory let go of, and what Python's collector looks through.

Of no concern to results. Where the C library is not glibc its heaps are left as they are.
"""

import ctypes
import gc

from pneumo.ui.server.streamlit_internals import serves_nobody

_M_MMAP_THRESHOLD, _M_ARENA_MAX = -3, -8  # of malloc.h
_LARGE = 2**20
"""Bytes from which something is mapped by itself, and so returned to the system when it goes."""


def limit_heaps(map_large: bool) -> None:
    """Lets glibc keep less; to be called before the threads that use the memory.

    By itself it has up to eight heaps a core, and every run of a page is a thread that may take
    another: what one has let go of another cannot use. And what large pictures leave free within
    a heap stays there as soon as something small lies above it.

    Args:
        map_large: Whether to keep what is large out of the heaps. Not with TensorFlow, whose
            network became a fifth slower by it; OpenVINO's does not.
    """
    set_option = getattr(ctypes.CDLL(None), "mallopt", None)
    if set_option:
        set_option(_M_ARENA_MAX, 2)
        if map_large:
            set_option(_M_MMAP_THRESHOLD, _LARGE)


def set_aside() -> None:
    """Spares the garbage collector what was loaded once and stays.

    Streamlit collects garbage after every run of a page, and once more through Keras. Half a
    million objects of the libraries looked through twice are half a second in which no other
    session, nor the next click, gets on.
    """
    gc.collect()
    gc.freeze()


def set_aside_if_alone() -> None:
    """Sets aside what was loaded since, if nobody came yet: what is set aside is never let go of.

    To be called on the server's loop, where sessions begin.
    """
    if serves_nobody():
        set_aside()


def give_back_memory() -> None:
    """Returns to the system what is free.

    A session is full of cycles, which Python clears some time; and what lies free in the middle
    of a heap is given back only by `malloc_trim`.
    """
    gc.collect()
    trim = getattr(ctypes.CDLL(None), "malloc_trim", None)
    if trim:
        trim(0)
