"""Servers that want passwords or TLS, are too old or unsafe, or go away for a moment."""

from __future__ import annotations

import shutil
import socket
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import redis

from streamdet.errors import ConfigError, TransportError
from streamdet.transport.connection import ask, ask_all, connect
from streamdet.transport.server_check import check_server
from tests.redis_server import RedisServer

SECRET = "s3cret"


@pytest.fixture(scope="module")
def locked_server() -> Iterator[RedisServer]:
    folder = Path(tempfile.mkdtemp(prefix="sd-redis-"))
    server = RedisServer(folder, "--requirepass", SECRET)
    yield server
    server.stop()


@pytest.mark.parametrize("url", [f"http://me:{SECRET}@host", f"rediss:me:{SECRET}@host"])
def test_other_addresses_are_refused_without_showing_the_password(url: str) -> None:
    with pytest.raises(ConfigError, match="is not an address: wanted `embedded`, redis://") as got:
        connect(url)
    assert SECRET not in str(got.value) or "://" not in url


@pytest.mark.parametrize("query", ["foo=1", "ssl_cert_reqs=foo"])
def test_a_parameter_that_is_none_is_refused(query: str) -> None:
    with pytest.raises(ConfigError, match="is not an address: wanted"):
        connect(f"rediss://host?{query}")


def test_a_password_in_the_address_opens_the_server(locked_server: RedisServer) -> None:
    url = f"{locked_server.url}?password={SECRET}"
    assert check_server(connect(url), url) == []


@pytest.mark.parametrize("query", ["", "?password=wr0ng"])
def test_a_wrong_password_is_a_sentence_that_does_not_show_it(
    locked_server: RedisServer, query: str
) -> None:
    url = locked_server.url + query
    with pytest.raises(ConfigError, match=r"^redis: unix://.* refuses us: ") as caught:
        check_server(connect(url), url)
    assert "wr0ng" not in str(caught.value)


def test_a_server_that_is_not_there_is_a_sentence() -> None:
    url = f"redis://:{SECRET}@127.0.0.1:{free_port()}"
    with pytest.raises(TransportError, match=r"does not answer \(Error 111 .*refused\)$") as caught:
        check_server(connect(url), url)
    assert SECRET not in str(caught.value)


def test_tls_addresses_work_and_a_strange_certificate_does_not() -> None:
    folder = Path(tempfile.mkdtemp(prefix="sd-redis-"))
    port = free_port()
    server = start_tls_server(folder, make_certificate(folder), port)
    try:
        trusted = f"rediss://localhost:{port}?ssl_ca_certs={folder}/cert.pem"
        assert check_server(connect(trusted), trusted) == []
        strange = f"rediss://localhost:{port}"
        with pytest.raises(TransportError, match="does not answer"):
            check_server(connect(strange), strange)
    finally:
        server.stop()


@pytest.mark.parametrize("is_single", [False, True])
def test_only_a_single_connection_notices_that_the_server_was_away(
    redis_server: RedisServer, *, is_single: bool
) -> None:
    client: Any = connect(redis_server.url, is_single=is_single)
    redis_server.client().client_kill_filter(_id=str(client.client_id()))
    if is_single:
        with pytest.raises(redis.ConnectionError):
            client.ping()
        with pytest.raises(redis.ConnectionError, match="the server was away"):
            client.ping()
    else:
        assert client.ping()
    client.close()


def test_a_kept_connection_that_was_cut_is_made_again_unless_it_is_single(
    redis_server: RedisServer,
) -> None:
    client, single = connect(redis_server.url), connect(redis_server.url, is_single=True)
    for one in (client, single):
        redis_server.client().client_kill_filter(_id=str(ask(one, "CLIENT", "ID")))
        with pytest.raises(redis.ConnectionError):
            ask(one, "PING")
    assert ask(client, "PING") == b"PONG"
    with pytest.raises(redis.ConnectionError, match="the server was away"):
        ask(single, "PING")


def test_answers_come_in_the_order_of_the_commands(redis_server: RedisServer) -> None:
    client = connect(redis_server.url)
    assert ask_all(client, [("ECHO", "a"), ("ECHO", b"\xff"), ("ECHO", 3)]) == [b"a", b"\xff", b"3"]
    client.close()


@pytest.mark.parametrize(
    "commands",
    [
        [("ECHO", "a"), ("NONSENSE",), ("ECHO", "b")],
        [("MULTI",), ("SET", "kept", "1"), ("LPOP", "kept"), ("DEL", "kept"), ("EXEC",)],
    ],
)
def test_a_refusal_among_answers_is_raised_and_the_next_answer_is_the_right_one(
    redis_server: RedisServer, commands: list[tuple[str, ...]]
) -> None:
    client = connect(redis_server.url, is_single=True)
    with pytest.raises(redis.ResponseError, match=r"unknown command|WRONGTYPE"):
        ask_all(client, commands)
    assert ask(client, "PING") == b"PONG"
    client.close()


def test_an_answer_that_came_too_late_is_not_taken_for_the_next_one(
    redis_server: RedisServer,
) -> None:
    client = redis.Redis.from_url(f"{redis_server.url}?socket_timeout=0.05")
    with pytest.raises(redis.TimeoutError):
        ask(client, "BLPOP", "empty", 0.1)
    assert ask(client, "PING") == b"PONG"
    client.close()


def make_certificate(folder: Path) -> tuple[Path, Path]:
    """A certificate for localhost and its key, signed by itself."""
    if shutil.which("openssl") is None:
        pytest.skip("there is no openssl here to make a certificate with")
    cert, key = folder / "cert.pem", folder / "key.pem"
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2",
         "-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost",
         "-keyout", key, "-out", cert],
        check=True,
        capture_output=True,
        timeout=60,
    )  # fmt: skip
    return cert, key


def start_tls_server(folder: Path, certificate: tuple[Path, Path], port: int) -> RedisServer:
    cert, key = map(str, certificate)
    settings = ["--bind", "127.0.0.1 -::1", "--tls-port", str(port), "--tls-cert-file", cert]
    settings += ["--tls-key-file", key, "--tls-ca-cert-file", cert, "--tls-auth-clients", "no"]
    try:
        return RedisServer(folder, *settings)
    except AssertionError:
        pytest.skip("this Redis server was built without TLS")


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
    return port
