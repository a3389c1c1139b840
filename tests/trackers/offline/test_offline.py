"""Finished tracks as a whole, and back in their frames."""

from __future__ import annotations

import numpy as np

from streamdet.detections import Detections, FrameMasks
from streamdet.trackers.offline import OfflineOptions, refined
from streamdet.trackers.offline.frames import better_frame
from streamdet.trackers.offline.track_rows import TrackRows
from tests.trackers.offline.rows import rows_of

BARE = {"begin_earlier": 0, "fill_gaps": 0, "smooth": 0}


def frame(*objects: tuple[int, float]) -> Detections:
    """Objects of 40 x 80: track id and x of the left edge."""
    x = np.array([each[1] for each in objects])
    boxes = np.column_stack((x, 0 * x, x + 40, 0 * x + 80))
    ids = np.array([each[0] for each in objects])
    return Detections(boxes, np.full(len(objects), 0.9), 0 * ids, ids)


def test_short_and_unsure_tracks_become_none_and_the_others_count_from_1() -> None:
    rows = rows_of([(0, 1, 0, 0.9), (0, 2, 90, 0.3), (0, 3, 200, 0.9), (1, 2, 90, 0.4)])
    rows = TrackRows.concatenated((rows, rows_of([(1, 3, 200, 0.9)])))
    options = OfflineOptions(**BARE, min_frames=2, min_score=0.5)
    assert refined(rows, options).rows.track_ids.tolist() == [0, 0, 1, 0, 1]


def test_ids_stay_where_no_track_is_dropped() -> None:
    rows = rows_of([(0, 7, 0, 0.9), (1, 9, 90, 0.9)])
    assert refined(rows, OfflineOptions(**BARE)).rows.track_ids.tolist() == [7, 9]


def test_frames_hold_their_tracks_by_id_what_was_filled_marked_and_then_the_others() -> None:
    frames = [frame((1, 0), (2, 300)), frame((2, 300), (0, 100)), frame((1, 20), (2, 300))]
    tracks = refined(TrackRows.of_frames(frames), OfflineOptions(begin_earlier=0))
    better = better_frame(frames[1], tracks, 1)
    assert better.tracks() == [1, 2, None]
    assert better.interpolated is not None
    assert better.interpolated.tolist() == [True, False, False]
    np.testing.assert_allclose(better.xyxy[0], [10, 0, 50, 80], atol=1e-3)
    assert better_frame(frames[0], tracks, 0).interpolated is None


def test_what_is_filled_has_an_empty_mask_and_keypoints_at_0() -> None:
    shaped = Detections(
        np.array([[300, 0, 340, 80]]),
        np.array([0.9]),
        np.array([0]),
        np.array([2]),
        FrameMasks.of_arrays(np.ones((1, 4, 6), np.bool_)),
        np.ones((1, 17, 3), np.float32),
    )
    frames = [frame((1, 0)), shaped, frame((1, 20))]
    tracks = refined(TrackRows.of_frames(frames), OfflineOptions())
    better = better_frame(shaped, tracks, 1)
    assert better.masks is not None
    assert better.keypoints is not None
    assert better.masks.decoded().sum(axis=(1, 2)).tolist() == [0, 24]
    assert better.keypoints.sum(axis=(1, 2)).tolist() == [0, 51]


def test_frames_without_a_result_hold_nothing_and_count() -> None:
    rows = TrackRows.of_frames([None, frame((1, 5)), Detections.empty(), None])
    assert rows.frames.tolist() == [1]
    assert len(TrackRows.of_frames([])) == 0


def test_rows_are_gathered_over_many_frames() -> None:
    rows = TrackRows.of_frames(frame((1, 5)) for _ in range(10_000))
    assert rows.frames.tolist() == list(range(10_000))
    assert [len(track) for track in rows.tracks()] == [10_000]
