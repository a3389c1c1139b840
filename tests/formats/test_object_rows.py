"""Rows of objects, as CSV and Parquet hold them."""

from __future__ import annotations

import csv
import io
from dataclasses import replace

import numpy as np
import pytest

from streamdet.formats.object_rows import COLUMNS, csv_header, csv_lines, object_rows
from tests.sinks.frames import message, one, tracked

NAMES = ("car", "bus")


def test_an_object_is_a_row_with_a_value_for_each_column() -> None:
    found = replace(message("cam", 7), detections=one([1, 2, 3.004, 4.25], 0.87654, 5))
    (row,) = object_rows(found, NAMES)
    assert dict(zip(COLUMNS, row, strict=True)) == {
        "source_id": "cam", "frame_id": 7, "pts_s": 0.7, "id": 5, "class_id": 0, "label": "car",
        "confidence": 0.8765, "x1": 1.0, "y1": 2.0, "x2": 3.0, "y2": 4.25,
        "interpolated": "false", "parent": None, "parent_id": None,
    }  # fmt: skip


def test_an_object_of_no_track_and_a_frame_without_a_time_have_nulls() -> None:
    found = replace(message(), detections=one([1, 2, 3, 4]))
    found = replace(found, frame=replace(found.frame, pts=None))
    (row,) = object_rows(found, ())
    values = dict(zip(COLUMNS, row, strict=True))
    assert (values["pts_s"], values["id"], values["label"]) == (None, None, "0")


def test_an_object_that_was_put_between_says_so() -> None:
    put = replace(one([1, 2, 3, 4]), interpolated=np.array([True]))
    (row,) = object_rows(replace(message(), detections=put), ())
    assert dict(zip(COLUMNS, row, strict=True))["interpolated"] == "true"


def test_what_was_found_in_another_object_names_it() -> None:
    found = replace(tracked(2), track_ids=np.array([7, 0]), parents=np.array([-1, 0]))
    rows = object_rows(replace(message(), detections=found), NAMES)
    assert [row[-2:] for row in rows] == [(None, None), (0, 7)]
    untracked = replace(found, track_ids=None)
    assert object_rows(replace(message(), detections=untracked), NAMES)[1][-2:] == (0, None)


def test_a_dropped_frame_has_no_rows() -> None:
    assert object_rows(replace(message(), drop_reason="stale"), NAMES) == []


def test_a_box_that_is_not_finite_is_refused() -> None:
    with pytest.raises(ValueError, match="boxes and scores must be finite"):
        object_rows(replace(message(), detections=one([1, 2, float("nan"), 4])), NAMES)


def test_csv_is_read_back_as_it_was_whatever_the_names_hold() -> None:
    rows = object_rows(message('a,"b"\nc', count=1), ("x,y",))
    text = (csv_header() + csv_lines(rows)).decode()
    (read,) = csv.DictReader(io.StringIO(text, newline=""))
    assert (read["source_id"], read["label"]) == ('a,"b"\nc', "x,y")
    assert list(read) == list(COLUMNS)
