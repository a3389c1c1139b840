"""Says when a camera's state changes: once a change, however often it is tried."""

from __future__ import annotations

from collections.abc import Callable

from streamdet.run.report import CameraReport, Snapshot


class CameraView:
    """Tells the states of live sources.

    Args:
        say: told a source id and its new state.
    """

    def __init__(self, say: Callable[[str, CameraReport], None]) -> None:
        self._say = say
        self._said: dict[str, CameraReport] = {}

    def show(self, snapshot: Snapshot) -> None:
        """Tell what has changed since the last snapshot."""
        for source in snapshot.sources:
            if source.camera is not None and source.camera != self._said.get(source.source_id):
                self._said[source.source_id] = source.camera
                self._say(source.source_id, source.camera)
