"""Reads a worker's batches: first its own uncommitted entries, then new ones."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from streamdet.messages import EndOfStream, Message, decode
from streamdet.transport.bus import Bus, Entry, Lease

WAIT_S: Final = 0.5
"""Longest wait of a read for its first entry; then the worker sends a heartbeat and reads again."""
_PAGE: Final = 256


@dataclass(frozen=True, slots=True)
class ReceivedMessage:
    """An entry and the message in it."""

    entry_id: str
    message: Message

    @property
    def is_end(self) -> bool:
        """Whether this is the end of its source."""
        return isinstance(self.message, EndOfStream)


class BatchReader:
    """Reads batches for one worker.

    Where order matters, an entry that arrives too early (earlier frames of its source are still
    with another replica upstream) is held back, uncommitted. A source's end has the index after
    its last frame, so it is ordered in the same way.

    Args:
        bus: to read from.
        lease: this worker.
        batch: most messages in a batch.
        max_wait_s: longest wait for a full batch.
        next_index: source id -> its next index; None where order does not matter.
    """

    def __init__(
        self,
        bus: Bus,
        lease: Lease,
        *,
        batch: int,
        max_wait_s: float,
        next_index: Mapping[str, int] | None,
    ) -> None:
        self._bus = bus
        self._lease = lease
        self._batch = batch
        self._max_wait_s = max_wait_s
        self._next_index = None if next_index is None else dict(next_index)
        self._early: dict[tuple[str, int], ReceivedMessage] = {}
        self._ready: deque[ReceivedMessage] = deque()
        self._recover()

    def next_batch(self) -> list[ReceivedMessage]:
        """Return the next messages, at most `batch`; [] when none came in time."""
        if not self._ready:
            self._admit(self._bus.read(self._lease, self._batch, WAIT_S))
            self._top_up()
        return [self._ready.popleft() for _ in range(min(self._batch, len(self._ready)))]

    def _recover(self) -> None:
        after_id = "0"
        while page := self._bus.read_pending(self._lease, after_id, _PAGE):
            self._admit(page)
            after_id = page[-1].id

    def _top_up(self) -> None:
        deadline = time.monotonic() + self._max_wait_s
        while self._ready and (missing := self._batch - len(self._ready)) > 0:
            wait_s = deadline - time.monotonic()
            if wait_s <= 0:
                return
            self._admit(self._bus.read(self._lease, missing, wait_s))

    def _admit(self, entries: list[Entry]) -> None:
        for entry in entries:
            item = ReceivedMessage(entry.id, decode(entry.payload))
            if self._next_index is None:
                self._ready.append(item)
            else:
                self._early[item.message.source_id, item.message.index] = item
                self._release(item.message.source_id)

    def _release(self, source_id: str) -> None:
        assert self._next_index is not None
        index = self._next_index.get(source_id, 0)
        while (item := self._early.pop((source_id, index), None)) is not None:
            self._ready.append(item)
            index += not item.is_end
        self._next_index[source_id] = index
