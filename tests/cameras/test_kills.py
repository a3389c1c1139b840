"""What is killed under live cameras: workers, what starts them, the supervisor, the server.

Frames carry their camera and number in their pixels: a slot that was taken for another frame, or
for one of another camera, would show.
"""

from __future__ import annotations

import itertools
import os
import random
import signal
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import av
import numpy as np
import psutil
import pytest

from tests.cameras.fair_cameras import live_address, write_clip
from tests.cameras.frame_numbers import read_number
from tests.cameras.live_run import LiveRun
from tests.cameras.rtsp_server import Mount, RtspServer
from tests.faults.conftest import place, server
from tests.faults.place import Place
from tests.redis_server import RedisServer

__all__ = ["place", "server"]

Start = Callable[..., LiveRun]
KILLS = 25
MOUNTS = [
    Mount("/one", "h264", camera=1, b_frames=True),
    Mount("/two", "h265", camera=2),
    Mount("/three", "mjpeg", camera=3, width=640, height=480),
]


@pytest.fixture
def start(place: Place, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Start]:
    """Starts runs in the place, each with a folder of its own for outputs."""
    monkeypatch.setenv("TMPDIR", str(place.path))
    runs: list[LiveRun] = []

    def start_run(addresses: list[str], *more: str) -> LiveRun:
        folder = tmp_path / str(len(runs))
        folder.mkdir()
        runs.append(LiveRun(folder, addresses, *more))
        runs[-1].limit_s = 90
        return runs[-1]

    yield start_run
    for run in runs:
        run.kill()


@pytest.fixture
def clips(tmp_path: Path) -> list[str]:
    """Two cameras, played from files."""
    return [live_address(write_clip(tmp_path / f"{name}.mp4", 10)) for name in ("door", "yard")]


def check_accounts(run: LiveRun, name: str) -> None:
    ids = [frame["frame_id"] for frame in run.frames(name)]
    assert ids == list(range(len(ids)))
    report = run.report[name]
    assert report["emitted"] == len(ids) == report["published"] + sum(report["dropped"].values())


def wait_for_all(run: LiveRun, names: list[str], frames: int) -> None:
    for name in names:
        run.wait_for_frames(name, frames)


def fork_server(run: LiveRun) -> psutil.Process:
    children = psutil.Process(run.process.pid).children()
    [found] = [child for child in children if child.name() == "sd:fork-server"]
    return found


@pytest.mark.nightly  # tests/faults/test_clean_stop.py has the same with files
def test_a_killed_supervisor_takes_its_cameras_with_it_and_the_next_start_sweeps(
    start: Start, clips: list[str], place: Place, server: RedisServer
) -> None:
    first = start(clips, "--redis", server.url)
    wait_for_all(first, ["door", "yard"], 2)
    place.note(first.process)
    first.process.kill()
    place.wait_until_dead(2.0)
    first.process.wait()
    assert place.leftovers() != []
    assert list(server.client().scan_iter("streamdet:*")) != []
    again = start(clips, "--redis", server.url)
    wait_for_all(again, ["door", "yard"], 2)
    place.note(again.process)
    again.stop()
    place.assert_clean(server.client())


def test_cameras_go_on_after_a_server_and_what_starts_workers_were_killed(
    start: Start, clips: list[str], server: RedisServer
) -> None:
    run = start(clips, "--redis", server.url)
    wait_for_all(run, ["door", "yard"], 3)
    server.kill()
    time.sleep(1)
    server.start()
    wait_for_all(run, ["door", "yard"], 3)
    fork_server(run).kill()
    wait_for_all(run, ["door", "yard"], 3)
    run.stop()
    for name in ("door", "yard"):
        check_accounts(run, name)


@pytest.mark.nightly
@pytest.mark.timeout(600)
def test_a_storm_of_kills_mixes_up_no_images(
    start: Start,
    start_rtsp_server: Callable[..., RtspServer],
    server: RedisServer,
    place: Place,
    tmp_path: Path,
) -> None:
    rng = random.Random(11)
    cameras = start_rtsp_server(MOUNTS)
    names = {f"127.0.0.1-{cameras.port}_{one.path.strip('/')}": one.camera for one in MOUNTS}
    output = ("--output", str(tmp_path / "video.mp4"))
    run = start([cameras.url(one.path) for one in MOUNTS], "--redis", server.url, *output)
    wait_for_all(run, list(names), 3)
    for number in range(KILLS):
        time.sleep(rng.uniform(0.3, 2))
        if number % 10 == 9:
            server.kill()
            time.sleep(rng.uniform(0.2, 1.5))
            server.start()
        elif number % 10 == 4:
            fork_server(run).kill()
        elif workers := run.workers():
            os.kill(rng.choice(sorted(workers.values())), signal.SIGKILL)
    wait_for_all(run, list(names), 5)
    place.note(run.process)
    run.stop()
    place.assert_clean(server.client())
    for name, camera in names.items():
        check_accounts(run, name)
        check_images(run, name, tmp_path / f"video-{name}.mp4", camera)


def check_images(run: LiveRun, name: str, video: Path, camera: int) -> None:
    """Every image is one of this camera, and each is newer than the one before."""
    frames = run.frames(name)
    with av.open(str(video)) as container:
        decoded = [frame.to_ndarray(format="bgr24") for frame in container.decode(video=0)]
    assert len(decoded) == len(frames)
    shown = [
        read
        for frame, image in zip(frames, decoded, strict=True)
        if "dropped" not in frame and (read := read_number(np.asarray(image, np.uint8)))
    ]
    assert {who for who, _ in shown} == {camera}
    numbers = [number for _, number in shown]
    assert len(numbers) >= 10
    assert all(before < after for before, after in itertools.pairwise(numbers))
