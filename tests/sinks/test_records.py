"""Records of a run: each event and each track once, wherever the sink is killed."""

from __future__ import annotations

import json
import sqlite3
import time
from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from streamdet.errors import ConfigError
from streamdet.events import Event
from streamdet.graph import load_graph
from streamdet.messages import FrameMessage
from streamdet.sinks import records
from streamdet.sinks.records import RecordsOptions, RecordsSink
from tests.sinks.camera_packets import WALL_S, S, at_ns, run_context, seen
from tests.sinks.frames import one

BOX = [10.0, 10, 50, 40]


def at(second: float, track: int = 1, *events: Event) -> FrameMessage:
    """A frame of a camera with one car in the yard."""
    found = replace(one(BOX, 0.5, track), zones=(("yard",),))
    message = seen(second)
    frame = replace(message.frame, captured_ns=round((WALL_S + second) * S))
    return replace(message, frame=frame, detections=found, events=events)


def enters(track: int) -> Event:
    return Event("zone_enter", "yard", track, 0, node="zones")


@dataclass
class Run:
    """Plays the worker: Redis holds `states` and `published`."""

    folder: Path
    options: dict[str, Any] = field(default_factory=dict)
    states: dict[str, bytes] = field(default_factory=dict)
    published: list[dict[str, Any]] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)
    now_ns: int = 0

    def __post_init__(self) -> None:
        self.start()

    def start(self) -> None:
        options = RecordsOptions(folder=self.folder, **{"min_frames": 1, **self.options})
        context = replace(run_context(self.folder / "run"), warn=self.warnings.append)
        self.sink = RecordsSink(options, context, lambda: self.now_ns, retry_s=0.05)
        self.sink.restore({key: state for key, state in self.states.items() if state})

    def step(self, frames: Sequence[FrameMessage] = (), *, dies: str = "") -> None:
        self.sink.write(frames, [None] * len(frames))
        entries = self.sink.take_public()
        states = self.sink.states()
        if dies != "before the step":
            self.states |= states
            self.published += [json.loads(entry.fields["event"]) for entry in entries]
        if not dies:
            self.sink.committed()
        else:
            self.sink._writer.close()  # its thread dies with the process
            self.start()

    def end(self) -> None:
        self.sink.finish("cam")
        self.step()
        self.sink.close()

    def settle(self) -> None:
        """Work on without frames until all rows are written, and that is committed."""
        deadline_s = time.monotonic() + 20
        while any(state for key, state in self.states.items() if key.startswith("rows/")):
            assert time.monotonic() < deadline_s, self.warnings
            time.sleep(0.01)
            self.step()

    def rows(self, sql: str) -> list[tuple[Any, ...]]:
        (path,) = self.folder.glob("*.sqlite")
        with closing(sqlite3.connect(path)) as db:
            return db.execute(sql).fetchall()

    def wait_for(self, what: str) -> None:
        deadline_s = time.monotonic() + 20
        while what not in " ".join(self.warnings) + json.dumps(self.published):
            assert time.monotonic() < deadline_s, (self.warnings, self.published)
            time.sleep(0.01)
            self.step()


TRACKS = "SELECT track, label, frames, is_over, zones, source_id FROM tracks ORDER BY track"


def test_a_track_is_one_row_from_its_first_frame_to_its_last(tmp_path: Path) -> None:
    run = Run(tmp_path)
    for second in (1, 1.1, 5, 14, 14.1):
        run.step([at(second, track=1 if second < 5 else 2)])
    run.step([at(14.2, track=3)])
    run.end()
    assert run.rows(TRACKS) == [
        (1, "car", 2, 1, '["yard"]', "cam"),
        (2, "car", 3, 1, '["yard"]', "cam"),
        (3, "car", 1, 1, '["yard"]', "cam"),
    ]
    began, ended = run.rows("SELECT began_at, ended_at FROM tracks WHERE track = 1")[0]
    assert (began[17:22], ended[17:22]) == ("41.00", "41.10")  # 07:06:40 is the second 0


def test_a_track_keeps_what_was_said_of_it_last(tmp_path: Path) -> None:
    run = Run(tmp_path)
    for second, said in (
        (1, {"colour": "red"}),
        (1.1, {"colour": "blue", "kind": "van"}),
        (1.2, {}),
    ):
        message = at(second)
        assert message.detections is not None
        found = replace(message.detections, attributes=(said,))
        run.step([replace(message, detections=found)], dies="after the step" if said else "")
    run.end()
    (row,) = run.rows("SELECT attributes FROM tracks")
    assert json.loads(row[0]) == {"colour": "blue", "kind": "van"}


@pytest.mark.parametrize("point", ["before the step", "after the step"])
@pytest.mark.parametrize("death", range(4))
def test_a_killed_sink_doubles_and_loses_nothing(tmp_path: Path, death: int, point: str) -> None:
    run = Run(tmp_path)
    steps = [[at(1, 1, enters(1))], [at(2, 1), at(2.1, 2, enters(2))], [at(6, 3)], [at(6.5, 3)]]
    for number, frames in enumerate(steps):
        if number == death:
            run.step(frames, dies=point)
            if point == "after the step":
                continue
        run.step(frames)
    run.sink.finish("cam")
    run.step()
    run.settle()
    run.sink.close()
    assert run.rows("SELECT track FROM events ORDER BY track") == [(1,), (2,)]
    assert [row[:4] for row in run.rows(TRACKS)] == [
        (1, "car", 2, 1),
        (2, "car", 1, 1),
        (3, "car", 2, 1),
    ]
    assert not any(run.states.values())  # of what is written nothing is remembered


def test_a_track_of_too_few_frames_or_another_class_is_left_out(tmp_path: Path) -> None:
    run = Run(tmp_path, {"min_frames": 3, "classes": ("bus",)})
    bus = replace(one(BOX, 0.5, 2), class_ids=np.array([1]))
    buses = [replace(at(1 + n / 10), detections=bus) for n in range(3)]
    run.step([*buses, *(at(2 + n / 10) for n in range(5))])
    run.end()
    assert [row[:3] for row in run.rows(TRACKS)] == [(2, "bus", 3)]


def test_a_camera_that_falls_silent_has_its_tracks_ended(tmp_path: Path) -> None:
    run = Run(tmp_path)
    run.step([at(1)])
    run.now_ns = at_ns(8.1)  # 5 s for frames that are late, 2 s without the track
    run.step()
    run.sink.close()
    assert [row[:4] for row in run.rows(TRACKS)] == [(1, "car", 1, 1)]


def test_a_disk_that_refuses_is_one_warning_and_nothing_is_lost(tmp_path: Path) -> None:
    run = Run(tmp_path / "kept")
    (tmp_path / "kept").rmdir()
    (tmp_path / "kept").touch()  # no folder any more: nothing can be written
    run.step([at(1, 1, enters(1))])
    run.wait_for('"stopped"')
    for second in (2, 3):
        run.step([at(second, second, enters(second))])
        time.sleep(0.1)
    (tmp_path / "kept").unlink()
    run.wait_for('"resumed"')
    run.end()
    (warning,) = run.warnings
    assert "record: keeping records in" in warning
    assert "has stopped" in warning
    assert [event["state"] for event in run.published] == ["stopped", "resumed"]
    assert run.rows("SELECT track FROM events ORDER BY track") == [(1,), (2,), (3,)]


def test_too_many_rows_that_wait_are_lost_from_the_oldest_on_and_that_is_said(
    tmp_path: Path,
) -> None:
    run = Run(tmp_path / "kept")
    (tmp_path / "kept").rmdir()
    (tmp_path / "kept").touch()
    many = [enters(track) for track in range(records.MOST_ROWS // 3)]
    for second in range(5):
        run.step([at(second, 1, *many)])
    held = sum(len(rows) for rows in run.sink._waiting.values())
    run.end()
    assert held <= records.MOST_ROWS
    lost, stopped, left = sorted(run.warnings, key=lambda w: ("lost" not in w, "stopped" not in w))
    assert "more than 20000 records wait to be written, the oldest are lost" in lost
    assert "has stopped" in stopped
    assert "were not written into" in left


def test_a_folder_that_cannot_be_is_refused_before_the_run(tmp_path: Path) -> None:
    (tmp_path / "yard.records").touch()
    with pytest.raises(ConfigError, match=r"output-1\.folder cannot be written to: .*no folder"):
        load_graph("zones", outputs=[str(tmp_path / "yard.records")])
    with pytest.raises(ConfigError, match="must lead to a tracker or an analytics node"):
        load_graph(_write_graph(tmp_path))


def _write_graph(folder: Path) -> str:
    path = folder / "graph.yaml"
    path.write_text(
        "version: 1\nnodes:\n  camera: {kind: source, uri: 'synthetic:street'}\n"
        "  prepare: {kind: transform, reads: camera}\n"
        "  detect: {kind: detector, reads: prepare, model: people}\n"
        "  keep: {kind: records, reads: detect, folder: kept}\n"
    )
    return str(path)
