"""Recordings of a stage: what is written is read, and of a damaged file all that is whole."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest

from streamdet.errors import ConfigError
from streamdet.formats.stage_recording import (
    MAGIC,
    NodeStart,
    RecordedInput,
    RecordingFile,
    StageHeader,
    count_blocks,
    header_bytes,
    input_bytes,
    start_bytes,
)
from streamdet.frame import Frame, FrameRef, Geometry
from streamdet.messages import EndOfStream, FrameMessage, PreparedImage

HEADER = StageHeader("detect", "detector", "yolox", "run-1", "people", "0.1", {"toy": ("car",)})


def frame(index: int = 0) -> FrameMessage:
    made = Frame("door", index, index, Fraction(1, 10), 1, (4, 6), 5, FrameRef("camera", 3, 7))
    prepared = PreparedImage((2, 3), Geometry((0.5, 0.5), (0.0, 0.0)), FrameRef("prepare", 1, 2))
    return FrameMessage(made, prepared)


def image(level: int) -> np.ndarray[tuple[int, int, int], np.dtype[np.uint8]]:
    return np.arange(level, level + 72, dtype=np.uint8).reshape(4, 6, 3)


BLOCKS = (
    start_bytes(NodeStart("track", "sort", "door", b"state", (frame(0),))),
    input_bytes(RecordedInput(1, frame(1), image(1), image(2)[:2, :3]), compressed=True),
    input_bytes(RecordedInput(2, frame(2), image(3)), compressed=False),
    input_bytes(RecordedInput(3, EndOfStream("door", 3)), compressed=True),
)


def written(folder: Path, content: bytes) -> Path:
    path = folder / "bug.sdrec"
    path.write_bytes(content)
    return path


def test_what_is_written_is_read_without_places_in_pools(tmp_path: Path) -> None:
    file = RecordingFile(written(tmp_path, header_bytes(HEADER) + b"".join(BLOCKS)))
    start, first, second, end = file.blocks()
    assert file.header == HEADER
    assert isinstance(start, NodeStart)
    assert (start.node, start.kind, start.source_id, start.state) == (
        *("track", "sort", "door"),
        b"state",
    )
    assert start.messages[0].index == 0
    assert isinstance(first, RecordedInput)
    assert isinstance(first.message, FrameMessage)
    assert first.message.frame.pixels is None
    assert first.message.prepared == PreparedImage((2, 3), Geometry((0.5, 0.5), (0.0, 0.0)))
    assert first.image is not None
    assert first.prepared is not None
    np.testing.assert_array_equal(first.image, image(1))
    np.testing.assert_array_equal(first.prepared, image(2)[:2, :3])
    assert isinstance(second, RecordedInput)
    assert second.prepared is None
    assert end == RecordedInput(3, EndOfStream("door", 3))
    assert file.problem == ""


def test_a_file_that_is_cut_off_anywhere_gives_what_is_whole_and_a_sentence(
    tmp_path: Path,
) -> None:
    head = header_bytes(HEADER)
    whole = head + b"".join(BLOCKS)
    ends = [len(head) + sum(map(len, BLOCKS[:count])) for count in range(len(BLOCKS) + 1)]
    for cut in range(len(head), len(whole)):
        path = written(tmp_path, whole[:cut])
        file = RecordingFile(path)
        count = len(list(file.blocks()))
        assert count == sum(end <= cut for end in ends[1:])
        at = ends[count]
        sentence = f"{path}: it is cut off after {at} bytes; what comes before is whole"
        assert file.problem == ("" if cut in ends else sentence)
        assert count_blocks(path, 0, 0) == (count + 1, at)


def test_a_changed_byte_is_noticed(tmp_path: Path) -> None:
    head = header_bytes(HEADER)
    content = bytearray(head + b"".join(BLOCKS))
    content[len(head) + len(BLOCKS[0]) + 20] ^= 1
    file = RecordingFile(written(tmp_path, bytes(content)))
    assert len(list(file.blocks())) == 1
    assert "a block is damaged after" in file.problem


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", "is no recording"),
        (b"any other file", "is no recording"),
        (b"streamdet-recording/2\nsomething", "is of another version"),
        (MAGIC, "not even its header is whole"),
        (header_bytes(HEADER)[:-1], "not even its header is whole"),
    ],
)
def test_what_is_no_recording_is_refused(tmp_path: Path, content: bytes, reason: str) -> None:
    with pytest.raises(ConfigError, match=rf"bug.sdrec.*{reason}"):
        RecordingFile(written(tmp_path, content))
