"""Runs over live cameras, with faults: every frame accounted for, no camera felt by another."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable, Iterator
from pathlib import Path

import av
import numpy as np
import pytest

from streamdet.chaos.fault_proxy import FaultProxy
from tests.cameras.frame_numbers import read_number
from tests.cameras.live_run import LiveRun
from tests.cameras.rtsp_server import Mount, RtspServer

Start = Callable[..., LiveRun]


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Start]:
    """Starts runs that end with the test."""
    runs: list[LiveRun] = []

    def start_run(*addresses: str, more: tuple[str, ...] = ()) -> LiveRun:
        runs.append(LiveRun(tmp_path, addresses, *more))
        return runs[-1]

    yield start_run
    for run in runs:
        run.kill()


def source_id(server: RtspServer, path: str) -> str:
    return f"127.0.0.1-{server.port}_{path.strip('/')}"


def check_accounts(run: LiveRun, name: str) -> None:
    """Every frame that the camera sent is there once, in order, as a result or dropped."""
    ids = [frame["frame_id"] for frame in run.frames(name)]
    assert ids == list(range(len(ids)))
    report = run.report[name]
    assert report["emitted"] == len(ids) == report["published"] + sum(report["dropped"].values())


def test_a_server_that_is_killed_and_comes_back_is_found_again(
    rtsp_server: RtspServer, start: Start
) -> None:
    cameras = [source_id(rtsp_server, path) for path in ("/h264", "/h265", "/mjpeg")]
    run = start(*(rtsp_server.url(path) for path in ("/h264", "/h265", "/mjpeg")))
    for camera in cameras:
        run.wait_for_frames(camera, 5)
    rtsp_server.kill()
    for camera in cameras:
        assert run.wait_for_line(f"{camera}: lost (the stream ended)") < 7
    rtsp_server.start()
    for camera in cameras:
        run.wait_for_line(f"{camera}: live", times=2)
        run.wait_for_frames(camera, 5)
    run.stop()
    for camera in cameras:
        check_accounts(run, camera)
        assert run.report[camera]["camera"]["state"] == "live"


def test_one_camera_s_faults_are_not_felt_by_another(
    rtsp_server: RtspServer, start_fault_proxy: Callable[[int], FaultProxy], start: Start
) -> None:
    proxy = start_fault_proxy(rtsp_server.port)
    good, bad = source_id(rtsp_server, "/h264"), f"127.0.0.1-{proxy.port}_h265"
    address = rtsp_server.url("/h265").replace(str(rtsp_server.port), str(proxy.port))
    more = ("--set", "camera.read_timeout_s=1")
    run = start(rtsp_server.url("/h264"), address, "rtsp://127.0.0.1:9/none", more=more)
    run.wait_for_frames(bad, 3)
    proxy.freeze()
    run.wait_for_line(f"{bad}: stalled (no packet for 1 s)")
    run.wait_for_frames(good, 10)
    proxy.thaw()
    run.wait_for_line(f"{bad}: live", times=2)
    [victim] = run.worker_pids(f"front.{good}")
    os.kill(victim, signal.SIGKILL)
    run.wait_for_frames(good, 5)
    run.wait_for_frames(bad, 5)
    run.stop()
    check_accounts(run, good)
    check_accounts(run, bad)
    assert run.log.count("9_none: lost (nothing answers at that address and port)") >= 1


@pytest.mark.nightly
def test_each_camera_s_images_stay_its_own_though_workers_are_killed(
    rtsp_server: RtspServer, start: Start, tmp_path: Path
) -> None:
    cameras = {
        source_id(rtsp_server, path): n for n, path in enumerate(("/h264", "/h265"), start=1)
    }
    output = ("--output", str(tmp_path / "video.mp4"))
    run = start(rtsp_server.url("/h264"), rtsp_server.url("/h265"), more=output)
    for name in (f"front.{min(cameras)}", "detect-0", "back-0"):
        for camera in cameras:
            run.wait_for_frames(camera, 5)
        for pid in run.worker_pids(name):
            os.kill(pid, signal.SIGKILL)
    for camera in cameras:
        run.wait_for_frames(camera, 5)
    run.stop()
    for camera, number in cameras.items():
        check_accounts(run, camera)
        seen = [read for read in numbers(tmp_path / f"video-{camera}.mp4") if read is not None]
        assert {who for who, _ in seen} == {number}
        frames = [frame for _, frame in seen]
        assert len(frames) >= 15
        assert frames == sorted(frames)


def numbers(path: Path) -> list[tuple[int, int] | None]:
    """Read camera and number off each frame of a video."""
    with av.open(str(path)) as container:
        decoded = (frame.to_ndarray(format="bgr24") for frame in container.decode(video=0))
        return [read_number(np.asarray(image, np.uint8)) for image in decoded]


def test_a_wrong_password_is_said_once_and_never_shown(
    start: Start, start_rtsp_server: Callable[..., RtspServer]
) -> None:
    server = start_rtsp_server([Mount("/locked", user="viewer", password="right-canary")])
    wrong = server.url("/locked", "viewer", "wrong-canary")
    run = start(wrong, server.url("/locked", "viewer", "right-canary"))
    run.wait_for_line("the camera asks for another user name or password (401)")
    run.wait_for_line(": live")
    run.stop()
    assert run.log.count("(401)") == 2  # as it comes, and in the report
    texts = [path.read_text() for path in run.folder.iterdir()]
    assert all("canary" not in text for text in texts)
