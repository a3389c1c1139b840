"""A server that dies, forgets, stays away or comes back older than it was."""

from __future__ import annotations

import re
import signal
import time
from pathlib import Path

import psutil

from tests.faults.place import Place
from tests.faults.storm import (
    assert_each_once_in_order,
    errors_in,
    lines_of,
    output_of,
    streamdet,
    wait_for_lines,
)
from tests.redis_server import RedisServer

ENDLESS = "synthetic:street?frames=100000&hw=240x320"
FAST = (
    *("run", "people", "--set", "detect.model=hog_people"),
    *("--set", "prepare.shortest_edge=128"),
)


def assert_ends_at_a_committed_frame(lines: Path) -> None:
    """Whole lines only, without a gap."""
    messages = lines_of(lines)
    assert_each_once_in_order(messages, {"street": len(messages)})


def test_a_killed_embedded_server_ends_the_run_with_one_sentence(
    place: Place, tmp_path: Path
) -> None:
    lines = tmp_path / "o.jsonl"
    with streamdet(*FAST, "--source", ENDLESS, "--output", str(lines), env=place.env) as process:
        wait_for_lines(lines, 20, process)
        place.note(process)
        children = psutil.Process(process.pid).children()
        names = ("redis-server", "valkey-server")
        (server,) = [each for each in children if each.name() in names]
        server.kill()
        text = output_of(process, 10)
    assert process.returncode == 1
    assert errors_in(text) == [
        "error: the embedded Redis server has ended, and the run with it; files end at the last"
        " committed frame"
    ]
    assert_ends_at_a_committed_frame(lines)
    place.assert_clean()


def test_a_server_that_forgot_everything_ends_the_run_with_one_sentence(
    place: Place, server: RedisServer, tmp_path: Path
) -> None:
    lines = tmp_path / "o.jsonl"
    arguments = ["--source", ENDLESS, "--output", str(lines), "--redis", server.url]
    with streamdet(*FAST, *arguments, env=place.env) as process:
        wait_for_lines(lines, 20, process)
        place.note(process)
        server.client().flushall()
        text = output_of(process, 10)
    (error,) = errors_in(text)
    assert "the Redis server answers, but this run's keys are gone" in error
    assert process.returncode == 1
    assert_ends_at_a_committed_frame(lines)
    place.assert_clean(server.client())


def test_a_server_that_stays_away_ends_the_run_with_one_sentence(
    place: Place, server: RedisServer, tmp_path: Path
) -> None:
    lines, deploy = tmp_path / "o.jsonl", tmp_path / "deploy.yaml"
    deploy.write_text("redis_wait_s: 2\n")
    arguments = ["--source", ENDLESS, "--output", str(lines), "--redis", server.url]
    with streamdet(*FAST, *arguments, "--deploy", str(deploy), env=place.env) as process:
        wait_for_lines(lines, 20, process)
        place.note(process)
        server.kill()
        killed_s = time.monotonic()
        text = output_of(process, 10)
    assert 2 <= time.monotonic() - killed_s < 8
    assert errors_in(text) == [f"error: redis: {server.url} has not answered for 2 s"]
    assert process.returncode == 1
    assert_ends_at_a_committed_frame(lines)
    place.assert_clean()


def test_a_server_that_comes_back_older_than_it_was_leaves_the_file_exact(
    place: Place, server: RedisServer, tmp_path: Path
) -> None:
    lines = tmp_path / "o.jsonl"
    source = "synthetic:street?frames=1200&hw=240x320"
    arguments = ["--source", source, "--output", str(lines), "--redis", server.url]
    with streamdet(*FAST, *arguments, env=place.env) as process:
        for count in (50, 400):
            wait_for_lines(lines, count, process)
            server.kill()
            forget_a_quarter(server)
            server.start()
        text = output_of(process, 60)
    assert (process.returncode, errors_in(text)) == (0, []), text
    assert_each_once_in_order(lines_of(lines), {"street": 1200})


def forget_a_quarter(server: RedisServer) -> None:
    """Cut the end off the append-only file, as a crash of the machine may.

    The cut is between two steps: Redis 7.0 leaves the beginning of a step that was cut in its file,
    and would do it at the next start after this.
    """
    (log,) = server.folder.glob("appendonlydir/*.incr.aof")
    exec_ = b"*1\r\n$4\r\nEXEC\r\n"
    data = log.read_bytes()
    kept = data.rindex(exec_, 0, len(data) * 3 // 4) + len(exec_)
    log.write_bytes(data[:kept])


def test_a_server_that_is_full_fails_the_run_in_its_own_words(
    place: Place, server: RedisServer, tmp_path: Path
) -> None:
    lines, deploy = tmp_path / "o.jsonl", tmp_path / "deploy.yaml"
    deploy.write_text("restart: {max_per_minute: 2, backoff_s: 0.1}\n")
    arguments = ["--source", ENDLESS, "--output", str(lines), "--redis", server.url]
    with streamdet(*FAST, *arguments, "--deploy", str(deploy), env=place.env) as process:
        wait_for_lines(lines, 20, process)
        place.note(process)
        server.client().config_set("maxmemory", "1")
        text = output_of(process, 20)
    (error,) = errors_in(text)
    assert re.search("while nothing moved: Redis refuses for now: .*maxmemory", error)
    assert process.returncode == 1
    assert_ends_at_a_committed_frame(lines)
    place.assert_clean(server.client())


def test_no_server_at_the_start_is_one_sentence(place: Place, tmp_path: Path) -> None:
    url = f"unix://{tmp_path}/none.sock?password=s3cret"
    with streamdet(*FAST, "--source", ENDLESS, "--redis", url, env=place.env) as process:
        text = output_of(process, 20)
    (error,) = errors_in(text)
    assert "does not answer" in error
    assert "s3cret" not in text
    assert process.returncode == 1
    place.assert_clean()


def test_a_frozen_server_does_not_keep_a_run_from_stopping(
    place: Place, server: RedisServer, tmp_path: Path
) -> None:
    lines = tmp_path / "o.jsonl"
    arguments = ["--source", ENDLESS, "--output", str(lines), "--redis", server.url]
    with streamdet(*FAST, *arguments, env=place.env) as process:
        wait_for_lines(lines, 20, process)
        place.note(process)
        frozen = psutil.Process(server.process.pid)
        frozen.suspend()
        try:
            process.send_signal(signal.SIGINT)
            output_of(process, 12)
        finally:
            frozen.resume()
    assert process.returncode == 130
    assert_ends_at_a_committed_frame(lines)
    place.assert_clean()
