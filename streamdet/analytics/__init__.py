"""What is made of a source's objects before they are published: zones, lines, counts, events.

One kind is one file here and one line in registry.py. They stand between a tracker (or a detector)
and the sinks; what they notice travels with the frame and goes to the stream of events.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Protocol, runtime_checkable

from streamdet.frame import Frame
from streamdet.image import Image
from streamdet.messages import FrameMessage


@dataclass(frozen=True, slots=True)
class AnalyticsContext:
    """What a kind of analytics may know of the run.

    Attributes:
        source_id: the source whose frames it gets.
        class_names: model name -> its class names.
        is_live: whether the source is a camera: its times are those of the wall clock.
        node: the node's name in the graph.
    """

    source_id: str
    class_names: Mapping[str, Sequence[str]]
    is_live: bool = False
    node: str = ""

    def seconds(self, frame: Frame) -> float:
        """Say when a frame was taken, seconds from any origin.

        A file's frames have the times of the file, however fast it is read; of a camera, whose
        own clock may jump, the wall clock counts.
        """
        if self.is_live:
            return frame.captured_ns / 1e9
        if frame.pts is None:
            return float(frame.index * frame.duration * frame.time_base)
        return float(frame.pts * frame.time_base)

    def class_ids(self, model: str | None, names: Sequence[str] | None) -> frozenset[int] | None:
        """Number the classes of a model that are named; None for all."""
        if names is None:
            return None
        return _numbered(tuple(self.class_names.get(model or "", ())), tuple(names))


@lru_cache(maxsize=256)
def _numbered(known: tuple[str, ...], names: tuple[str, ...]) -> frozenset[int]:
    return frozenset(number for number, name in enumerate(known) if name in names)


@runtime_checkable
class SeesImages(Protocol):
    """Analytics that look at images, too; the class states `needs_image = True`."""

    def look(self, frame: FrameMessage, image: Image | None) -> FrameMessage:
        """Do what `update` does, with the frame's image; None where it is lost."""
        ...


class Analytics(Protocol):
    """Looks at the objects of ONE source. Constructed as `Analytics(options, context)`.

    Deterministic: a worker that died is followed by one that gets the last committed state in
    `restore`, and the uncommitted frames again.
    """

    def update(self, frame: FrameMessage) -> FrameMessage:
        """Take the next frame and return it with changed objects, and with what was noticed.

        Dropped frames are not shown: indices may be left out, pts tells how time goes on.

        Args:
            frame: with detections, of a tracker where the graph has one.

        Returns:
            The same frame (`dataclasses.replace`); its detections and crops may differ, and there
            may be more `events` and `markings` behind those that it had. The node's name is put
            into the events by the stage.

        Raises:
            ConfigError: the options do not fit the model, in one sentence.
        """
        ...

    def state(self) -> bytes:
        """Everything that later updates depend on, never b""; the inverse of `restore`."""
        ...

    def restore(self, state: bytes) -> None:
        """Go on as the one that returned `state` would."""
        ...
