"""Cameras that lead to addresses which may not be called: by name, redirect or playlist.

127.0.0.2 stands for another host: the camera at 127.0.0.1 may lead to itself, but not there.
"""

from __future__ import annotations

import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import closing
from itertools import islice
from threading import Event
from typing import Any

import pytest

from streamdet.config.source_settings import SourceSettings
from streamdet.errors import CameraLostError, CameraRefusedError
from streamdet.sources.camera_gateway import CameraGateway
from streamdet.sources.live import LiveOptions, LiveSource
from streamdet.system.networks import EVERYWHERE, Networks
from tests.cameras.rtsp_server import RtspServer
from tests.sources.http_camera import HEAD, Handler, answering, mjpeg_camera, serving

OTHER = "127.0.0.2"
LOOPBACK = Networks(allow=("127.0.0.0/8",))
SETTINGS = SourceSettings()


def read(uri: str, networks: Networks = EVERYWHERE) -> int:
    """Read three images."""
    options = LiveOptions(open_timeout_s=5, read_timeout_s=3)
    with closing(LiveSource(uri, options).connect(networks=networks)) as connection:
        return len([*islice(connection.frames(), 3)])


class OtherHost:
    """A camera at another address, which notes whether it was called."""

    def __init__(self) -> None:
        self.was_called = Event()
        self.port = 0

    def handle(self, client: socket.socket) -> None:
        self.was_called.set()
        mjpeg_camera(rate=20)(client)


@pytest.fixture
def other() -> Iterator[OtherHost]:
    host = OtherHost()
    with serving(host.handle, OTHER) as host.port:
        yield host


def redirect(other: OtherHost) -> Handler:
    return answering(f"HTTP/1.1 302 Found\r\nLocation: http://{OTHER}:{other.port}/x".encode())


def playlist(other: OtherHost) -> Handler:
    body = (
        "#EXTM3U\n#EXT-X-TARGETDURATION:9\n#EXTINF:9,\n"
        f"http://{OTHER}:{other.port}/x.ts\n#EXT-X-ENDLIST\n"
    )
    return answering(HEAD + b"application/vnd.apple.mpegurl", body.encode())


@pytest.mark.parametrize("leading", [redirect, playlist])
def test_a_camera_does_not_lead_to_another_machine_of_ours(
    leading: Callable[[OtherHost], Handler], other: OtherHost
) -> None:
    with (
        serving(leading(other)) as port,
        pytest.raises(CameraRefusedError, match=rf"{OTHER} is not called"),
    ):
        read(f"http://127.0.0.1:{port}/x.m3u8")
    assert not other.was_called.is_set()


def test_a_camera_may_lead_where_the_settings_let_it(other: OtherHost) -> None:
    with serving(redirect(other)) as port:
        assert read(f"http://127.0.0.1:{port}/x", LOOPBACK) == 3
    assert other.was_called.is_set()


def test_a_camera_may_lead_to_itself_by_another_name() -> None:
    with serving(mjpeg_camera(rate=20)) as port:
        location = f"HTTP/1.1 302 Found\r\nLocation: http://localhost:{port}/x".encode()
        with serving(answering(location)) as other_port:
            assert read(f"http://127.0.0.1:{other_port}/x") == 3


def test_the_proxy_of_the_environment_lets_nobody_past(
    other: OtherHost, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("no_proxy", "127.0.0.1,127.0.0.2,*")
    with serving(redirect(other)) as port, pytest.raises(CameraRefusedError):
        read(f"http://127.0.0.1:{port}/x")
    assert not other.was_called.is_set()


@pytest.mark.parametrize("scheme", ["http", "https", "rtsp", "rtsps", "rtmp", "srt"])
@pytest.mark.parametrize("host", ["169.254.169.254", "[::ffff:169.254.169.254]", "127.0.0.1"])
def test_an_added_camera_may_not_be_a_metadata_service_or_this_machine(
    scheme: str, host: str
) -> None:
    networks = SETTINGS.networks(is_stated=False, is_shared=True)
    with pytest.raises(CameraRefusedError, match="is not called"):
        read(f"{scheme}://{host}:9/x", networks)


def test_who_is_on_this_machine_may_add_its_cameras() -> None:
    networks = SETTINGS.networks(is_stated=False, is_shared=False)
    with serving(mjpeg_camera(rate=20)) as port:
        assert read(f"http://127.0.0.1:{port}/x", networks) == 3
    assert networks.refusal("169.254.169.254")


@pytest.mark.parametrize("scheme", ["http", "rtsp"])
def test_the_address_that_was_checked_is_the_one_that_is_called(
    scheme: str, rtsp_server: RtspServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """FFmpeg cannot look this name up; whoever asked again would be led elsewhere."""
    asked = []
    known = socket.getaddrinfo

    def rebinding(host: str, *arguments: Any, **options: Any) -> Any:
        if host != "door.invalid":
            return known(host, *arguments, **options)
        asked.append(host)
        return known("127.0.0.1" if len(asked) == 1 else OTHER, *arguments, **options)

    with serving(mjpeg_camera(rate=20)) as port:
        places = {"http": f"{port}/x", "rtsp": f"{rtsp_server.port}/mjpeg"}
        with monkeypatch.context() as patch:
            patch.setattr(socket, "getaddrinfo", rebinding)
            assert read(f"{scheme}://door.invalid:{places[scheme]}", LOOPBACK) == 3
    assert asked == ["door.invalid"]


def redirecting_rtsp(target: str) -> Handler:
    def handle(client: socket.socket) -> None:
        asked = client.recv(4096).decode()
        number = next((line for line in asked.splitlines() if line.startswith("CSeq")), "")
        client.sendall(f"RTSP/1.0 302 Moved\r\n{number}\r\nLocation: {target}\r\n\r\n".encode())

    return handle


def test_of_an_rtsp_camera_that_redirects_no_image_is_read(rtsp_server: RtspServer) -> None:
    with serving(redirecting_rtsp(rtsp_server.url("/mjpeg")), OTHER) as port:
        with pytest.raises(CameraRefusedError, match=r"it redirects: 127\.0\.0\.1 is not called"):
            read(f"rtsp://{OTHER}:{port}/x")
        assert read(f"rtsp://{OTHER}:{port}/x", LOOPBACK) == 3


ASKING = """
import socket, sys
with socket.create_connection(("127.0.0.1", int(sys.argv[1]))) as client:
    client.sendall(f"GET http://127.0.0.1:{sys.argv[2]}/x HTTP/1.1\\r\\n\\r\\n".encode())
    try:
        print(client.recv(100))
    except ConnectionError:
        print(b"")
"""


def test_no_other_process_gets_anywhere_through_the_proxy() -> None:
    was_called = Event()
    gateway = CameraGateway("127.0.0.1", EVERYWHERE, 2)
    with closing(gateway), serving(lambda client: was_called.set()) as port:
        command = [sys.executable, "-c", ASKING, str(gateway.server_address[1]), str(port)]
        done = subprocess.run(command, capture_output=True, text=True, timeout=30, check=True)
        assert done.stdout == "b''\n"
        assert not was_called.is_set()


def test_a_name_that_is_not_known_is_a_lost_camera() -> None:
    with pytest.raises(CameraLostError, match="the name of its host is not known"):
        read("http://no-such-host.invalid/x")
