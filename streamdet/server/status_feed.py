"""The run's status, read once a second, however many ask for it."""

from __future__ import annotations

import threading
from pathlib import Path

from streamdet.run.status import RunStatus, run_statuses


class StatusFeed:
    """Reads the status of one run in a thread of its own.

    Args:
        folder: the run's folder.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._newest = RunStatus(folder.name, problem="starting")
        self._is_over = threading.Event()
        self._thread = threading.Thread(target=self._read, name="status", daemon=True)
        self._thread.start()

    @property
    def newest(self) -> RunStatus:
        """The status as last read."""
        return self._newest

    def close(self) -> None:
        """Stop reading."""
        self._is_over.set()
        self._thread.join(timeout=5)

    def _read(self) -> None:
        while not self._is_over.is_set():
            (status,) = run_statuses([self._folder], self._wait)
            if self._is_over.is_set():
                return
            if status.problem is None or self._newest.problem is not None:
                self._newest = status

    def _wait(self, seconds: float) -> None:
        self._is_over.wait(seconds)
