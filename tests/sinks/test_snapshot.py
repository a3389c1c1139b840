"""Snapshots: the best image of each track, one file and one event."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from streamdet.formats.recording_events import SnapshotEvent
from streamdet.messages import FrameMessage
from streamdet.sinks.snapshot import SnapshotOptions, SnapshotSink
from streamdet.sinks.track_images import jpeg, rank
from tests.sinks.camera_packets import at_ns, run_context, seen
from tests.sinks.frames import HW, image, one
from tests.sinks.worker_step import take_step

SMALL = [20.0, 20, 30, 30]
LARGE = [10.0, 10, 50, 40]
CUT = [0.0, 0, 60, 40]


def tracked(second: float, xyxy: list[float], score: float = 0.5, track: int = 1) -> FrameMessage:
    return replace(seen(second), detections=one(xyxy, score, track))


@dataclass
class Run:
    """Plays the worker of a snapshot sink; every image is as grey as its frame's number."""

    folder: Path
    options: dict[str, Any] = field(default_factory=dict)
    states: dict[str, bytes] = field(default_factory=dict)
    events: list[dict[str, Any]] = field(default_factory=list)
    now_ns: int = 0

    def __post_init__(self) -> None:
        self.start()

    def start(self) -> None:
        options = SnapshotOptions(folder=self.folder / "shots", **self.options)
        context = run_context(self.folder / "run")
        self.sink = SnapshotSink(options, context, lambda: self.now_ns)
        self.sink.restore({key: state for key, state in self.states.items() if state})

    def step(self, frames: Sequence[FrameMessage], *, dies: str = "") -> None:
        take_step(self, frames, [image(frame.index) for frame in frames], dies)

    def finish(self) -> None:
        self.sink.finish("cam")
        self.step([])

    def shots(self) -> list[Path]:
        return sorted(self.folder.glob("shots/**/*.jpg"))

    def levels(self) -> list[int]:
        """The numbers of the frames that the files show."""
        read = (cv2.imread(str(path)) for path in self.shots())
        return [round(float(np.mean(shot))) for shot in read if shot is not None]


def test_the_largest_and_surest_image_that_is_not_cut_off_is_the_best() -> None:
    images = [rank(CUT, 0.9, HW), rank(SMALL, 0.9, HW), rank(LARGE, 0.5, HW), rank(LARGE, 0.6, HW)]
    assert images == sorted(images)


def test_a_track_has_one_file_of_its_best_image(tmp_path: Path) -> None:
    run = Run(tmp_path)
    for second, box in ((1, SMALL), (2, LARGE), (3, CUT), (4, SMALL)):
        run.step([tracked(second, box)])
    run.finish()
    (shot,) = run.shots()
    assert run.levels() == [20]
    (event,) = run.events
    SnapshotEvent.model_validate(event)
    assert event["path"] == str(shot)
    assert (event["track"], event["frame_id"], event["bbox"]) == (1, 20, LARGE)
    assert shot.name.endswith("_car-1.jpg")


def test_it_is_written_when_the_track_has_ended_and_never_again(tmp_path: Path) -> None:
    run = Run(tmp_path)
    run.step([tracked(1, SMALL)])
    run.step([tracked(3, LARGE, track=2)])
    assert not run.states.get("cam/1")  # it was away for 2 s: it may come back
    run.step([tracked(3.2, LARGE, track=2)])
    assert run.states["cam/1"]
    run.step([tracked(4, LARGE)])
    run.finish()
    assert sorted(event["track"] for event in run.events) == [1, 2]
    assert len(run.shots()) == 2


def test_a_track_that_lasts_is_not_waited_for(tmp_path: Path) -> None:
    run = Run(tmp_path, {"max_wait_s": 2})
    for second, box in ((1, SMALL), (2, SMALL), (3, SMALL), (4, LARGE)):
        run.step([tracked(second, box)])
    run.finish()
    assert run.levels() == [10]


def test_a_camera_that_falls_silent_has_its_snapshots_all_the_same(tmp_path: Path) -> None:
    run = Run(tmp_path)
    run.step([tracked(1, SMALL)])
    run.now_ns = at_ns(7.9)
    run.step([])
    assert not any(key.startswith("cam/") for key, state in run.states.items() if state)
    run.now_ns = at_ns(8.1)  # 5 s for frames that are late, 2 s without the track
    run.step([])
    assert run.states["cam/1"]


@pytest.mark.parametrize("point", ["before the step", "after the step"])
@pytest.mark.parametrize("death", range(4))
def test_a_killed_sink_doubles_and_loses_nothing(tmp_path: Path, death: int, point: str) -> None:
    run = Run(tmp_path)
    seen_then = ((1, SMALL, 1), (2, LARGE, 1), (3, SMALL, 1), (9, SMALL, 2))
    steps = [[tracked(second, box, track=track)] for second, box, track in seen_then]
    for number, frames in enumerate(steps):
        if number == death:
            run.step(frames, dies=point)
            if point == "after the step":
                continue
        run.step(frames)
    run.finish()
    assert sorted(run.levels()) == [20, 90]
    assert sorted(event["track"] for event in run.events) == [1, 2]
    assert {event["path"] for event in run.events} == set(map(str, run.shots()))
    assert not any(run.states.values())  # what is announced is not remembered, to be done again


def test_a_crop_shows_the_box_and_its_margin() -> None:
    coded = jpeg(image().bgr(), [20, 10, 40, 30], "crop", 0.25, 90)
    shown = cv2.imdecode(np.frombuffer(coded, np.uint8), cv2.IMREAD_COLOR)
    assert shown is not None
    assert shown.shape == (30, 30, 3)  # 20 x 20, a quarter of that more on each side


def test_a_frame_shows_all_of_the_image_with_the_box() -> None:
    coded = jpeg(image(0).bgr(), [20, 10, 40, 30], "frame", 0.25, 100)
    shown = cv2.imdecode(np.frombuffer(coded, np.uint8), cv2.IMREAD_COLOR)
    assert shown is not None
    assert shown.shape == (*HW, 3)
    assert shown[10, 30].max() > 100  # the box's upper edge
    assert shown[20, 30].max() < 60  # inside it
