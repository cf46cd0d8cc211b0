"""Return the C library's free memory to the system."""

import ctypes
from typing import Any, Final

_LIBRARY: Final[Any] = ctypes.CDLL(None)


def give_back() -> None:
    """Return malloc's free pages to the system; the time it takes grows with their number.

    Everybody who connects is told who is here, in strings of tens of kilobytes that live for a moment; what lives as
    long as a connection comes to lie between them, so that glibc's heap never shrinks by itself: of 400 MB that 5,000
    connections left it with, 300 were free. malloc_trim (3) says: "since glibc 2.8 this function frees memory in all
    arenas and in all chunks with whole free pages". A C library that has no such function has no such heap.
    """
    trim = getattr(_LIBRARY, "malloc_trim", None)
    if trim is not None:
        trim(ctypes.c_size_t(0))
