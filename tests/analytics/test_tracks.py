"""Tracks: one event at the start of each, one at its end."""

from __future__ import annotations

from tests.analytics.scenes import Feet, kinds, make, play

SEEN: Feet = {7: (50, 50)}


def test_a_track_starts_when_it_was_seen_often_enough_and_ends_when_it_is_gone() -> None:
    tracks = make("tracks", min_frames=3, lost_s=0.4)
    events = play(tracks, [SEEN, SEEN, {}, SEEN, SEEN, *[{}] * 6])
    assert kinds(events) == [(3, "track_start"), (9, "track_end")]
    (_, start), (_, end) = events
    assert (start.track_id, start.class_id, start.xyxy) == (7, 0, (48, 40, 52, 50))
    assert end.more == {"seen_frames": 4, "dwell_s": 0.4}


def test_a_short_track_makes_no_event() -> None:
    assert play(make("tracks", min_frames=3, lost_s=0.2), [SEEN, SEEN, *[{}] * 6]) == []


def test_objects_without_a_track_make_none() -> None:
    assert play(make("tracks", min_frames=1), [{0: (50, 50)}] * 3) == []
