"""Folders beside those of runs that are removed after their process, also where it was killed."""

from __future__ import annotations

import fcntl
import os
import shutil
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Final

from streamdet.transport.run_folder import runs_root

_NEW_S: Final = 60.0
"""A folder that was made this moment may not be locked yet."""


@contextmanager
def held_folder(kind: str, on_dead: Callable[[Path], None] = lambda path: None) -> Iterator[Path]:
    """Make a folder for this process, readable by this user only; remove those of dead ones.

    Args:
        kind: begins its name.
        on_dead: called with the folder of a dead process before it is removed.

    Raises:
        ConfigError: there is no place for one.
    """
    root = runs_root()
    _sweep(root, kind, on_dead)
    path = Path(tempfile.mkdtemp(prefix=f"{kind}-", dir=root))
    lock = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield path
    finally:
        shutil.rmtree(path, ignore_errors=True)
        os.close(lock)


def _sweep(root: Path, kind: str, on_dead: Callable[[Path], None]) -> None:
    for path in root.glob(f"{kind}-*"):
        with suppress(OSError):
            if time.time() - path.stat().st_mtime > _NEW_S and _is_free(path):
                on_dead(path)
                shutil.rmtree(path, ignore_errors=True)


def _is_free(path: Path) -> bool:
    lock = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    finally:
        os.close(lock)
    return True
