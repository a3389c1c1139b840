"""A file's tracks are made better in a second pass."""

from __future__ import annotations

from dataclasses import replace

from streamdet.archive.offline_tracks import OfflineTracks
from streamdet.detections import Detections
from streamdet.messages import FrameMessage
from streamdet.stages.track import TrackStage
from streamdet.trackers.byte_track import ByteTrack, ByteTrackOptions
from streamdet.trackers.offline import OfflineOptions
from tests.stages.toy_jobs import boxes, job


def message(index: int, found: Detections) -> FrameMessage:
    return replace(job(index).message, detections=found)


def test_gaps_are_filled_and_dropped_frames_stay_dropped() -> None:
    walker = [boxes([[10 * index, 0, 10 * index + 40, 80]]) for index in range(8)]
    messages = [message(index, found) for index, found in enumerate(walker)]
    messages[3] = message(3, Detections.empty())
    messages[5] = replace(messages[5], detections=None, drop_reason="why")
    options = ByteTrackOptions(high_thresh=0.1, new_thresh=0.1)
    first, second = TrackStage(ByteTrack, options), TrackStage(ByteTrack, options)
    jobs = [replace(job(), message=each) for each in messages]
    better = OfflineTracks(jobs, first, OfflineOptions())
    done = [each.message for each in better.process(second.process(jobs))]
    ids = [None if each.detections is None else each.detections.tracks() for each in done]
    assert ids == [[1]] * 5 + [None] + [[1]] * 2
    filled = done[3].detections
    assert filled is not None
    assert filled.interpolated is not None
    assert filled.interpolated.tolist() == [True]
    assert done[5].drop_reason == "why"
