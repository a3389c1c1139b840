"""The heartbeats of the workers."""

from __future__ import annotations

import mmap
import os
import time
from pathlib import Path

import numpy as np


class Beats:
    """A small mapped file with the time of each worker's last heartbeat (monotonic nanoseconds)."""

    def __init__(self, path: Path) -> None:
        descriptor = os.open(path, os.O_RDWR | os.O_CLOEXEC)
        try:
            self._times = np.frombuffer(mmap.mmap(descriptor, 0), np.int64)
        finally:
            os.close(descriptor)

    @classmethod
    def create(cls, path: Path, workers: int) -> Beats:
        """Make the file, without any heartbeat yet."""
        path.write_bytes(bytes(8 * workers))
        return cls(path)

    @classmethod
    def grow(cls, path: Path, workers: int) -> Beats:
        """Make room for so many workers; who has mapped the file before goes on with its part."""
        os.truncate(path, max(8 * workers, path.stat().st_size))
        return cls(path)

    def beat(self, worker: int) -> None:
        """Record a heartbeat of a worker."""
        self._times[worker] = time.monotonic_ns()

    def silence_s(self, worker: int) -> float:
        """Seconds since a worker's last heartbeat."""
        return float(time.monotonic_ns() - int(self._times[worker])) / 1e9
