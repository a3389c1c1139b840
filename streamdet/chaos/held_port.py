"""Ports of this machine that a test's server keeps while it is down."""

from __future__ import annotations

import socket

LOOPBACK = "127.0.0.1"


def bound_socket(port: int) -> socket.socket:
    """Gives a socket bound to a port, 0 for a free one, that others of this kind may share.

    As long as it is open and does not listen, no other program gets the port, a server that we
    start there does, and a client is refused while there is none.
    """
    held = socket.socket()
    held.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    held.bind((LOOPBACK, port))
    return held
