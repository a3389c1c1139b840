"""Whatever dies, each crossing and each entry is one event, as in an unbroken run."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Any

import pytest

from tests.faults.storm import (
    errors_in,
    kill_at_random,
    lines_of,
    output_of,
    streamdet,
    wait_for_lines,
)
from tests.redis_server import RedisServer
from tests.sinks.receiver import Receiver, receiving

GRAPH = """
version: 1
name: events
nodes:
  camera: {{kind: source, uri: "synthetic:street?frames=400&hw=240x320", process: front}}
  prepare: {{kind: transform, reads: camera, process: front, shortest_edge: 240}}
  detect: {{kind: detector, reads: prepare, model: hog_people, score_thresh: 0.05}}
  track: {{kind: byte_track, reads: detect, process: back}}
  zones:
    kind: zones
    reads: track
    process: back
    zones:
      left: {{polygon: [[0, 0], [0.4, 0], [0.4, 1], [0, 1]], dwell_s: 1, max_inside: 1}}
      right: {{polygon: [[0.5, 0], [1, 0], [1, 1], [0.5, 1]]}}
  lines: {{kind: lines, reads: zones, lines: {{gate: {{line: [[0.5, 0], [0.5, 1]]}}}}}}
  publish: {{kind: redis_stream, reads: lines, stream: {stream}}}
  told: {{kind: event_file, reads: lines, path: {path}}}
  alert: {{kind: webhook, reads: lines, url: "{url}", allow_private: true}}
"""


def without_run(event: dict[str, Any]) -> dict[str, Any]:
    """What must be the same in two runs."""
    return {key: value for key, value in event.items() if key not in ("id", "run", "at")}


def play(folder: Path, server: RedisServer, receiver: Receiver, kills: int) -> list[Any]:
    """Run, killing a worker each 0.2 s while `kills` s pass; returns the events of the file."""
    client = server.client()
    client.delete("events")
    receiver.bodies.clear()
    out, graph = folder / f"{kills}.events.jsonl", folder / f"{kills}.yaml"
    graph.write_text(GRAPH.format(stream=f"frames-{kills}", path=out, url=receiver.url))
    hit = 0
    with streamdet("run", str(graph), "--redis", server.url) as process:
        if kills:
            wait_for_lines(out, 1, process)
            hit = kill_at_random(process, every_s=0.2, for_s=kills, seed=3)
        text = output_of(process, 200)
    assert (process.returncode, errors_in(text)) == (0, []), text
    assert hit >= kills // 2  # a loaded machine is slow to start their followers
    events = lines_of(out)
    entries: Any = client.xrange("events")
    published = [json.loads(fields[b"event"]) for _, fields in entries]
    ids = [event["id"] for event in events]
    assert sorted(event["id"] for event in published) == sorted(set(ids)) == sorted(ids)
    assert all(event in events for event in published)
    assert [*dict.fromkeys(body["id"] for body in receiver.bodies)] == ids
    return [without_run(event) for event in events]


@pytest.mark.timeout(400)
def test_killed_workers_lose_and_double_no_event(tmp_path: Path, server: RedisServer) -> None:
    with receiving() as receiver:
        calm = play(tmp_path, server, receiver, 0)
        hurt = play(tmp_path, server, receiver, 10)
    assert hurt == calm
    kinds = {event["event"] for event in calm}
    assert {"zone_enter", "zone_exit", "zone_dwell", "line_crossed"} <= kinds


@pytest.mark.nightly
@pytest.mark.timeout(600)
def test_a_receiver_that_is_down_for_a_minute_delays_its_own_events_only(
    tmp_path: Path, server: RedisServer
) -> None:
    """The run goes on at its own rate; then everything comes, in order."""
    with receiving() as gone:
        port = gone.port
    url, out, graph = f"http://127.0.0.1:{port}/", tmp_path / "e.events.jsonl", tmp_path / "g.yaml"
    text = GRAPH.format(stream="frames", path=out, url=url)
    graph.write_text(text.replace("allow_private: true", "allow_private: true, end_wait_s: 200"))
    with streamdet("run", str(graph), "--redis", server.url) as process:
        started_s = time.monotonic()
        wait_for_lines(out, 1, process)
        while server.client().xlen("frames") < 400:
            assert time.monotonic() - started_s < 200
            time.sleep(0.2)
        lasted_s = time.monotonic() - started_s
        time.sleep(max(0.0, 60 - lasted_s))
        with receiving(port) as receiver:
            said = output_of(process, 200)
    assert (process.returncode, errors_in(said)) == (0, []), said
    assert "webhook 127.0.0.1 takes no events, they wait: Connection refused" in said
    assert [body["id"] for body in receiver.bodies] == [event["id"] for event in lines_of(out)]
    print(f"400 frames in {lasted_s:.0f} s while nobody listened")
