"""Which frames of a live source are under way: emitted, and not committed by every sink yet."""

from __future__ import annotations

from collections import deque


class UnderWay:
    """Counts frames that cost something: dropped ones do not.

    Args:
        emitted: how many frames of the source have been committed so far.
        in_flight: how many of the last of them some sink has not committed yet; after a restart
            nobody knows which of them were dropped, so that all count.
    """

    def __init__(self, emitted: int, in_flight: int) -> None:
        self._emitted = emitted
        self._indices = deque(range(emitted - in_flight, emitted))

    @property
    def count(self) -> int:
        """How many there are, as far as was noted."""
        return len(self._indices)

    def add(self, index: int) -> None:
        """Count a frame that is about to be committed."""
        self._indices.append(index)

    def note(self, in_flight: int, emitted: int | None = None) -> None:
        """Take note of how far the sinks are.

        Args:
            in_flight: how many committed frames of the source, dropped ones too, are under way.
            emitted: how many have been committed, if that has changed.
        """
        self._emitted = self._emitted if emitted is None else emitted
        while self._indices and self._indices[0] < self._emitted - in_flight:
            self._indices.popleft()
