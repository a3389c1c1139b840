"""Hands each frame with its image to the process that runs the graph; no graph file names it.

A frame counts as committed only when that process has it (transport/frame_socket.py), and what it
has twice it leaves out: a worker killed anywhere loses and doubles nothing.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from streamdet.config.options import Options
from streamdet.image import Image
from streamdet.messages import FrameMessage
from streamdet.sinks import PublicEntry, SinkContext
from streamdet.transport.frame_socket import FrameSender


class CallerOptions(Options):
    """Options of `caller`: none."""


class CallerSink:
    """Every frame, dropped ones included."""

    Options = CallerOptions
    needs_image = True
    has_file_per_source = False

    def __init__(self, options: CallerOptions, context: SinkContext) -> None:
        """Remember the run."""
        self._context = context

    def restore(self, states: Mapping[str, bytes]) -> None:
        """Connect to the process that runs the graph.

        Raises:
            TransportError: it does not listen.
        """
        assert self._context.folder is not None
        self._sender = FrameSender(self._context.folder, self._context.on_wait)

    def write(
        self, messages: Sequence[FrameMessage], images: Sequence[Image | None]
    ) -> list[tuple[PublicEntry, ...]]:
        """Hand the frames over, and wait until they have been taken; publish nothing.

        Raises:
            TransportError: the process that runs the graph is gone.
        """
        for message, image in zip(messages, images, strict=True):
            self._sender.send(message, None if image is None else image.bgr())
        return [()] * len(messages)

    def finish(self, source_id: str) -> None:
        """Do nothing: nothing is held."""

    def states(self) -> dict[str, bytes]:
        """Nothing."""
        return {}

    def committed(self) -> None:
        """Do nothing: the frames have been taken."""

    def close(self) -> None:
        """Close the connection."""
        self._sender.close()
