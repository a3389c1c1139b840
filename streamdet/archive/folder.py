"""What lies where in an archive's output folder, and that only one process works there."""

from __future__ import annotations

import fcntl
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from streamdet.errors import ConfigError

SUFFIXES: Final = {
    "jsonl": ".jsonl",
    "csv": ".csv",
    "parquet": ".parquet",
    "mot": ".txt",
    "events": ".events.jsonl",
    "mp4": ".mp4",
}
"""Format -> how its files end, one for each source: the suffixes of `streamdet run --output`."""

FILES_CSV: Final = "files.csv"
SUMMARY: Final = "summary.html"

RESERVED: Final = ("files", "summary")
"""Source ids that no file gets: their outputs would have the names of the archive's own files."""


@dataclass(frozen=True, slots=True)
class ArchiveFolder:
    """The output folder of an archive.

    Attributes:
        path: as the user gave it: one file per source and format lies here.
    """

    path: Path

    @property
    def own(self) -> Path:
        """What the archive keeps for itself."""
        return self.path / ".streamdet"

    @property
    def manifest(self) -> Path:
        """The database that says what is done."""
        return self.own / "manifest.sqlite"

    @property
    def segments(self) -> Path:
        """The detections of the segments."""
        return self.own / "segments"

    @property
    def temporary(self) -> Path:
        """Outputs that are being written; on the same file system as the finished ones."""
        return self.own / "tmp"

    @property
    def summaries(self) -> Path:
        """What the summary page shows of each file."""
        return self.own / "summaries"

    def summary(self, source_id: str) -> Path:
        """The summary of a source."""
        return self.summaries / f"{source_id}.json"

    def output(self, source_id: str, form: str) -> Path:
        """The file of a source in a format."""
        return self.path / f"{source_id}{SUFFIXES[form]}"

    def make(self) -> None:
        """Make the folders.

        Raises:
            ConfigError: one of them cannot be made.
        """
        try:
            for folder in (self.segments, self.summaries, self.temporary):
                folder.mkdir(parents=True, exist_ok=True)
        except OSError as exc:
            raise ConfigError(f"--output {self.path}: cannot be made ({exc.strerror})") from exc

    @contextmanager
    def held(self) -> Iterator[None]:
        """Keep other processes out, and remove what a killed one left half written.

        Raises:
            ConfigError: another process works in this folder, or it cannot be written to.
        """
        try:
            lock = os.open(self.own / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o666)
        except OSError as exc:
            raise ConfigError(f"--output {self.path}: {exc.strerror}") from exc
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as exc:
            os.close(lock)
            raise ConfigError(f"{self.path}: another streamdet archive is at work there") from exc
        try:
            self._sweep()
            yield
        finally:
            os.close(lock)

    def _sweep(self) -> None:
        shutil.rmtree(self.temporary, ignore_errors=True)
        self.temporary.mkdir(exist_ok=True)
        for part in self.segments.glob("*.part"):
            part.unlink(missing_ok=True)
