"""What the sinks that write one file of lines for all sources share."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path

from pydantic import Field

from streamdet.config.options import Options
from streamdet.image import Image
from streamdet.messages import FrameMessage
from streamdet.sinks import PublicEntry, SinkContext
from streamdet.sinks.append_file import RedoFile

STATE_KEY = "file"


class LineFileOptions(Options):
    """Options of a sink that writes one file."""

    path: Path = Field(description="the file, emptied when the first frame comes")


class LineFileSink:
    """One file, in which a reader sees committed lines only; a kind says what the lines are."""

    Options = LineFileOptions
    needs_image = False
    has_file_per_source = False

    def __init__(self, options: LineFileOptions, context: SinkContext) -> None:
        """Remember options and run."""
        self._path = options.path
        self._context = context
        self._opened = ExitStack()

    def header(self) -> bytes:
        """What the file begins with."""
        return b""

    def lines(self, message: FrameMessage, class_names: Sequence[str]) -> bytes:
        """The lines of one frame, each with its newline."""
        raise NotImplementedError

    def restore(self, states: Mapping[str, bytes]) -> None:
        """Open the file and bring it to the committed state.

        Raises:
            ConfigError: the file cannot be written.
        """
        self._file = RedoFile(self._path, states.get(STATE_KEY))
        self._has_header = STATE_KEY in states
        self._opened.callback(self._file.discard)

    def write(
        self, messages: Sequence[FrameMessage], images: Sequence[Image | None]
    ) -> list[tuple[PublicEntry, ...]]:
        """Stage the lines of each message; publish nothing."""
        if messages and not self._has_header:
            self._file.stage(self.header())
            self._has_header = True
        for message in messages:
            names = self._context.class_names.get(message.model or "", ())
            self._file.stage(self.lines(message, names))
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
