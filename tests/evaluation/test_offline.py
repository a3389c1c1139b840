"""Tracks of what was published are made better as in an archive."""

from __future__ import annotations

from typing import Any

import numpy as np

from streamdet.evaluation.frames import Published
from streamdet.evaluation.offline import with_better_tracks
from streamdet.ops.run_length import area, encode
from streamdet.trackers.offline import OfflineOptions

NO_SMOOTHING = OfflineOptions(smooth=0)


def walker(frame: int, track_id: int | None = 1, **more: Any) -> dict[str, Any]:
    left = 10.0 * frame
    bbox = [left, 0.0, left + 40, 80.0]
    return {"id": track_id, "label": "person", "confidence": 0.5, "bbox": bbox, **more}


def frame(number: int, *objects: dict[str, Any], is_dropped: bool = False) -> Published:
    return Published(number, (100, 200), objects, is_dropped)


def test_a_gap_is_filled_and_a_dropped_frame_stays_empty() -> None:
    frames = [
        frame(1, walker(1)),
        frame(2),
        frame(3, walker(3)),
        frame(4, is_dropped=True),
        frame(5, walker(5)),
    ]
    better = with_better_tracks(frames, NO_SMOOTHING)
    assert [len(each.objects) for each in better] == [1, 1, 1, 0, 1]
    assert better[1].objects == [walker(2)]
    assert better[0].objects == [walker(1)]


def test_a_track_begins_where_its_object_was_first_seen_and_others_keep_none() -> None:
    cat = walker(9, None) | {"label": "cat"}
    frames = [frame(1, walker(1, None), cat), frame(2, walker(2)), frame(3, walker(3))]
    first = with_better_tracks(frames, NO_SMOOTHING)[0]
    assert [(each["label"], each["id"]) for each in first.objects] == [("person", 1), ("cat", None)]


def test_masks_and_points_stay_with_their_objects_and_what_is_filled_has_an_empty_mask() -> None:
    counts = encode(np.ones((100, 200), np.bool_)).decode()
    shape: dict[str, Any] = {
        "mask": {"size": [100, 200], "counts": counts},
        "keypoints": [[1.0, 2.0, 0.5]],
    }
    frames = [frame(1, walker(1, **shape)), frame(2, walker(2, 7, **shape)), frame(3, walker(3))]
    frames[2] = frame(3, walker(3, **shape))
    second = with_better_tracks(frames, NO_SMOOTHING)[1].objects
    assert [each["id"] for each in second] == [1, 7]
    assert [area(each["mask"]["counts"].encode()) for each in second] == [0, 100 * 200]
    assert second[1]["keypoints"] == [[1.0, 2.0, 0.5]]


def test_objects_without_mask_or_points_beside_others_stay_without() -> None:
    counts = encode(np.ones((100, 200), np.bool_)).decode()
    mask = {"size": [100, 200], "counts": counts}
    shaped = walker(1, 2, mask=mask, keypoints=[[1.0, 2.0, 0.5]])
    [better] = with_better_tracks([frame(1, walker(1), shaped)], NO_SMOOTHING)
    assert better.objects == [walker(1), shaped]
