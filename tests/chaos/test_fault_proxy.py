"""Each fault of the proxy does what it says, before a server that sends back what it gets."""

from __future__ import annotations

import itertools
import socket
import socketserver
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack

import pytest

from streamdet.chaos.fault_proxy import FaultProxy


class Echo(socketserver.BaseRequestHandler):
    def handle(self) -> None:
        while data := self.request.recv(65536):
            self.request.sendall(data)


class EchoServer(socketserver.ThreadingTCPServer):
    def handle_error(self, *_: object) -> None:
        """Says nothing of connections that the proxy broke."""


@pytest.fixture
def proxy(start_fault_proxy: Callable[[int], FaultProxy]) -> Iterator[FaultProxy]:
    with EchoServer(("127.0.0.1", 0), Echo) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        proxy = start_fault_proxy(server.server_address[1])
        yield proxy
        proxy.stop()
        server.shutdown()
        thread.join()


@pytest.fixture
def connect(proxy: FaultProxy) -> Iterator[Callable[[], socket.socket]]:
    with ExitStack() as clients:

        def connect() -> socket.socket:
            address = ("127.0.0.1", proxy.port)
            return clients.enter_context(socket.create_connection(address, timeout=5))

        yield connect


Connect = Callable[[], socket.socket]


def receive(client: socket.socket, count: int) -> bytes:
    data = b""
    while len(data) < count and (more := client.recv(count - len(data))):
        data += more
    return data


def comes_nothing(client: socket.socket) -> bool:
    client.settimeout(0.2)
    try:
        client.recv(1)
    except TimeoutError:
        return True
    finally:
        client.settimeout(5)
    return False


def test_without_a_fault_every_byte_passes(proxy: FaultProxy, connect: Connect) -> None:
    sent = bytes(range(256)) * 1000
    client = connect()

    threading.Thread(target=client.sendall, args=(sent,)).start()

    assert receive(client, len(sent)) == sent
    assert proxy.connections == 1


def test_latency_comes_once_each_way(proxy: FaultProxy, connect: Connect) -> None:
    proxy.faults.latency_s = 0.2
    client, start = connect(), time.monotonic()

    client.sendall(b"ping")

    assert receive(client, 4) == b"ping"
    assert 0.4 <= time.monotonic() - start < 1.2


def test_latency_does_not_limit_what_is_on_its_way(proxy: FaultProxy, connect: Connect) -> None:
    proxy.faults.latency_s = 0.2
    client, start = connect(), time.monotonic()

    for _ in range(20):
        client.sendall(b"x" * 1000)
        time.sleep(0.01)

    assert len(receive(client, 20_000)) == 20_000
    assert time.monotonic() - start < 2  # one after the other: 20 * 0.4 s


def test_down_refuses_and_hangs_up_and_up_accepts(proxy: FaultProxy, connect: Connect) -> None:
    client = connect()

    proxy.down()

    assert client.recv(1) == b""
    with pytest.raises(ConnectionRefusedError):
        connect()
    proxy.up()
    again = connect()
    again.sendall(b"ping")
    assert receive(again, 4) == b"ping"


def test_freeze_accepts_and_passes_nothing_until_thaw(proxy: FaultProxy, connect: Connect) -> None:
    proxy.freeze()
    client = connect()
    client.sendall(b"ping")

    assert comes_nothing(client)
    proxy.thaw()
    assert receive(client, 4) == b"ping"


def test_bandwidth_is_that_many_bytes_a_second(proxy: FaultProxy, connect: Connect) -> None:
    proxy.faults.bytes_per_s = 20_000
    client, start = connect(), time.monotonic()

    client.sendall(b"x" * 10_000)

    assert len(receive(client, 10_000)) == 10_000
    assert 0.45 <= time.monotonic() - start < 1.5


def test_reset_breaks_off_and_accepts_the_next(proxy: FaultProxy, connect: Connect) -> None:
    client = connect()
    client.sendall(b"ping")
    receive(client, 4)

    proxy.reset()

    with pytest.raises(ConnectionResetError):
        client.recv(1)
    again = connect()
    again.sendall(b"pong")
    assert receive(again, 4) == b"pong"
    assert proxy.connections == 2


def test_slow_close_is_learned_late(proxy: FaultProxy, connect: Connect) -> None:
    proxy.faults.slow_close_s = 0.2
    client, start = connect(), time.monotonic()
    client.sendall(b"ping")

    client.shutdown(socket.SHUT_WR)

    assert receive(client, 4) == b"ping"
    assert client.recv(1) == b""
    assert 0.4 <= time.monotonic() - start < 1.2  # to the server and back


def test_slices_arrive_one_by_one(proxy: FaultProxy, connect: Connect) -> None:
    proxy.faults.piece_bytes = 1
    proxy.faults.piece_gap_s = 0.05
    client = connect()

    client.sendall(b"ping")

    assert [client.recv(100) for _ in range(4)] == [b"p", b"i", b"n", b"g"]


def test_a_stall_comes_after_that_many_bytes(proxy: FaultProxy, connect: Connect) -> None:
    proxy.stall_after(6)
    client = connect()
    client.sendall(b"0123456789")

    assert receive(client, 6) == b"012345"
    assert comes_nothing(client)
    proxy.thaw()
    assert receive(client, 4) == b"6789"


def test_a_proxy_stops_and_starts_on_its_port(proxy: FaultProxy, connect: Connect) -> None:
    for _ in itertools.repeat(None, 3):
        client = connect()
        client.sendall(b"ping")
        receive(client, 4)
        proxy.stop()
        assert client.recv(1) == b""
        proxy.start()

    assert proxy.connections == 3


def test_a_closed_proxy_leaves_no_thread(proxy: FaultProxy, connect: Connect) -> None:
    connect()
    proxy.freeze()

    proxy.close()

    assert "fault-proxy" not in {thread.name for thread in threading.enumerate()}


def test_a_server_that_is_down_ends_the_connection(
    start_fault_proxy: Callable[[int], FaultProxy],
) -> None:
    proxy = start_fault_proxy(1)  # tcpmux, which nobody serves

    with socket.create_connection(("127.0.0.1", proxy.port), timeout=5) as client:
        assert client.recv(1) == b""


def test_a_url_by_way_of_the_proxy_keeps_user_and_path(proxy: FaultProxy) -> None:
    url = "rtsp://viewer:p%3Aw%401@127.0.0.1:554/cam?low=1"

    assert proxy.url(url) == f"rtsp://viewer:p%3Aw%401@127.0.0.1:{proxy.port}/cam?low=1"
