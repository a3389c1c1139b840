"""What is done and what is left, in an SQLite database that survives any kill.

Every change is one transaction, on the disk before it counts (WAL, synchronous=FULL). A segment
counts as done only when this says so; what lies on the disk beside that is thrown away.

Of an archive in an object store, `stored` lists the segments whose detections lie there too, and
`saves` all copies of the manifest that were put there: see store_copy.py.
"""

from __future__ import annotations

import json
import os
import sqlite3
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final, Self

from streamdet.archive.listing import Identity
from streamdet.archive.manifest_rows import (
    FILE_COLUMNS,
    SEGMENT_COLUMNS,
    FileRow,
    SegmentRow,
    Totals,
    file_row,
    segment_row,
)
from streamdet.errors import ConfigError, EngineError
from streamdet.sources.cut import Cut
from streamdet.sources.keyframes import VideoFacts
from streamdet.sources.media_file import MediaPlace

_VERSION: Final = "1"
_WAIT_S: Final = 30.0
_SCHEMA: Final = """
CREATE TABLE IF NOT EXISTS meta (key TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS files (
    id INTEGER PRIMARY KEY,
    path BLOB NOT NULL UNIQUE,
    source_id TEXT NOT NULL UNIQUE,
    size INTEGER NOT NULL,
    mtime_ns INTEGER NOT NULL,
    hw TEXT,
    seconds REAL,
    rate REAL,
    why_whole TEXT NOT NULL DEFAULT '',
    state TEXT NOT NULL DEFAULT 'waiting',
    error TEXT,
    result TEXT,
    join_digest TEXT
);
CREATE TABLE IF NOT EXISTS segments (
    file INTEGER NOT NULL REFERENCES files(id),
    number INTEGER NOT NULL,
    begin_pts INTEGER,
    end_pts INTEGER,
    seconds REAL NOT NULL,
    state TEXT NOT NULL DEFAULT 'waiting',
    attempts INTEGER NOT NULL DEFAULT 0,
    times_done INTEGER NOT NULL DEFAULT 0,
    result TEXT,
    PRIMARY KEY (file, number)
) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS segments_by_state ON segments (state, seconds);
CREATE TABLE IF NOT EXISTS stored (
    file INTEGER NOT NULL, number INTEGER NOT NULL, PRIMARY KEY (file, number)
) WITHOUT ROWID;
CREATE TRIGGER IF NOT EXISTS changed AFTER UPDATE OF state ON segments BEGIN
    DELETE FROM stored WHERE file = NEW.file AND number = NEW.number;
END;
CREATE TRIGGER IF NOT EXISTS removed AFTER DELETE ON segments BEGIN
    DELETE FROM stored WHERE file = OLD.file AND number = OLD.number;
END;
CREATE TABLE IF NOT EXISTS saves (token TEXT NOT NULL PRIMARY KEY);
"""


class Manifest:
    """The manifest of one archive; use it in a `with` block."""

    def __init__(self, path: Path, *, is_read_only: bool = False) -> None:
        """Open it, or make an empty one.

        Raises:
            ConfigError: it is no manifest of this version, or there is none to read.
        """
        if is_read_only and not path.exists():
            raise ConfigError(
                f"{path.parent.parent}: no archive lies in this folder: wanted the --output of"
                " `streamdet archive`"
            )
        self._path = path
        try:
            self._db = sqlite3.connect(path, timeout=_WAIT_S, isolation_level=None)
            self._db.execute("PRAGMA journal_mode=WAL")
            self._db.execute("PRAGMA synchronous=FULL")
            if not is_read_only:
                self._db.executescript(_SCHEMA)
        except sqlite3.Error as exc:
            raise ConfigError(f"{path}: cannot be opened ({exc})") from exc
        if (version := self.meta("version", _VERSION)) != _VERSION:
            raise ConfigError(f"{path}: is of version {version}, wanted {_VERSION}")

    def __enter__(self) -> Self:
        """Return itself."""
        return self

    def __exit__(self, *exc: object) -> None:
        """Close the database."""
        self._db.close()

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """Make all changes of this block at once, or none.

        Raises:
            EngineError: they cannot be written.
        """
        try:
            self._db.execute("BEGIN IMMEDIATE")
            try:
                yield
            except BaseException:
                self._db.execute("ROLLBACK")
                raise
            self._db.execute("COMMIT")
        except sqlite3.Error as exc:
            raise self._unwritten(exc) from exc

    def meta(self, key: str, default: str) -> str:
        """Read a value of the archive; keep the default as such where there is none yet."""
        row = self._db.execute("SELECT value FROM meta WHERE key = ?", (key,)).fetchone()
        if row is None:
            self.set_meta(key, default)
            return default
        return str(row[0])

    def set_meta(self, key: str, value: str) -> None:
        """Keep a value of the archive.

        Raises:
            EngineError: it cannot be written.
        """
        try:
            self._db.execute("INSERT OR REPLACE INTO meta VALUES (?, ?)", (key, value))
        except sqlite3.Error as exc:
            raise self._unwritten(exc) from exc

    def files(self) -> list[FileRow]:
        """List all files, in the order in which they were planned."""
        return self._files("")

    def failed(self) -> list[FileRow]:
        """List the files that have failed."""
        return self._files("WHERE state = 'failed'")

    def segments(self, file: int) -> list[SegmentRow]:
        """List the segments of a file, in order."""
        return self._segments("WHERE file = ? ORDER BY number", (file,))

    def waiting(self) -> list[SegmentRow]:
        """List all segments that are not done and have not failed, in order of files."""
        return self._segments("WHERE state = 'waiting' ORDER BY file, number", ())

    def done_names(self) -> set[str]:
        """Names of all segments that are done."""
        rows = self._db.execute("SELECT file, number FROM segments WHERE state = 'done'")
        return {f"{file}-{number}" for file, number in rows}

    def unstored(self) -> list[SegmentRow]:
        """List the segments that are done and not in the archive's store yet."""
        known = "SELECT 1 FROM stored s WHERE s.file = segments.file AND s.number = segments.number"
        return self._segments(f"WHERE state = 'done' AND NOT EXISTS ({known})", ())

    def segments_stored(self, segments: Iterable[SegmentRow]) -> None:
        """Note segments as lying in the store; one that is not done any more is left out."""
        self._db.executemany(
            "INSERT OR IGNORE INTO stored SELECT file, number FROM segments"
            " WHERE file = ? AND number = ? AND state = 'done'",
            [(segment.file, segment.number) for segment in segments],
        )

    def stored_names(self) -> set[str]:
        """Names of the segments whose detections lie in the archive's store."""
        return {f"{file}-{number}" for file, number in self._db.execute("SELECT * FROM stored")}

    def forget_stored(self) -> None:
        """Know of nothing in the store any more."""
        self._db.execute("DELETE FROM stored")

    def add_save(self, token: str) -> None:
        """Note that a copy of this is about to be put in the store."""
        self._db.execute("INSERT INTO saves VALUES (?)", (token,))

    def saves(self) -> list[str]:
        """List the copies that were put in the store, in order."""
        return [token for (token,) in self._db.execute("SELECT token FROM saves ORDER BY rowid")]

    def version_seen(self) -> int:
        """Return a number that changes when another connection has changed something."""
        return int(self._db.execute("PRAGMA data_version").fetchone()[0])

    def copy_to(self, path: Path) -> None:
        """Write a copy of all of it as it is now.

        Raises:
            EngineError: it cannot be written.
        """
        path.unlink(missing_ok=True)
        try:
            self._db.execute("VACUUM INTO ?", (str(path),))
        except sqlite3.Error as exc:
            raise self._unwritten(exc) from exc

    def segment_totals(self) -> dict[str, Totals]:
        """Add up the segments by state."""
        rows = self._db.execute("SELECT state, count(*), sum(seconds) FROM segments GROUP BY state")
        return {state: Totals(count, seconds) for state, count, seconds in rows}

    def file_counts(self) -> dict[str, int]:
        """Count the files by state."""
        return dict(self._db.execute("SELECT state, count(*) FROM files GROUP BY state"))

    def put_file(
        self, path: MediaPlace, source_id: str, identity: Identity, facts: VideoFacts
    ) -> int:
        """Plan a file, new or changed, with no segment yet; returns its number."""
        hw = None if facts.hw is None else json.dumps(facts.hw)
        values = (os.fsencode(str(path)), source_id, identity.size, identity.mtime_ns, hw)
        (number,) = self._db.execute(
            "INSERT INTO files (path, source_id, size, mtime_ns, hw, seconds, rate, why_whole)"
            " VALUES (?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (path) DO UPDATE SET"
            " size = excluded.size, mtime_ns = excluded.mtime_ns, hw = excluded.hw,"
            " seconds = excluded.seconds, rate = excluded.rate, why_whole = excluded.why_whole,"
            " state = 'waiting', error = NULL, result = NULL, join_digest = NULL RETURNING id",
            (*values, facts.seconds, facts.rate, facts.why_whole),
        ).fetchone()
        return int(number)

    def put_segments(self, file: int, parts: Iterable[tuple[Cut, float]]) -> None:
        """Give a file its segments, each with its seconds, in place of those that it had."""
        self._db.execute("DELETE FROM segments WHERE file = ?", (file,))
        self._db.executemany(
            "INSERT INTO segments (file, number, begin_pts, end_pts, seconds)"
            " VALUES (?, ?, ?, ?, ?)",
            [(file, n, cut.begin, cut.end, seconds) for n, (cut, seconds) in enumerate(parts)],
        )

    def reset_file(self, file: int, *, is_detected_again: bool) -> None:
        """Have a file joined again, and detected again if so."""
        again = "1" if is_detected_again else "state = 'failed'"
        self._db.execute(
            f"UPDATE segments SET state = 'waiting', attempts = 0, times_done = 0, result = NULL"  # noqa: S608
            f" WHERE file = ? AND {again}",
            (file,),
        )
        self._db.execute(
            "UPDATE files SET state = 'waiting', error = NULL, result = NULL WHERE id = ?", (file,)
        )

    def segment_done(self, segment: SegmentRow, result: dict[str, Any]) -> None:
        """A segment's detections are on the disk."""
        self._db.execute(
            "UPDATE segments SET state = 'done', times_done = times_done + 1, result = ?"
            " WHERE file = ? AND number = ?",
            (json.dumps(result), segment.file, segment.number),
        )

    def segment_lost(self, segment: SegmentRow) -> None:
        """A segment's detections have gone from the disk: they are made again."""
        self._db.execute(
            "UPDATE segments SET state = 'waiting', times_done = 0, result = NULL"
            " WHERE file = ? AND number = ?",
            (segment.file, segment.number),
        )

    def count_attempt(self, segment: SegmentRow) -> None:
        """A run has failed while a segment was being worked on."""
        self._db.execute(
            "UPDATE segments SET attempts = attempts + 1 WHERE file = ? AND number = ?",
            (segment.file, segment.number),
        )

    def make_whole(self, file: int, why: str, seconds: float) -> None:
        """Have a file read in one part, since it cannot be cut exactly."""
        self._db.execute("UPDATE files SET why_whole = ? WHERE id = ?", (why, file))
        self.put_segments(file, [(Cut(), seconds)])

    def file_failed(self, file: int, error: str) -> None:
        """A file cannot be read or joined: none of its segments is tried again by itself."""
        self._db.execute("UPDATE files SET state = 'failed', error = ? WHERE id = ?", (error, file))
        self._db.execute(
            "UPDATE segments SET state = 'failed' WHERE file = ? AND state = 'waiting'", (file,)
        )

    def file_done(self, file: int, result: dict[str, Any], join_digest: str) -> None:
        """A file's outputs are there."""
        self._db.execute(
            "UPDATE files SET state = 'done', error = NULL, result = ?, join_digest = ?"
            " WHERE id = ?",
            (json.dumps(result), join_digest, file),
        )

    def _unwritten(self, exc: sqlite3.Error) -> EngineError:
        return EngineError(f"{self._path}: the archive's manifest cannot be written: {exc}")

    def _files(self, where: str) -> list[FileRow]:
        rows = self._db.execute(f"SELECT {FILE_COLUMNS} FROM files {where} ORDER BY id")  # noqa: S608
        return [file_row(row) for row in rows]

    def _segments(self, where: str, values: tuple[object, ...]) -> list[SegmentRow]:
        rows = self._db.execute(f"SELECT {SEGMENT_COLUMNS} FROM segments {where}", values)  # noqa: S608
        return [segment_row(row) for row in rows]
