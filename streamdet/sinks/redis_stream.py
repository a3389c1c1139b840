"""Publishes each frame as an entry of a Redis stream, field `metadata`.

The entries are handed to the worker, which adds them in the step that commits their frames: that is
what makes them exactly one per frame.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final, Literal

from pydantic import Field

from streamdet.config.options import Options
from streamdet.formats.frame_json import deepstream_json, native_json
from streamdet.image import Image
from streamdet.messages import FrameMessage
from streamdet.sinks import PublicEntry, SinkContext

VECTORS: Final = "whether objects say their vector, where a node of kind embed gives them one"


class RedisStreamOptions(Options):
    """Options of `redis_stream`."""

    stream: str = Field("detections", min_length=1, description="key of the Redis stream")
    format: Literal["native", "deepstream"] = Field(
        "native", description='schema of the JSON: "streamdet/1", or DeepStream\'s minimal one'
    )
    maxlen: int = Field(10_000, ge=1, description="about how many entries the stream keeps")
    vectors: bool = Field(False, description=VECTORS)


class RedisStreamSink:
    """One public entry per frame, dropped ones included."""

    Options = RedisStreamOptions
    needs_image = False
    has_file_per_source = False
    options_may_change = True

    def __init__(self, options: RedisStreamOptions, context: SinkContext) -> None:
        """Remember options and run."""
        self._options = options
        self._context = context

    def restore(self, states: Mapping[str, bytes]) -> None:
        """Do nothing: the stream itself is committed with the frames."""

    def write(
        self, messages: Sequence[FrameMessage], images: Sequence[Image | None]
    ) -> list[tuple[PublicEntry, ...]]:
        """Return one entry for each message."""
        return [(self._entry(message),) for message in messages]

    def finish(self, source_id: str) -> None:
        """Do nothing: nothing is held."""

    def states(self) -> dict[str, bytes]:
        """Nothing."""
        return {}

    def committed(self) -> None:
        """Do nothing."""

    def close(self) -> None:
        """Do nothing."""

    def _entry(self, message: FrameMessage) -> PublicEntry:
        names = self._context.class_names.get(message.model or "", ())
        if self._options.format == "deepstream":
            metadata = deepstream_json(message, names)
        else:
            run_id, vectors = self._context.run_id, self._options.vectors
            metadata = native_json(message, run_id, names, vectors=vectors)
        return PublicEntry(self._options.stream, {"metadata": metadata}, self._options.maxlen)
