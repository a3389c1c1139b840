"""Writes each frame as a line of "streamdet/1" JSON, all sources in one file."""

from __future__ import annotations

from collections.abc import Sequence

from pydantic import Field

from streamdet.formats.frame_json import native_json
from streamdet.messages import FrameMessage
from streamdet.sinks import SinkContext
from streamdet.sinks.line_file import LineFileOptions, LineFileSink
from streamdet.sinks.redis_stream import VECTORS


class JsonlOptions(LineFileOptions):
    """Options of `jsonl`."""

    vectors: bool = Field(False, description=VECTORS)


class JsonlSink(LineFileSink):
    """One line per frame, dropped ones included."""

    Options = JsonlOptions

    def __init__(self, options: JsonlOptions, context: SinkContext) -> None:
        """Remember options and run."""
        super().__init__(options, context)
        self._has_vectors = options.vectors

    def lines(self, message: FrameMessage, class_names: Sequence[str]) -> bytes:
        """The frame's line."""
        run_id, vectors = self._context.run_id, self._has_vectors
        return native_json(message, run_id, class_names, vectors=vectors) + b"\n"
