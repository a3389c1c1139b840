"""The input of a stage in a file (.sdrec): messages and, if wanted, images, to be replayed.

A file is `MAGIC` and blocks: 4 bytes length, 4 bytes CRC-32 of the content (both big-endian), then
the content, MessagePack. The first block is the header, each other one a list whose first value
says what it is. So a file that was cut off anywhere gives every block that is whole.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any, Final

import msgpack
import numpy as np

from streamdet.errors import ConfigError, one_line
from streamdet.image import Pixels
from streamdet.messages import EndOfStream, FrameMessage, Message, decode, encode

MAGIC: Final = b"streamdet-recording/1\n"
MOST_BYTES: Final = 1 << 30
"""Of a block: what claims to be larger is damaged."""
_HEAD: Final = struct.Struct(">II")
_MESSAGE: Final = "message"
_START: Final = "start"
_DAMAGE: Final = (ValueError, TypeError, KeyError, IndexError, AttributeError, zlib.error)
_RAW, _ZLIB = "raw", "zlib"


@dataclass(frozen=True, slots=True)
class StageHeader:
    """What is known of the stage and its run; nothing of it is secret.

    Attributes:
        stage: name of the node.
        role: of the node.
        kind: of the node.
        run_id: names the run.
        graph: name of the graph.
        version: of streamdet.
        class_names: model name -> its class names.
        file_sources: those that are not live: the times of their frames are those of the file.
        runtime: of a detector with a network, what ran it and its precision.
    """

    stage: str
    role: str
    kind: str
    run_id: str
    graph: str
    version: str
    class_names: Mapping[str, tuple[str, ...]]
    file_sources: tuple[str, ...] = ()
    runtime: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class RecordedInput:
    """What came to a stage.

    Attributes:
        at_ns: when, on the monotonic clock of its machine.
        message: a frame, whose pixels are in no pool, or the end of a source.
        image: (H, W, 3) uint8 BGR, the source image; None where it was not recorded.
        prepared: (H, W, 3) uint8 BGR, the prepared image; None likewise.
    """

    at_ns: int
    message: Message
    image: Pixels | None = None
    prepared: Pixels | None = None


@dataclass(frozen=True, slots=True)
class NodeStart:
    """What a tracker or analytics node knew of a source just before the recording begins.

    Attributes:
        node: its name.
        kind: of the node.
        source_id: the source.
        state: committed before `messages`; b"" where it knew nothing.
        messages: what it got after that and before the first recorded frame.
    """

    node: str
    kind: str
    source_id: str
    state: bytes
    messages: tuple[FrameMessage, ...]


def header_bytes(header: StageHeader) -> bytes:
    """Write what a file begins with."""
    return MAGIC + _block(asdict(header))


def start_bytes(start: NodeStart) -> bytes:
    """Write where a node begins."""
    messages = [encode(without_pixels(message)) for message in start.messages]
    return _block([_START, start.node, start.kind, start.source_id, start.state, messages])


def input_bytes(entry: RecordedInput, *, compressed: bool) -> bytes:
    """Write an input."""
    images = [_packed(image, compressed) for image in (entry.image, entry.prepared)]
    return _block([_MESSAGE, entry.at_ns, encode(without_pixels(entry.message)), *images])


def without_pixels(message: Message) -> Message:
    """Take the places of images in pools out of a message: they are of one run alone."""
    if isinstance(message, EndOfStream):
        return message
    prepared = message.prepared and replace(message.prepared, pixels=None)
    return replace(message, frame=replace(message.frame, pixels=None), prepared=prepared)


class RecordingFile:
    """Reads a file; also one that is still being written.

    Attributes:
        header: of the file.
        problem: where it ends before its end, in a sentence; "" as long as all is whole.
        begin: where the last block that was read begins, bytes.
        end: where it ends: so many bytes were read whole.
    """

    def __init__(self, path: Path) -> None:
        """Open a file and read its header.

        Raises:
            ConfigError: it is no recording, or of another version, or its header is not whole.
        """
        self._path = path
        self.problem = ""
        magic = self._content(0, len(MAGIC))
        if magic != MAGIC:
            is_other = magic.startswith(MAGIC.partition(b"/")[0] + b"/")
            reason = "is of another version: use the streamdet that wrote it"
            raise ConfigError(
                f"{path} {reason if is_other else 'is no recording of `streamdet record`'}"
            )
        self.begin = self.end = len(MAGIC)
        header = self._next()
        if header is None:
            raise ConfigError(f"{path} is cut off: not even its header is whole")
        try:
            names = {model: tuple(each) for model, each in header["class_names"].items()}
            files = tuple(header["file_sources"])
            self.header = StageHeader(**header | {"class_names": names, "file_sources": files})
        except _DAMAGE as exc:
            raise ConfigError(f"{path} is damaged: its header is not one") from exc

    def blocks(self) -> Iterator[NodeStart | RecordedInput]:
        """Yield what follows, as far as it is whole; what comes then is in `problem`."""
        while (values := self._next()) is not None:
            try:
                yield _read(values)
            except _DAMAGE as exc:
                self.problem = self._damaged(f"a block is damaged ({one_line(str(exc))})")
                return

    def without_images(self) -> Iterator[NodeStart | Message]:
        """Yield what follows, but of inputs only the message; stops as `blocks` does."""
        while (values := self._next()) is not None:
            try:
                block = _read([*values[:3], None, None] if values[0] == _MESSAGE else values)
            except _DAMAGE:
                return
            yield block.message if isinstance(block, RecordedInput) else block

    def at(self, begin: int) -> RecordedInput:
        """Read an input again that `blocks` has yielded; it began there."""
        self.end = begin
        entry = _read(self._next())
        assert isinstance(entry, RecordedInput)
        return entry

    def _next(self) -> Any:
        """Read a block; None at the end, and where it is not whole."""
        head = self._content(self.end, _HEAD.size)
        if not head:
            return None
        length, crc = _HEAD.unpack(head) if len(head) == _HEAD.size else (0, 0)
        if length > MOST_BYTES:
            self.problem = self._damaged("a block is damaged")
            return None
        content = self._content(self.end + _HEAD.size, length)
        if len(head) < _HEAD.size or len(content) < length:
            self.problem = self._damaged("it is cut off")
            return None
        if zlib.crc32(content) != crc:
            self.problem = self._damaged("a block is damaged")
            return None
        self.begin, self.end = self.end, self.end + _HEAD.size + length
        return msgpack.unpackb(content)

    def _content(self, begin: int, length: int) -> bytes:
        """Read a part of the file.

        Raises:
            ConfigError: the system refuses.
        """
        try:
            with self._path.open("rb") as file:
                file.seek(begin)
                return file.read(length)
        except OSError as exc:
            raise ConfigError(f"{self._path} cannot be read: {exc.strerror}") from exc

    def _damaged(self, what: str) -> str:
        return f"{self._path}: {what} after {self.end} bytes; what comes before is whole"


def _block(values: Any) -> bytes:
    content: bytes = msgpack.packb(values)
    return _HEAD.pack(len(content), zlib.crc32(content)) + content


def _packed(image: Pixels | None, compressed: bool) -> list[Any] | None:
    if image is None:
        return None
    pixels = np.ascontiguousarray(image).tobytes()
    if compressed:
        return [*image.shape[:2], _ZLIB, zlib.compress(pixels, 1)]
    return [*image.shape[:2], _RAW, pixels]


def _unpacked(values: list[Any] | None) -> Pixels | None:
    if values is None:
        return None
    height, width, coding, content = values
    wanted = height * width * 3
    if not 0 < wanted <= MOST_BYTES:
        raise ValueError(f"an image of {height} x {width}")
    pixels = zlib.decompressobj().decompress(content, wanted) if coding == _ZLIB else content
    return np.frombuffer(pixels, np.uint8).reshape(height, width, 3)


def _read(values: list[Any]) -> NodeStart | RecordedInput:
    if values[0] == _START:
        _, node, kind, source_id, state, messages = values
        decoded = (decode(message) for message in messages)
        frames = tuple(each for each in decoded if isinstance(each, FrameMessage))
        return NodeStart(node, kind, source_id, state, frames)
    _, at_ns, message, image, prepared = values
    return RecordedInput(at_ns, decode(message), _unpacked(image), _unpacked(prepared))


def count_blocks(path: Path, count: int, end: int) -> tuple[int, int]:
    """Count on the blocks of a file that is being written, the header among them.

    Args:
        path: the file.
        count: how many had been counted.
        end: where those ended; 0 at first.

    Returns:
        Both, as of now.
    """
    end = end or len(MAGIC)
    with path.open("rb") as file:
        size = file.seek(0, 2)
        while end + _HEAD.size <= size:
            file.seek(end)
            length, _ = _HEAD.unpack(file.read(_HEAD.size))
            if end + _HEAD.size + length > size:
                break
            end += _HEAD.size + length
            count += 1
    return count, end


def frame_of(entry: RecordedInput) -> FrameMessage | None:
    """The frame of an input; None of the end of a source."""
    return entry.message if isinstance(entry.message, FrameMessage) else None
