"""The frames of a live source in flight: emitted, but not yet committed by every sink."""

from __future__ import annotations

from collections import deque


class UnderWay:
    """Counts the frames in flight that were not dropped.

    Args:
        emitted: how many frames of the source have been committed so far.
        in_flight: how many of these some sink has not committed yet; after a restart it is unknown
            which of them were dropped, so all count.
    """

    def __init__(self, emitted: int, in_flight: int) -> None:
        self._emitted = emitted
        self._indices = deque(range(emitted - in_flight, emitted))

    @property
    def count(self) -> int:
        """Number of frames in flight, as last noted."""
        return len(self._indices)

    def add(self, index: int) -> None:
        """Count a frame that is about to be committed."""
        self._indices.append(index)

    def note(self, in_flight: int, emitted: int | None = None) -> None:
        """Note how far the sinks are.

        Args:
            in_flight: how many frames of the source, dropped ones too, are in flight.
            emitted: how many have been committed, if that has changed.
        """
        self._emitted = self._emitted if emitted is None else emitted
        while self._indices and self._indices[0] < self._emitted - in_flight:
            self._indices.popleft()
