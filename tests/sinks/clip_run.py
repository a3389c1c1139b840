"""A clip sink, and what a worker does with it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import av
import numpy as np

from streamdet.messages import FrameMessage
from streamdet.sinks.clip import ClipOptions, ClipSink
from tests.sinks.camera_packets import run_context, seen
from tests.sinks.worker_step import take_step


@dataclass
class ClipRun:
    """Plays the worker of a clip sink: Redis holds `states` and `events`."""

    folder: Path
    options: dict[str, Any]
    warnings: list[str] = field(default_factory=list)
    states: dict[str, bytes] = field(default_factory=dict)
    events: list[dict[str, Any]] = field(default_factory=list)
    now_ns: int = 0
    retry_s: float = 10.0

    def __post_init__(self) -> None:
        (self.folder / "run").mkdir(exist_ok=True)
        self.start()

    @property
    def run_folder(self) -> Path:
        return self.folder / "run"

    def start(self) -> None:
        options = ClipOptions(folder=self.folder / "clips", **self.options)
        context = replace(run_context(self.run_folder), warn=self.warnings.append)
        self.sink = ClipSink(options, context, lambda: self.now_ns, self.retry_s)
        self.sink.restore({key: state for key, state in self.states.items() if state})

    def step(self, frames: Sequence[FrameMessage], *, dies: str = "") -> None:
        take_step(self, frames, [None] * len(frames), dies)

    def play(self, *seconds: float, count: int = 1) -> None:
        for second in seconds:
            self.step([seen(second, count=count)])

    def finish(self) -> None:
        self.sink.finish("cam")
        self.step([])

    def clips(self) -> list[Path]:
        return sorted(self.folder.glob("clips/**/*.mp4"))


def levels(path: Path) -> list[int]:
    """The grey levels of a clip's images, which are the numbers of their frames."""
    with av.open(str(path)) as clip:
        images = [frame.to_ndarray(format="gray") for frame in clip.decode(video=0)]
    return [round(float(np.mean(image))) for image in images]
