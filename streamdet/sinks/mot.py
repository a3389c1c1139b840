"""Writes tracks as MOTChallenge text, one file per source (see output_path.py for their names)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from pydantic import Field

from streamdet.image import Image
from streamdet.messages import FrameMessage
from streamdet.mot_text import format_line
from streamdet.options import Options
from streamdet.sinks import PublicEntry, SinkContext
from streamdet.sinks.append_file import RedoFile
from streamdet.sinks.output_path import output_path

UNTRACKED = -1


class MotOptions(Options):
    """Options of `mot`."""

    path: Path = Field(
        description="the file; with several sources <stem>-<source><suffix> beside it, one for each"
    )


class MotSink:
    """One line per object, id -1 without a tracker; a reader sees committed lines only."""

    Options = MotOptions
    needs_image = False

    def __init__(self, options: MotOptions, context: SinkContext) -> None:
        """Remember options and run."""
        self._path = options.path
        self._sources = context.sources
        self._files: dict[str, RedoFile] = {}
        self._states: Mapping[str, bytes] = {}
        self._ended: list[str] = []

    def restore(self, states: Mapping[str, bytes]) -> None:
        """Bring the file of every source to the committed state; it is opened again when used.

        Raises:
            ConfigError: a file cannot be written.
        """
        self._states = states
        for source_id in self._sources:
            self._open(source_id).close()

    def write(
        self, messages: Sequence[FrameMessage], images: Sequence[Image | None]
    ) -> list[tuple[PublicEntry, ...]]:
        """Stage the lines of each message's objects; publish nothing."""
        for message in messages:
            if message.source_id not in self._files:
                self._files[message.source_id] = self._open(message.source_id)
            self._files[message.source_id].stage(_lines(message).encode())
        return [()] * len(messages)

    def finish(self, source_id: str) -> None:
        """Have the next `committed` close the source's file."""
        self._ended.append(source_id)

    def states(self) -> dict[str, bytes]:
        """Where the staged lines of each source belong, and the lines."""
        states = {source_id: file.state() for source_id, file in self._files.items()}
        return {source_id: state for source_id, state in states.items() if state is not None}

    def committed(self) -> None:
        """Write the staged lines.

        Raises:
            EngineError: the system refuses.
        """
        for file in self._files.values():
            file.commit()
        while self._ended:
            ended = self._ended.pop()
            if ended in self._files:
                self._files.pop(ended).close()

    def close(self) -> None:
        """Close the files."""
        for file in self._files.values():
            file.close()

    def _open(self, source_id: str) -> RedoFile:
        path = output_path(self._path, source_id, self._sources)
        return RedoFile(path, self._states.get(source_id))


def _lines(message: FrameMessage) -> str:
    found = message.detections
    if found is None or message.drop_reason is not None:
        return ""
    ids = [UNTRACKED] * len(found) if found.track_ids is None else found.track_ids.tolist()
    rows = zip(ids, found.xyxy, found.scores.tolist(), strict=True)
    return "".join(
        f"{format_line(message.index + 1, track_id, xyxy, score)}\n"
        for track_id, xyxy, score in rows
    )
