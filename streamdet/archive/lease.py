"""That one machine works at an archive in an object store: a lock object, written again and again.

Whoever finds the lock of another machine watches it for a while, by its own clock: a lock that
changes is held, one that does not is left over from a machine that was killed.
"""

from __future__ import annotations

import json
import secrets
import socket
import time
from collections.abc import Callable
from pathlib import Path
from typing import Final

from streamdet.errors import ConfigError, EngineError
from streamdet.stores.address import StoreAddress
from streamdet.stores.store import Store, StoreError

RENEW_S: Final = 10.0
"""The lock is written again after this long."""

WATCH_S: Final = 90.0
"""A lock that stays the same so long, three times the patience with a store, is left over."""

_POLL_S: Final = 5.0


class Lease:
    """The lock of an archive, as this working folder holds it.

    Args:
        store: the store.
        lock: address of the lock.
        owner: file that names this working folder, so that its next command need not wait.
        on_wait: called with a sentence if there is a lock of another machine.
    """

    def __init__(
        self, store: Store, lock: StoreAddress, owner: Path, on_wait: Callable[[str], None]
    ) -> None:
        self._store = store
        self._lock = lock
        self._on_wait = on_wait
        if not owner.exists():
            owner.write_text(secrets.token_hex(8))
        self._owner = owner.read_text()
        self._beat = 0

    def take(self, watch_s: float = WATCH_S) -> None:
        """Take the lock, waiting until it is clear that nobody else has it.

        Raises:
            ConfigError: another machine works at the archive.
            StoreError: the store cannot be used.
        """
        seen = self._read()
        if seen and seen["owner"] != self._owner:
            self._watch(seen, watch_s)
            self._store.remove(self._lock)
            seen = None
        if seen is None and not self._store.create(self._content(), self._lock):
            found = self._read() or {}
            if found.get("owner") != self._owner:  # else a lost answer was asked for again
                raise self._held_by(found)
        self.renew()

    def renew(self) -> None:
        """Write the lock again.

        Raises:
            EngineError: another machine has taken it.
            StoreError: the store cannot be used.
        """
        seen = self._read()
        if seen is not None and seen["owner"] != self._owner:
            raise EngineError(f"{self._lock}: {seen['host']} has taken this archive over")
        self._store.put_bytes(self._content(), self._lock)

    def release(self) -> None:
        """Give the lock back."""
        self._store.remove(self._lock)

    def _watch(self, seen: dict[str, str], watch_s: float) -> None:
        self._on_wait(
            f"{self._lock}: {seen['host']} may be at work there: watching it for {watch_s:.0f} s"
        )
        end_s = time.monotonic() + watch_s
        while time.monotonic() < end_s:
            time.sleep(min(_POLL_S, watch_s))
            if (now := self._read()) != seen:
                if now is None:
                    return
                raise self._held_by(now)

    def _held_by(self, seen: dict[str, str]) -> ConfigError:
        host = seen.get("host", "another machine")
        return ConfigError(f"{self._lock}: another streamdet archive is at work there, on {host}")

    def _read(self) -> dict[str, str] | None:
        try:
            found: dict[str, str] = json.loads(self._store.get(self._lock))
        except StoreError as exc:
            if exc.is_missing:
                return None
            raise
        return found

    def _content(self) -> bytes:
        self._beat += 1
        host = socket.gethostname()
        return json.dumps({"owner": self._owner, "host": host, "beat": str(self._beat)}).encode()
