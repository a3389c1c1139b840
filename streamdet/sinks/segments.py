"""Writes each source as a segment file (formats/segment_file.py); only an archive uses it.

`<folder>/<source>.seg` appears whole, on the disk, when its source has ended. Until then its
records are in `<source>.part`, as crash-safe as the file of the `jsonl` sink.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

from pydantic import Field

from streamdet.config.options import Options
from streamdet.formats.segment_file import pack, record
from streamdet.image import Image
from streamdet.messages import FrameMessage
from streamdet.sinks import PublicEntry, SinkContext
from streamdet.sinks.append_file import RedoFile
from streamdet.system.atomic_file import write_whole

SUFFIX: Final = ".seg"
_ENDED: Final = "ended:"
"""Prefix of the state that says that a source has ended."""


class SegmentsOptions(Options):
    """Options of `segments`."""

    folder: Path = Field(description="the folder of the segment files, which exists")


class SegmentsSink:
    """One file per source; many sources, few of them at once."""

    Options = SegmentsOptions
    needs_image = False
    has_file_per_source = False

    def __init__(self, options: SegmentsOptions, context: SinkContext) -> None:
        """Remember the folder."""
        self._folder = options.folder
        self._files: dict[str, RedoFile] = {}
        self._ended: list[str] = []
        self._complete: list[str] = []

    def restore(self, states: Mapping[str, bytes]) -> None:
        """Bring the files to the committed states, and complete those of ended sources.

        Raises:
            ConfigError: a file cannot be written.
        """
        ended = {key.removeprefix(_ENDED) for key in states if key.startswith(_ENDED)}
        begun = [source_id for source_id in states if not source_id.startswith(_ENDED)]
        for source_id in begun:
            if source_id not in ended or self._part(source_id).exists():
                self._files[source_id] = RedoFile(self._part(source_id), states[source_id])
        for source_id in ended:
            self._end(source_id)

    def write(
        self, messages: Sequence[FrameMessage], images: Sequence[Image | None]
    ) -> list[tuple[PublicEntry, ...]]:
        """Stage a record for each message; publish nothing."""
        for message in messages:
            source_id = message.source_id
            if source_id not in self._files:
                self._files[source_id] = RedoFile(self._part(source_id), None)
            self._files[source_id].stage(record(message))
        return [()] * len(messages)

    def finish(self, source_id: str) -> None:
        """Have the next `committed` complete the source's file."""
        self._ended.append(source_id)

    def states(self) -> dict[str, bytes]:
        """Where the staged records belong, the records, and which sources have ended."""
        states = {source_id: file.state() for source_id, file in self._files.items()}
        changed = {source_id: state for source_id, state in states.items() if state is not None}
        changed |= {_ENDED + source_id: b"1" for source_id in self._ended}
        for source_id in self._complete:
            changed |= {source_id: b"", _ENDED + source_id: b""}
        return changed

    def committed(self) -> None:
        """Write the staged records, and complete the files of the sources that have ended.

        Raises:
            EngineError: the system refuses.
        """
        self._complete.clear()
        for file in self._files.values():
            file.commit()
        while self._ended:
            self._end(self._ended.pop())

    def close(self) -> None:
        """Close the files."""
        for file in self._files.values():
            file.close()

    def _end(self, source_id: str) -> None:
        """Complete a source's file; one that is complete already stays."""
        part, path = self._part(source_id), self._folder / f"{source_id}{SUFFIX}"
        if source_id in self._files:
            self._files.pop(source_id).close()
            write_whole(path, pack(part.read_bytes()))
            part.unlink()
        elif not path.exists():
            write_whole(path, pack(b""))
        self._complete.append(source_id)

    def _part(self, source_id: str) -> Path:
        return self._folder / f"{source_id}.part"
