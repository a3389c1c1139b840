"""Clients of `streamdet serve`, many in one event loop: who asks, who looks, who never reads."""

from __future__ import annotations

import asyncio
import socket
import time
from collections import Counter
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Final

import psutil

ASKED: Final = ("/api/v1/run", "/api/v1/events?limit=50", "/api/v1/places")
"""What the page asks for, once a second."""
EVERY_S: Final = 1.0
_BOUNDARY: Final = b"--frame\r\n"


@dataclass(slots=True)
class Experience:
    """What clients have met.

    Attributes:
        answers_s: how long each answer took, seconds.
        codes: of the answers; 0: none came.
        frames: of all previews.
    """

    answers_s: list[float] = field(default_factory=list)
    codes: Counter[int] = field(default_factory=Counter)
    frames: int = 0


async def ask(port: int, until_s: float, met: Experience) -> None:
    """Ask as an open page does, over one connection, which is opened again when it breaks."""
    while time.monotonic() < until_s:
        try:
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
            while time.monotonic() < until_s:
                began_s = time.monotonic()
                for path in ASKED:
                    await _ask_once(reader, writer, path, met)
                await asyncio.sleep(max(0.0, began_s + EVERY_S - time.monotonic()))
            writer.close()
        except (OSError, asyncio.IncompleteReadError):
            met.codes[0] += 1
            await asyncio.sleep(EVERY_S)


async def _ask_once(
    reader: asyncio.StreamReader, writer: asyncio.StreamWriter, path: str, met: Experience
) -> None:
    asked_s = time.monotonic()
    writer.write(_request(path))
    head = await reader.readuntil(b"\r\n\r\n")
    lines = head.decode().lower().split("\r\n")
    length = next(line.partition(":")[2] for line in lines if line.startswith("content-length:"))
    await reader.readexactly(int(length))
    met.answers_s.append(time.monotonic() - asked_s)
    met.codes[int(head.split()[1])] += 1


async def look(port: int, path: str, until_s: float, met: Experience) -> None:
    """Take a preview, and count its frames."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(_request(path))
    with suppress(TimeoutError):
        async with asyncio.timeout(until_s - time.monotonic()):
            while part := await reader.read(1 << 18):
                met.frames += part.count(_BOUNDARY)
    writer.close()


async def never_read(pid: int, port: int, path: str, until_s: float) -> float | None:
    """Ask for a preview and read nothing; returns when the server, `pid`, has hung up: seconds."""
    sock = socket.create_connection(("127.0.0.1", port))
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    sock.sendall(_request(path))
    began_s = time.monotonic()
    with sock:
        while time.monotonic() < until_s:
            await asyncio.sleep(0.5)
            own = sock.getsockname()
            if not any(each.raddr == own for each in psutil.Process(pid).net_connections()):
                return time.monotonic() - began_s
    return None


def _request(path: str) -> bytes:
    return f"GET {path} HTTP/1.1\r\nHost: localhost\r\n\r\n".encode()
