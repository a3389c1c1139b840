"""A real HTTP server that takes webhooks, or does what a bad day brings."""

from __future__ import annotations

import json
import ssl
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any


class Receiver:
    """Listens on a port of this machine.

    Attributes:
        port: where.
        bodies: the events of the requests that were answered with 2xx, in order.
        headers: of the same requests.
        asked: how many requests came.
        status: what it answers.
        delay_s: how long it thinks.
        location: where it redirects to, with a 3xx status.
    """

    def __init__(self, port: int = 0, certificate: Path | None = None) -> None:
        self.bodies: list[dict[str, Any]] = []
        self.headers: list[dict[str, str]] = []
        self.raw: list[bytes] = []
        self.asked, self.status, self.delay_s, self.location = 0, 204, 0.0, ""
        receiver = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                receiver.asked += 1
                time.sleep(receiver.delay_s)
                if receiver.status < 300:
                    receiver.raw.append(body)
                    receiver.bodies.append(json.loads(body))
                    receiver.headers.append(dict(self.headers))
                self.send_response(receiver.status)
                if receiver.location:
                    self.send_header("Location", receiver.location)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, format: str, *args: object) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", port), Handler)
        self._server.daemon_threads = True
        self._scheme = "http"
        if certificate is not None:
            self._scheme = "https"
            secure = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            secure.load_cert_chain(certificate)
            self._server.socket = secure.wrap_socket(self._server.socket, server_side=True)
        self.port: int = self._server.server_address[1]
        threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True).start()

    @property
    def url(self) -> str:
        return f"{self._scheme}://127.0.0.1:{self.port}/hook?room=1"

    def wait_for(self, count: int, limit_s: float = 20) -> None:
        """Wait until so many events were taken."""
        deadline_s = time.monotonic() + limit_s
        while len(self.bodies) < count:
            assert time.monotonic() < deadline_s, f"{len(self.bodies)} of {count} events came"
            time.sleep(0.01)

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()


@contextmanager
def receiving(port: int = 0, certificate: Path | None = None) -> Iterator[Receiver]:
    receiver = Receiver(port, certificate)
    try:
        yield receiver
    finally:
        receiver.close()
