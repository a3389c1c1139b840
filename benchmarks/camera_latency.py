"""`streamdet bench latency`, of a camera that speaks RTSP: the tests' own server."""

from __future__ import annotations

from contextlib import ExitStack

from streamdet.bench.latency import FRAMES, of_camera
from streamdet.bench.material import Material
from streamdet.bench.metrics import Outcome
from streamdet.errors import ConfigError
from tests.cameras.rtsp_server import Mount, RtspServer, missing_packages


def run(material: Material, *, frames: int = FRAMES) -> Outcome:
    """Measure a camera of 25 fps without B-frames.

    Raises:
        ConfigError: this machine cannot run the server.
    """
    if reason := missing_packages():
        raise ConfigError(reason)
    with ExitStack() as stack:
        server = RtspServer([Mount("/cam", "h264", width=960, height=540, fps=25)])
        stack.callback(server.stop)
        return of_camera(material, server.url("/cam"), frames=frames)
