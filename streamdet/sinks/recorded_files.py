"""The files that sinks record into a folder: whole or not there, and removed in time.

The names of the files that such sinks have written stand in a hidden file of the folder, so that
nothing else is ever removed. Several runs may record into one folder.
"""

from __future__ import annotations

import fcntl
import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final
from uuid import uuid4

from streamdet.errors import ConfigError
from streamdet.system.atomic_file import checked_folder

INDEX: Final = ".streamdet-recorded"
_PART: Final = ".part"
_DAY_S: Final = 86_400.0


@dataclass(frozen=True, slots=True)
class Recorded:
    """A file that was written.

    Attributes:
        path: of it.
        size: bytes.
    """

    path: Path
    size: int


class RecordedFiles:
    """A folder that is recorded into.

    Args:
        folder: made where missing.
        keep_days: older files are removed; None: none are.
        keep_bytes: with more, the oldest files are removed, but never the newest; None: none are.
    """

    def __init__(self, folder: Path, keep_days: float | None, keep_bytes: int | None) -> None:
        self._folder = folder
        self._keep_days = keep_days
        self._keep_bytes = keep_bytes

    def open(self) -> None:
        """Make the folder, and remove what killed writers have left half-written.

        Raises:
            ConfigError: it cannot be made or written to.
        """
        try:
            checked_folder(self._folder)
            self._folder.mkdir(parents=True, exist_ok=True)
            for part in self._folder.glob(f"**/.*{_PART}"):
                with suppress(FileNotFoundError, BlockingIOError), _locked_file(part, os.O_RDONLY):
                    part.unlink()
        except ConfigError as exc:
            raise ConfigError(f"cannot record into {self._folder}: {exc}") from exc
        except OSError as exc:
            raise ConfigError(f"cannot record into {self._folder}: {exc.strerror}") from exc

    def write(self, name: str, write: Callable[[Path], None]) -> Recorded:
        """Write a file, whole or not at all; one of that name is replaced.

        Args:
            name: below the folder.
            write: writes it to the path that it is given.

        Raises:
            OSError: the system refuses.
        """
        path = self._folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        part = path.with_name(f".{path.name}.{uuid4().hex[:8]}{_PART}")
        try:
            with _locked_file(part, os.O_WRONLY | os.O_CREAT):
                write(part)
                size = part.stat().st_size
                with self._locked():
                    self._append(name)
                    part.replace(path)
        finally:
            with suppress(OSError):  # it has taken its place, or was never made
                part.unlink()
        self.clean()
        return Recorded(path, size)

    def clean(self) -> None:
        """Remove the files that are too old, and the oldest where they are too large together.

        Raises:
            OSError: the system refuses.
        """
        if self._keep_days is None and self._keep_bytes is None:
            return
        with self._locked():
            files = sorted(self._files(), key=lambda file: file.written_s)
            left = sum(file.size for file in files)
            kept = []
            for file in files:
                # The newest stays whatever its size: it has just been announced.
                if self._is_kept(file, 0 if file is files[-1] else left):
                    kept.append(file.name)
                else:
                    (self._folder / file.name).unlink(missing_ok=True)
                    left -= file.size
            if len(kept) < len(files):
                self._rewrite(kept)

    def _is_kept(self, file: _File, total: int) -> bool:
        age_s = time.time() - file.written_s
        if self._keep_days is not None and age_s > self._keep_days * _DAY_S:
            return False
        return self._keep_bytes is None or total <= self._keep_bytes

    def _files(self) -> Iterator[_File]:
        """What of the recorded files is still there."""
        for name in dict.fromkeys(self._names()):
            if name and not Path(name).is_absolute() and ".." not in Path(name).parts:
                with suppress(FileNotFoundError):
                    found = (self._folder / name).stat()
                    yield _File(name, found.st_size, found.st_mtime)

    def _names(self) -> list[str]:
        with suppress(FileNotFoundError):
            return (self._folder / INDEX).read_text(errors="surrogateescape").splitlines()
        return []

    def _append(self, name: str) -> None:
        with (self._folder / INDEX).open("a", errors="surrogateescape") as index:
            index.write(f"{name}\n")

    def _rewrite(self, names: list[str]) -> None:
        part = self._folder / f"{INDEX}{_PART}"
        part.write_text("".join(f"{name}\n" for name in names), errors="surrogateescape")
        part.replace(self._folder / INDEX)

    @contextmanager
    def _locked(self) -> Iterator[None]:
        fd = os.open(self._folder, os.O_RDONLY | os.O_CLOEXEC)
        try:
            fcntl.flock(fd, fcntl.LOCK_EX)
            yield
        finally:
            os.close(fd)


@contextmanager
def _locked_file(path: Path, flags: int) -> Iterator[None]:
    """Hold a file's lock, which ends with the process: who writes one has it.

    Raises:
        BlockingIOError: another one has it.
        OSError: the file cannot be opened.
    """
    fd = os.open(path, flags | os.O_CLOEXEC, 0o666)
    try:
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        yield
    finally:
        os.close(fd)


@dataclass(frozen=True, slots=True)
class _File:
    name: str
    size: int
    written_s: float
