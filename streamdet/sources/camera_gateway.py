"""An HTTP proxy inside this process: every address that a camera leads FFmpeg to is checked here.

FFmpeg follows redirects and the entries of playlists by itself, and looks names up itself. With
`http_proxy` it asks this proxy for each of them, TLS too (by CONNECT, end to end). The proxy looks
the name up once and calls an address that it may have. A connection carries one request.
"""

from __future__ import annotations

import os
import selectors
import socket
from collections.abc import Collection
from contextlib import closing, suppress
from socketserver import BaseRequestHandler, ThreadingTCPServer
from threading import Thread
from typing import Any, Final
from urllib.parse import urlsplit

from streamdet.errors import CameraLostError, CameraRefusedError, SourceError
from streamdet.sources.camera_peers import is_own_end
from streamdet.sources.camera_reasons import unreachable
from streamdet.system.networks import Networks, SlowLookupError, UnknownHostError, look_up

_LONGEST_HEAD: Final = 1 << 16
_PIECE: Final = 1 << 16
_BAD_GATEWAY: Final = b"HTTP/1.1 502 Bad Gateway\r\nContent-Length: 0\r\n\r\n"
_OF_A_CONNECTION: Final = (b"connection:", b"proxy-")


def checked_addresses(
    host: str, networks: Networks, limit_s: float, own: Collection[str] = ()
) -> tuple[str, ...]:
    """Look up a camera's name, once.

    Args:
        host: the name.
        networks: where it may be.
        limit_s: longest wait, seconds.
        own: addresses that it may have, too.

    Returns:
        Those of its addresses that may be called, at least one.

    Raises:
        CameraLostError: it has no address, for now.
        CameraRefusedError: all of its addresses are refused.
    """
    try:
        found = look_up(host, limit_s=limit_s)
    except UnknownHostError as exc:
        how = f"found within {limit_s:g} s" if isinstance(exc, SlowLookupError) else "known"
        raise CameraLostError(f"the name of its host is not {how}") from exc
    allowed = tuple(each for each in found if each in own or not networks.refusal(each))
    if not allowed:
        raise CameraRefusedError(networks.refusal(found[0]))
    return allowed


class CameraGateway(ThreadingTCPServer):
    """The proxy of one camera; `close` ends it.

    Args:
        host: of the camera.
        networks: where the camera may be.
        limit_s: longest wait for a name and for a connection, seconds.

    Attributes:
        problem: why the last address could not be called; None where it could.
    """

    daemon_threads = True
    block_on_close = False
    request_queue_size = 128

    def __init__(self, host: str, networks: Networks, limit_s: float) -> None:
        super().__init__(("127.0.0.1", 0), _Relay)
        self._host, self._networks, self._limit_s = host.lower(), networks, limit_s
        self._known: dict[str, tuple[str, ...]] = {}
        self.problem: SourceError | None = None
        # FFmpeg goes by this one past any proxy; others read NO_PROXY, too.
        if past := os.environ.pop("no_proxy", None):
            os.environ.setdefault("NO_PROXY", past)
        Thread(target=self.serve_forever, args=(0.5,), daemon=True).start()

    @property
    def url(self) -> str:
        """What FFmpeg takes as `http_proxy`."""
        return f"http://127.0.0.1:{self.server_address[1]}"

    def close(self) -> None:
        """End it soon; connections end with those of FFmpeg."""
        Thread(target=self._end, daemon=True).start()

    def connected(self, host: str, port: int) -> socket.socket:
        """Connect to an address that was checked.

        Raises:
            CameraLostError: there is no answer.
            CameraRefusedError: the address is refused.
        """
        problem: OSError | None = None
        for address in self._addresses(host.lower()):
            try:
                server = socket.create_connection((address, port), self._limit_s)
            except OSError as exc:
                problem = exc
                continue
            server.settimeout(None)
            return server
        raise unreachable(problem)

    def _addresses(self, host: str) -> tuple[str, ...]:
        if host not in self._known:
            is_own = host == self._host
            networks = self._networks if is_own else self._networks.led_on
            own = self._known.get(self._host, ())
            self._known[host] = checked_addresses(host, networks, self._limit_s, own)
        return self._known[host]

    def _end(self) -> None:
        self.shutdown()
        self.server_close()

    def verify_request(self, request: object, client_address: object) -> bool:
        """Take connections of this process alone: others on this machine are none of its users."""
        return is_own_end(client_address)

    def handle_error(self, request: object, client_address: object) -> None:
        """Say nothing: FFmpeg sees that the connection has ended, and says why."""


class _Relay(BaseRequestHandler):
    server: CameraGateway
    request: socket.socket

    def handle(self) -> None:
        head, rest = _read_head(self.request)
        first, *lines = head.split(b"\r\n")
        method, target, version = first.split(b" ")
        is_tunnel = method == b"CONNECT"
        parts = urlsplit(b"//" + target if is_tunnel else target)
        try:
            server = self.server.connected(_text(parts.hostname), parts.port or 80)
        except SourceError as exc:
            self.server.problem = exc
            self.request.sendall(_BAD_GATEWAY)
            return
        self.server.problem = None
        with closing(server):
            if is_tunnel:
                self.request.sendall(b"HTTP/1.1 200 Connected\r\n\r\n")
                server.sendall(rest)
            else:
                place = (parts.path or b"/") + (b"?" + parts.query if parts.query else b"")
                kept = [each for each in lines if not each.lower().startswith(_OF_A_CONNECTION)]
                asked = [b" ".join([method, place, version]), *kept, b"Connection: close"]
                server.sendall(b"\r\n".join(asked) + b"\r\n\r\n" + rest)
            with suppress(OSError):
                _relay(self.request, server, is_tunnel=is_tunnel)


def _text(host: Any) -> str:
    return (host or b"").decode("latin-1")


def _read_head(client: socket.socket) -> tuple[bytes, bytes]:
    data = b""
    while b"\r\n\r\n" not in data:
        piece = client.recv(_PIECE)
        if not piece or len(data) > _LONGEST_HEAD:
            raise ConnectionError("no request")
        data += piece
    head, _, rest = data.partition(b"\r\n\r\n")
    return head, rest


def _relay(client: socket.socket, server: socket.socket, *, is_tunnel: bool) -> None:
    """Pass on what comes until one side hangs up; of a second request nothing is passed on."""
    with selectors.DefaultSelector() as selector:
        selector.register(client, selectors.EVENT_READ)
        selector.register(server, selectors.EVENT_READ)
        while True:
            for key, _ in selector.select():
                data = key.fileobj.recv(_PIECE)  # type: ignore[union-attr]
                if not data:
                    return
                if key.fileobj is server:
                    client.sendall(data)
                elif is_tunnel:
                    server.sendall(data)
