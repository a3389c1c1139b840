"""Writes each frame as a line of "streamdet/1" JSON, all sources in one file."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path

from pydantic import Field

from streamdet.config.options import Options
from streamdet.formats.frame_json import native_json
from streamdet.image import Image
from streamdet.messages import FrameMessage
from streamdet.sinks import PublicEntry, SinkContext
from streamdet.sinks.append_file import RedoFile

STATE_KEY = "file"


class JsonlOptions(Options):
    """Options of `jsonl`."""

    path: Path = Field(description="the file, emptied when the first frame comes")


class JsonlSink:
    """One line per frame, dropped ones included; a reader sees committed lines only."""

    Options = JsonlOptions
    needs_image = False
    has_file_per_source = False

    def __init__(self, options: JsonlOptions, context: SinkContext) -> None:
        """Remember options and run."""
        self._path = options.path
        self._context = context
        self._opened = ExitStack()

    def restore(self, states: Mapping[str, bytes]) -> None:
        """Open the file and bring it to the committed state.

        Raises:
            ConfigError: the file cannot be written.
        """
        self._file = RedoFile(self._path, states.get(STATE_KEY))
        self._opened.callback(self._file.discard)

    def write(
        self, messages: Sequence[FrameMessage], images: Sequence[Image | None]
    ) -> list[tuple[PublicEntry, ...]]:
        """Stage one line for each message; publish nothing."""
        for message in messages:
            self._file.stage(self._line(message))
        return [()] * len(messages)

    def finish(self, source_id: str) -> None:
        """Do nothing: nothing is held but what `committed` writes."""

    def states(self) -> dict[str, bytes]:
        """Where the staged lines belong, and the lines."""
        state = self._file.state()
        return {} if state is None else {STATE_KEY: state}

    def committed(self) -> None:
        """Write the staged lines.

        Raises:
            EngineError: the system refuses.
        """
        self._file.commit()

    def close(self) -> None:
        """Close the file; remove it where this run made it and no frame came."""
        self._opened.close()

    def _line(self, message: FrameMessage) -> bytes:
        names = self._context.class_names.get(message.model or "", ())
        return native_json(message, self._context.run_id, names) + b"\n"
