"""What a worker does with a sink that announces files, and how it may die on the way."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any, Protocol

from streamdet.image import Image
from streamdet.messages import FrameMessage
from streamdet.sinks.clip import ClipSink
from streamdet.sinks.snapshot import SnapshotSink


class PlayedWorker(Protocol):
    """Redis holds `states` and `events`; `start` makes a new sink from the states."""

    states: dict[str, bytes]
    events: list[dict[str, Any]]

    @property
    def sink(self) -> ClipSink | SnapshotSink: ...

    def start(self) -> None: ...


def take_step(
    worker: PlayedWorker, frames: Sequence[FrameMessage], images: Sequence[Image | None], dies: str
) -> None:
    """One step of the worker; where it dies ("before the step" or after), a new sink follows."""
    worker.sink.write(frames, images)
    entries = worker.sink.take_public()
    states = worker.sink.states()
    if dies != "before the step":
        worker.states |= states
        worker.events += [json.loads(entry.fields["event"]) for entry in entries]
    if not dies:
        worker.sink.committed()
    else:
        worker.start()
