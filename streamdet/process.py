"""What a process asks of Linux: to die with its parent, and to be told apart in `ps`."""

from __future__ import annotations

import ctypes
import os
import signal
from typing import Final

_PR_SET_PDEATHSIG: Final = 1
_PR_SET_NAME: Final = 15
_libc = ctypes.CDLL(None, use_errno=True)


def die_with_parent(parent: int) -> None:
    """Have the kernel kill this process when its parent ends, however that happens.

    Args:
        parent: the parent's process id; if another one is the parent already, the right one died
            before this call, and this process ends at once.
    """
    _libc.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
    if os.getppid() != parent:
        os._exit(1)


def set_name(name: str) -> None:
    """Set the name that `ps -o comm` and `top` show (the first 15 bytes of it)."""
    _libc.prctl(_PR_SET_NAME, name.encode()[:15], 0, 0, 0)
