"""MOTChallenge text."""

from __future__ import annotations

import time
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from streamdet.detections import Detections
from streamdet.errors import ConfigError
from streamdet.formats.mot_text import format_frame, format_line, parse_mot, read_mot


def test_the_first_pixel_is_1_in_the_text_and_0_here() -> None:
    rows = parse_mot(["1,-1,1,1,10,20,0.5"])
    np.testing.assert_array_equal(rows.xyxy, [[0, 0, 10, 20]])


def test_lines_in_any_order_come_out_by_frame_and_keep_the_order_in_a_frame() -> None:
    rows = parse_mot(["3,7,1,1,1,1,1", "1,8,1,1,1,1,1", "3,6,1,1,1,1,1"])
    assert rows.frames.tolist() == [1, 3, 3]
    assert rows.track_ids.tolist() == [8, 7, 6]


def test_a_frame_without_boxes_is_an_empty_frame() -> None:
    frames = parse_mot(["2,-1,1,1,1,1,1", "4,-1,1,1,1,1,1", ""]).detections()
    assert [len(found) for found in frames] == [0, 1, 0, 1]


def test_more_frames_may_be_asked_for_than_have_boxes_and_fewer() -> None:
    rows = parse_mot(["1,1,1,1,1,1,1", "3,2,1,1,1,1,1", "3,3,1,1,1,1,1"])
    assert [split.track_ids.tolist() for split in rows.in_frames(4)] == [[1], [], [2, 3], []]
    assert [split.track_ids.tolist() for split in rows.in_frames(2)] == [[1], []]


def test_a_gap_costs_next_to_nothing() -> None:
    started_s = time.monotonic()
    rows = parse_mot(["1,-1,1,1,5,5,1", "1000000,-1,1,1,5,5,1"])
    assert len(rows.detections()) == 1_000_000
    assert time.monotonic() - started_s < 3  # 10 s with arrays made for each frame


def test_an_empty_text_has_no_frames() -> None:
    assert parse_mot([]).detections() == []
    assert parse_mot([]).frame_count == 0


@pytest.mark.parametrize(
    ("line", "class_id"),
    [("1,2,3,4,5,6,1", 1), ("1,2,3,4,5,6,1,7,0.5", 7), ("1,2,3,4,5,6,1,-1,-1,-1", 1)],
)
def test_8_and_9_columns_name_a_class(line: str, class_id: int) -> None:
    assert parse_mot([line]).class_ids.tolist() == [class_id]


@pytest.mark.parametrize(
    ("line", "wanted"),
    [
        ("1,2,3", "wanted 7 columns as in line 1, got 3"),
        ("1,2,3,4,5,6,x", "wanted numbers, got 'x'"),
        ("1,2,nan,4,5,6,1", "wanted finite numbers"),
        ("0,2,3,4,5,6,1", "wanted a frame number, 1 to 10,000,000, in column 1, got 0"),
        ("1.5,2,3,4,5,6,1", "wanted a frame number, 1 to 10,000,000, in column 1, got 1.5"),
        ("999999999,2,3,4,5,6,1", "wanted a frame number, 1 to 10,000,000, in column 1, got 9"),
        ("1,2,3,4,-5,6,1", "wanted width and height of 0 or more, got -5 and 6"),
    ],
)
def test_a_wrong_line_is_named_with_its_number(line: str, wanted: str) -> None:
    with pytest.raises(ConfigError) as error:
        parse_mot(["1,2,3,4,5,6,1", line], "det.txt")
    assert str(error.value).startswith(f"det.txt:2: {wanted}")


@given(
    box=st.tuples(*[st.integers(-500_000, 4_000_000)] * 2, *[st.integers(0, 4_000_000)] * 2),
    score=st.integers(0, 1_000_000),
)
def test_a_line_comes_out_as_it_went_in(box: tuple[int, ...], score: int) -> None:
    cells = ",".join(f"{value / 1000:.3f}" for value in box)
    line = f"12,3,{cells},{score / 1e6:.6f},-1,-1,-1"
    rows = parse_mot([line])
    assert format_line(12, 3, rows.xyxy[0], rows.scores[0]) == line


def test_a_frame_without_track_ids_is_refused() -> None:
    with pytest.raises(ValueError, match="need track ids"):
        format_frame(1, Detections.empty())


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"absent\.txt: cannot be read: No such file"):
        read_mot(tmp_path / "absent.txt")


def test_a_file_that_is_no_text_is_refused(tmp_path: Path) -> None:
    (tmp_path / "det.txt").write_bytes(b"1,2,3,4,5,6,1\n\xff")
    with pytest.raises(ConfigError, match=r"det\.txt:2: must be UTF-8, got byte 0xff"):
        read_mot(tmp_path / "det.txt")


@pytest.mark.data
def test_public_detections_come_out_as_they_went_in_to_3_decimals(data: Path) -> None:
    path = data / "mot" / "TUD-Campus" / "det.txt"
    rows = read_mot(path)
    boxes = zip(rows.frames, rows.xyxy, rows.scores, strict=True)
    written = [format_line(frame, -1, xyxy, score).split(",") for frame, xyxy, score in boxes]
    read = [line.split(",") for line in path.read_text().split()]
    difference = np.array(written, dtype=float) - np.array(read, dtype=float)
    assert np.abs(difference).max() < 0.000501
