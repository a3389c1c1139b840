"""Freed memory is kept for the next step.

A step frees some hundred MB of activations. glibc gives such pieces back to the kernel at once, and
each page that the next step takes again is a fault: about half of a step's time on a CPU.
"""

from __future__ import annotations

import ctypes
from typing import Final

# From glibc's malloc.h, as `man mallopt` has them.
_M_TRIM_THRESHOLD: Final = -1
_M_MMAP_MAX: Final = -4


def keep_freed_memory() -> None:
    """Have malloc keep what is freed, in this process, from now on; only glibc knows how."""
    libc = ctypes.CDLL(None)
    if hasattr(libc, "mallopt"):
        libc.mallopt(_M_TRIM_THRESHOLD, -1)  # never
        libc.mallopt(_M_MMAP_MAX, 0)
