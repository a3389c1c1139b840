"""Live cameras for tests, on this machine only."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack

import pytest

from tests.cameras.rtsp_server import RtspServer, missing_packages
from tests.chaos.conftest import start_fault_proxy  # noqa: F401  a fixture of these tests, too
from tests.required import skip_for_want_of


@pytest.fixture(scope="session")
def can_serve_rtsp() -> None:
    """Skips (fails in CI) where the packages of the RTSP server are absent."""
    if reason := missing_packages():
        skip_for_want_of("rtsp", reason)


@pytest.fixture
def start_rtsp_server(can_serve_rtsp: None) -> Iterator[Callable[..., RtspServer]]:
    """Starts servers with the arguments of RtspServer, stopped when the test ends."""
    with ExitStack() as servers:

        def start(*args: object, **options: object) -> RtspServer:
            server = RtspServer(*args, **options)  # type: ignore[arg-type]
            servers.callback(server.stop)
            return server

        yield start


@pytest.fixture
def rtsp_server(start_rtsp_server: Callable[..., RtspServer]) -> RtspServer:
    """A server with a camera of each codec and a locked one, this test's own: see CAMERAS."""
    return start_rtsp_server()
