"""What is made of a source's objects before they are published: counted, marked, left out.

There is no kind of streamdet's own yet: other packages bring them, see docs/plugins.md.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from streamdet.messages import FrameMessage


@dataclass(frozen=True, slots=True)
class AnalyticsContext:
    """What a kind of analytics may know of the run.

    Attributes:
        source_id: the source whose frames it gets.
        class_names: model name -> its class names.
    """

    source_id: str
    class_names: Mapping[str, Sequence[str]]


class Analytics(Protocol):
    """Looks at the objects of ONE source. Constructed as `Analytics(options, context)`.

    Deterministic: a worker that died is followed by one that gets the last committed state in
    `restore`, and the uncommitted frames again.
    """

    def update(self, frame: FrameMessage) -> FrameMessage:
        """Take the next frame and return it with changed objects.

        Dropped frames are not shown: indices may be left out, pts tells how time goes on.

        Args:
            frame: with detections, of a tracker where the graph has one.

        Returns:
            The same frame (`dataclasses.replace`); only its detections may differ.

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
