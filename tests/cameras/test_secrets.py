"""Passwords in addresses of cameras are seen nowhere while a run goes on, nor after it."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import pytest
import redis

from streamdet.transport.run_folder import runs_root
from tests.cameras.rtsp_server import Mount, RtspServer
from tests.redis_server import RedisServer

CANARY = "canary"
ENV_PASSWORD = "right/canary@1"
GRAPH = """
version: 1
name: secrets
nodes:
  env: {{kind: source, uri: "rtsp://viewer:${{CAMERA_PASSWORD}}@127.0.0.1:{port}/locked"}}
  typed: {{kind: source, uri: "synthetic:street"}}
  token: {{kind: source, uri: "http://127.0.0.1:9/a.mjpg?token=tokencanary"}}
  path: {{kind: source, uri: "rtsp://127.0.0.1:9/user=admin_password=pathcanary_channel=1.sdp"}}
  small: {{kind: transform, reads: [env, typed, token, path]}}
  detect: {{kind: detector, reads: small, model: people, replicas: 1}}
  publish: {{kind: redis_stream, reads: detect, stream: secret-frames}}
"""
TYPED = "http://127.0.0.1:9/b.mjpg?user=usercanary&password=pwcanary"
LIMIT_S = 60.0


@pytest.fixture
def graph(tmp_path: Path, start_rtsp_server: Callable[..., RtspServer]) -> Path:
    """A graph file with a secret of each form, over a camera that asks for its password."""
    server = start_rtsp_server([Mount("/locked", user="viewer", password=ENV_PASSWORD)])
    path = tmp_path / "secrets.yaml"
    path.write_text(GRAPH.format(port=server.port))
    return path


def environ() -> dict[str, str]:
    escaped = ENV_PASSWORD.replace("/", "%2F").replace("@", "%40")
    return os.environ | {"CAMERA_PASSWORD": escaped, "PYTHONUNBUFFERED": "1"}


def command(name: str, graph: Path, *more: str) -> list[str]:
    program = [sys.executable, "-m", "streamdet.cli", "--debug", name, str(graph)]
    return [*program, "--set", f"typed.uri={TYPED}", *more]


class Running:
    """A run of the graph with all kinds of output."""

    def __init__(self, graph: Path, server: RedisServer) -> None:
        self.folder = graph.parent / "out"
        self.folder.mkdir()
        names = ("frames.jsonl", "rows.csv", "boxes.txt")
        outputs = [word for name in names for word in ("--output", str(self.folder / name))]
        report = ("--report", str(self.folder / "report.json"), "--redis", server.url)
        with (self.folder / "log").open("w") as log:
            self.process = subprocess.Popen(
                command("run", graph, *outputs, *report), stdout=log, stderr=log, env=environ()
            )

    def wait_for_frames(self) -> None:
        deadline_s = time.monotonic() + LIMIT_S
        while '"frame_id":3' not in self.text("frames.jsonl"):
            assert time.monotonic() < deadline_s, self.text("log")
            assert self.process.poll() is None, self.text("log")
            time.sleep(0.1)

    def text(self, name: str) -> str:
        path = self.folder / name
        return path.read_text() if path.exists() else ""

    def stop(self) -> None:
        self.process.send_signal(signal.SIGINT)
        assert self.process.wait(LIMIT_S) == 130, self.text("log")


@pytest.fixture
def running(graph: Path, redis_server: RedisServer) -> Iterator[Running]:
    run = Running(graph, redis_server)
    run.wait_for_frames()
    yield run
    run.process.kill()
    run.process.wait()


def test_no_password_is_seen_beside_or_after_a_run(
    running: Running, redis_server: RedisServer, graph: Path
) -> None:
    processes = [psutil.Process(running.process.pid)]
    processes += processes[0].children(recursive=True)
    assert len(processes) > 4
    for process in processes:
        listed = Path(f"/proc/{process.pid}")
        for name in ("cmdline", "environ", "comm"):
            assert CANARY.encode() not in (listed / name).read_bytes(), (name, process.cmdline())
    in_redis = everything(redis_server.client())
    assert b"secret-frames" in in_redis
    assert CANARY.encode() not in in_redis
    for name in ("status", "tail"):
        assert CANARY not in said([*command("x", graph)[:4], name, *more_of(name, redis_server)])
    check_files(sorted(runs_root().rglob("*")))
    running.stop()
    assert "/***" not in running.text("log")
    assert ": live" in running.text("log")
    check_files(sorted(running.folder.iterdir()))


def more_of(name: str, server: RedisServer) -> list[str]:
    frames = ["secret-frames", "--redis", server.url, "--count", "5"]
    return ["--json"] if name == "status" else frames


def said(words: list[str]) -> str:
    done = subprocess.run(
        words, check=False, capture_output=True, text=True, env=environ(), timeout=LIMIT_S
    )
    return done.stdout + done.stderr


def check_files(paths: list[Path]) -> None:
    for path in paths:
        if path.is_file():
            assert CANARY.encode() not in path.read_bytes(), path


def everything(client: redis.Redis) -> bytes:
    """All keys of a server with their values, as the server would save them."""
    texts: list[bytes] = []
    for key in client.scan_iter():
        value = client.dump(key)
        texts += [key, value if isinstance(value, bytes) else b""]
        if client.type(key) == b"stream":  # DUMP packs and may compress
            texts.append(repr(client.xrange(key)).encode())
        if client.type(key) == b"hash":
            texts.append(repr(client.hgetall(key)).encode())
    return b"\n".join(texts)


@pytest.mark.parametrize("name", ["check", "graph"])
def test_no_password_is_told_of_a_graph(name: str, graph: Path) -> None:
    assert CANARY not in said(command(name, graph))


@pytest.mark.parametrize(
    "address",
    [
        "rtps://u:canary@camera/x",
        "rtsp://u:can ary canary@camera/x",
        "rtsp:/u:canary@camera/x",
        "rtsp://u:ca/canary@camera:99999/x",
        "http://camera:port/x?user=canary&password=canary",
        "file:x.mp4?live=2&token=canary",
        "rtsp://camera/user=admin&password=canary&channel=1 2",
    ],
)
def test_no_password_is_told_when_an_address_is_wrong(address: str) -> None:
    program = [sys.executable, "-m", "streamdet.cli", "--debug", "run", "people"]
    shown = said([*program, "--source", address])
    assert "error: " in shown
    assert CANARY not in shown
