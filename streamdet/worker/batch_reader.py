"""Reads a worker's batches: first its own uncommitted entries, then new ones."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Iterable, Mapping
from typing import Final

from streamdet.worker.intake import Intake, ReceivedMessage

WAIT_S: Final = 0.5
"""Longest wait of a read for its first entry; then the worker sends a heartbeat and reads again."""
_PAGE: Final = 256
"""Entries read at once at most, dropped frames and all."""


class BatchReader:
    """Reads batches for one worker.

    Where order matters, an entry that arrives too early (earlier frames of its source are still
    with another replica upstream) is held back, uncommitted. A source's end has the index after
    its last frame, so it is ordered in the same way.

    Dropped frames do not count in a batch, up to `_PAGE` entries: where cameras send more than can
    be detected, most entries are such, and frames must not wait for them eight at a time.

    Args:
        intake: to read from.
        batch: most frames in a batch that are not dropped.
        max_wait_s: longest wait for a full batch.
        next_index: source id -> its next index; None where order does not matter.
        is_wary: whether what was read before and not committed is taken one entry at a time.
    """

    def __init__(
        self,
        intake: Intake,
        *,
        batch: int,
        max_wait_s: float,
        next_index: Mapping[str, int] | None,
        is_wary: bool = False,
    ) -> None:
        self._intake = intake
        self._batch = batch
        self._max_wait_s = max_wait_s
        self._next_index = None if next_index is None else dict(next_index)
        self._early: dict[tuple[str, int], ReceivedMessage] = {}
        self._ready: deque[ReceivedMessage] = deque()
        self._is_wary = is_wary
        self._suspects: set[str] = set()
        self._recover()

    def next_batch(self) -> list[ReceivedMessage]:
        """Return the next messages, [] when none came in time.

        At most `batch` frames that are not dropped, with dropped ones and ends among them; a
        suspect comes alone.
        """
        if not self._ready:
            self._read()
            self._top_up()
        if self._ready and self.is_suspect(self._ready[0]):
            return [self._ready.popleft()]
        batch: list[ReceivedMessage] = []
        work = 0
        while self._ready and len(batch) < max(_PAGE, self._batch):
            work += self._ready[0].is_work
            if work > self._batch or self.is_suspect(self._ready[0]):
                break
            batch.append(self._ready.popleft())
        return batch

    def is_suspect(self, item: ReceivedMessage) -> bool:
        """Whether a process of this worker may have ended of this."""
        return item.entry_id in self._suspects

    def _recover(self) -> None:
        for item in self._intake.pending(_PAGE):
            if self._is_wary:
                self._suspects.add(item.entry_id)
            self._admit([item])

    def _read(self) -> None:
        """Wait for entries; read on, without waiting, in place of those that are no work."""
        wanted, wait_s, came = self._batch, WAIT_S, 0
        while wanted > 0 and came < _PAGE:
            items = self._intake.read(wanted, wait_s)
            self._admit(items)
            came += len(items)
            wanted, wait_s = 0 if len(items) < wanted else self._missing(), 0

    def _missing(self) -> int:
        return max(0, self._batch - sum(item.is_work for item in self._ready))

    def _top_up(self) -> None:
        deadline = time.monotonic() + self._max_wait_s
        while self._ready and (missing := self._missing()) > 0:
            wait_s = deadline - time.monotonic()
            if wait_s <= 0:
                return
            self._admit(self._intake.read(missing, wait_s))

    def _admit(self, items: Iterable[ReceivedMessage]) -> None:
        for item in items:
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
