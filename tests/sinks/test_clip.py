"""Clips: which seconds, of which events, once each."""

from __future__ import annotations

from pathlib import Path

from streamdet.formats.recording_events import ClipEvent
from tests.sinks.camera_packets import fill_ring, packet
from tests.sinks.clip_run import ClipRun, levels


def test_a_clip_has_the_seconds_before_and_after_its_event(tmp_path: Path) -> None:
    run = ClipRun(tmp_path, {"before_s": 1, "after_s": 0.5})
    fill_ring(run.run_folder, map(packet, range(100)))
    run.play(2, count=0)
    run.play(3, 3.1, 3.2)
    run.play(5, count=0)
    run.finish()
    (clip,) = run.clips()
    assert levels(clip) == list(range(20, 38))  # from 3 - 1 s to 3.2 + 0.5 s
    assert clip.name == "cam_20251129T070642.000Z_car-1.mp4"


def test_a_clip_begins_at_the_last_keyframe_before_its_seconds(tmp_path: Path) -> None:
    run = ClipRun(tmp_path, {"before_s": 1, "after_s": 0.5})
    fill_ring(run.run_folder, (packet(number, keyframe_every=15) for number in range(100)))
    run.play(3.5)
    run.finish()
    (clip,) = run.clips()
    assert levels(clip)[0] == 15


def test_an_event_tells_of_the_clip_once_it_is_there(tmp_path: Path) -> None:
    run = ClipRun(tmp_path, {"before_s": 1, "after_s": 0.5})
    fill_ring(run.run_folder, map(packet, range(100)))
    run.play(3, count=2)
    run.finish()
    (clip,) = run.clips()
    (event,) = run.events
    ClipEvent.model_validate(event)
    assert event["path"] == str(clip)
    assert event["bytes"] == clip.stat().st_size
    assert (event["starts_at"], event["ends_at"]) == (
        "2025-11-29T07:06:42.000000Z",
        "2025-11-29T07:06:43.500000Z",
    )
    assert [(each["track"], each["label"]) for each in event["objects"]] == [(1, "car"), (2, "bus")]
