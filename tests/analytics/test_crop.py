"""Which objects a second detector looks at, and which pixels: counted out by hand."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from streamdet.analytics import AnalyticsContext
from streamdet.analytics.crop import CropOptions, Crops, crop_xyxy
from streamdet.detections import Detections
from streamdet.messages import Crop, FrameMessage
from tests.sinks.frames import frame

LEFT, RIGHT = (4, 4, 24, 24), (34, 4, 60, 30)
"""The frame is 48 x 64."""


def make(**options: Any) -> Crops:
    return Crops(CropOptions(**options), AnalyticsContext("cam", {"toy": ("car", "bus")}))


def message(index: int, *tracks: int | None, class_ids: tuple[int, ...] = (0, 0)) -> FrameMessage:
    """A frame with objects at LEFT and RIGHT; a track 0 is none, None: there is no tracker."""
    count = len(tracks)
    ids = None if None in tracks else np.array(tracks, np.int64)
    boxes = np.array([LEFT, RIGHT][:count], np.float32).reshape(-1, 4)
    found = Detections(boxes, np.full(count, 0.9), np.array(class_ids[:count]), ids)
    return FrameMessage(frame(index=index), detections=found, model="toy")


def rows(crops: Crops, sent: FrameMessage) -> list[int]:
    chosen = crops.update(sent).crops
    assert chosen is not None
    return [each.row for each in chosen]


def test_each_object_is_cut_out_and_nothing_else_changes() -> None:
    sent = message(0, 1, 2)
    crops = (Crop(0, LEFT), Crop(1, RIGHT))
    assert make().update(sent) == replace(sent, crops=crops)


@pytest.mark.parametrize(
    ("xyxy", "margin", "expected"),
    [
        ((4.2, 4.9, 24.1, 24.0), 0.0, (4, 4, 25, 24)),  # every pixel that the box touches
        ((10, 10, 20, 30), 0.5, (5, 0, 25, 40)),  # 5 to each side, 10 above and below
        ((-3, -9, 5, 6), 0.0, (0, 0, 5, 6)),
        ((60, 40, 90, 90), 0.0, (60, 40, 64, 48)),
        ((5, 5, 6, 6), 0.0, (5, 5, 6, 6)),  # one pixel
        ((5.5, 5.5, 5.6, 5.6), 0.0, (5, 5, 6, 6)),  # less than one
        ((64, 4, 70, 9), 0.0, None),  # beside the frame
        ((-9, 4, 0, 9), 0.0, None),
        ((5, 5, 5, 5), 0.0, None),
    ],
)
def test_a_crop_is_whole_pixels_inside_the_frame(
    xyxy: tuple[float, ...], margin: float, expected: tuple[int, ...] | None
) -> None:
    assert crop_xyxy(xyxy, (48, 64), margin) == expected


def test_a_track_is_looked_at_again_after_every_frames() -> None:
    crops = make(every_frames=3)
    assert [rows(crops, message(n, 1)) for n in range(7)] == [[0], [], [], [0], [], [], [0]]


def test_dropped_frames_count_in_every_frames() -> None:
    crops = make(every_frames=3)
    assert [rows(crops, message(n, 1)) for n in (0, 1, 5, 6)] == [[0], [], [0], []]


def test_no_more_than_most_looks_in_a_frame_and_those_unseen_longest_first() -> None:
    crops = make(most_looks=1)
    assert [rows(crops, message(n, 1, 2)) for n in range(4)] == [[0], [1], [0], [1]]


def test_other_classes_small_objects_and_those_without_a_track_are_left_out() -> None:
    assert rows(make(classes=("bus",)), message(0, 1, 2, class_ids=(0, 1))) == [1]
    assert rows(make(min_side=21), message(0, 1, 2)) == [1]  # LEFT is 20 x 20
    assert rows(make(), message(0, 0, 2)) == [1]


def test_without_a_tracker_each_frame_is_looked_at() -> None:
    crops = make(every_frames=10)
    assert [rows(crops, message(n, None, None)) for n in range(2)] == [[0, 1]] * 2


def test_what_was_found_in_a_crop_may_be_looked_at_although_it_has_no_track() -> None:
    sent = message(0, 1, 0)
    assert sent.detections is not None
    child = replace(sent.detections, parents=np.array([-1, 0]))
    assert rows(make(), replace(sent, detections=child)) == [0, 1]


def test_an_object_outside_the_frame_waits_for_its_turn() -> None:
    crops, outside = make(every_frames=5), message(0, 1)
    assert outside.detections is not None
    beside = replace(outside.detections, xyxy=np.array([[64, 0, 90, 30]]))
    assert rows(crops, replace(outside, detections=beside)) == []
    assert rows(crops, message(1, 1)) == [0]


def test_frames_without_objects_have_no_crops() -> None:
    crops = make()
    assert crops.update(message(0)).crops == ()
    assert crops.update(FrameMessage(frame(index=1), model="toy")).crops == ()


def test_it_goes_on_from_its_state() -> None:
    unbroken, first = make(every_frames=3, most_looks=1), make(every_frames=3, most_looks=1)
    for n in range(2):
        assert rows(unbroken, message(n, 1, 2)) == rows(first, message(n, 1, 2)) == [n]
    second = make(every_frames=3, most_looks=1)
    second.restore(first.state())
    expected = [[], [0], [1], [], [0], [1]]
    assert [rows(unbroken, message(n, 1, 2)) for n in range(2, 8)] == expected
    assert [rows(second, message(n, 1, 2)) for n in range(2, 8)] == expected
    assert second.state() == unbroken.state()


def test_a_track_that_has_ended_is_forgotten() -> None:
    crops = make()
    crops.update(message(0, 1))
    crops.update(message(601, 2))  # at 10 frames a second that is 60.1 s later
    assert crops.state() == make_known(2, 601).state()


def make_known(track: int, index: int) -> Crops:
    crops = make()
    crops.update(message(index, track))
    return crops
