"""Live cameras, for tests of sources, too."""

from tests.cameras.conftest import (
    can_serve_rtsp,
    rtsp_server,
    start_fault_proxy,
    start_rtsp_server,
)

__all__ = ["can_serve_rtsp", "rtsp_server", "start_fault_proxy", "start_rtsp_server"]
