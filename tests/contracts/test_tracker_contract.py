"""What every tracker promises."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest

from streamdet import registry
from streamdet.detections import Detections, FrameMasks
from streamdet.trackers import Tracker

Make = Callable[..., Tracker]


@pytest.fixture(params=sorted(registry.KINDS["tracker"]))
def make(request: pytest.FixtureRequest) -> Make:
    tracker = registry.load("tracker", request.param)

    def build(**options: object) -> Tracker:
        made: Tracker = tracker(tracker.Options(**options))
        return made

    return build


def found(*boxes: tuple[float, ...], score: float = 0.9, class_id: int = 0) -> Detections:
    count = len(boxes)
    xyxy = np.array(boxes, dtype=np.float32).reshape(-1, 4)
    return Detections(xyxy, np.full(count, score), np.full(count, class_id))


def walkers(frame: int, gap: range = range(0)) -> Detections:
    """Two people who walk towards each other and pass; the first is hidden in the gap."""
    left = (10.0 + 3 * frame, 20.0, 40.0 + 3 * frame, 90.0)
    right = (300.0 - 3 * frame, 60.0, 330.0 - 3 * frame, 130.0)
    return found(right) if frame in gap else found(left, right)


def crowd(frame_count: int, seed: int = 0) -> list[Detections]:
    """People on wandering ways, some missed and some false, of two classes and all scores."""
    rng = np.random.default_rng(seed)
    centre, speed = rng.random((12, 2)) * 300, rng.normal(size=(12, 2)) * 3
    class_ids = np.arange(12) % 2
    frames = []
    for _ in range(frame_count):
        centre = centre + speed
        noisy = centre + rng.normal(size=(12, 2))
        xyxy = np.hstack([noisy - np.array([20, 45]), noisy + np.array([20, 45])])
        seen = rng.random(12) > 0.25
        scores = rng.uniform(0.3, 1.0, 12)
        detections = Detections(xyxy.astype(np.float32), scores.astype(np.float32), class_ids)
        frames.append(detections[seen])
    return frames


def ids(tracks: Detections) -> list[int]:
    assert tracks.track_ids is not None
    listed: list[int] = tracks.track_ids.tolist()
    return listed


def same(one: Detections, other: Detections) -> bool:
    return (
        ids(one) == ids(other)
        and one.xyxy.tobytes() == other.xyxy.tobytes()
        and one.scores.tobytes() == other.scores.tobytes()
        and one.class_ids.tolist() == other.class_ids.tolist()
    )


def test_people_who_pass_each_other_keep_their_ids(make: Make) -> None:
    tracker = make()
    results = [tracker.update(walkers(frame)) for frame in range(90)]
    assert all(ids(tracks) == [1, 2] for tracks in results[5:])
    assert results[89].xyxy[0, 0] > results[89].xyxy[1, 0]


def test_a_person_hidden_for_a_second_gets_the_same_id(make: Make) -> None:
    tracker = make()
    results = [tracker.update(walkers(frame, gap=range(30, 50))) for frame in range(60)]
    assert ids(results[40]) == [2]
    assert ids(results[-1]) == [1, 2]


def test_a_person_hidden_for_longer_than_max_age_gets_a_new_id(make: Make) -> None:
    tracker = make(max_age=5)
    results = [tracker.update(walkers(frame, gap=range(30, 40))) for frame in range(60)]
    assert ids(results[-1]) == [2, 3]


def test_boxes_stay_on_the_detections(make: Make) -> None:
    tracker = make()
    for frame in range(40):
        tracks = tracker.update(walkers(frame))
    np.testing.assert_allclose(tracks.xyxy, walkers(39).xyxy, atol=2.0)


def test_no_detections_give_no_tracks_with_ids(make: Make) -> None:
    tracker = make()
    for _ in range(3):
        tracks = tracker.update(Detections.empty())
        assert len(tracks) == 0
        assert ids(tracks) == []


def test_ids_count_from_1_and_results_are_sorted_by_them(make: Make) -> None:
    tracker = make()
    highest = 0
    for detections in crowd(80):
        listed = ids(tracker.update(detections))
        assert listed == sorted(set(listed))
        fresh = [id_ for id_ in listed if id_ > highest]
        assert fresh == list(range(highest + 1, highest + 1 + len(fresh)))
        highest += len(fresh)
    assert highest > 5


def test_scores_and_classes_are_those_of_the_detections(make: Make) -> None:
    tracker = make()
    for detections in crowd(40):
        tracks = tracker.update(detections)
        given = set(zip(detections.scores.tolist(), detections.class_ids.tolist(), strict=True))
        assert set(zip(tracks.scores.tolist(), tracks.class_ids.tolist(), strict=True)) <= given


def test_masks_and_keypoints_stay_with_their_detections(make: Make) -> None:
    tracker = make()
    for detections in crowd(40):
        names = [f"{score:.6f}".encode() for score in detections.scores]
        points = np.repeat(detections.scores, 17 * 3).reshape(-1, 17, 3)
        masks = FrameMasks((300, 400), tuple(names))
        tracks = tracker.update(replace(detections, masks=masks, keypoints=points))
        assert tracks.masks is not None
        assert tracks.keypoints is not None
        assert tracks.masks.counts == tuple(f"{score:.6f}".encode() for score in tracks.scores)
        np.testing.assert_array_equal(tracks.keypoints[:, 16, 2], tracks.scores)


def test_a_track_keeps_its_class(make: Make) -> None:
    tracker = make()
    class_of: dict[int, int] = {}
    for detections in crowd(80):
        tracks = tracker.update(detections)
        for id_, class_id in zip(ids(tracks), tracks.class_ids.tolist(), strict=True):
            assert class_of.setdefault(id_, class_id) == class_id


def test_class_agnostic_tracks_go_on_when_the_class_changes(make: Make) -> None:
    box = (10.0, 10.0, 50.0, 90.0)
    for agnostic, last in ((True, 1), (False, 2)):
        tracker = make(class_agnostic=agnostic)
        for frame in range(20):
            tracks = tracker.update(found(box, class_id=int(frame >= 10)))
        assert ids(tracks) == [last]


def test_a_restored_tracker_goes_on_bit_for_bit(make: Make) -> None:
    unbroken, frames = make(), crowd(60)
    broken = make()
    for detections in frames:
        state = broken.state()
        broken = make()
        broken.restore(state)
        assert same(broken.update(detections), unbroken.update(detections))
    assert broken.state() == unbroken.state()


def test_taking_the_state_changes_nothing(make: Make) -> None:
    tracker = make()
    for detections in crowd(10):
        tracker.update(detections)
    assert tracker.state() == tracker.state()


def test_a_state_is_small(make: Make) -> None:
    tracker = make()
    for detections in crowd(60):
        tracker.update(detections)
    assert len(tracker.state()) < 10_000


@pytest.mark.parametrize("junk", [b"", b"junk", b"\x94\x01\x02\x19\xc4\x03abc"])
def test_what_is_no_state_is_refused(make: Make, junk: bytes) -> None:
    with pytest.raises(ValueError, match="not this tracker's state"):
        make().restore(junk)


def test_boxes_of_nan_or_without_area_disturb_nobody(make: Make) -> None:
    clean, disturbed = make(), make()
    junk = found((np.nan, 0, 1, 1), (5, 5, 5, 9), (0, 0, np.inf, 1), (9, 9, 2, 2))
    for frame in range(30):
        people = walkers(frame)
        both = Detections(
            np.vstack([junk.xyxy, people.xyxy]),
            np.append(junk.scores, people.scores),
            np.append(junk.class_ids, people.class_ids),
        )
        assert same(disturbed.update(both), clean.update(people))


def test_the_input_is_left_as_it_was(make: Make) -> None:
    tracker = make()
    for detections in crowd(20):
        before = detections.xyxy.copy(), detections.scores.copy()
        tracker.update(detections)
        np.testing.assert_array_equal(detections.xyxy, before[0])
        np.testing.assert_array_equal(detections.scores, before[1])


def test_boxes_far_outside_the_image_and_of_any_size_are_finite(make: Make) -> None:
    tracker = make()
    for frame in range(40):
        side = 1e-3 if frame % 2 else 1e5
        tracks = tracker.update(
            found((-1e6, -1e6, -1e6 + side, -1e6 + side), (0, 0, side, 2 * side))
        )
        assert np.isfinite(tracks.xyxy).all()
