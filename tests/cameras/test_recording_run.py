"""Clips and snapshots of a whole run whose workers are killed: one file and one event each."""

from __future__ import annotations

import json
import os
import random
import signal
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import av
import pytest

from streamdet.records.search import FILES, Query, search
from tests.cameras.live_run import LiveRun
from tests.redis_server import RedisServer

KILLS = 12


@pytest.fixture
def run(data: Path, redis_server: RedisServer, tmp_path: Path) -> Iterator[LiveRun]:
    camera = f"file:{data / 'videos' / 'people-one-by-one.mp4'}?live=1&loop=1"
    folders = (f"record.folder={tmp_path}/clips", f"shoot.folder={tmp_path}/shots")
    kept = ("--output", f"{tmp_path}/kept.records")
    values = (*folders, "record.max_s=10", "camera.fps=4")
    sets = (word for value in values for word in ("--set", value))
    made = LiveRun(tmp_path, [camera], "--redis", redis_server.url, *kept, *sets, graph="recording")
    yield made
    made.kill()


def events(server: RedisServer, folder: Path) -> list[dict[str, Any]]:
    """What was announced of files below a folder."""
    entries: Any = server.client().xrange("events")
    bodies = [json.loads(fields[b"event"]) for _, fields in entries]
    return [body for body in bodies if body.get("path", "").startswith(str(folder))]


@pytest.mark.nightly
def test_kills_double_and_lose_no_file_and_no_event(
    run: LiveRun, redis_server: RedisServer, tmp_path: Path
) -> None:
    rng = random.Random(7)
    run.wait_for("a clip", lambda: any(tmp_path.glob("clips/*/*.mp4")))
    for _ in range(KILLS):
        time.sleep(rng.uniform(2, 5))
        killable = sorted(name for name in run.workers() if name.startswith(("back", "front")))
        os.kill(run.workers()[rng.choice(killable)], signal.SIGKILL)
    time.sleep(5)
    run.stop()
    announced = sorted(event["path"] for event in events(redis_server, tmp_path))
    there = [path for path in tmp_path.glob("*/*/*") if path.suffix in (".mp4", ".jpg")]
    assert announced == sorted(map(str, there))
    assert {event["event"] for event in events(redis_server, tmp_path)} == {"clip", "snapshot"}
    rows = search(tmp_path / "kept.records", Query(events=FILES, limit=10_000)).rows
    assert sorted(row.path or "" for row in rows) == announced
    assert list(tmp_path.glob("**/*.part")) == []
    for clip in tmp_path.glob("clips/*/*.mp4"):
        with av.open(str(clip)) as opened:
            assert sum(1 for _ in opened.decode(video=0)) > 20
