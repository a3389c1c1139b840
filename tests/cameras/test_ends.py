"""How the live cameras and their connections end, and what a reader then sees."""

from __future__ import annotations

import itertools
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import closing

import av
import psutil
import pytest

from streamdet.chaos.fault_proxy import FaultProxy
from tests.cameras.live_frames import frames, rising, take
from tests.cameras.rtsp_server import ROOT, RtspServer, missing_packages

TIMED_OUT = (av.ExitError, av.OSError)  # between two packets, in the middle of one


def runs(pid: int) -> bool:
    try:
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def test_a_killed_server_is_refused_and_comes_back_on_its_port(rtsp_server: RtspServer) -> None:
    url = rtsp_server.url("/mjpeg")
    with closing(frames(url)) as live:
        take(live, 20)
        rtsp_server.kill()
        assert len(list(itertools.islice(live, 100))) < 100

    with pytest.raises(av.ConnectionRefusedError):
        next(frames(url))
    rtsp_server.start()
    with closing(frames(url)) as live:
        assert take(live, 1)[0][1] < 20


def test_a_frozen_server_sends_nothing_and_goes_on_at_the_present(rtsp_server: RtspServer) -> None:
    with closing(frames(rtsp_server.url("/mjpeg"))) as live:
        before = take(live, 5)[-1][1]
        rtsp_server.freeze()
        time.sleep(1.5)
        rtsp_server.thaw()
        after = [number for _, number in take(live, 10)]

    jump = max(second - first for first, second in itertools.pairwise([before, *after]))
    assert jump > 15
    assert 0 <= rtsp_server.age_s("/mjpeg", after[-1]) < 1


def test_a_frozen_server_lets_a_reader_time_out(rtsp_server: RtspServer) -> None:
    with closing(frames(rtsp_server.url("/mjpeg"), read_timeout_s=0.5)) as live:
        next(live)
        rtsp_server.freeze()
        with pytest.raises(TIMED_OUT):
            take(live, 100)


def test_a_machine_without_the_packages_is_told_what_to_install() -> None:
    for python in (sys.executable, "/no/python3"):  # neither has gi
        reason = missing_packages(python)

        assert reason is not None
        assert "apt-get install gir1.2-gst-rtsp-server-1.0 python3-gi" in reason


def test_a_server_ends_frozen_or_not(start_rtsp_server: Callable[..., RtspServer]) -> None:
    server = start_rtsp_server()
    server.freeze()

    server.stop()

    assert server.process.returncode is not None


def test_a_server_dies_with_its_test() -> None:
    program = """
import os
from tests.cameras.rtsp_server import RtspServer
server = RtspServer()
server.freeze()
print(server.process.pid, flush=True)
os.kill(os.getpid(), 9)
"""
    command = [sys.executable, "-c", program]
    ended = subprocess.run(command, check=False, cwd=ROOT, stdout=subprocess.PIPE)

    deadline = time.monotonic() + 5
    while runs(int(ended.stdout)) and time.monotonic() < deadline:
        time.sleep(0.01)
    assert not runs(int(ended.stdout))


def test_a_camera_is_read_through_a_proxy_byte_by_byte(
    rtsp_server: RtspServer, start_fault_proxy: Callable[[int], FaultProxy]
) -> None:
    proxy = start_fault_proxy(rtsp_server.port)
    proxy.faults.piece_bytes = 1

    with closing(frames(proxy.url(rtsp_server.url("/h264")))) as live:
        numbers = take(live, 5)

    assert numbers == rising(numbers[0], 5)
    assert proxy.connections == 1


def test_a_stalled_proxy_lets_a_reader_time_out(
    rtsp_server: RtspServer, start_fault_proxy: Callable[[int], FaultProxy]
) -> None:
    proxy = start_fault_proxy(rtsp_server.port)

    with closing(frames(proxy.url(rtsp_server.url("/mjpeg")), read_timeout_s=0.5)) as live:
        next(live)
        proxy.stall_after(10_000)
        with pytest.raises(TIMED_OUT):
            take(live, 100)


def test_a_reset_reaches_a_reader(
    rtsp_server: RtspServer, start_fault_proxy: Callable[[int], FaultProxy]
) -> None:
    proxy = start_fault_proxy(rtsp_server.port)

    with closing(frames(proxy.url(rtsp_server.url("/mjpeg")))) as live:
        next(live)
        proxy.reset()
        with pytest.raises(ConnectionResetError):
            take(live, 100)
