"""What an oracle makes of detections."""

from __future__ import annotations

import pytest

from benchmarks.public_detections import (
    NOBODY,
    Known,
    all_from,
    bounds,
    filled,
    true_tracks,
    with_true_ids,
)
from streamdet.formats.mot_text import MotRows, parse_mot


def walk(*frames: int, track_id: int = 5, score: float = 1.0, left: int = 1) -> list[str]:
    return [f"{n},{track_id},{left + n},1,20,40,{score},-1,-1,-1" for n in frames]


def known(*found: str) -> Known:
    """One person in frames 1 to 4, and a box that does not count."""
    truth = parse_mot([*walk(1, 2, 3, 4), *walk(1, track_id=6, score=0, left=100)])
    return Known(truth, with_true_ids(truth, parse_mot(list(found))))


def ids(rows: MotRows) -> list[tuple[int, int]]:
    return list(zip(rows.frames.tolist(), rows.track_ids.tolist(), strict=True))


def test_detections_get_the_tracks_of_people_who_count() -> None:
    found = [*walk(1, 3, track_id=-1), *walk(1, track_id=-1, left=100)]
    assert sorted(ids(known(*found).found)) == [(1, NOBODY), (1, 5), (3, 5)]


def test_what_is_nobody_is_left_out_or_has_a_track_of_its_own() -> None:
    found = known(*walk(1, track_id=-1), *walk(1, 2, track_id=-1, left=100, score=0.7))
    assert ids(true_tracks(found)) == [(1, 5)]
    own = [track_id for _, track_id in ids(all_from(found, 0.0))]
    assert len(set(own)) == 3 and NOBODY not in own
    assert ids(all_from(found, 0.8)) == [(1, 5)]


def test_gaps_are_filled_up_to_a_length() -> None:
    found = known(*walk(1, 4, track_id=-1))
    assert ids(filled(found, 3)) == [(n, 5) for n in (1, 2, 3, 4)]
    assert ids(filled(found, 2)) == [(1, 5), (4, 5)]


def test_the_bounds_follow_from_recall_and_false_detections() -> None:
    found = known(*walk(1, 4, track_id=-1), *walk(2, track_id=-1, left=100, score=0.6))
    values = {each.what: each.value for each in bounds([found])}
    assert values["oracle, true detections: MOTA"] == pytest.approx(0.5)
    assert values["oracle, true detections: IDF1"] == pytest.approx(2 * 2 / (2 + 4))
    assert values["oracle, true detections and gaps of up to 10 frames: MOTA"] == 1.0
    assert values["oracle, all detections of score 0.50 and more: MOTA"] == pytest.approx(0.25)
    assert values["oracle, all detections of score 0.70 and more: MOTA"] == pytest.approx(0.5)
