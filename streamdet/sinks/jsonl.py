"""Writes each frame as a line of "streamdet/1" JSON, all sources in one file."""

from __future__ import annotations

from collections.abc import Sequence

from streamdet.formats.frame_json import native_json
from streamdet.messages import FrameMessage
from streamdet.sinks.line_file import LineFileSink


class JsonlSink(LineFileSink):
    """One line per frame, dropped ones included."""

    def lines(self, message: FrameMessage, class_names: Sequence[str]) -> bytes:
        """The frame's line."""
        return native_json(message, self._context.run_id, class_names) + b"\n"
