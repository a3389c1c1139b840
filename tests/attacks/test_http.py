"""Clients of `streamdet serve` who mean harm; more of them are in tests/server/test_access.py."""

from __future__ import annotations

import http.client
import socket
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import psutil
import pytest

from streamdet.graph import load_graph
from streamdet.server.access import Tokens
from streamdet.server.app import create_app
from streamdet.server.listen import MOST_OF_ONE, bound_socket, serving
from streamdet.server.service import Service

PAGE = Path(__file__).parents[2] / "streamdet" / "server" / "page"
OWN = {"x-streamdet": "1", "content-type": "application/json"}


@contextmanager
def server(request_s: float) -> Iterator[int]:
    """A real server that gives a request so long to arrive; its run has not begun."""
    graph = load_graph("people")
    app = create_app(Service(lambda: graph, "events"), Tokens())
    bound = bound_socket("127.0.0.1", 0)
    number = bound.getsockname()[1]
    with serving(app, bound, request_s=request_s):
        yield number


@pytest.fixture(scope="module")
def port() -> Iterator[int]:
    with server(request_s=1) as number:
        yield number


def answer(port: int, method: str, path: str, body: bytes = b"") -> int:
    with closing(http.client.HTTPConnection("127.0.0.1", port, timeout=20)) as client:
        client.request(method, path, body, OWN)
        return client.getresponse().status


def call(port: int, content: bytes) -> socket.socket:
    client = socket.create_connection(("127.0.0.1", port), timeout=30)
    client.sendall(content)
    return client


def all_of(client: socket.socket) -> bytes:
    """What the server says until it hangs up."""
    said = b""
    try:
        while some := client.recv(65536):
            said += some
    except ConnectionResetError:
        pass
    return said


SLOW = {
    "nothing": b"",
    "head": b"GET / HTTP/1.1\r\nHost: localhost\r\nX-A: 1\r\n",
    "body": b"POST /api/v1/session HTTP/1.1\r\nHost: localhost\r\nX-Streamdet: 1\r\n"
    b"Content-Type: application/json\r\nContent-Length: 1000\r\n\r\n{",
    "second": b"GET /livez HTTP/1.1\r\nHost: localhost\r\n\r\nGET /livez HT",
}


@pytest.mark.parametrize("kind", SLOW)
def test_who_is_slow_is_hung_up_on_while_others_are_answered(port: int, kind: str) -> None:
    clients = [call(port, SLOW[kind]) for _ in range(30)]
    assert answer(port, "GET", "/livez") == 200
    said = [all_of(client) for client in clients]  # would wait for ever
    for client in clients:
        client.close()
    assert all((b"200 OK" in each) == (kind == "second") for each in said)
    assert answer(port, "GET", "/livez") == 200


def test_one_address_cannot_take_all_connections() -> None:
    with server(request_s=60) as port:
        clients = [call_from("127.0.0.2", port) for _ in range(MOST_OF_ONE)]
        assert answer(port, "GET", "/livez") == 200  # of another address
        assert answer_from("127.0.0.2", port) == b""
        for client in clients:
            client.close()
        deadline_s = time.monotonic() + 10
        while not answer_from("127.0.0.2", port).startswith(b"HTTP/1.1 200"):
            assert time.monotonic() < deadline_s


def call_from(address: str, port: int) -> socket.socket:
    return socket.create_connection(("127.0.0.1", port), timeout=30, source_address=(address, 0))


def answer_from(address: str, port: int) -> bytes:
    with closing(call_from(address, port)) as client:
        try:
            client.sendall(b"GET /livez HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
        except OSError:
            return b""
        return all_of(client)


def is_served(client: socket.socket) -> bool:
    """Whether the server, which is in this process, has the other end of a connection."""
    own = client.getsockname()
    return any(each.raddr == own for each in psutil.Process().net_connections())


def wait_until(is_so: Callable[[], bool]) -> None:
    deadline_s = time.monotonic() + 12  # uvicorn itself hangs up after 15 s
    while not is_so():
        assert time.monotonic() < deadline_s
        time.sleep(0.05)


def test_who_takes_nothing_is_hung_up_on(port: int) -> None:
    """The answers are more than the system holds for a client, and it reads none of them."""
    with socket.socket() as client:
        client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        client.connect(("127.0.0.1", port))
        client.sendall(b"GET /page/drawing.js HTTP/1.1\r\nHost: localhost\r\n\r\n" * 1500)
        wait_until(lambda: is_served(client))
        wait_until(lambda: not is_served(client))
    assert answer(port, "GET", "/livez") == 200


def test_a_flood_of_headers_is_cut_off(port: int) -> None:
    head = b"GET / HTTP/1.1\r\nHost: localhost\r\n" + b"X-Y: 1\r\n" * 3000
    with call(port, head) as client:
        assert not all_of(client).startswith(b"HTTP/1.1 200")
    assert answer(port, "GET", "/livez") == 200


@pytest.mark.parametrize(
    "body",
    [b"[" * 1_000_000, b'{"a":' * 150_000, b"1" * 1_000_000, b"\xff" * 1000, b"null", b"{}"],
    ids=["lists", "objects", "number", "bytes", "null", "empty"],
)
@pytest.mark.parametrize(
    ("method", "path"), [("PUT", "/api/v1/cameras/x"), ("POST", "/api/v1/session")]
)
def test_bombs_of_json_are_refused(port: int, method: str, path: str, body: bytes) -> None:
    assert 400 <= answer(port, method, path, body) < 500


def test_a_body_of_unknown_length_is_refused(port: int) -> None:
    head = b"POST /api/v1/session HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n"
    with call(port, head + b"\r\n" + b"1000\r\n" + b"x" * 4096) as client:
        assert all_of(client).startswith(b"HTTP/1.1 413")


@pytest.mark.parametrize(
    "path",
    [
        "/page/../../../../etc/passwd",
        "/page/%2e%2e%2f%2e%2e%2fetc%2fpasswd",
        "/page//etc/passwd",
        "/page/..\\..\\app.py",
        "/page/app.js%00.html",
        "/api/v1/cameras/..%2f..%2fetc%2fpasswd/snapshot.jpg",
        "/etc/passwd",
        "/" + "a" * 10_000,
    ],
)
def test_no_path_leads_out(port: int, path: str) -> None:
    assert answer(port, "GET", path) in (400, 404)


def test_the_page_writes_no_text_as_html() -> None:
    """Names and labels are put in as text, so that no camera's name can be a script."""
    for script in PAGE.glob("*.js"):
        for way in ("innerHTML", "outerHTML", "insertAdjacentHTML", "document.write", "eval("):
            assert way not in script.read_text(), (script, way)
