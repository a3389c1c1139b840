"""What the sinks that write one text file for each source share."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from pydantic import Field

from streamdet.config.options import Options
from streamdet.image import Image
from streamdet.messages import FrameMessage
from streamdet.sinks import PublicEntry, SinkContext
from streamdet.sinks.append_file import RedoFile, allow_open
from streamdet.sinks.output_path import output_path


class SourceFilesOptions(Options):
    """Options of a sink that writes a file for each source."""

    path: Path = Field(
        description="the file, emptied when the first frame comes; with several sources "
        "<stem>-<source><suffix> beside it, one for each"
    )


class SourceFilesSink:
    """A file for each source, in which a reader sees committed text only; a kind says what it is.

    Attributes:
        header: what a file begins with.
        footer: what it ends with, once its source has ended.
    """

    Options: type[SourceFilesOptions] = SourceFilesOptions
    needs_image = False
    has_file_per_source = True
    header = b""
    footer = b""

    def __init__(self, options: SourceFilesOptions, context: SinkContext) -> None:
        """Remember options and run."""
        self._path = options.path
        self._context = context
        self._files: dict[str, RedoFile] = {}
        self._states: dict[str, bytes] = {}
        self._ended: list[str] = []

    def lines(self, message: FrameMessage, class_names: Sequence[str], *, is_first: bool) -> bytes:
        """The text of one frame, b"" for nothing.

        Args:
            message: the frame.
            class_names: of the model that found its objects.
            is_first: whether the file holds nothing but its header so far.
        """
        raise NotImplementedError

    def restore(self, states: Mapping[str, bytes]) -> None:
        """Open the file of every source, until that has ended, and bring it to its state.

        Raises:
            ConfigError: a file cannot be written.
        """
        self._states = dict(states)
        sources = dict.fromkeys((*self._context.sources, *states))
        allow_open(len(sources))
        for source_id in sources:
            self._files[source_id] = self._open(source_id)

    def write(
        self, messages: Sequence[FrameMessage], images: Sequence[Image | None]
    ) -> list[tuple[PublicEntry, ...]]:
        """Stage the text of each message; publish nothing."""
        for message in messages:
            source_id = message.source_id
            if source_id not in self._files:
                self._files[source_id] = self._open(source_id)
            file = self._files[source_id]
            if not file.has_begun:
                file.stage(self.header)  # also where nothing is found: that is a result
            names = self._context.class_names.get(message.model or "", ())
            file.stage(self.lines(message, names, is_first=file.end == len(self.header)))
        return [()] * len(messages)

    def finish(self, source_id: str) -> None:
        """Have the next `committed` end and close the source's file."""
        file = self._files.get(source_id)
        if file is not None and file.has_begun:
            file.stage(self.footer)
        self._ended.append(source_id)

    def states(self) -> dict[str, bytes]:
        """Where the staged text of each source belongs, and the text."""
        found = {source_id: file.state() for source_id, file in self._files.items()}
        states = {source_id: state for source_id, state in found.items() if state is not None}
        self._states |= states
        return states

    def committed(self) -> None:
        """Write the staged text.

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

    def _open(self, source_id: str) -> RedoFile:
        """Open a source's file; that of one which had ended, and came again, goes on."""
        path = output_path(self._path, source_id, self._context.sources)
        return RedoFile(path, self._states.get(source_id))

    def _close(self, source_id: str) -> None:
        file = self._files.pop(source_id, None)
        if file is None:
            return  # it came late, and no frame of it
        if file.has_begun:
            file.close()  # empty where nothing was found, and that is a result
        else:
            file.discard()
