"""Writes each source as an annotated MP4 that plays to the last frame, also after a crash."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from pydantic import Field

from streamdet.config.options import Options
from streamdet.errors import EngineError
from streamdet.image import Image
from streamdet.messages import FrameMessage
from streamdet.sinks import PublicEntry, SinkContext
from streamdet.sinks.append_file import allow_open
from streamdet.sinks.output_path import output_path
from streamdet.sinks.recording import Recording


class VideoOptions(Options):
    """Options of `video`."""

    path: Path = Field(
        description="the file, emptied when the first frame comes; with several sources "
        "<stem>-<source><suffix> beside it, one for each"
    )
    crf: int = Field(23, ge=0, le=51, description="x264's constant rate factor: lower is better")


class VideoSink:
    """Every frame with boxes, labels and trails, at its source's times."""

    Options = VideoOptions
    needs_image = True
    has_file_per_source = True
    draws_on_gpu = True

    def __init__(self, options: VideoOptions, context: SinkContext) -> None:
        """Remember options and run."""
        self._options = options
        self._context = context
        self._recordings: dict[str, Recording] = {}
        self._states: dict[str, bytes] = {}
        self._ended: list[str] = []

    def restore(self, states: Mapping[str, bytes]) -> None:
        """Open the file of every source, until that has ended; cut it behind its last frame.

        Raises:
            ConfigError: a file cannot be written.
        """
        self._states = dict(states)
        sources = dict.fromkeys((*self._context.sources, *states))
        allow_open(len(sources))
        for source_id in sources:
            self._recordings[source_id] = self._open(source_id)

    def _open(self, source_id: str) -> Recording:
        """Open a source's file; that of one which had ended, and came again, goes on."""
        path = output_path(self._options.path, source_id, self._context.sources)
        state = self._states.get(source_id)
        return Recording(path, self._options.crf, state, self._context.gpu)

    def write(
        self, messages: Sequence[FrameMessage], images: Sequence[Image | None]
    ) -> list[tuple[PublicEntry, ...]]:
        """Draw, encode and write the frames; publish nothing.

        Raises:
            EngineError: H.264 cannot be encoded here, or the system refuses to write; the files
                have been closed and end at their last committed frames.
        """
        pairs = list(zip(messages, images, strict=True))
        try:
            for source_id in dict.fromkeys(message.source_id for message in messages):
                frames = [pair for pair in pairs if pair[0].source_id == source_id]
                if source_id not in self._recordings:
                    self._recordings[source_id] = self._open(source_id)
                self._recordings[source_id].add(frames, self._context.class_names)
        except EngineError:
            self.close()
            raise
        return [()] * len(messages)

    def finish(self, source_id: str) -> None:
        """Have the next `committed` close the source's file."""
        self._ended.append(source_id)

    def states(self) -> dict[str, bytes]:
        """How far each file has come that has grown, and its trails."""
        found = {source_id: each.state() for source_id, each in self._recordings.items()}
        states = {source_id: state for source_id, state in found.items() if state is not None}
        self._states |= states
        return states

    def committed(self) -> None:
        """Remember how much of the files is there to stay.

        Raises:
            EngineError: the system refuses to write.
        """
        for recording in self._recordings.values():
            recording.committed()
        while self._ended:
            source_id = self._ended.pop()
            if source_id in self._recordings:  # else it came late, and no frame of it
                self._recordings.pop(source_id).close()

    def close(self) -> None:
        """Cut each file behind its last committed frame and close it; see Recording.close."""
        while self._recordings:
            self._recordings.popitem()[1].close()
