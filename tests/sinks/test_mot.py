from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np

from streamdet.detections import NO_PARENT, Detections
from streamdet.messages import FrameMessage
from streamdet.sinks.mot import MotSink
from streamdet.sinks.source_files import SourceFilesOptions
from tests.sinks.frames import context, message, one

BOX: list[float] = [9, 19, 40, 80]


def written(tmp_path: Path, *messages: FrameMessage) -> str:
    sink = MotSink(SourceFilesOptions(path=tmp_path / "o.txt"), context("cam"))
    sink.restore({})
    sink.write(messages, [None] * len(messages))
    sink.committed()
    sink.close()
    return (tmp_path / "o.txt").read_text()


def test_frames_and_pixels_count_from_1_and_boxes_are_left_top_width_height(
    tmp_path: Path,
) -> None:
    found = one(BOX, track_id=7)
    text = written(tmp_path, replace(message(index=2), detections=found))
    assert text == "3,7,10.000,20.000,31.000,61.000,0.500000,-1,-1,-1\n"


def test_an_untracked_object_has_id_minus_one(tmp_path: Path) -> None:
    found = one(BOX)
    assert written(tmp_path, replace(message(), detections=found)).startswith("1,-1,")


def test_what_was_found_in_an_object_is_left_out_with_a_tracker_and_without() -> None:
    pair = Detections(
        xyxy=np.array([BOX, BOX], np.float32),
        scores=np.array([0.5, 0.5], np.float32),
        class_ids=np.zeros(2, np.int64),
        parents=np.array([NO_PARENT, 0], np.int64),
    )
    sink = MotSink(SourceFilesOptions(path=Path("o.txt")), context("cam"))
    for found in (pair, replace(pair, track_ids=np.array([7, 0], np.int64))):
        lines = sink.lines(replace(message(), detections=found), ("car",), is_first=True)
        assert lines.count(b"\n") == 1


def test_dropped_and_undetected_frames_write_no_line(tmp_path: Path) -> None:
    dropped = replace(message(), drop_reason="stale")
    assert written(tmp_path, dropped, replace(message(), detections=None)) == ""


def test_a_frame_without_objects_replaces_what_an_earlier_run_found_wherever_it_is_killed(
    tmp_path: Path,
) -> None:
    (tmp_path / "o.txt").write_text("1,1,1,1,1,1,1,-1,-1,-1\n")
    sink = MotSink(SourceFilesOptions(path=tmp_path / "o.txt"), context("cam"))
    sink.restore({})
    sink.write([message(count=0)], [None])
    states = sink.states()
    sink.close()
    successor = MotSink(SourceFilesOptions(path=tmp_path / "o.txt"), context("cam"))
    successor.restore(states)
    successor.close()
    assert (tmp_path / "o.txt").read_bytes() == b""


def test_a_source_in_which_nothing_was_found_has_an_empty_file(tmp_path: Path) -> None:
    sink = MotSink(SourceFilesOptions(path=tmp_path / "o.txt"), context("cam"))
    sink.restore({})
    sink.write([message(count=0)], [None])
    sink.finish("cam")
    sink.committed()
    sink.close()
    assert (tmp_path / "o.txt").read_bytes() == b""


def test_a_source_that_comes_later_and_again_goes_on_in_a_file_of_its_own(tmp_path: Path) -> None:
    sink = MotSink(SourceFilesOptions(path=tmp_path / "o.txt"), context("cam"))
    sink.restore({})
    for index in range(2):
        found = one(BOX, track_id=7)
        sink.write([replace(message("yard", index), detections=found)], [None])
        sink.finish("yard")
        states = sink.states()
        sink.committed()
    sink.close()
    later = (tmp_path / "o-yard.txt").read_text().splitlines()
    assert [line.split(",")[0] for line in later] == ["1", "2"]
    successor = MotSink(SourceFilesOptions(path=tmp_path / "o.txt"), context("cam"))
    successor.restore(states)
    successor.close()
    assert (tmp_path / "o-yard.txt").read_text().splitlines() == later
