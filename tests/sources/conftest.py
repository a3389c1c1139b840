"""Live cameras, for tests of sources, too."""

from tests.cameras.conftest import (
    can_serve_rtsp,
    rtsp_server,
    start_rtsp_server,
)
from tests.chaos.conftest import start_fault_proxy

__all__ = ["can_serve_rtsp", "rtsp_server", "start_fault_proxy", "start_rtsp_server"]
