"""A tracker over a file."""

from __future__ import annotations

from pathlib import Path

import pytest

from streamdet.errors import ConfigError
from streamdet.formats.mot_text import read_mot
from streamdet.trackers.sort import Sort, SortOptions
from streamdet.trackers.track_file import FileSummary, track_file


def test_results_stand_in_the_file_frame_by_frame(tmp_path: Path) -> None:
    det, out = tmp_path / "det.txt", tmp_path / "out.txt"
    det.write_text("3,-1,12,10,40,80,0.9\n1,-1,10,10,40,80,0.9\n2,-1,11,10,40,80,0.9\n")
    summary = track_file(det, Sort(SortOptions()), out)
    assert (summary.frames, summary.tracks, summary.boxes, summary.filled) == (3, 1, 3, 0)
    assert summary.best_score == pytest.approx(0.9)
    assert read_mot(out).frames.tolist() == [1, 2, 3]
    assert out.read_text().startswith("1,1,10.000,10.000,40.000,80.000,0.900000,-1,-1,-1\n")


def test_an_empty_file_gives_an_empty_file(tmp_path: Path) -> None:
    (tmp_path / "det.txt").touch()
    summary = track_file(tmp_path / "det.txt", Sort(SortOptions()), tmp_path / "out.txt")
    assert summary == FileSummary(0, 0, 0)
    assert (tmp_path / "out.txt").read_text() == ""


def test_an_output_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    (tmp_path / "det.txt").touch()
    with pytest.raises(ConfigError, match="cannot be written: Is a directory"):
        track_file(tmp_path / "det.txt", Sort(SortOptions()), tmp_path)
