"""Clips: which seconds, of which events, once each."""

from __future__ import annotations

import resource
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from itertools import chain
from pathlib import Path

import numpy as np
import pytest

from streamdet.formats.recording_events import ClipEvent
from streamdet.transport.packet_ring import CodedFormat, held_folder
from tests.sinks.camera_packets import at_ns, fill_ring, packet, seen, untracked
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


def starts(run: ClipRun) -> list[int]:
    """The first level of each clip, in order."""
    return [levels(clip)[0] for clip in run.clips()]


def test_events_that_overlap_are_one_clip(tmp_path: Path) -> None:
    run = ClipRun(tmp_path, {"before_s": 1, "after_s": 0.5})
    fill_ring(run.run_folder, map(packet, range(100)))
    run.play(2)
    run.play(3.3, count=2)  # from 2.3 s on: the first clip lasts until 2.5 s
    run.play(9, count=0)
    run.finish()
    (clip,) = run.clips()
    assert levels(clip) == list(range(10, 39))
    assert [each["track"] for each in run.events[0]["objects"]] == [1, 2]


def test_events_apart_are_clips_of_their_own(tmp_path: Path) -> None:
    run = ClipRun(tmp_path, {"before_s": 1, "after_s": 0.5})
    fill_ring(run.run_folder, map(packet, range(100)))
    run.play(2)
    run.play(5, count=2)
    run.finish()
    assert starts(run) == [10, 40]


def test_an_object_that_stays_has_one_clip_of_the_longest_time(tmp_path: Path) -> None:
    run = ClipRun(tmp_path, {"before_s": 1, "after_s": 0.5, "max_s": 3})
    fill_ring(run.run_folder, map(packet, range(200)))
    run.play(*(2 + step / 2 for step in range(20)))
    run.finish()
    (clip,) = run.clips()
    assert levels(clip) == list(range(10, 41))


def test_what_comes_when_a_clip_is_nearly_full_has_the_next_one(tmp_path: Path) -> None:
    run = ClipRun(tmp_path, {"before_s": 1, "after_s": 0.5, "max_s": 3})
    fill_ring(run.run_folder, map(packet, range(200)))
    run.play(2, 2.5, 3, 3.5)
    run.play(3.8, count=2)  # its 0.5 s would end at 4.3 s, the first clip ends at 4
    run.finish()
    assert starts(run) == [10, 28]


def test_objects_that_are_not_wanted_are_no_events(tmp_path: Path) -> None:
    options = {"classes": ("bus",), "min_duration_s": 1, "min_score": 0.4, "before_s": 1}
    run = ClipRun(tmp_path, options)
    fill_ring(run.run_folder, map(packet, range(150)))
    run.play(2, 2.5, count=2)  # a bus for half a second, a car
    run.play(6, 6.5, 7, count=4)  # the second bus for a second
    run.finish()
    (event,) = run.events
    assert [each["track"] for each in event["objects"]] == [2, 4]


def test_without_a_tracker_a_class_is_one_event_until_it_is_gone(tmp_path: Path) -> None:
    run = ClipRun(tmp_path, {"before_s": 0.5, "after_s": 0.5})
    fill_ring(run.run_folder, map(packet, range(150)))
    for second in (2, 2.5, 3, 8, 8.5):
        run.step([untracked(seen(second))])
    run.finish()
    assert starts(run) == [15, 75]
    assert [each["track"] for each in run.events[0]["objects"]] == [None]


def test_a_camera_that_falls_silent_gets_its_clip_all_the_same(tmp_path: Path) -> None:
    run = ClipRun(tmp_path, {"before_s": 1, "after_s": 0.5})
    fill_ring(run.run_folder, map(packet, range(32)))
    run.play(3)
    run.now_ns = at_ns(9)
    run.step([])
    assert not run.clips()  # 5 s after the clip's end, and its seconds before
    run.now_ns = at_ns(9.6)
    run.step([])
    wait_until(run.clips, run)
    assert levels(run.clips()[0]) == list(range(20, 32))


def test_another_size_goes_into_a_file_of_its_own(tmp_path: Path) -> None:
    run = ClipRun(tmp_path, {"before_s": 1, "after_s": 1})
    larger = CodedFormat("mjpeg", b"", (96, 128))
    fill_ring(
        run.run_folder,
        chain(map(packet, range(30)), (packet(number, coded=larger) for number in range(30, 60))),
    )
    run.play(3)
    run.finish()
    assert [levels(clip) for clip in run.clips()] == [list(range(20, 30)), list(range(30, 41))]
    assert len({event["id"] for event in run.events}) == 2


def test_no_packets_are_said_to_be_missing(tmp_path: Path) -> None:
    run = ClipRun(tmp_path, {})
    run.play(3)
    run.finish()
    assert run.events == []
    assert run.warnings == ["record: cam: a clip was not written: none of its video was kept"]


@pytest.mark.parametrize("point", ["before the step", "after the step"])
@pytest.mark.parametrize("death", range(6))
def test_a_killed_sink_doubles_and_loses_nothing(tmp_path: Path, death: int, point: str) -> None:
    run = ClipRun(tmp_path, {"before_s": 1, "after_s": 0.5})
    fill_ring(run.run_folder, map(packet, range(200)))
    steps = [[seen(second)] for second in (3, 3.2)]
    steps += [[seen(second, count=0)] for second in (5, 5.1, 5.2, 5.3)]
    for number, frames in enumerate(steps):
        if number == death:
            run.step(frames, dies=point)
            if point == "after the step":
                continue
        run.step(frames)
        time.sleep(0.02)  # the writer is somewhere
    run.finish()
    (clip,) = run.clips()
    assert levels(clip) == list(range(20, 38))
    assert [event["path"] for event in run.events] == [str(clip)]
    assert [path for path in clip.parent.iterdir() if path.name.startswith(".")] == []
    assert list(held_folder(run.run_folder).glob("**/*.packets")) == []
    assert not any(run.states.values())  # what is announced is not remembered, to be done again


def wait_until(is_so: Callable[[], object], run: ClipRun) -> None:
    """Let the worker of a run, to which no frame comes, go on until something is so."""
    deadline_s = time.monotonic() + 20
    while not is_so():
        assert time.monotonic() < deadline_s
        run.step([])
        time.sleep(0.02)


def test_what_a_full_disk_kept_from_being_written_is_told_at_the_end(tmp_path: Path) -> None:
    run = ClipRun(tmp_path, {"before_s": 1, "after_s": 0.5})
    noise = np.random.default_rng(0).bytes(200_000)
    fill_ring(run.run_folder, (replace(packet(n), data=packet(n).data + noise) for n in range(60)))
    with files_limited_to(1_000_000):
        run.play(3)
        run.finish()
        run.sink.close()
    run.sink.close()
    assert run.warnings[1:] == [
        "record: not written before the end, for want of room: 1 of the files into"
        f" {tmp_path / 'clips'}"
    ]


@contextmanager
def files_limited_to(size: int) -> Iterator[None]:
    """The system refuses longer files, as a full disk does; it needs no rights."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


def test_a_full_disk_stops_recording_with_one_warning_and_it_resumes(tmp_path: Path) -> None:
    run = ClipRun(tmp_path, {"before_s": 1, "after_s": 0.5}, retry_s=0.1)
    noise = np.random.default_rng(0).bytes(200_000)
    fill_ring(run.run_folder, (replace(packet(n), data=packet(n).data + noise) for n in range(60)))
    with files_limited_to(1_000_000):
        run.play(3)
        run.play(5, count=0)
        wait_until(lambda: run.warnings, run)
        time.sleep(0.3)  # it is tried again, and says no more
        run.step([])
        assert [event["state"] for event in run.events] == ["stopped"]
        assert len(run.warnings) == 1
        assert "File too large" in run.warnings[0]
        wait_until(lambda: list((tmp_path / "clips" / "cam").iterdir()) == [], run)
    wait_until(run.clips, run)
    wait_until(lambda: len(run.events) == 3, run)
    assert [event["event"] for event in run.events] == ["recording", "recording", "clip"]
    assert run.events[1]["state"] == "resumed"
