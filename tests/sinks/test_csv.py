from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from streamdet.sinks.csv import CsvSink
from streamdet.sinks.line_file import LineFileOptions
from tests.sinks.frames import context, message, one

HEADER = (
    "source_id,frame_id,pts_s,id,class_id,label,confidence,x1,y1,x2,y2,interpolated,parent,"
    "parent_id\n"
)


def written(tmp_path: Path, *counts: int) -> str:
    sink = CsvSink(LineFileOptions(path=tmp_path / "o.csv"), context("cam"))
    sink.restore({})
    sink.write([message("cam", i, count=n) for i, n in enumerate(counts)], [None] * len(counts))
    sink.committed()
    sink.close()
    return (tmp_path / "o.csv").read_text()


def test_a_header_comes_first_then_a_line_for_each_object(tmp_path: Path) -> None:
    lines = written(tmp_path, 1, 0, 2).splitlines()
    assert lines[0] + "\n" == HEADER
    assert [line.split(",")[:4] for line in lines[1:]] == [
        ["cam", "0", "0.0", "1"],
        ["cam", "2", "0.2", "1"],
        ["cam", "2", "0.2", "2"],
    ]


def test_frames_in_which_nothing_was_found_leave_the_header_alone(tmp_path: Path) -> None:
    assert written(tmp_path, 0, 0) == HEADER


def test_an_object_of_no_track_has_an_empty_id(tmp_path: Path) -> None:
    sink = CsvSink(LineFileOptions(path=tmp_path / "o.csv"), context("cam"))
    sink.restore({})
    sink.write([replace(message("cam"), detections=one([1, 2, 3, 4]))], [None])
    sink.committed()
    sink.close()
    line = "cam,0,0.0,,0,car,0.5,1.0,2.0,3.0,4.0,false,,\n"
    assert (tmp_path / "o.csv").read_text() == HEADER + line
