"""What the C library keeps of memory let go of, and what Python's collector looks through.

Of no concern to results. Where the C library is not glibc its heaps are left as they are.
"""

import ctypes
import gc

from pneumo.ui.inside import serves_nobody

_M_ARENA_MAX = -8


def limit_heaps() -> None:
    """Lets glibc keep less; to be called before the threads that use the memory.

    By itself it has up to eight heaps a core, and every run of a page is a thread that may take
    another: what one has let go of another cannot use. To map each picture by itself instead
    (M_MMAP_THRESHOLD) made the network a fifth slower.
    """
    set_option = getattr(ctypes.CDLL(None), "mallopt", None)
    if set_option:
        set_option(_M_ARENA_MAX, 2)


def set_aside() -> None:
    """Spares the garbage collector what was loaded once and stays.

    Streamlit collects garbage after every run of a page, and once more through Keras. Half a
    million objects of the libraries looked through twice are half a second in which no other
    session, nor the next click, gets on.
    """
    gc.collect()
    gc.freeze()


def set_aside_if_alone() -> None:
    """Sets aside what was loaded since, if no session is there whose radiographs might be kept.

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
