"""What a run leaves on a machine, seen from outside: processes, segments, folders, keys.

Each test runs in a place of its own (a TMPDIR), so that other runs on the machine do not matter.
"""

from __future__ import annotations

import shutil
import subprocess
import tempfile
import time
from pathlib import Path
from typing import Any

import psutil
import redis


class Place:
    """A folder for temporary files in which runs take place."""

    def __init__(self) -> None:
        # The path of a unix socket may have 107 characters: tmp_path is too long for it.
        self.path = Path(tempfile.mkdtemp(prefix="sd-place-"))
        self.env = {"TMPDIR": str(self.path)}
        self._run_ids: set[str] = set()
        self._processes: set[psutil.Process] = set()

    def note(self, process: subprocess.Popen[Any]) -> None:
        """Remember the run that is under way: its name, and all of its processes."""
        self._run_ids |= {path.parent.name for path in self.path.glob("streamdet-*/*/lock")}
        try:
            self._processes |= set(psutil.Process(process.pid).children(recursive=True))
        except psutil.NoSuchProcess:
            return

    def address(self) -> str:
        """The address of the embedded server of the run under way."""
        (path,) = self.path.glob("streamdet-*/*/redis")
        return path.read_text()

    def is_idle(self) -> bool:
        """Whether no run has a folder here."""
        return not list(self.path.glob("streamdet-*/*/"))

    def alive(self) -> list[str]:
        """The noted processes that are not dead; a zombie whose parent is gone is init's affair."""
        return [str(process) for process in self._processes if _is_alive(process)]

    def zombies(self) -> list[str]:
        """The noted processes that nobody has reaped."""
        return [str(process) for process in self._processes if process.is_running()]

    def leftovers(self) -> list[str]:
        """Segments and folders of the noted runs."""
        return [str(path) for path in [*self._segments(), *self.path.glob("streamdet-*/*/")]]

    def _segments(self) -> list[Path]:
        names = [f"streamdet-{run_id}-*" for run_id in self._run_ids]
        return [segment for name in names for segment in Path("/dev/shm").glob(name)]

    def wait_until_dead(self, limit_s: float) -> None:
        """Wait until every noted process is dead."""
        deadline = time.monotonic() + limit_s
        while self.alive() and time.monotonic() < deadline:
            time.sleep(0.01)
        assert self.alive() == []

    def assert_clean(self, client: redis.Redis | None = None) -> None:
        """Nothing is left: no process, no zombie, no segment, no folder, no key."""
        assert (self.alive(), self.zombies(), self.leftovers()) == ([], [], [])
        assert client is None or list(client.scan_iter("streamdet:*")) == []

    def remove(self) -> None:
        """Remove the folder, and what a killed run has left."""
        for segment in self._segments():
            segment.unlink()
        shutil.rmtree(self.path, ignore_errors=True)


def _is_alive(process: psutil.Process) -> bool:
    try:
        return bool(process.is_running() and process.status() != psutil.STATUS_ZOMBIE)
    except psutil.NoSuchProcess:
        return False
