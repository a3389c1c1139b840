"""Events that wait to be delivered, in order, in an SQLite file that outlives its process.

Note "taken": events are numbered as they are committed. Each run's file remembers how many of its
events it has taken: a worker that was killed hands the last ones in again, and they are taken once.
"""

from __future__ import annotations

import sqlite3
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from streamdet.errors import ConfigError, EngineError

_LOCK_WAIT_S: Final = 5.0
"""How long a previous worker that was killed may take to release the file."""

_TABLES: Final = """
CREATE TABLE IF NOT EXISTS letters (
    number INTEGER PRIMARY KEY AUTOINCREMENT, id TEXT NOT NULL, topic TEXT NOT NULL,
    body BLOB NOT NULL, queued_s REAL NOT NULL);
CREATE TABLE IF NOT EXISTS taken (run TEXT PRIMARY KEY, count INTEGER NOT NULL);
"""


@dataclass(frozen=True, slots=True)
class Letter:
    """An event to deliver.

    Attributes:
        id: of the event.
        topic: "source/event", what the letter is about.
        body: the event's JSON.
        number: its place in the queue; 0 before it is queued.
        queued_s: when it was queued, seconds since the epoch.
    """

    id: str
    topic: str
    body: bytes
    number: int = 0
    queued_s: float = 0.0


class Outbox:
    """A queue of one run's sink; any thread may call it.

    Attributes:
        lost: how many letters went because others came.
    """

    def __init__(self, path: Path | None, run_id: str, most: int) -> None:
        """Open the queue, made where missing, and go on with what is in it.

        Args:
            path: the file; None for one in memory.
            run_id: names the run.
            most: how many letters it holds; of more, the oldest are lost.

        Raises:
            ConfigError: the file cannot be written, or another run is using it.
        """
        self._run_id, self._most = run_id, most
        self._lock = threading.Lock()
        self.lost = 0
        self._is_closed = False
        try:
            if path is not None:
                path.parent.mkdir(parents=True, exist_ok=True)
            self._db = sqlite3.connect(
                path or ":memory:", _LOCK_WAIT_S, isolation_level=None, check_same_thread=False
            )
            self._db.execute("PRAGMA locking_mode=EXCLUSIVE")
            self._db.execute("PRAGMA journal_mode=WAL")
            # Safe from killed processes; a power failure may cost the last moments.
            self._db.execute("PRAGMA synchronous=NORMAL")
            self._db.executescript(f"BEGIN IMMEDIATE;{_TABLES}COMMIT;")
        except (sqlite3.Error, OSError) as exc:
            raise ConfigError(f"cannot use the queue {path}: {_reason(exc)}") from exc

    def put(self, start: int, letters: Sequence[Letter]) -> None:
        """Queue letters; those that were taken before are left out, see note "taken".

        Args:
            start: how many letters of the run came before these.
            letters: in order.

        Raises:
            EngineError: the system refuses to write.
        """
        try:
            with self._lock:
                self._db.execute("BEGIN IMMEDIATE")
                new = letters[max(0, self._taken() - start) :]
                now_s = time.time()
                self._db.executemany(
                    "INSERT INTO letters (id, topic, body, queued_s) VALUES (?, ?, ?, ?)",
                    [(letter.id, letter.topic, letter.body, now_s) for letter in new],
                )
                self._db.execute(
                    "INSERT OR REPLACE INTO taken VALUES (?, ?)",
                    (self._run_id, start + len(letters)),
                )
                self.lost += self._db.execute(
                    "DELETE FROM letters WHERE number <= (SELECT MAX(number) FROM letters) - ?",
                    (self._most,),
                ).rowcount
                self._db.execute("COMMIT")
        except sqlite3.Error as exc:
            raise EngineError(f"cannot write to the queue of events: {exc}") from exc

    def oldest(self) -> Letter | None:
        """Return the letter that is next; None where none waits, or the queue is closed."""
        with self._lock:
            if self._is_closed:
                return None
            row = self._db.execute(
                "SELECT id, topic, body, number, queued_s FROM letters ORDER BY number LIMIT 1"
            ).fetchone()
        return None if row is None else Letter(*row)

    def remove(self, letter: Letter) -> None:
        """Forget a letter: it was delivered, or given up; not in a queue that is closed."""
        with self._lock:
            if self._is_closed:
                return
            self._db.execute("DELETE FROM letters WHERE number = ?", (letter.number,))

    def __len__(self) -> int:
        """Count the letters that wait."""
        with self._lock:
            count: int = self._db.execute("SELECT COUNT(*) FROM letters").fetchone()[0]
        return count

    def close(self) -> None:
        """Close the file; a second call does nothing."""
        with self._lock:
            self._is_closed = True
            self._db.close()

    def _taken(self) -> int:
        row = self._db.execute("SELECT count FROM taken WHERE run = ?", (self._run_id,)).fetchone()
        return 0 if row is None else int(row[0])


def _reason(exc: sqlite3.Error | OSError) -> str:
    if isinstance(exc, OSError):
        return exc.strerror or str(exc)
    return "another run or sink is using it" if "locked" in str(exc) else str(exc)
