"""Files that only grow, owned by one process at a time, exact after a crash.

Note "redo": a `RedoFile` never holds a byte that is not committed. A batch is first handed out with
the state (offset and bytes) and written when that state is committed. A process killed between the
two leaves the bytes in the committed state, and the next one writes them where they belong: who
follows the file never reads a line that is taken back later.
"""

from __future__ import annotations

import fcntl
import os
import time
from pathlib import Path

import msgpack

from streamdet.errors import ConfigError, EngineError

LOCK_WAIT_S = 5.0
"""How long a predecessor that was killed may take to let go of the file."""

LOCK_POLL_S = 0.05


class AppendFile:
    """A file that grows at its end.

    Attributes:
        path: where it lies.
        length: bytes that it holds.
    """

    def __init__(self, path: Path, length: int = 0, redo: bytes = b"") -> None:
        """Open the file (created where missing), lock it, and leave `length` bytes and `redo`.

        Args:
            path: a regular file, or nothing yet.
            length: how many of its first bytes to keep.
            redo: bytes that belong behind them, whether they are there already or not.

        Raises:
            ConfigError: the folder is missing, the path is no regular file or may not be written,
                another process holds it, or it is shorter than `length`.
        """
        self.path = path
        self.length = length
        self._fd = _open(path)
        try:
            _lock(self._fd, path)
            _check_holds(self._fd, path, length)
            self.append(redo)
            self.cut(self.length)
        except BaseException:
            self.close()
            raise

    def append(self, data: bytes) -> None:
        """Write at the end: all of `data`, in one call to the system where it takes it whole.

        Raises:
            EngineError: the system refuses (no space left, for one).
        """
        view = memoryview(data)
        try:
            while view:
                count = os.pwrite(self._fd, view, self.length)
                self.length += count
                view = view[count:]
        except OSError as exc:
            raise EngineError(f"cannot write to {self.path}: {exc.strerror}") from exc

    def cut(self, length: int) -> None:
        """Throw away what lies behind the first `length` bytes."""
        os.ftruncate(self._fd, length)
        self.length = length

    def head(self, count: int) -> bytes:
        """Read the first `count` bytes; fewer where the file is shorter."""
        return os.pread(self._fd, count, 0)

    def close(self) -> None:
        """Close and unlock the file; a second call does nothing."""
        if self._fd >= 0:
            os.close(self._fd)
            self._fd = -1


class RedoFile:
    """A file whose every byte is committed; see note "redo"."""

    def __init__(self, path: Path, state: bytes | None) -> None:
        """Open the file as a committed state says; None starts it afresh.

        Raises:
            ConfigError: as for `AppendFile`.
        """
        length, redo = (0, b"") if state is None else msgpack.unpackb(state)
        self._file = AppendFile(path, length, redo)
        self._staged = b""

    def stage(self, data: bytes) -> None:
        """Add `data` to what the next `commit` writes."""
        self._staged += data

    def state(self) -> bytes | None:
        """What to commit before `commit`; None where nothing is staged."""
        if not self._staged:
            return None
        packed: bytes = msgpack.packb((self._file.length, self._staged))
        return packed

    def commit(self) -> None:
        """Write what is staged: its state has been committed.

        Raises:
            EngineError: the system refuses.
        """
        self._file.append(self._staged)
        self._staged = b""

    def close(self) -> None:
        """Close the file; what is staged but not committed is not written."""
        self._file.close()


def _open(path: Path) -> int:
    try:
        if not path.parent.is_dir():
            raise ConfigError(f"cannot write {path}: there is no folder {path.parent}")
        if path.exists() and not path.is_file():
            raise ConfigError(f"cannot write {path}: it is no regular file")
        return os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o666)
    except OSError as exc:
        raise ConfigError(f"cannot write {path}: {exc.strerror}") from exc


def _lock(fd: int, path: Path) -> None:
    deadline_s = time.monotonic() + LOCK_WAIT_S
    while True:
        try:
            return fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as exc:
            if time.monotonic() >= deadline_s:
                raise ConfigError(f"cannot write {path}: another run is writing it") from exc
            time.sleep(LOCK_POLL_S)


def _check_holds(fd: int, path: Path, length: int) -> None:
    size = os.fstat(fd).st_size
    if size < length:
        raise ConfigError(
            f"cannot go on with {path}: it holds {size} bytes, wanted the {length} committed ones"
        )
