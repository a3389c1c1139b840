"""The SQLite file of a day: its name, its tables, and how it is opened."""

from __future__ import annotations

import re
import sqlite3
from contextlib import suppress
from pathlib import Path
from typing import Final

SUFFIX: Final = ".sqlite"
APPLICATION_ID: Final = 0x53444554
"""Stands in each file's header ("SDET"), so that no other file is taken for one of ours."""
VERSION: Final = 2
LOCK_WAIT_S: Final = 5.0
"""How long another process may write."""

_NAME: Final = re.compile(r"\d{4}-\d\d-\d\d\.sqlite")
_APPLICATION_ID_AT: Final = 68
"""Place of the application id in the header of an SQLite file."""
_TABLES: Final = f"""
BEGIN IMMEDIATE;
PRAGMA application_id={APPLICATION_ID};
PRAGMA user_version={VERSION};
CREATE TABLE IF NOT EXISTS events (
    id TEXT PRIMARY KEY, at TEXT NOT NULL, until TEXT, event TEXT NOT NULL, source_id TEXT,
    run TEXT NOT NULL, label TEXT, track INTEGER, place TEXT, path TEXT, body TEXT NOT NULL
);
CREATE INDEX IF NOT EXISTS events_at ON events (at);
CREATE INDEX IF NOT EXISTS events_files ON events (run, source_id, event) WHERE path IS NOT NULL;
CREATE TABLE IF NOT EXISTS tracks (
    id TEXT PRIMARY KEY, began_at TEXT NOT NULL, ended_at TEXT NOT NULL, is_over INTEGER NOT NULL,
    source_id TEXT NOT NULL, run TEXT NOT NULL, label TEXT NOT NULL, track INTEGER NOT NULL,
    frames INTEGER NOT NULL, confidence REAL NOT NULL, zones TEXT NOT NULL,
    began_pts_s REAL, ended_pts_s REAL, attributes TEXT NOT NULL
);
CREATE INDEX IF NOT EXISTS tracks_began_at ON tracks (began_at);
COMMIT;
"""


def day_path(folder: Path, day: str) -> Path:
    """Name the file of a day, YYYY-MM-DD."""
    return folder / f"{day}{SUFFIX}"


def day_files(folder: Path) -> list[Path]:
    """List the files of records in a folder, oldest first; what another program made is left out.

    Raises:
        OSError: the folder cannot be read.
    """
    return sorted(path for path in folder.iterdir() if is_day_file(path))


def is_day_file(path: Path) -> bool:
    """Whether a file is one of the records, by its name and what stands in its header."""
    if not _NAME.fullmatch(path.name):
        return False
    with suppress(OSError), path.open("rb") as file:
        file.seek(_APPLICATION_ID_AT)
        return file.read(4) == APPLICATION_ID.to_bytes(4, "big")
    return False


def open_to_write(path: Path) -> sqlite3.Connection:
    """Open the file of a day, made where missing; any thread may use the connection.

    Raises:
        sqlite3.Error: it cannot be written, or is no file of records.
    """
    db = sqlite3.connect(path, LOCK_WAIT_S, isolation_level=None, check_same_thread=False)
    try:
        (is_there,) = db.execute("SELECT count(*) FROM sqlite_schema").fetchone()
        if is_there:
            check(db)
        else:
            db.execute("PRAGMA auto_vacuum=INCREMENTAL")
            db.executescript(_TABLES)  # at once: a search may open the file at any moment
        # Safe from killed processes; a power failure may cost the last moments.
        db.execute("PRAGMA journal_mode=WAL")
        db.execute("PRAGMA synchronous=NORMAL")
    except BaseException:
        db.close()
        raise
    return db


def open_to_read(path: Path) -> sqlite3.Connection:
    """Open the file of a day; nothing is written.

    Raises:
        sqlite3.Error: it cannot be read, or is no file of records.
    """
    uri = f"{path.absolute().as_uri()}?mode=ro"
    db = sqlite3.connect(uri, LOCK_WAIT_S, isolation_level=None, uri=True)
    try:
        check(db)
    except BaseException:
        db.close()
        raise
    return db


def check(db: sqlite3.Connection) -> None:
    """Refuse a file of another program, or of another version.

    Raises:
        sqlite3.DatabaseError: it is one.
    """
    (application_id,) = db.execute("PRAGMA application_id").fetchone()
    (version,) = db.execute("PRAGMA user_version").fetchone()
    if application_id != APPLICATION_ID:
        raise sqlite3.DatabaseError("it is no file of records: move it away")
    if version != VERSION:
        raise sqlite3.DatabaseError(
            f"it is of version {version} of the records, wanted {VERSION}: use the streamdet that"
            " wrote it, or move it away"
        )
