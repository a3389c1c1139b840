"""Says when a camera's state changes: once a change, however often it is tried."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from streamdet.run.report import CameraReport, Snapshot

FIRST_FRAME_S: Final = 10.0


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


class FirstFrameView:
    """Says once that no camera has sent a frame, where that is so after some time.

    Args:
        warn: told the sentence.
    """

    def __init__(self, warn: Callable[[str], None]) -> None:
        self._warn = warn
        self._is_over = False

    def show(self, snapshot: Snapshot) -> None:
        """Look whether it is time for it."""
        cameras = [source for source in snapshot.sources if source.camera is not None]
        if self._is_over or not cameras:
            return
        if any(source.decoded for source in cameras):
            self._is_over = True
        elif snapshot.elapsed_s >= FIRST_FRAME_S:
            self._is_over = True
            if all(source.camera.state == "refused" for source in cameras if source.camera):
                return  # which has been said, with the reason
            count = len(cameras)
            who = "the camera has not" if count == 1 else f"none of {count} cameras has"
            self._warn(f"{who} sent a frame within {FIRST_FRAME_S:g} s; the run goes on and waits")
