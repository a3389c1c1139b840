"""Runs the command line as a user does, hurts it on purpose, and checks what came out."""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
import threading
import time
from collections import defaultdict
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psutil
import redis

STAGE_PREFIX = "sd:"
FORK_SERVER = "sd:fork-server"
HOLDERS = (FORK_SERVER, "sd:gpu-memory")
"""Processes that do no work of a stage."""


@contextmanager
def streamdet(
    *arguments: str, env: dict[str, str] | None = None, is_hangup_ignored: bool = False
) -> Iterator[subprocess.Popen[str]]:
    """Start `streamdet`, on request as nohup does; it is gone when the block ends."""
    process = subprocess.Popen(
        [sys.executable, "-m", "streamdet.cli", *arguments],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        env=os.environ | (env or {}),
        preexec_fn=_ignore_hangup if is_hangup_ignored else heed_signals,  # noqa: PLW1509
    )
    try:
        yield process
    finally:
        if process.poll() is None:
            process.kill()
        process.communicate(timeout=20)


def heed_signals() -> None:
    """Undo what the tests may have inherited: a background job ignores Ctrl-C."""
    for number in (signal.SIGINT, signal.SIGHUP):
        signal.signal(number, signal.SIG_DFL)


def _ignore_hangup() -> None:
    heed_signals()
    signal.signal(signal.SIGHUP, signal.SIG_IGN)


def output_of(process: subprocess.Popen[str], limit_s: float) -> str:
    """Wait for the end and return what was printed; a traceback is a failure."""
    text, _ = process.communicate(timeout=limit_s)
    assert "Traceback" not in text, text
    return text


def errors_in(text: str) -> list[str]:
    """The error sentences in what was printed."""
    return [line for line in text.splitlines() if line.startswith("error: ")]


def wait_for_lines(path: Path, count: int, process: subprocess.Popen[str]) -> None:
    """Wait until a .jsonl file of a run under way has so many lines."""
    deadline = time.monotonic() + 60
    while not path.exists() or path.read_bytes().count(b"\n") < count:
        assert process.poll() is None, process.communicate()[0]
        assert time.monotonic() < deadline, f"no {count} lines in a minute"
        time.sleep(0.01)


def stage_processes(process: subprocess.Popen[str]) -> list[psutil.Process]:
    """The stage processes of a run, by their names."""
    found = []
    try:
        for child in psutil.Process(process.pid).children(recursive=True):
            try:
                name = child.name()
            except psutil.NoSuchProcess:
                continue
            if name.startswith(STAGE_PREFIX) and name not in HOLDERS:
                found.append(child)
    except psutil.NoSuchProcess:
        return []
    return found


def kill_at_random(
    process: subprocess.Popen[str], *, every_s: float, for_s: float, seed: int
) -> int:
    """SIGKILL a random stage process again and again; returns how many were hit."""
    rng, kills = random.Random(seed), 0
    deadline = time.monotonic() + for_s
    while time.monotonic() < deadline and process.poll() is None:
        time.sleep(every_s)
        if victims := stage_processes(process):
            try:
                rng.choice(victims).kill()
            except psutil.NoSuchProcess:
                continue
            kills += 1
    return kills


class StreamReader(threading.Thread):
    """A downstream program that reads a public stream all the while, over outages too."""

    def __init__(self, url: str, stream: str) -> None:
        super().__init__(daemon=True)
        self.messages: list[dict[str, Any]] = []
        self._client = redis.Redis.from_url(url, protocol=2)
        self._stream = stream
        self._is_over = threading.Event()

    def run(self) -> None:
        after = b"0"
        while True:
            is_last = self._is_over.is_set()
            try:
                answer: Any = self._client.xread({self._stream: after}, count=1000, block=100)
            except (redis.RedisError, OSError):
                time.sleep(0.05)
                continue
            for id_, fields in answer[0][1] if answer else ():
                after = id_
                self.messages.append(json.loads(fields[b"metadata"]))
            if is_last and not answer:
                return

    def finish(self) -> list[dict[str, Any]]:
        """Stop when there is nothing left to read."""
        self._is_over.set()
        self.join(10)
        self._client.close()
        return self.messages


def by_source(messages: Sequence[dict[str, Any]]) -> dict[str, list[dict[str, Any]]]:
    """Sort messages into their sources, in the order in which they came."""
    sources = defaultdict(list)
    for message in messages:
        sources[message["source_id"]].append(message)
    return dict(sources)


def lines_of(path: Path) -> list[dict[str, Any]]:
    """Read a .jsonl file."""
    return [json.loads(line) for line in path.read_text().splitlines()]


def results_of(messages: Sequence[dict[str, Any]]) -> dict[str, list[Any]]:
    """What must be the same in two runs: for each source, frame by frame, the objects."""
    return {
        source_id: [(m["frame_id"], m["pts_ns"], m.get("dropped"), m["objects"]) for m in frames]
        for source_id, frames in by_source(messages).items()
    }


def assert_each_once_in_order(messages: Sequence[dict[str, Any]], counts: dict[str, int]) -> None:
    """Every frame of every source is there once, in order."""
    ids = {name: [m["frame_id"] for m in found] for name, found in by_source(messages).items()}
    assert ids == {name: list(range(count)) for name, count in counts.items()}
