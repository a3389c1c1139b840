"""Stages that cannot work end the run with one sentence; those that were killed are soon back."""

from __future__ import annotations

import fcntl
import json
import os
import subprocess
import time
from pathlib import Path
from typing import Any

import psutil
import pytest

from tests.faults.place import Place
from tests.faults.storm import (
    assert_each_once_in_order,
    errors_in,
    lines_of,
    output_of,
    streamdet,
    wait_for_lines,
)
from tests.redis_server import RedisServer

ENDLESS = "synthetic:street?frames=100000&hw=240x320"
RUN = (
    *("run", "people", "--set", "detect.model=hog_people"),
    *("--set", "prepare.shortest_edge=128", "--source", ENDLESS),
)

FINITE = (*RUN[:-1],)

# Python imports it at its start, so it is there in the forked workers too.
BROKEN_DETECTOR = """
from streamdet.detectors.hog_svm import HogSvm
def crash(self, images):
    raise ZeroDivisionError("on purpose")
HogSvm.__call__ = crash
"""
# One image, the same at each try, is too much for the detector.
POISONED = """
import ctypes, hashlib, os, pathlib
from streamdet.detectors.hog_svm import HogSvm
well, mark, seen = HogSvm.__call__, pathlib.Path({mark!r}), []
def poisoned(self, images):
    for image in images:
        seen.append(hashlib.sha256(image.tobytes()).hexdigest())
        if len(seen) == 30 and not mark.exists():
            mark.write_text(seen[-1])
        if mark.exists() and mark.read_text() == seen[-1]:
            {deed}
    return well(self, images)
HogSvm.__call__ = poisoned
"""
BROKEN_IMPORT = """
import sys
if sys.argv[:1] == ["-c"]:  # the fork server
    raise SystemExit("no worker starts here")
"""


def test_a_stage_that_cannot_begin_ends_the_run(place: Place, tmp_path: Path) -> None:
    lines = tmp_path / "o.jsonl"
    with lines.open("w") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        with streamdet(*RUN, "--output", str(lines), env=place.env) as process:
            text = output_of(process, 20)
    assert errors_in(text) == [f"error: cannot write {lines}: another run is writing it"]
    assert process.returncode == 1
    place.assert_clean()


def broken(place: Place, tmp_path: Path, code: str, limits: str) -> tuple[int, str]:
    """Run with broken code in every Python that starts; returns exit code and output."""
    (tmp_path / "sitecustomize.py").write_text(code)
    deploy = tmp_path / "deploy.yaml"
    deploy.write_text(limits)
    env = place.env | {"PYTHONPATH": str(tmp_path)}
    with streamdet(*RUN, "--deploy", str(deploy), env=env) as process:
        text = output_of(process, 40)
    place.assert_clean()
    return process.returncode, text


def test_a_detector_that_always_crashes_fails_after_the_limit(place: Place, tmp_path: Path) -> None:
    limits = "restart: {max_per_minute: 5, backoff_s: 0.1}\n"
    code, text = broken(place, tmp_path, BROKEN_DETECTOR, limits)
    (error,) = errors_in(text)
    assert error.startswith("error: detect-")
    assert error.endswith("ZeroDivisionError: on purpose")
    # A busy machine may not see in time that a frame was given up, and so that something moved.
    assert "ended 3 times on each of 3 frames in a row" in error or "nothing moved" in error
    assert code == 1


@pytest.mark.parametrize(
    ("deed", "times", "why"),
    [
        ('raise ValueError("a strange image")', 3, "ValueError: a strange image"),
        pytest.param("os.abort()", 3, "killed by SIGABRT", marks=pytest.mark.nightly),
        ("os.kill(os.getpid(), 9)", 5, "killed by SIGKILL"),
        pytest.param(
            *("ctypes.PyDLL(None).sleep(100)", 3, "hung on one frame and was killed"),
            marks=pytest.mark.nightly,  # a process is given 8 s before it counts as stuck
        ),
    ],
)
def test_a_frame_that_ends_its_process_is_dropped_and_told(
    place: Place, server: RedisServer, tmp_path: Path, deed: str, times: int, why: str
) -> None:
    code = POISONED.format(mark=str(tmp_path / "mark"), deed=deed)
    (tmp_path / "sitecustomize.py").write_text(code)
    (tmp_path / "deploy.yaml").write_text("stall_s: 8\nrestart: {backoff_s: 0.1}\n")
    lines = tmp_path / "o.jsonl"
    arguments = ["--output", str(lines), "--deploy", str(tmp_path / "deploy.yaml")]
    source = "synthetic:street?frames=120&hw=240x320"
    paths = f"{tmp_path}{os.pathsep}{os.environ.get('PYTHONPATH', '')}"
    env = place.env | {"PYTHONPATH": paths}
    with streamdet(*FINITE, source, *arguments, "--redis", server.url, env=env) as process:
        text = output_of(process, 60)
    assert process.returncode == 0, text
    messages = lines_of(lines)
    assert_each_once_in_order(messages, {"street": 120})
    (dropped,) = [message for message in messages if "dropped" in message]
    assert dropped["dropped"] == f"it ended the process of detect {times} times"
    assert f"frame {dropped['frame_id']} was dropped, it ended the process of detect" in text
    client: Any = server.client()
    ((_, fields),) = client.xrange("dead-letters")
    letter = json.loads(fields[b"metadata"])
    assert (letter["frame_id"], letter["node"]) == (dropped["frame_id"], "detect")
    assert letter["reason"] == why
    place.assert_clean(server.client())


def test_workers_that_cannot_start_fail_the_run(place: Place, tmp_path: Path) -> None:
    code, text = broken(place, tmp_path, BROKEN_IMPORT, "restart: {max_per_minute: 2}\n")
    (error,) = errors_in(text)
    assert error.startswith("error: no worker can be started: ")
    assert error.endswith("no worker starts here")
    assert code == 1


def test_a_stage_that_is_stuck_is_killed_and_replaced(place: Place, tmp_path: Path) -> None:
    lines, deploy = tmp_path / "o.jsonl", tmp_path / "deploy.yaml"
    deploy.write_text("stall_s: 1.5\n")
    arguments = ["--output", str(lines), "--deploy", str(deploy)]
    with streamdet(*RUN, *arguments, env=place.env) as process:
        wait_for_lines(lines, 20, process)
        stage(process, "back-0").suspend()
        wait_for_lines(lines, 1000, process)
        process.terminate()
        text = output_of(process, 15)
    assert ", 1 restart\n" in text


@pytest.mark.parametrize("group", ["front", "back"])
def test_a_killed_stage_is_soon_back(
    place: Place, server: RedisServer, tmp_path: Path, group: str
) -> None:
    lines = tmp_path / "o.jsonl"
    arguments = ["--output", str(lines), "--redis", server.url]
    took_s = []
    with streamdet(*RUN, *arguments, env=place.env) as process:
        for count in (20, 150, 300):
            wait_for_lines(lines, count, process)
            took_s.append(time_to_return(server.client(), process, group))
        process.terminate()
        output_of(process, 15)
    print(f"{group}: killed, and committing again after {[round(s, 3) for s in took_s]} s")
    assert max(took_s) < 3


def time_to_return(client: Any, process: subprocess.Popen[str], group: str) -> float:
    """Kill a stage; returns the seconds until its replacement has committed."""
    (leases,) = client.scan_iter("streamdet:*:leases")
    counts = leases.removesuffix(b"leases") + b"group:" + group.encode()
    epoch = client.hget(leases, f"{group}-0")
    stage(process, f"{group}-0").kill()
    killed_s = time.monotonic()
    wait_for_change(lambda: client.hget(leases, f"{group}-0"), epoch)
    wait_for_change(lambda: client.hgetall(counts), client.hgetall(counts))
    return time.monotonic() - killed_s


def wait_for_change(read: Any, before: object) -> None:
    deadline = time.monotonic() + 20
    while read() == before:
        assert time.monotonic() < deadline
        time.sleep(0.002)


def stage(process: subprocess.Popen[str], consumer: str) -> psutil.Process:
    """The process of a worker, by its name."""
    children = psutil.Process(process.pid).children(recursive=True)
    (found,) = [child for child in children if child.name() == f"sd:{consumer}"]
    return found
