"""What lies where in an archive's output folder, and that only one process works there."""

from __future__ import annotations

import fcntl
import hashlib
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from streamdet.errors import ConfigError
from streamdet.stores.address import StoreAddress, is_store_address, parse_store_address
from streamdet.stores.store import Store
from streamdet.system.atomic_file import sync_folder
from streamdet.system.cache import cache_places

SUFFIXES: Final = {
    "jsonl": ".jsonl",
    "csv": ".csv",
    "parquet": ".parquet",
    "mot": ".txt",
    "mots": ".mots.txt",
    "coco": ".coco.json",
    "events": ".events.jsonl",
    "mp4": ".mp4",
}
"""Format -> how its files end, one for each source: the suffixes of `streamdet run --output`."""

FILES_CSV: Final = "files.csv"
SUMMARY: Final = "summary.html"

RESERVED: Final = ("files", "summary")
"""Source ids that no file gets: their outputs would have the names of the archive's own files."""


OWN: Final = ".streamdet"
"""The folder of what an archive keeps for itself, in its output folder."""


def archive_folder(text: str) -> ArchiveFolder:
    """Find the folder that --output names: on the disk, or in an object store.

    Raises:
        ConfigError: it is a wrong address, or there is no folder on this machine to work in.
    """
    if not is_store_address(text):
        return ArchiveFolder(Path(text).expanduser().absolute())
    store = parse_store_address(text)
    if not (places := cache_places()):
        raise ConfigError(f"--output {store}: there is no cache folder here: set XDG_CACHE_HOME")
    name = hashlib.sha256(str(store).encode()).hexdigest()[:16]
    return ArchiveFolder(places[-1] / "archives" / name, store)


@dataclass(frozen=True, slots=True)
class ArchiveFolder:
    """The output folder of an archive.

    Attributes:
        path: one file per source and format lies here, where there is no store: then it is what the
            user gave.
        store: where the outputs go instead, and what lies in `own` is kept too; `path` is a folder
            of this machine to work in then, which may get lost.
    """

    path: Path
    store: StoreAddress | None = None

    @property
    def own(self) -> Path:
        """What the archive keeps for itself."""
        return self.path / OWN

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

    def shown(self, name: str = "") -> str:
        """Name a file of the archive as a user finds it; the archive itself by ""."""
        place = self.store or self.path
        return str(place / name if name else place)

    def outputs_there(self) -> set[str]:
        """Names of the files that lie in the archive.

        Raises:
            StoreError: the store cannot be asked.
        """
        if self.store is not None:
            found = Store(self.store.protocol).matches(self.store)
            return {each.name for each in found}
        return {each.name for each in self.path.iterdir()}

    def place(self, part: Path) -> None:
        """Put a finished file in its place, by its own name, once it is on the disk.

        Raises:
            StoreError: the store does not take it.
        """
        if self.store is not None:
            Store(self.store.protocol).put(part, self.store / part.name)
            part.unlink()
            return
        with part.open("rb") as file:
            os.fsync(file.fileno())
        part.replace(self.path / part.name)
        sync_folder(self.path)

    def is_to_blame(self, error: str) -> bool:
        """Whether an error says that the archive cannot be written: no video is to blame."""
        is_of_store = self.store is not None and f"{self.store}/" in error
        return str(self.own) in error or (is_of_store and ": cannot be written" in error)

    def make(self) -> None:
        """Make the folders.

        Raises:
            ConfigError: one of them cannot be made.
        """
        try:
            for folder in (self.segments, self.summaries, self.temporary):
                folder.mkdir(parents=True, exist_ok=True)
            for folder in (self.own, self.path, self.path.parent):
                sync_folder(folder)
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
            raise ConfigError(
                f"{self.shown()}: another streamdet archive is at work there"
            ) from exc
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
