"""Long outages, of two cameras at once and of a name: the third camera notices nothing."""

from __future__ import annotations

import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from functools import partial
from pathlib import Path

import pytest

from streamdet.chaos.fault_proxy import FaultProxy
from tests.cameras.live_run import LiveRun
from tests.cameras.rtsp_server import Mount, RtspServer

pytestmark = [pytest.mark.nightly, pytest.mark.timeout(600)]

FPS = 10
MOUNTS = [Mount(f"/{name}", "mjpeg", fps=FPS, camera=n) for n, name in enumerate("abc", start=1)]
STATE_AIM_S, BACK_AIM_S, OUTAGE_S = 7.0, 3.0, 60.0
IN_OWN_NAMES = 'mount --bind "$0" /etc/hosts && exec "$@"'


@pytest.fixture
def server(start_rtsp_server: Callable[..., RtspServer]) -> RtspServer:
    return start_rtsp_server(MOUNTS)


@pytest.fixture
def runs() -> Iterator[ExitStack]:
    """Ends runs with the test."""
    with ExitStack() as stack:
        yield stack


def camera_at(port: int, name: str, host: str = "127.0.0.1") -> str:
    return f"{host}-{port}_{name}"


def has_more(run: LiveRun, name: str, count: int) -> bool:
    return len(run.frames(name)) > count


def check_accounts(run: LiveRun, name: str) -> None:
    ids = [frame["frame_id"] for frame in run.frames(name)]
    assert ids == list(range(len(ids)))
    report = run.report[name]
    assert report["emitted"] == len(ids) == report["published"] + sum(report["dropped"].values())


def test_two_cameras_that_die_at_once_for_a_minute_are_not_felt_by_the_third(
    server: RtspServer,
    start_fault_proxy: Callable[[int], FaultProxy],
    runs: ExitStack,
    tmp_path: Path,
) -> None:
    proxies = [start_fault_proxy(server.port) for _ in range(2)]
    bad = [camera_at(proxy.port, name) for proxy, name in zip(proxies, "ab", strict=True)]
    good = camera_at(server.port, "c")
    addresses = [
        *(proxy.url(server.url(f"/{name}")) for proxy, name in zip(proxies, "ab", strict=True)),
        server.url("/c"),
    ]
    run = LiveRun(tmp_path, addresses)
    run.limit_s = 120
    runs.callback(run.kill)
    for name in (*bad, good):
        run.wait_for_frames(name, 10)
    for proxy in proxies:
        proxy.down()
    for name in bad:
        assert run.wait_for_line(f"{name}: lost (") < STATE_AIM_S
    before, started_s = len(run.frames(good)), time.monotonic()
    time.sleep(OUTAGE_S)
    emitted, passed_s = len(run.frames(good)) - before, time.monotonic() - started_s
    assert emitted / passed_s == pytest.approx(FPS, rel=0.05)
    for proxy in proxies:
        proxy.up()
    counts = {name: len(run.frames(name)) for name in bad}
    for name, count in counts.items():
        assert run.wait_for(name, partial(has_more, run, name, count)) < BACK_AIM_S
    run.stop()
    for name in (*bad, good):
        check_accounts(run, name)


def test_a_name_that_stops_resolving_and_is_known_again(
    server: RtspServer,
    start_fault_proxy: Callable[[int], FaultProxy],
    runs: ExitStack,
    tmp_path: Path,
) -> None:
    proxy = start_fault_proxy(server.port)
    names = tmp_path / "hosts"
    known = "127.0.0.1 camera.test localhost\n"
    names.write_text(known)
    own = ["unshare", "--mount", "sh", "-c", IN_OWN_NAMES, str(names)]
    if subprocess.run([*own, "true"], check=False, capture_output=True).returncode:
        pytest.skip("needs root: names of its own for a run")
    address = proxy.url(server.url("/a")).replace("127.0.0.1", "camera.test")
    run = LiveRun(tmp_path, [address, server.url("/c")], wrapped_in=own)
    run.limit_s = 120
    runs.callback(run.kill)
    bad, good = camera_at(proxy.port, "a", "camera.test"), camera_at(server.port, "c")
    for name in (bad, good):
        run.wait_for_frames(name, 5)
    names.write_text("")  # the same file, which the run sees as /etc/hosts
    proxy.reset()
    run.wait_for_line(f"{bad}: lost (the name of its host ")
    run.wait_for_frames(good, 20)
    names.write_text(known)
    run.wait_for_frames(bad, 5)
    run.stop()
    for name in (bad, good):
        check_accounts(run, name)
