"""The faults of a soak: what happens to one camera, or to a worker, and how it ends."""

from __future__ import annotations

import os
import random
import signal
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import psutil

from streamdet.chaos.fault_proxy import FaultProxy
from streamdet.chaos.faulty_link import Faults
from tests.cameras.live_run import LiveRun
from tests.cameras.rtsp_server import Mount, RtspServer

PATH = "/cam"
FPS = 10
SIZES = ((320, 240), (480, 360))
CODECS = ("h264", "h265", "mjpeg")
TOO_FEW_BYTES_PER_S = 2000.0


class Camera:
    """A server of its own behind a proxy of its own, so that no fault hits two cameras.

    Args:
        number: carried by its frames.
        codec: that it begins with.
    """

    def __init__(self, number: int, codec: str) -> None:
        self.mount: dict[str, Any] = {"codec": codec, "width": SIZES[0][0], "height": SIZES[0][1]}
        self.server = RtspServer([Mount(PATH, codec, fps=FPS, camera=number)])
        self.proxy = FaultProxy(self.server.port)
        self.address = self.proxy.url(self.server.url(PATH))
        self.source_id = f"127.0.0.1-{self.proxy.port}_{PATH.strip('/')}"

    def change(self, **changes: Any) -> None:
        """Change what the server sends."""
        self.mount |= changes
        self.server.change(PATH, **changes)

    def close(self) -> None:
        """End server and proxy."""
        self.proxy.close()
        self.server.stop()


@dataclass(frozen=True)
class Fault:
    """One kind of fault of a camera.

    Args:
        kind: its name.
        lasts_s: from `begin` to `end`.
        begin: what happens to the camera.
        end: how it is undone.
        changes_state: whether the camera has to be said to be away.
    """

    kind: str
    lasts_s: float
    begin: Callable[[Camera], None]
    end: Callable[[Camera], None]
    changes_state: bool = True


def _other_size(camera: Camera) -> None:
    width, height = SIZES[camera.mount["width"] == SIZES[0][0]]
    camera.change(width=width, height=height)
    camera.proxy.up()


def _other_codec(camera: Camera) -> None:
    codec = CODECS[(CODECS.index(camera.mount["codec"]) + 1) % len(CODECS)]
    camera.change(codec=codec)
    camera.proxy.up()


def _starve(camera: Camera) -> None:
    camera.proxy.faults.bytes_per_s = TOO_FEW_BYTES_PER_S


def _feed(camera: Camera) -> None:
    camera.proxy.faults.bytes_per_s = Faults.bytes_per_s


def _nothing(_camera: Camera) -> None:
    pass


FAULTS = (
    Fault("killed 1 s", 1, lambda one: one.server.kill(), lambda one: one.server.start()),
    Fault("frozen 10 s", 10, lambda one: one.proxy.freeze(), lambda one: one.proxy.thaw()),
    Fault("reset", 0, lambda one: one.proxy.reset(), _nothing),
    Fault("killed 10 s", 10, lambda one: one.server.kill(), lambda one: one.server.start()),
    Fault("other size", 2, lambda one: one.proxy.down(), _other_size),
    Fault("refused 5 s", 5, lambda one: one.proxy.down(), lambda one: one.proxy.up()),
    Fault("other codec", 2, lambda one: one.proxy.down(), _other_codec),
    Fault("starved 5 s", 5, _starve, _feed, changes_state=False),
)


def deck(rng: random.Random) -> Iterator[Fault | None]:
    """Deal faults for ever, each kind once before any comes again; None is the kill of a worker."""
    while True:
        yield from rng.sample((*FAULTS, None), len(FAULTS) + 1)


def kill_worker(
    run: LiveRun, cameras: list[Camera], rng: random.Random
) -> tuple[str, list[Camera]]:
    """SIGKILL one worker of a run; returns its name, and the cameras whose frames go through it."""
    name, pid = rng.choice(sorted(run.workers().items()))
    watched = [camera for camera in cameras if watches(pid, camera.proxy.port)]
    os.kill(pid, signal.SIGKILL)
    return name, watched or cameras


def watches(pid: int, port: int) -> bool:
    """Whether a process has a TCP connection to this port."""
    connections = psutil.Process(pid).net_connections("tcp4")
    return any(one.raddr and one.raddr.port == port for one in connections)
