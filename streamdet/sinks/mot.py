"""Writes tracks as MOTChallenge text, one file per source (see output_path.py for their names)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
from pydantic import Field

from streamdet.config.options import Options
from streamdet.detections import UNTRACKED
from streamdet.formats.mot_text import format_line
from streamdet.image import Image
from streamdet.messages import FrameMessage
from streamdet.sinks import PublicEntry, SinkContext
from streamdet.sinks.append_file import RedoFile, allow_open
from streamdet.sinks.output_path import output_path

_NO_TRACK = -1


class MotOptions(Options):
    """Options of `mot`."""

    path: Path = Field(
        description="the file, emptied when the first frame comes; with several sources "
        "<stem>-<source><suffix> beside it, one for each"
    )


class MotSink:
    """One line per tracked object, or per object with id -1 without a tracker.

    A reader sees committed lines only.
    """

    Options = MotOptions
    needs_image = False
    has_file_per_source = True

    def __init__(self, options: MotOptions, context: SinkContext) -> None:
        """Remember options and run."""
        self._path = options.path
        self._sources = context.sources
        self._files: dict[str, RedoFile] = {}
        self._states: dict[str, bytes] = {}
        self._written: set[str] = set()
        self._ended: list[str] = []

    def restore(self, states: Mapping[str, bytes]) -> None:
        """Open the file of every source, until that has ended, and bring it to its state.

        Raises:
            ConfigError: a file cannot be written.
        """
        self._states = dict(states)
        sources = dict.fromkeys((*self._sources, *states))
        allow_open(len(sources))
        for source_id in sources:
            self._files[source_id] = self._open(source_id)

    def _open(self, source_id: str) -> RedoFile:
        """Open a source's file; that of one which had ended, and came again, goes on."""
        path = output_path(self._path, source_id, self._sources)
        return RedoFile(path, self._states.get(source_id))

    def write(
        self, messages: Sequence[FrameMessage], images: Sequence[Image | None]
    ) -> list[tuple[PublicEntry, ...]]:
        """Stage the lines of each message's objects; publish nothing."""
        for message in messages:
            self._written.add(message.source_id)
            if message.source_id not in self._files:
                self._files[message.source_id] = self._open(message.source_id)
            self._files[message.source_id].stage(_lines(message).encode())
        return [()] * len(messages)

    def finish(self, source_id: str) -> None:
        """Have the next `committed` close the source's file."""
        self._ended.append(source_id)

    def states(self) -> dict[str, bytes]:
        """Where the staged lines of each source belong, and the lines."""
        found = {source_id: file.state() for source_id, file in self._files.items()}
        states = {source_id: state for source_id, state in found.items() if state is not None}
        self._states |= states
        return states

    def committed(self) -> None:
        """Write the staged lines.

        Raises:
            EngineError: the system refuses.
        """
        for file in self._files.values():
            file.commit()
        while self._ended:
            self._close(self._ended.pop())

    def close(self) -> None:
        """Close the files; remove those that this run made and that no frame came for."""
        for source_id in list(self._files):
            self._close(source_id)

    def _close(self, source_id: str) -> None:
        file = self._files.pop(source_id, None)
        if file is None:
            return  # it came late, and no frame of it
        if source_id in self._written:
            file.close()  # empty where nothing was found, and that is a result
        else:
            file.discard()


def _lines(message: FrameMessage) -> str:
    found = message.detections
    if found is None or message.drop_reason is not None:
        return ""
    if found.track_ids is None:
        found = replace(found, track_ids=np.full(len(found), _NO_TRACK))
    else:
        found = found[found.track_ids != UNTRACKED]
    assert found.track_ids is not None
    rows = zip(found.track_ids.tolist(), found.xyxy, found.scores.tolist(), strict=True)
    return "".join(
        f"{format_line(message.index + 1, track_id, xyxy, score)}\n"
        for track_id, xyxy, score in rows
    )
