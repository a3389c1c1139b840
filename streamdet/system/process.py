"""What a process asks of Linux: to die with its parent, to be told apart in `ps`, to stop well."""

from __future__ import annotations

import ctypes
import os
import resource
import signal
import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import Final

from setproctitle import setproctitle

from streamdet.system.redaction import redacted_value
from streamdet.system.stop_signals import STOP_SIGNALS

_PR_SET_PDEATHSIG: Final = 1
_PR_SET_NAME: Final = 15
_BOUND: Final = (
    "import ctypes, os, sys\n"
    f"ctypes.CDLL(None).prctl({_PR_SET_PDEATHSIG}, {int(signal.SIGKILL)}, 0, 0, 0)\n"
    "os.getppid() == int(sys.argv[1]) or os._exit(1)\n"
    "os.execv(sys.argv[2], sys.argv[2:])\n"
)
# From glibc's malloc.h, as `man mallopt` has them.
_M_TRIM_THRESHOLD: Final = -1
_M_MMAP_MAX: Final = -4
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


def bound_to_parent(command: Sequence[str | Path]) -> list[str]:
    """Make a command whose process dies as after `die_with_parent`, then runs what is given.

    A caller of subprocess that has threads must not run Python code between fork and exec
    (`preexec_fn`): a lock that another thread holds would stay locked for ever. The kernel takes
    the thread that starts the process for its parent: it must live as long as that is wanted.

    Args:
        command: the path of a program, and its arguments.
    """
    words = map(str, command)
    return [sys.executable, "-I", "-S", "-c", _BOUND, str(os.getpid()), *words]


def set_name(name: str, title: str | None = None) -> None:
    """Set the names of this process.

    Args:
        name: what `ps -o comm` and `top` show (the first 15 bytes of it).
        title: what `ps -o args` and `top -c` show in place of the command line; None keeps that.
    """
    if title is not None:
        setproctitle(title.encode(errors="backslashreplace").decode())  # names may be any bytes
    _libc.prctl(_PR_SET_NAME, name.encode()[:15], 0, 0, 0)  # last: a title replaces it


def hide_secrets() -> None:
    """Show this process's command line in `ps` without passwords, and its environment not at all.

    The title is written over both, in /proc/PID/cmdline and /proc/PID/environ; this process and its
    children keep their environment.
    """
    title = " ".join(map(redacted_value, sys.orig_argv))
    set_name(Path("/proc/self/comm").read_text().strip(), title)


@contextmanager
def stop_signals_to(handler: Callable[[int, FrameType | None], object]) -> Iterator[None]:
    """Have a handler get the stop signals in this block; may be nested.

    Those that are ignored (nohup) stay so. Outside the main thread, which alone gets signals, this
    does nothing.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    handled = [n for n in STOP_SIGNALS if signal.getsignal(n) is not signal.SIG_IGN]
    before = {number: signal.signal(number, handler) for number in handled}
    try:
        yield
    finally:
        for number, former in before.items():
            signal.signal(number, former)


def has_terminal() -> bool:
    """Whether this process has a terminal that has not hung up."""
    try:
        os.close(os.open("/dev/tty", os.O_RDWR | os.O_CLOEXEC))
    except OSError:
        return False
    return True


def keep_freed_memory() -> None:
    """Have malloc keep what is freed, in this process, from now on; only glibc knows how.

    A training step frees some hundred MB of activations. glibc gives such pieces back to the kernel
    at once, and each page that the next step takes again is a fault: about half of a step's time.
    """
    if hasattr(_libc, "mallopt"):
        _libc.mallopt(_M_TRIM_THRESHOLD, -1)  # never
        _libc.mallopt(_M_MMAP_MAX, 0)


def limit_memory(more_mib: int | None) -> None:
    """Let the kernel refuse this process more memory than so much beyond what it has mapped now.

    Args:
        more_mib: how much more, MiB; None: any.
    """
    if more_mib is None:
        return
    pages = int(Path("/proc/self/statm").read_text().split()[0])
    _, hard = resource.getrlimit(resource.RLIMIT_AS)
    most = pages * resource.getpagesize() + (more_mib << 20)
    if hard == resource.RLIM_INFINITY or most < hard:
        resource.setrlimit(resource.RLIMIT_AS, (most, hard))


def last_line(log: bytes) -> str:
    """Return the last line that a process printed: what it says of its end."""
    lines = map(str.strip, reversed(log.decode(errors="replace").split("\n")))
    return next(filter(None, lines), "it said nothing")
