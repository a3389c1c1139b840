"""The stage of a tracker: one a source, going on from what was committed."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from streamdet.image import Image
from streamdet.stages import Job
from streamdet.stages.track import TrackStage
from streamdet.trackers.byte_track import ByteTrack, ByteTrackOptions
from streamdet.trackers.options import TrackerOptions
from tests.stages.toy_jobs import Rig, boxes, job
from tests.toy_run import ToyTracker


def found(index: int, source_id: str = "cam") -> Job:
    one = job(index)
    frame = replace(one.message.frame, source_id=source_id)
    return replace(one, message=replace(one.message, frame=frame, detections=boxes([[0, 0, 1, 1]])))


def ids(jobs: list[Job]) -> list[list[int]]:
    all_found = [one.message.detections for one in jobs]
    return [
        [] if found is None or found.track_ids is None else found.track_ids.tolist()
        for found in all_found
    ]


def test_each_source_has_a_tracker_of_its_own() -> None:
    stage = TrackStage(ToyTracker, TrackerOptions())
    done = stage.process([found(0), found(0, "b"), found(1), found(1, "b")])
    assert ids(done) == [[1], [1], [2], [2]]


def test_a_dropped_frame_lets_time_go_on_and_stays_dropped() -> None:
    stage = TrackStage(ToyTracker, TrackerOptions())
    first, dropped, third = stage.process([found(0), job(1).dropped("why"), found(2)])
    assert ids([first, third]) == [[1], [3]]
    assert (dropped.message.drop_reason, dropped.message.detections) == ("why", None)


def test_states_are_of_the_sources_that_moved() -> None:
    stage = TrackStage(ToyTracker, TrackerOptions())
    stage.process([found(0), found(0, "b")])
    assert stage.states() == {"cam": b"1", "b": b"1"}
    stage.process([found(1, "b")])
    assert stage.states() == {"b": b"2"}
    assert stage.states() == {}


def test_a_restored_tracker_goes_on_with_its_ids_and_forgets_what_was_not_committed() -> None:
    stage = TrackStage(ToyTracker, TrackerOptions())
    stage.process([found(0)])
    states = stage.states()
    stage.process([found(1), found(0, "b")])
    stage.restore(states)
    assert stage.states() == {}
    assert ids(stage.process([found(1), found(0, "b")])) == [[2], [1]]


def test_a_source_that_has_ended_is_forgotten() -> None:
    stage = TrackStage(ToyTracker, TrackerOptions())
    stage.process([found(0)])
    stage.states()
    stage.finish("cam")
    assert stage.states() == {"cam": b""}
    stage.committed()
    stage.close()
    assert stage.states() == {}


def two_objects(*, is_still: bool = False) -> Job:
    """A frame of one sure object and one of score .4, which begins no track."""
    one = job(0)
    objects = replace(
        boxes([[0, 0, 10, 20], [50, 0, 60, 20]]), scores=np.array([0.9, 0.4], np.float32)
    )
    frame = replace(one.message.frame, is_still=is_still)
    return replace(one, message=replace(one.message, frame=frame, detections=objects))


def published(untracked: str, least: float, *, is_still: bool = False) -> list[int | None]:
    options = ByteTrackOptions.model_validate({"untracked": untracked, "untracked_thresh": least})
    stage = TrackStage(ByteTrack, options)
    found = stage.process([two_objects(is_still=is_still)])[0].message.detections
    assert found is not None
    return found.tracks()


def test_an_object_without_a_track_is_handed_on_from_its_threshold_on_or_dropped() -> None:
    everything, surest = published("publish", 0.3), published("publish", 0.5)
    assert len(everything) == len(surest) + 1
    assert everything[-1] is None
    assert None not in published("drop", 0.3)


def test_a_still_image_is_not_tracked() -> None:
    assert published("publish", 0.3, is_still=True) == [None, None]
    assert published("publish", 0.5, is_still=True) == [None]


def test_thresholds_are_those_of_the_size_at_which_a_frame_was_seen() -> None:
    """Of two objects, .9 and .4, the second begins a track only at 544x960."""
    options = ByteTrackOptions(untracked="drop", new_thresh=0.5, high_thresh=0.5)
    low = options.model_copy(update={"new_thresh": 0.3, "high_thresh": 0.3})
    stage = TrackStage(ByteTrack, options, {(544, 960): low})
    counts = []
    for index, hw in enumerate([(352, 416), (352, 416), (544, 960), (960, 544)]):
        one = two_objects()
        frame = replace(one.message.frame, index=index)
        message = replace(one.message, frame=frame, input_hw=hw)
        found = stage.process([replace(one, message=message)])[0].message.detections
        assert found is not None
        counts.append(len(found.tracks()))
    assert counts == [1, 1, 1, 2]  # a new track is published from its second frame on


def test_a_tracker_goes_on_when_its_thresholds_change() -> None:
    options = TrackerOptions(untracked_thresh=0.5)
    stage = TrackStage(ToyTracker, options, {(2, 2): TrackerOptions(untracked_thresh=0.1)})
    first, second = found(0), found(1)
    second = replace(second, message=replace(second.message, input_hw=(2, 2)))
    assert ids(stage.process([first, second])) == [[1], [2]]


class Looks(TrackerOptions):
    @property
    def needs_image(self) -> bool:
        return True


class LookingToy(ToyTracker):
    def __init__(self, options: TrackerOptions) -> None:
        super().__init__(options)
        self.seen: list[int | None] = []

    def look(self, image: Image | None) -> None:
        self.seen.append(None if image is None else int(image.bgr()[0, 0, 0]))


def test_a_tracker_looks_at_each_frame_s_image_before_its_detections() -> None:
    rig, made = Rig(), list[LookingToy]()

    def make(options: TrackerOptions) -> LookingToy:
        made.append(LookingToy(options))
        return made[-1]

    stage = TrackStage(make, Looks(), pixels=rig.pixels)
    lost = rig.filled("camera", 9)
    rig.overwrite(lost)
    stage.process(
        [job(0, pixels=rig.filled("camera", 7)), job(1, level=8), job(2), job(3, pixels=lost)]
    )
    assert made[0].seen == [7, 8, None, None]


def test_vectors_follow_their_objects_to_tracks_and_to_those_without_one() -> None:
    stage = TrackStage(ByteTrack, ByteTrackOptions(untracked_thresh=0.1))
    both = boxes([[0, 0, 2, 2], [3, 0, 5, 2]])
    sure = replace(both, scores=np.array([0.2, 0.95]), vectors=np.eye(2, dtype=np.float16))
    (done,) = stage.process([replace(job(0), message=replace(job(0).message, detections=sure))])
    tracked = done.message.detections
    assert tracked is not None
    assert tracked.tracks() == [1, None]
    assert tracked.vectors is not None
    assert tracked.vectors.tolist() == [[0, 1], [1, 0]]
