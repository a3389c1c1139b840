"""A segment file appears whole, wherever the process that writes it is killed."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from streamdet.errors import EngineError
from streamdet.formats.segment_file import pack, read_segment, record
from streamdet.messages import FrameMessage
from streamdet.sinks.segments import SegmentsOptions, SegmentsSink
from tests.sinks.frames import context, message

FRAMES = [replace(message("1-0", index, count=index % 3), events=()) for index in range(6)]


def indices(path: Path) -> list[int]:
    return [each.index for each in read_segment(path)]


class Killed(Exception):  # noqa: N818  not an error
    """The process has been killed."""


class Worker:
    """Plays the worker: Redis holds `states`. Killed at its `dies_at`-th breath."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.states: dict[str, bytes] = {}
        self.done = 0
        self.has_ended = False
        self.breaths = 0
        self.dies_at = -1

    def breathe(self) -> None:
        self.breaths += 1
        if self.breaths == self.dies_at:
            for fd in Path("/proc/self/fd").iterdir():
                if fd.is_symlink() and fd.readlink().is_relative_to(self.folder):
                    os.close(int(fd.name))
            raise Killed

    def run(self) -> None:
        sink = SegmentsSink(SegmentsOptions(folder=self.folder), context("1-0"))
        sink.restore({key: state for key, state in self.states.items() if state})
        self.breathe()
        while self.done < len(FRAMES):
            sink.write(FRAMES[self.done : self.done + 2], [None, None])
            self.breathe()
            self.states |= sink.states()
            self.done += 2
            self.breathe()
            sink.committed()
            self.breathe()
        if not self.has_ended:
            sink.finish("1-0")
            self.states |= sink.states()
            self.has_ended = True
            self.breathe()
            sink.committed()
            self.breathe()
        sink.close()


@pytest.mark.parametrize("dies_at", range(1, 13))
def test_a_file_is_whole_wherever_its_worker_dies(dies_at: int, tmp_path: Path) -> None:
    worker = Worker(tmp_path)
    worker.dies_at = dies_at
    with pytest.raises(Killed):
        worker.run()
    worker.run()
    assert [path.name for path in tmp_path.iterdir()] == ["1-0.seg"]
    assert indices(tmp_path / "1-0.seg") == [0, 1, 2, 3, 4, 5]


def test_a_source_without_a_frame_has_an_empty_file(tmp_path: Path) -> None:
    sink = SegmentsSink(SegmentsOptions(folder=tmp_path), context("1-0"))
    sink.restore({})
    sink.finish("1-0")
    assert sink.states() == {"ended:1-0": b"1"}
    sink.committed()
    assert indices(tmp_path / "1-0.seg") == []
    assert sink.states() == {"1-0": b"", "ended:1-0": b""}


def test_a_frame_comes_back_but_for_where_its_pixels_were(tmp_path: Path) -> None:
    path = tmp_path / "a.seg"
    path.write_bytes(pack(b"".join(map(record, FRAMES))))
    for found, wanted in zip(read_segment(path), FRAMES, strict=True):
        assert replace(found, detections=None) == replace(wanted, detections=None)
        assert_same_objects(found, wanted)


def assert_same_objects(found: FrameMessage, wanted: FrameMessage) -> None:
    assert found.detections is not None
    assert wanted.detections is not None
    np.testing.assert_array_equal(found.detections.xyxy, wanted.detections.xyxy)
    np.testing.assert_array_equal(found.detections.scores, wanted.detections.scores)


@pytest.mark.parametrize("content", [b"", b"something else", pack(b"abc")[:-4]])
def test_what_is_no_segment_file_is_said(content: bytes, tmp_path: Path) -> None:
    path = tmp_path / "a.seg"
    path.write_bytes(content)
    with pytest.raises(EngineError, match="is no segment file of this version"):
        list(read_segment(path))
