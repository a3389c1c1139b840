"""Events that come with no frame reach the records of their run, each once."""

from __future__ import annotations

import json
import threading
import time
from dataclasses import replace
from pathlib import Path

import pytest

from streamdet.api import run
from streamdet.formats.event_json import camera_event
from streamdet.formats.recording_events import recording_event
from streamdet.graph import PipelineGraph, load_graph
from streamdet.records.search import Found, Query, search
from streamdet.run.event_records import EventRecords
from tests.redis_server import RedisServer

LIVE = {"state": "live", "reason": "", "since_ns": 1_764_400_000_000_000_000}
ALL = Query(events=("camera", "recording", "clip", "snapshot", "track", "zone_enter"))


@pytest.fixture
def graph(tmp_path: Path) -> PipelineGraph:
    return load_graph("people", outputs=[str(tmp_path / "kept.records")])


def publish(server: RedisServer, event: bytes) -> None:
    server.client().xadd("events", {"event": event})


def found(folder: Path) -> list[tuple[str, str | None]]:
    return [(row.event, row.source_id) for row in search(folder, ALL).rows]


def test_events_of_this_run_that_no_frame_brings_are_kept(
    redis_server: RedisServer, graph: PipelineGraph, tmp_path: Path
) -> None:
    publish(redis_server, camera_event("mine", "before", LIVE, 0))
    records = EventRecords(lambda: graph, "events", lambda warning: None)
    records.tick(redis_server.url, "mine")
    time.sleep(0.3)  # it follows from the newest entry on, which it asks for first
    publish(redis_server, camera_event("another", "door", LIVE, 0))
    publish(redis_server, json.dumps({"run": "mine", "event": "zone_enter"}).encode())
    publish(redis_server, b"no event")
    for _ in range(2):
        publish(redis_server, camera_event("mine", "door", LIVE, 0))
    publish(redis_server, recording_event("mine", "record", "full", 1_764_400_001_000_000_000))
    records.finish()
    assert found(tmp_path / "kept.records") == [("recording", None), ("camera", "door")]


def test_what_cannot_be_written_is_tried_again_and_said_at_the_end(
    redis_server: RedisServer, graph: PipelineGraph, tmp_path: Path
) -> None:
    warnings: list[str] = []
    (tmp_path / "kept.records").touch()
    records = EventRecords(lambda: graph, "events", warnings.append, retry_s=0.05)
    records.tick(redis_server.url, "mine")
    time.sleep(0.3)
    publish(redis_server, camera_event("mine", "door", LIVE, 0))
    time.sleep(0.3)
    (tmp_path / "kept.records").unlink()
    time.sleep(0.3)
    publish(redis_server, camera_event("mine", "gate", LIVE, 0))
    records.finish()
    assert sorted(found(tmp_path / "kept.records")) == [("camera", "door"), ("camera", "gate")]
    assert warnings == []


def test_events_that_are_missing_in_the_end_are_a_warning(
    redis_server: RedisServer, graph: PipelineGraph, tmp_path: Path
) -> None:
    warnings: list[str] = []
    (tmp_path / "kept.records").touch()
    records = EventRecords(lambda: graph, "events", warnings.append, retry_s=60)
    records.tick(redis_server.url, "mine")
    time.sleep(0.3)
    publish(redis_server, camera_event("mine", "door", LIVE, 0))
    records.finish()
    assert warnings == ["the last events are missing in the records: File exists"]


def test_a_run_without_records_follows_nothing(redis_server: RedisServer) -> None:
    people = load_graph("people")
    records = EventRecords(lambda: people, "events", lambda warning: None)
    records.tick(redis_server.url, "mine")
    records.finish()
    assert "records" not in {thread.name for thread in threading.enumerate()}


def test_a_track_of_a_run_names_its_snapshot(tmp_path: Path) -> None:
    graph = tmp_path / "graph.yaml"
    graph.write_text(
        "version: 1\nnodes:\n"
        "  camera: {kind: source, uri: 'synthetic:street?frames=40&hw=240x320', process: front}\n"
        "  prepare: {kind: transform, reads: camera, process: front}\n"
        "  detect: {kind: detector, reads: prepare, model: people}\n"
        "  track: {kind: byte_track, reads: detect, process: back}\n"
        f"  shoot: {{kind: snapshot, reads: track, process: back, folder: '{tmp_path}/shots'}}\n"
    )
    report = run(str(graph), outputs=[str(tmp_path / "kept.records")])
    assert report.outcome == "done"
    rows: tuple[Found, ...] = search(tmp_path / "kept.records", Query(events=("track",))).rows
    shots = {str(path) for path in (tmp_path / "shots").glob("*/*.jpg")}
    assert len(rows) > 2
    linked = {row.snapshot.path for row in rows if row.snapshot is not None}
    assert len(linked) == len(rows)
    assert linked <= shots
    events = search(tmp_path / "kept.records", replace(ALL, events=("snapshot",))).rows
    assert {row.path for row in events} == shots
