"""A camera that is lost again and again costs its worker nothing that stays."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import psutil
import pytest

from streamdet.chaos.fault_proxy import FaultProxy
from tests.cameras.live_run import LiveRun
from tests.cameras.rtsp_server import RtspServer

SETTLED = 20
RECONNECTS = 200
GROWTH_MIB = 2.0


@dataclass(frozen=True)
class Holdings:
    """What a process holds; memory is its own alone."""

    files: int
    threads: int
    mib: float


def holdings(pid: int) -> Holdings:
    process = psutil.Process(pid)
    mib = process.memory_full_info().uss / 2**20
    return Holdings(process.num_fds(), process.num_threads(), mib)


@pytest.fixture
def proxy(rtsp_server: RtspServer, start_fault_proxy: Callable[[int], FaultProxy]) -> FaultProxy:
    return start_fault_proxy(rtsp_server.port)


@pytest.fixture(params=["h264", "h265", "mjpeg"])
def run(
    request: pytest.FixtureRequest, rtsp_server: RtspServer, proxy: FaultProxy, tmp_path: Path
) -> Iterator[LiveRun]:
    started = LiveRun(tmp_path, [proxy.url(rtsp_server.url(f"/{request.param}"))])
    yield started
    started.process.kill()
    started.process.wait()


@pytest.mark.nightly  # 4 minutes for each codec
@pytest.mark.timeout(1200)
def test_files_threads_and_memory_stay_flat_over_200_reconnects(
    run: LiveRun, proxy: FaultProxy
) -> None:
    held = {}
    for count in range(RECONNECTS + 1):
        run.wait_for_line(": live", times=count + 1)
        if count in (SETTLED, RECONNECTS):
            [camera] = [name for name in run.workers() if name.startswith("front.")]
            held[count] = holdings(run.workers()[camera])
        proxy.reset()
    before, after = held[SETTLED], held[RECONNECTS]
    assert (after.files, after.threads) == (before.files, before.threads)
    assert after.mib < before.mib + GROWTH_MIB, held
    run.stop()
    print(f"after {SETTLED} reconnects {before}, after {RECONNECTS} {after}")
