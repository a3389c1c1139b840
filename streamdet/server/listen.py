"""Runs the application in a thread, on a socket that was bound before anything else started."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import uvicorn
from fastapi import FastAPI

from streamdet.errors import ConfigError
from streamdet.server.impatience import impatient_protocol

MOST_CONNECTIONS = 500
MOST_OF_ONE = 200
"""Connections of one address; a proxy's clients all have the proxy's."""
_BACKLOG = 128
_END_S = 5.0
_REQUEST_S = 20.0
"""Longest wait for a request, or for the client to read on; longer than `timeout_keep_alive`."""


def bound_socket(host: str, port: int) -> socket.socket:
    """Bind the address to listen at.

    Raises:
        ConfigError: it is taken, or is no address of this machine.
    """
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
        family, kind, protocol, _, address = found[0]
        bound = socket.socket(family, kind, protocol)
        bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        bound.bind(address)
        bound.listen(_BACKLOG)
    except (OSError, OverflowError) as exc:
        reason = getattr(exc, "strerror", None) or str(exc)
        raise ConfigError(f"cannot listen at {host}:{port}: {reason}") from exc
    return bound


@contextmanager
def serving(app: FastAPI, bound: socket.socket, *, request_s: float = _REQUEST_S) -> Iterator[None]:
    """Answer requests in this block; clients that do not send or read in time are hung up on."""
    config = uvicorn.Config(
        app,
        log_level="warning",
        access_log=False,
        limit_concurrency=MOST_CONNECTIONS,
        timeout_keep_alive=15,
        timeout_graceful_shutdown=1,
        h11_max_incomplete_event_size=16_384,
        server_header=False,
        ws="none",
        http=impatient_protocol(request_s, MOST_OF_ONE),
    )
    server = uvicorn.Server(config)
    thread = threading.Thread(
        target=server.run, kwargs={"sockets": [bound]}, name="http", daemon=True
    )
    thread.start()
    try:
        yield
    finally:
        server.should_exit = True
        thread.join(timeout=_END_S)
        bound.close()
