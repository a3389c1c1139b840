"""Cameras for the tests of the server."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.cameras.rtsp_server import Mount, RtspServer, missing_packages
from tests.required import skip_for_want_of

DOOR = Mount("/door", "mjpeg", camera=1)
YARD = Mount("/yard", "mjpeg", camera=2, user="viewer", password="canary-4711")


@pytest.fixture(scope="module")
def cameras() -> Iterator[RtspServer]:
    """A server with a camera at the door and a locked one in the yard."""
    if reason := missing_packages():
        skip_for_want_of("rtsp", reason)
    server = RtspServer([DOOR, YARD])
    yield server
    server.stop()
