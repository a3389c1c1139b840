"""Cameras for the attacks, too."""

from tests.cameras.conftest import (  # noqa: F401  fixtures
    can_serve_rtsp,
    rtsp_server,
    start_rtsp_server,
)
