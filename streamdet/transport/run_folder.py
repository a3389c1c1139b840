"""The folder and shared memory of a run, and their removal after a crash.

A run owns a folder (its embedded server, logs and lock) and pools in shared memory whose names hold
the run's id. The supervisor keeps the folder's lock file locked as long as it lives; the kernel
unlocks it however the supervisor ends. So a folder whose lock can be taken belongs to a dead run,
and the next start removes it with everything that has its id.
"""

from __future__ import annotations

import fcntl
import os
import re
import secrets
import shutil
import socket
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO, Final

from streamdet.errors import ConfigError
from streamdet.system.redaction import is_utf8, short
from streamdet.transport import shm_pool

_RUN_ID: Final = re.compile(r"[0-9a-f]{12}")
FRAMES_SOCKET: Final = "frames.sock"
"""The socket in a run's folder that frames with their images come through."""
REDIS_SOCKET: Final = "redis.sock"
"""The socket in a run's folder that its embedded server listens at."""
SOCKET_PATH_BYTES: Final = 107
"""Longest path of a unix socket on Linux (man 7 unix)."""
_SHORT_PLACES: Final = tuple(map(Path, ("/tmp", "/var/tmp", "/dev/shm")))  # noqa: S108
ADDRESS_FILE: Final = "redis"
"""The file in a run's folder that names its embedded server, so that `streamdet tail` finds it."""


class RunFolder:
    """The folder of this run; make it with `create`, remove it with `remove`."""

    def __init__(self, run_id: str, path: Path, lock: IO[str]) -> None:
        self.run_id = run_id
        self.path = path
        self._lock = lock

    @classmethod
    def create(cls) -> RunFolder:
        """Make a folder, readable by this user only, for a new run."""
        run_id = secrets.token_hex(6)
        path = runs_root() / run_id
        with _alone():
            path.mkdir(mode=0o700)
            lock = (path / "lock").open("w")
            fcntl.flock(lock, fcntl.LOCK_EX)
        return cls(run_id, path, lock)

    def pool_path(self, pool: str) -> Path:
        """Path of a pool's file."""
        return shm_pool.FOLDER / f"streamdet-{self.run_id}-{pool}"

    def remove(self) -> None:
        """Remove the pools, the folder and the lock; safe to call twice."""
        _remove(self.run_id, self.path)
        self._lock.close()


def runs_root() -> Path:
    """The folder that holds the folders of this user's runs.

    It lies in the temporary folder, or in the first other usual place that sockets can be made in:
    some file systems take none, and a socket's path is short and UTF-8 in a server's address.

    Raises:
        ConfigError: somebody else has made it, or there is no place for one.
    """
    places = _places()
    roots = (place / f"streamdet-{os.getuid()}" for place in places)
    for root in filter(_is_short, roots):
        with suppress(OSError):
            root.mkdir(mode=0o700, exist_ok=True)
            if root.is_symlink() or root.stat().st_uid != os.getuid():
                raise ConfigError(f"{root} belongs to another user: remove it, or set TMPDIR")
            if _takes_sockets(root):
                return root
    looked = ", ".join(short(str(place)) for place in places)
    raise ConfigError(
        f"no folder can hold this run's sockets ({looked}): set TMPDIR to a folder that you may"
        f" write to, with a path of at most {SOCKET_PATH_BYTES - 50} bytes"
    )


def _places() -> list[Path]:
    """Where temporary folders of runs may lie, the wanted one first."""
    with suppress(FileNotFoundError):  # none can be written to: the others are tried all the same
        return [Path(tempfile.gettempdir()), *_other_places()]
    return _other_places()


def _other_places() -> list[Path]:
    own = os.environ.get("XDG_RUNTIME_DIR", "")
    return [*([Path(own)] if own.startswith("/") else []), *_SHORT_PLACES]


def _is_short(root: Path) -> bool:
    """Whether the path of a run's longest socket may be one, and can be written in an address."""
    path = str(root / secrets.token_hex(6) / FRAMES_SOCKET)
    return is_utf8(path) and len(os.fsencode(path)) <= SOCKET_PATH_BYTES


def _takes_sockets(root: Path) -> bool:
    trial = root / f".{secrets.token_hex(6)}"
    with socket.socket(socket.AF_UNIX) as made:
        try:
            made.bind(str(trial))
            trial.unlink()
        except OSError:
            return False
    return True


def sweep() -> list[str]:
    """Remove the folders and pools of this user's dead runs; returns their ids."""
    swept = []
    with _alone():
        for path in sorted(runs_root().iterdir()):
            if _RUN_ID.fullmatch(path.name) and not _is_alive(path):
                _remove(path.name, path)
                swept.append(path.name)
    return swept


def live_runs() -> list[Path]:
    """The folders of running runs, newest first."""
    alive = [path for path in runs_root().iterdir() if _is_alive(path)]
    return sorted(alive, key=lambda path: path.stat().st_mtime, reverse=True)


def live_servers() -> dict[str, str]:
    """The private servers of running runs: run id -> address, newest first."""
    servers = {}
    for folder in live_runs():
        with suppress(OSError):  # its server is not up yet, or the run has just ended
            servers[folder.name] = (folder / ADDRESS_FILE).read_text()
    return servers


@contextmanager
def _alone() -> Iterator[None]:
    """Exclude other starts: a folder that is not locked yet looks dead."""
    with (runs_root() / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _is_alive(path: Path) -> bool:
    try:
        with (path / "lock").open() as lock:
            fcntl.flock(lock, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    except OSError:
        return False
    return False


def _remove(run_id: str, path: Path) -> None:
    for segment in shm_pool.FOLDER.glob(f"streamdet-{run_id}-*"):
        segment.unlink(missing_ok=True)
    shutil.rmtree(path, ignore_errors=True)
