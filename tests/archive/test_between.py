"""Frames that were not looked at get the tracks that are on both sides of them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import numpy as np
import pytest

from streamdet.archive.between import seen, tracked
from streamdet.detections import Detections
from streamdet.messages import FrameMessage
from streamdet.sources import UNSEEN
from streamdet.stages import Job
from tests.sinks.frames import message


class Given:
    """A tracker that gives what its frames hold already, and notes their numbers."""

    def __init__(self) -> None:
        self.indices: list[int] = []

    def process(self, jobs: list[Job]) -> list[Job]:
        self.indices += [job.message.index for job in jobs]
        return jobs


def frame(index: int, pts: int, boxes: dict[int, list[float]] | None) -> FrameMessage:
    """A frame of tracks by id; None: it was not looked at."""
    empty = message("cam", index)
    empty = replace(empty, frame=replace(empty.frame, pts=pts), detections=None)
    if boxes is None:
        return replace(empty, drop_reason=UNSEEN, model=None)
    found = Detections(
        np.array([*boxes.values()], np.float32).reshape(-1, 4),
        np.linspace(0.5, 0.9, len(boxes), dtype=np.float32),
        np.zeros(len(boxes), np.int64),
        np.array([*boxes], np.int64),
    )
    return replace(empty, detections=found, model="m")


def run(*frames: FrameMessage) -> tuple[list[FrameMessage], list[int]]:
    tracker = Given()
    return list(tracked(map(Job, frames), [tracker])), tracker.indices  # type: ignore[list-item]


def boxes_of(found: FrameMessage) -> dict[int, list[float]]:
    detections = found.detections
    assert detections is not None
    assert detections.track_ids is not None
    return dict(zip(detections.track_ids.tolist(), detections.xyxy.tolist(), strict=True))


def test_a_track_on_both_sides_is_put_between_by_time() -> None:
    first = {1: [0.0, 0, 10, 10], 2: [5.0, 5, 6, 6]}
    last = {1: [40.0, 20, 50, 30], 3: [1.0, 1, 2, 2]}
    frames, numbers = run(
        frame(0, 100, first), frame(1, 110, None), frame(2, 130, None), frame(3, 140, last)
    )
    assert boxes_of(frames[1]) == {1: [10.0, 5.0, 20.0, 15.0]}
    assert boxes_of(frames[2]) == {1: [30.0, 15.0, 40.0, 25.0]}
    assert [each.index for each in frames] == [0, 1, 2, 3]
    assert numbers == [0, 1]
    between = frames[1]
    assert (between.drop_reason, between.model) == (None, "m")
    assert between.detections is not None
    assert between.detections.interpolated is not None
    assert between.detections.interpolated.tolist() == [True]
    assert frames[3].detections is not None
    assert frames[3].detections.interpolated is None


def test_objects_of_no_track_and_the_end_of_the_file_are_not_put_between() -> None:
    box = [0.0, 0, 10, 10]
    frames, _ = run(
        frame(0, 0, {0: box, 4: box}), frame(1, 1, None), frame(2, 2, {0: box, 4: box}),
        frame(3, 3, None),
    )  # fmt: skip
    assert boxes_of(frames[1]) == {4: box}
    assert boxes_of(frames[3]) == {}
    assert frames[3].drop_reason is None


def test_beside_a_frame_that_was_lost_nothing_is_put() -> None:
    lost = replace(frame(2, 2, {1: [0.0, 0, 9, 9]}), drop_reason="no slot")
    frames, _ = run(frame(0, 0, {1: [0.0, 0, 9, 9]}), frame(1, 1, None), lost)
    assert boxes_of(frames[1]) == {}
    assert frames[2].drop_reason == "no slot"


@pytest.mark.parametrize("times", [(None, None, None), (5, 5, 5)])
def test_without_times_frames_are_counted(times: tuple[int | None, ...]) -> None:
    def timed() -> Iterator[FrameMessage]:
        for index, boxes in enumerate(({1: [0.0, 0, 4, 4]}, None, {1: [8.0, 0, 12, 4]})):
            one = frame(index, 0, boxes)
            yield replace(one, frame=replace(one.frame, pts=times[index]))

    frames, _ = run(*timed())
    assert boxes_of(frames[1]) == {1: [4.0, 0.0, 8.0, 4.0]}


def test_the_frames_that_were_seen_are_numbered_from_0() -> None:
    frames = [frame(0, 0, {}), frame(1, 1, None), frame(2, 2, {})]
    assert [each.message.index for each in seen(map(Job, frames))] == [0, 1]
