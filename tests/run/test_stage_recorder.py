"""The parts of several workers become one recording, in order, without doubles and gaps."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from streamdet.errors import ConfigError
from streamdet.formats.stage_recording import (
    NodeStart,
    RecordedInput,
    RecordingFile,
    header_bytes,
    input_bytes,
    start_bytes,
)
from streamdet.messages import EndOfStream
from streamdet.run.stage_recorder import merge
from tests.formats.test_stage_recording import HEADER, frame


def part(folder: Path, name: str, entries: list[tuple[int, int]], *more: bytes) -> Path:
    """A part with frames, each (when, index)."""
    blocks = [input_bytes(RecordedInput(at, frame(n)), compressed=False) for at, n in entries]
    path = folder / f"{name}.part"
    path.write_bytes(header_bytes(HEADER) + b"".join((*more, *blocks)))
    return path


def indices(path: Path) -> list[int]:
    blocks = RecordingFile(path).blocks()
    return [block.message.index for block in blocks if isinstance(block, RecordedInput)]


def test_replicas_that_overtake_each_other_are_put_in_order(tmp_path: Path) -> None:
    parts = [part(tmp_path, "a", [(1, 1), (4, 2)]), part(tmp_path, "b", [(2, 0), (3, 3)])]
    recorded = merge(parts, tmp_path / "out", "")
    assert indices(tmp_path / "out") == [0, 1, 2, 3]
    assert (recorded.frames, recorded.left_out) == (4, 0)


def test_what_two_processes_of_a_worker_got_is_there_once(tmp_path: Path) -> None:
    parts = [part(tmp_path, "a", [(1, 0), (2, 1)]), part(tmp_path, "b", [(3, 1), (4, 2)])]
    merge(parts, tmp_path / "out", "")
    assert indices(tmp_path / "out") == [0, 1, 2]


def test_what_comes_after_a_gap_is_left_out_and_the_end_stays(tmp_path: Path) -> None:
    end = input_bytes(RecordedInput(9, EndOfStream("door", 0)), compressed=False)
    recorded = merge(
        [part(tmp_path, "a", [(1, 5), (2, 6), (3, 8)], end)], tmp_path / "out", "it is full"
    )
    assert indices(tmp_path / "out") == [5, 6, 0]
    assert (recorded.frames, recorded.left_out, recorded.problem) == (2, 1, "it is full")


def test_where_trackers_begin_comes_first_and_a_part_that_is_cut_off_is_read(
    tmp_path: Path,
) -> None:
    start = start_bytes(NodeStart("track", "sort", "door", b"1", ()))
    behind = tmp_path / "back.part"
    behind.write_bytes(header_bytes(replace(HEADER, role="")) + start)
    cut = part(tmp_path, "front", [(1, 0), (2, 1)])
    cut.write_bytes(cut.read_bytes()[:-3])
    (tmp_path / "empty.part").touch()
    merge(sorted(tmp_path.glob("*.part")), tmp_path / "out", "")
    file = RecordingFile(tmp_path / "out")
    first, *_ = file.blocks()
    assert isinstance(first, NodeStart)
    assert file.header.role == "detector"
    assert indices(tmp_path / "out") == [0]


def test_nothing_is_a_sentence(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="no frame has come to the stage"):
        merge([], tmp_path / "out", "")
