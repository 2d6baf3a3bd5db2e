"""Memory that was freed is used again for the next block of a feed."""

import ctypes
from functools import cache

_TRIM_THRESHOLD, _MMAP_THRESHOLD = -1, -3  # of malloc.h
_KEPT_BYTES, _LARGEST_BYTES = 256 << 20, 32 << 20


@cache
def keep_freed_memory() -> bool:
    """Tell glibc to keep what is freed, up to 256 MiB; False where that isn't the C library.

    Else it gives blocks of megabytes back to the system at once, and the system fills each new one
    with zeros, page by page: a seventh of the time that reading a large feed takes.
    """
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    if mallopt is None:
        return False
    return bool(mallopt(_TRIM_THRESHOLD, _KEPT_BYTES) and mallopt(_MMAP_THRESHOLD, _LARGEST_BYTES))
