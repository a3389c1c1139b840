"""Files that only grow, owned by one process from open to close, exact after a crash.

Note "redo": a `RedoFile` never holds a byte that is not committed. A batch is first handed out with
the state (offset and bytes) and written when that state is committed. A process killed between the
two leaves the bytes in the committed state, and the next one writes them at their offset: a program
that follows the file never reads a line that is removed later.

Note "earlier file": what an earlier run left stays until the first frame of this one is committed,
so that a run that cannot begin (a source that does not open, a model that fails) destroys nothing.

Note "lock": a new run that finds a file locked is refused at once: had it waited for the other run
to end, it would throw that run's results away. A worker that resumes with committed bytes waits for
the lock: its holder is the previous worker of the same run, about to exit.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import resource
import time
from pathlib import Path

import msgpack

from streamdet.errors import ConfigError, EngineError
from streamdet.system.atomic_file import check_grows

LOCK_WAIT_S = 5.0
"""How long a previous worker that was killed may take to release the file; see note "lock"."""

LOCK_POLL_S = 0.05

OTHER_FILES = 256
"""How many files a process may open besides those of its sinks."""


class AppendFile:
    """A file that grows at its end.

    Attributes:
        path: where it lies.
        length: bytes of this run that it holds.
    """

    def __init__(self, path: Path, length: int | None = None, redo: bytes = b"") -> None:
        """Open the file (made where missing), lock it, and leave `length` bytes and `redo`.

        Args:
            path: a plain file, or nothing yet.
            length: how many of its first bytes to keep; None if this run has committed nothing: the
                first `append` empties the file, see note "earlier file".
            redo: bytes that belong behind `length`, whether they are there already or not.

        Raises:
            ConfigError: the folder cannot be made, the path is no plain file or may not be written,
                another process holds it, or it is shorter than `length`.
        """
        self.path = path
        self.length = length or 0
        self._holds_earlier = length is None
        self._fd, self._is_made = _open(path)
        try:
            _lock(self._fd, path, 0.0 if self._holds_earlier else LOCK_WAIT_S)
            if not self._holds_earlier:
                _check_holds(self._fd, path, self.length)
                self.append(redo)
                self.cut(self.length)
        except BaseException:
            self.close()
            raise

    def append(self, data: bytes) -> None:
        """Write at the end: all of `data`, in one call to the system where it takes it whole.

        Raises:
            EngineError: the system refuses (no space left, for one); nothing of `data` is left.
        """
        if self._holds_earlier:
            self.cut(0)
        view, end = memoryview(data), self.length
        try:
            while view:
                count = os.pwrite(self._fd, view, end)
                end += count
                view = view[count:]
        except OSError as exc:
            with contextlib.suppress(EngineError):
                self.cut(self.length)
            raise self._refusal(exc) from exc
        self.length = end

    def cut(self, length: int) -> None:
        """Throw away what lies behind the first `length` bytes of this run, and an earlier file.

        Raises:
            EngineError: the system refuses.
        """
        try:
            os.ftruncate(self._fd, length)
        except OSError as exc:
            raise self._refusal(exc) from exc
        self.length = length
        self._holds_earlier = False

    def head(self, count: int) -> bytes:
        """Read the first `count` bytes; fewer where the file is shorter."""
        return os.pread(self._fd, count, 0)

    def close(self) -> None:
        """Close and unlock the file; a second call does nothing."""
        if self._fd >= 0:
            os.close(self._fd)
            self._fd = -1

    def discard(self) -> None:
        """Close the file, and remove it if opening made it and it is empty."""
        if self._fd >= 0 and self._is_made and self.length == 0:
            self.path.unlink(missing_ok=True)
        self.close()

    def _refusal(self, exc: OSError) -> EngineError:
        return EngineError(f"cannot write to {self.path}: {exc.strerror}")


class RedoFile:
    """A file whose every byte is committed; see note "redo"."""

    def __init__(self, path: Path, state: bytes | None) -> None:
        """Open the file as a committed state says; None starts it afresh with the first `commit`.

        Raises:
            ConfigError: as for `AppendFile`.
        """
        length, redo = (None, b"") if state is None else msgpack.unpackb(state)
        self._file = AppendFile(path, length, redo)
        self._has_begun = state is not None
        self._staged: bytes | None = None

    @property
    def has_begun(self) -> bool:
        """Whether anything of this run is in it, or staged, be it b""."""
        return self._has_begun or self._staged is not None

    @property
    def end(self) -> int:
        """How many bytes it will hold after the next `commit`."""
        return self._file.length + len(self._staged or b"")

    def stage(self, data: bytes) -> None:
        """Add `data` to what the next `commit` writes; b"" is a result, too: the first is kept."""
        self._staged = (self._staged or b"") + data

    def state(self) -> bytes | None:
        """What to commit before `commit`; None where nothing is staged."""
        if self._staged is None or (self._has_begun and not self._staged):
            return None
        packed: bytes = msgpack.packb((self._file.length, self._staged))
        return packed

    def commit(self) -> None:
        """Write what is staged: its state has been committed.

        Raises:
            EngineError: the system refuses.
        """
        if self._staged is not None:
            self._file.append(self._staged)
            self._has_begun = True
            self._staged = None

    def close(self) -> None:
        """Close the file; what is staged but not committed is not written."""
        self._file.close()

    def discard(self) -> None:
        """Close the file, and remove it if opening made it and nothing was ever committed."""
        self._file.discard()


def remove_empty(path: Path) -> None:
    """Remove a file that is empty and that no process holds: a killed one may have left it."""
    with contextlib.suppress(ConfigError, OSError):
        if path.stat().st_size:
            return
        fd, _ = _open(path)
        try:
            _lock(fd, path, 0.0)
            if not os.fstat(fd).st_size:
                path.unlink()
        finally:
            os.close(fd)


def allow_open(count: int) -> None:
    """Have the system let this process open `count` more files, as far as its hard limit goes.

    The usual soft limit is 1,024, and a folder of sources may hold more.
    """
    wanted = len(os.listdir("/proc/self/fd")) + count + OTHER_FILES  # noqa: PTH208
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if resource.RLIM_INFINITY != soft < wanted:
        limit = wanted if hard == resource.RLIM_INFINITY else min(wanted, hard)
        resource.setrlimit(resource.RLIMIT_NOFILE, (limit, hard))


def _open(path: Path) -> tuple[int, bool]:
    """Return the file's descriptor and whether there was no file before."""
    try:
        check_grows(path)
        path.parent.mkdir(parents=True, exist_ok=True)
        is_there = path.exists()
        return os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o666), not is_there
    except ConfigError as exc:
        raise ConfigError(f"cannot write {path}: {exc}") from exc
    except OSError as exc:
        raise ConfigError(f"cannot write {path}: {exc.strerror}") from exc


def _lock(fd: int, path: Path, wait_s: float) -> None:
    deadline_s = time.monotonic() + wait_s
    while not _is_locked(fd):
        if time.monotonic() >= deadline_s:
            raise ConfigError(f"cannot write {path}: another run is writing it")
        time.sleep(LOCK_POLL_S)
    if os.fstat(fd).st_nlink == 0:
        raise ConfigError(f"cannot write {path}: another run has just removed it")


def _is_locked(fd: int) -> bool:
    try:
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _check_holds(fd: int, path: Path, length: int) -> None:
    size = os.fstat(fd).st_size
    if size < length:
        raise ConfigError(
            f"cannot go on with {path}: it holds {size} bytes, wanted the {length} committed ones"
        )
