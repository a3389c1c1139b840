"""A download is whole and right, or it leaves nothing and says why."""

from __future__ import annotations

import hashlib
import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Event, Thread

import pytest

from streamdet.building.download import Limits, download
from streamdet.errors import ConfigError, EngineError, StreamdetError

CONTENT = b"weights" * 1000
SHA256 = hashlib.sha256(CONTENT).hexdigest()
QUICK = Limits(answer_s=0.3, whole_s=0.3, size=len(CONTENT))

Answer = Callable[[BaseHTTPRequestHandler], None]


@contextmanager
def served(answer: Answer) -> Iterator[str]:
    """Serve on the loopback; gives the address of a file."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            answer(self)

        def log_message(self, *args: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/toy.pth"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def whole(request: BaseHTTPRequestHandler, length: int = len(CONTENT)) -> None:
    request.send_response(200)
    request.send_header("Content-Length", str(length))
    request.end_headers()
    request.wfile.write(CONTENT)


def cut_off(request: BaseHTTPRequestHandler) -> None:
    whole(request, length=len(CONTENT) + 1)


def missing(request: BaseHTTPRequestHandler) -> None:
    request.send_error(404)


def too_large(request: BaseHTTPRequestHandler) -> None:
    request.send_response(200)
    request.end_headers()
    request.wfile.write(CONTENT + b"!")


def dripping(request: BaseHTTPRequestHandler) -> None:
    request.send_response(200)
    request.end_headers()
    for _ in range(30):
        request.wfile.write(b".")
        Event().wait(0.05)


def silent(request: BaseHTTPRequestHandler) -> None:
    Event().wait(1.0)


def no_http(request: BaseHTTPRequestHandler) -> None:
    request.wfile.write(b"hello\r\n\r\n")


@pytest.fixture(autouse=True)
def _no_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("no_proxy", "127.0.0.1")


def test_a_file_is_fetched_whole(tmp_path: Path) -> None:
    path = tmp_path / "made" / "toy.pth"
    with served(whole) as address:
        download(address, path, SHA256[:8])
    assert path.read_bytes() == CONTENT
    assert [*path.parent.iterdir()] == [path]


@pytest.mark.parametrize(
    ("answer", "sha256", "error", "sentence"),
    [
        (whole, "0123", ConfigError, f"its sha256 is {SHA256}, wanted 0123"),
        (cut_off, SHA256, EngineError, "was cut off after 7000 of 7001 bytes"),
        (missing, SHA256, EngineError, "toy.pth answers 404 Not Found"),
        (too_large, SHA256, EngineError, "more than 7000 bytes came, which is the limit"),
        (dripping, SHA256, EngineError, r"bytes came in 0.3 s, which is the limit"),
        (silent, SHA256, EngineError, "timed out"),
        (no_http, SHA256, EngineError, "could not be fetched: hello"),
    ],
)
def test_what_goes_wrong_is_one_sentence_and_leaves_the_old_file(
    answer: Answer, sha256: str, error: type[StreamdetError], sentence: str, tmp_path: Path
) -> None:
    path = tmp_path / "toy.pth"
    path.write_bytes(b"old")
    with served(answer) as address, pytest.raises(error, match=sentence) as raised:
        download(address, path, sha256, limits=QUICK)
    assert "\n" not in str(raised.value)
    assert [*tmp_path.iterdir()] == [path]
    assert path.read_bytes() == b"old"


def test_a_refused_connection_is_one_sentence(tmp_path: Path) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        address = f"http://127.0.0.1:{free.getsockname()[1]}/toy.pth"
        with pytest.raises(EngineError, match="cannot be reached: connection refused"):
            download(address, tmp_path / "toy.pth", SHA256)
    assert not [*tmp_path.iterdir()]


def test_files_of_this_machine_are_no_addresses(tmp_path: Path) -> None:
    (tmp_path / "secret").touch()
    with pytest.raises(ConfigError, match="is no address of http or https"):
        download((tmp_path / "secret").as_uri(), tmp_path / "toy.pth", SHA256)


def test_a_folder_that_cannot_be_made_is_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(EngineError, match=r"toy.pth cannot be written: "):
        download("http://127.0.0.1:1/", tmp_path / "file" / "toy.pth", SHA256)
