"""Writes rows into the files of their days, and removes what is older than wanted."""

from __future__ import annotations

import errno
import os
import sqlite3
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import astuple, fields
from itertools import groupby
from operator import attrgetter
from pathlib import Path
from typing import Final

from streamdet.records.day_file import day_files, day_path, open_to_write
from streamdet.records.rows import EventRow, Row, TrackRow

CLEAN_EVERY_S: Final = 600.0
_SHARE: Final = 0.1
"""Of a day's rows, how many go when that day alone is too large."""
_DAY_S: Final = 86_400.0
_COMPANIONS: Final = ("", "-wal", "-shm")


def _insert(table: str, kind: type[Row]) -> str:
    marks = ", ".join("?" for _ in fields(kind))
    return f"INSERT INTO {table} VALUES ({marks}) ON CONFLICT (id) DO"  # noqa: S608


_EVENT: Final = f"{_insert('events', EventRow)} NOTHING"
_CHANGES: Final = (
    "ended_at",
    "is_over",
    "label",
    "frames",
    "confidence",
    "zones",
    "ended_pts_s",
    "attributes",
)
_TRACK: Final = (
    f"{_insert('tracks', TrackRow)} UPDATE SET "
    + ", ".join(f"{name} = excluded.{name}" for name in _CHANGES)
    + " WHERE excluded.frames >= frames"
)


class RecordWriter:
    """A folder of records; used by one thread at a time.

    Args:
        folder: made where missing.
        keep_days: files that were last written longer ago are removed; None: none are.
        keep_bytes: with more, the oldest days are removed, of the last one its oldest rows; None:
            none are.
        now_s: the wall clock, seconds since the epoch.
    """

    def __init__(
        self,
        folder: Path,
        keep_days: float | None = None,
        keep_bytes: int | None = None,
        now_s: Callable[[], float] = time.time,
    ) -> None:
        self._folder = folder
        self._keep_days = keep_days
        self._keep_bytes = keep_bytes
        self._now_s = now_s
        self._open: tuple[Path, int, sqlite3.Connection] | None = None
        self._clean_due_s = 0.0

    def write(self, rows: Iterable[Row]) -> None:
        """Write rows, each once: an event whose id is there is left out, a track goes on.

        Of one day all are written or none.

        Raises:
            OSError: the system, or another program that holds the file, refuses.
        """
        by_day = sorted(rows, key=attrgetter("day"))
        for day, of_day in groupby(by_day, attrgetter("day")):
            path = day_path(self._folder, day)
            with _as_os_error(path):
                _write(self._day(path), list(of_day))
        if self._now_s() >= self._clean_due_s:
            self._clean_due_s = self._now_s() + CLEAN_EVERY_S
            self.clean()

    def clean(self) -> None:
        """Remove what is too old, or too much.

        Raises:
            OSError: the system refuses.
        """
        # By when they were written last: a camera's clock may be years behind.
        paths = sorted(day_files(self._folder), key=_written_s)
        if self._keep_days is not None:
            oldest_s = self._now_s() - self._keep_days * _DAY_S
            for path in [path for path in paths if _written_s(path) < oldest_s]:
                paths.remove(path)
                self._remove(path)
        while self._keep_bytes is not None and paths and _size(paths) > self._keep_bytes:
            if len(paths) == 1:
                with _as_os_error(paths[0]):
                    self._shorten(paths[0], self._keep_bytes)
                return
            self._remove(paths.pop(0))

    def close(self) -> None:
        """Close the file; a second call does nothing."""
        if self._open is not None:
            self._open[2].close()
            self._open = None

    def _day(self, path: Path) -> sqlite3.Connection:
        """Open the file of a day, unless it is open; one that was removed is made again."""
        if self._open is not None:
            open_path, inode, db = self._open
            with suppress(FileNotFoundError):
                if open_path == path and path.stat().st_ino == inode:
                    return db
        self.close()
        self._folder.mkdir(parents=True, exist_ok=True)
        db = open_to_write(path)
        self._open = path, path.stat().st_ino, db
        return db

    def _remove(self, path: Path) -> None:
        if self._open is not None and self._open[0] == path:
            self.close()
        for companion in _COMPANIONS:
            path.with_name(path.name + companion).unlink(missing_ok=True)

    def _shorten(self, path: Path, keep_bytes: int) -> None:
        """Remove the oldest rows of a day until its file is small enough."""
        db = self._day(path)
        while _size([path]) > keep_bytes and _has_rows(db):
            db.execute("BEGIN IMMEDIATE")
            for table, at in (("events", "at"), ("tracks", "began_at")):
                db.execute(
                    f"DELETE FROM {table} WHERE {at} <= (SELECT {at} FROM {table} ORDER BY {at}"  # noqa: S608
                    f" LIMIT 1 OFFSET (SELECT CAST(count(*) * {_SHARE} AS INTEGER) FROM {table}))"
                )
            db.execute("COMMIT")
            # A script runs to its end; of a single statement only one page would be freed.
            db.executescript("PRAGMA incremental_vacuum; PRAGMA wal_checkpoint(TRUNCATE);")


def _write(db: sqlite3.Connection, rows: Sequence[Row]) -> None:
    try:
        db.execute("BEGIN IMMEDIATE")
        db.executemany(_EVENT, [astuple(row) for row in rows if isinstance(row, EventRow)])
        db.executemany(_TRACK, [astuple(row) for row in rows if isinstance(row, TrackRow)])
        db.execute("COMMIT")
    except BaseException:
        if db.in_transaction:
            with suppress(sqlite3.Error):
                db.execute("ROLLBACK")
        raise


def _has_rows(db: sqlite3.Connection) -> bool:
    found = db.execute("SELECT EXISTS (SELECT 1 FROM events) OR EXISTS (SELECT 1 FROM tracks)")
    return bool(found.fetchone()[0])


def _size(paths: Iterable[Path]) -> int:
    """Add up what files of days take, with what is written beside them."""
    return sum(found.st_size for path in paths for found in _stats(path))


def _written_s(path: Path) -> float:
    """When a file of a day was written last, seconds since the epoch."""
    return max((found.st_mtime for found in _stats(path)), default=0.0)


def _stats(path: Path) -> Iterator[os.stat_result]:
    for companion in _COMPANIONS[:2]:
        with suppress(FileNotFoundError):
            yield path.with_name(path.name + companion).stat()


@contextmanager
def _as_os_error(path: Path) -> Iterator[None]:
    """Say what SQLite says as an error of the system, which is tried again."""
    try:
        yield
    except sqlite3.Error as exc:
        raise OSError(errno.EIO, f"{path.name}: {exc}") from exc
