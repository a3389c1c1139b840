"""A small server for tests: whoever connects is given to a function, in a thread of its own."""

from __future__ import annotations

import io
import socket
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from threading import Event, Thread

import cv2

from tests.sources.made_video import picture

HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: "
Handler = Callable[[socket.socket], None]


@contextmanager
def serving(handle: Handler, host: str = "127.0.0.1") -> Iterator[int]:
    """Listen on a port of this machine; a client may hang up in the middle."""
    is_over = Event()
    with socket.create_server((host, 0)) as server:

        def accept() -> None:
            while not is_over.is_set():
                client, _ = server.accept()
                Thread(target=answer, args=(client,), daemon=True).start()

        def answer(client: socket.socket) -> None:
            with client, suppress(OSError):
                handle(client)

        thread = Thread(target=accept, daemon=True)
        thread.start()
        yield server.getsockname()[1]
        is_over.set()
        socket.create_connection(server.getsockname()).close()
        thread.join(5)


def jpeg(number: int, hw: tuple[int, int]) -> bytes:
    return bytes(cv2.imencode(".jpg", picture(number, hw))[1])


def mjpeg_camera(
    rate: float, count: int = 100_000, sizes: Sequence[tuple[int, int]] = ((48, 64),)
) -> Handler:
    """A camera of MJPEG over http: `count` images of each size, and then it hangs up."""

    def handle(client: socket.socket) -> None:
        client.recv(4096)
        client.sendall(HEAD + b"multipart/x-mixed-replace; boundary=next\r\n\r\n")
        for number, hw in enumerate(hw for hw in sizes for _ in range(count)):
            image = jpeg(number, hw)
            part = b"--next\r\nContent-Type: image/jpeg\r\nContent-Length: %d\r\n\r\n" % len(image)
            client.sendall(part + image + b"\r\n")
            time.sleep(1 / rate)

    return handle


def status(code: int) -> Handler:
    """A server that says no."""

    def handle(client: socket.socket) -> None:
        asked = io.BytesIO(client.recv(4096))
        protocol = (asked.readline().split() or [b""])[-1]
        number = next((line for line in asked if line.lower().startswith(b"cseq")), b"")
        client.sendall(protocol.replace(b"1.1", b"1.0") + b" %d No\r\n" % code + number + b"\r\n")

    return handle


def answering(head: bytes, body: bytes = b"") -> Handler:
    """A server that answers the same to whatever it is asked."""

    def handle(client: socket.socket) -> None:
        client.recv(4096)
        length = b"\r\nContent-Length: %d\r\n\r\n" % len(body)
        client.sendall(head + length + body)

    return handle


def silent(client: socket.socket) -> None:
    """A server that takes every call and says nothing."""
    client.settimeout(20)
    while client.recv(4096):
        pass
