"""OC-SORT: its three ideas, each against the same tracker without it."""

from __future__ import annotations

import numpy as np
import pytest

from streamdet.detections import Detections
from streamdet.trackers.kalman import correct, start_filters
from streamdet.trackers.oc_sort import OcSort, OcSortOptions
from streamdet.trackers.sort import (
    MEASUREMENT_NOISE,
    START_NOISE,
    Sort,
    SortOptions,
    predict_xysr,
)


def at(*centres: tuple[float, float], wh: tuple[float, float] = (40, 80)) -> Detections:
    xy = np.array(centres, dtype=np.float64).reshape(-1, 2)
    half = np.array(wh) / 2
    count = len(xy)
    return Detections(np.hstack([xy - half, xy + half]), np.full(count, 0.9), np.full(count, 0))


def last_ids(tracker: OcSort | Sort, frames: list[Detections]) -> list[int]:
    for detections in frames:
        tracks = tracker.update(detections)
    assert tracks.track_ids is not None
    listed: list[int] = tracks.track_ids.tolist()
    return listed


def test_ocr_finds_a_person_who_stopped_while_hidden() -> None:
    walk = [at((10 * step, 0)) for step in range(10)]
    frames = [*walk, *[Detections.empty()] * 8, at((95, 0))]
    assert last_ids(OcSort(OcSortOptions()), frames) == [1]
    assert last_ids(Sort(SortOptions()), frames) == []


def test_ocm_prefers_the_detection_in_the_track_s_direction() -> None:
    # Two candidates with the same overlap, one ahead and one behind of where the filter expects it.
    frames = [at((100, 0))] + [at((100 + 4 * step, 0)) for step in range(1, 8)]
    expected = 100 + 4 * 8
    frames.append(at((expected - 11, 0), (expected + 11, 0)))
    tracker = OcSort(OcSortOptions(direction_weight=0.5, min_hits=0))
    for detections in frames:
        tracks = tracker.update(detections)
    assert tracks.track_ids is not None
    ahead = tracks.xyxy[tracks.track_ids == 1]
    assert ahead[0, 0] + 20 > expected


def test_oru_relives_the_gap_along_a_straight_line() -> None:
    frames = [at((0, 0)), at((1, 0)), *[Detections.empty()] * 3, at((13, 4))]
    tracker = OcSort(OcSortOptions(min_hits=0))
    for detections in frames:
        tracks = tracker.update(detections)
    filters = start_filters(np.array([[0.0], [0.0], [3200.0], [0.5]]), START_NOISE)
    for x, y in [(1, 0), (4, 1), (7, 2), (10, 3), (13, 4)]:
        predict_xysr(filters)
        correct(filters, np.array([[x], [y], [3200.0], [0.5]]), MEASUREMENT_NOISE)
    assert tracks.xyxy[0].tolist() == pytest.approx(
        [
            filters[0, 0, 0] - 20,
            filters[0, 1, 0] - 40,
            filters[0, 0, 0] + 20,
            filters[0, 1, 0] + 40,
        ],
        abs=1e-4,
    )


def test_the_state_of_other_options_is_refused() -> None:
    state = OcSort(OcSortOptions(direction_frames=2)).state()
    with pytest.raises(ValueError, match="wanted 38 fields a track, got 35"):
        OcSort(OcSortOptions(direction_frames=3)).restore(state)


def test_a_lost_track_that_shrinks_keeps_an_area() -> None:
    tracker = OcSort(OcSortOptions())
    for side in range(80, 20, -6):
        tracker.update(at((100, 100), wh=(side, side)))
    for _ in range(20):
        tracker.update(at((500, 500)))
    assert np.isfinite(tracker.update(at((500, 500))).xyxy).all()


def test_without_lost_tracks_and_rivals_it_is_sort() -> None:
    rng = np.random.default_rng(0)
    ways = [np.array([[0, 0], [300, 0], [0, 300]]) + rng.normal(size=(3, 2)) + t for t in range(40)]
    frames = [at(*map(tuple, way)) for way in ways]
    oc_sort, sort = OcSort(OcSortOptions()), Sort(SortOptions())
    for detections in frames:
        np.testing.assert_array_equal(oc_sort.update(detections).xyxy, sort.update(detections).xyxy)
