"""`streamdet status` beside a real run."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from streamdet.cli import main
from streamdet.run.description import DESCRIPTION_FILE
from streamdet.transport.run_folder import RunFolder, live_runs
from tests.redis_server import RedisServer

SOURCE = "synthetic:street?frames=100000&hw=120x160&fps=10&realtime=1"
SMALL = ("--set", "detect.model=hog_people", "--set", "prepare.shortest_edge=120")
LIMIT_S = 60.0


@pytest.fixture
def _apart(monkeypatch: pytest.MonkeyPatch, short_folder: Path) -> None:
    """Keep the runs of other tests out of sight."""
    monkeypatch.setenv("TMPDIR", str(short_folder))
    monkeypatch.setattr("tempfile.tempdir", None)


@pytest.fixture
def running(_apart: None) -> Iterator[subprocess.Popen[bytes]]:
    """A run in another process that goes on until it is told to stop."""
    command = [sys.executable, "-m", "streamdet.cli", "run", "people", "--source", SOURCE, *SMALL]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL)
    try:
        yield process
    finally:
        process.send_signal(signal.SIGINT)
        process.wait(LIMIT_S)


def status(capsys: pytest.CaptureFixture[str]) -> Any:
    capsys.readouterr()
    assert main(["status", "--json"]) == 0
    return json.loads(capsys.readouterr().out)


def status_when_published(capsys: pytest.CaptureFixture[str]) -> dict[str, Any]:
    """The only run's status, once frames have come through and the rates are of a full second."""
    deadline_s = time.monotonic() + LIMIT_S
    while time.monotonic() < deadline_s:
        for run in status(capsys):
            if run["sources"] and run["sources"][0]["published"] and run["stages"][0]["fps"]:
                assert isinstance(run, dict)
                return run
    raise AssertionError("nothing was published")


@pytest.mark.usefixtures("_apart")
def test_without_a_run_it_says_so(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["status"]) == 0
    assert capsys.readouterr().out == "no run is under way on this machine\n"
    assert status(capsys) == []


@pytest.mark.usefixtures("_apart")
def test_a_run_that_has_not_planned_its_workers_yet_is_starting(
    capsys: pytest.CaptureFixture[str],
) -> None:
    folder = RunFolder.create()
    assert main(["status"]) == 0
    assert capsys.readouterr().out == f"run {folder.run_id}: starting\n"
    folder.remove()


def test_every_frame_of_a_run_under_way_is_accounted_for(
    running: subprocess.Popen[bytes], capsys: pytest.CaptureFixture[str]
) -> None:
    run = status_when_published(capsys)
    assert (run["graph"], run["pid"], run["restarts"]) == ("people", running.pid, 0)
    assert 0 < run["elapsed_s"] < LIMIT_S
    (source,) = run["sources"]
    dropped = sum(source["dropped"].values())
    assert source["emitted"] == source["published"] + dropped + source["unfinished"]
    stages = {stage["node"]: stage for stage in run["stages"]}
    assert list(stages) == ["camera", "prepare", "detect", "track", "publish"]
    assert stages["camera"]["queue"] is None
    assert stages["detect"]["queue"] >= 0
    assert all(stage["fps"] > 0 for stage in stages.values())
    parts = ("waiting_p50_ms", "work_p50_ms", "latency_p50_ms")
    assert all(stages["detect"][part] is not None for part in parts)
    assert main(["status", "--stages"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert re.search(r", \d+ objects?, \d+ tracks? in \d+/100000 frames, ", lines[0])
    assert re.match(r"  street: \d+/100000 emitted, ", lines[1])
    assert lines[0].startswith(f"run {run['run_id']}: people, ")
    assert lines[1].startswith("  street: ")
    assert lines[2].split()[:3] == ["stage", "fps", "queue"]


def test_a_worker_that_was_started_again_is_counted(
    running: subprocess.Popen[bytes], capsys: pytest.CaptureFixture[str]
) -> None:
    status_when_published(capsys)
    os.kill(worker_of(running.pid, "detect-0"), signal.SIGKILL)
    deadline_s = time.monotonic() + LIMIT_S
    while time.monotonic() < deadline_s:
        (run,) = status(capsys)
        if run["restarts"]:
            break
    assert run["restarts"] == 1


def worker_of(supervisor: int, consumer: str) -> int:
    """Find a worker by the title that `ps` shows."""
    psutil = pytest.importorskip("psutil")
    titles = {
        child.pid: " ".join(child.cmdline())
        for child in psutil.Process(supervisor).children(recursive=True)
    }
    (pid,) = [pid for pid, title in titles.items() if consumer in title.split()]
    return int(pid)


def test_looking_at_a_run_keeps_it_as_it_is(
    running: subprocess.Popen[bytes], capsys: pytest.CaptureFixture[str]
) -> None:
    before = status_when_published(capsys)
    after = status_when_published(capsys)
    assert after["run_id"] == before["run_id"]
    assert after["sources"][0]["published"] > before["sources"][0]["published"]
    assert running.poll() is None


def test_an_address_with_a_password_is_for_the_owner_alone(
    running: subprocess.Popen[bytes], capsys: pytest.CaptureFixture[str]
) -> None:
    status_when_published(capsys)
    (folder,) = live_runs()
    assert folder.stat().st_mode & 0o777 == 0o700
    assert (folder / DESCRIPTION_FILE).stat().st_mode & 0o777 == 0o600


@pytest.mark.usefixtures("_apart")
def test_a_server_that_has_gone_is_said(
    redis_server: RedisServer, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = RunFolder.create()
    description = {
        "run_id": folder.run_id, "graph": "people", "pid": 1, "started_s": 0.0,
        "redis_url": redis_server.url, "groups": [], "consumers": [], "sources": {}, "stages": {},
    }  # fmt: skip
    (folder.path / DESCRIPTION_FILE).write_text(json.dumps(description))
    assert main(["status"]) == 0
    text = capsys.readouterr().out
    assert text.startswith(f"run {folder.run_id}: people, the Redis server answers, but this run's")
    folder.remove()
