"""However a run is stopped, and whenever: in time, with its code, and nothing left behind."""

from __future__ import annotations

import random
import signal
import time
from pathlib import Path

import pytest

from tests.faults.place import Place
from tests.faults.storm import (
    assert_each_once_in_order,
    lines_of,
    output_of,
    streamdet,
    wait_for_lines,
)
from tests.redis_server import RedisServer

ENDLESS = "synthetic:street?frames=100000&hw=240x320"
RUN = (
    *("run", "people", "--set", "detect.model=hog_people"),
    *("--set", "prepare.shortest_edge=128", "--source", ENDLESS),
)
WAYS = (
    (signal.SIGINT,),
    (signal.SIGTERM,),
    (signal.SIGHUP,),
    (signal.SIGINT, signal.SIGINT),
)


def stop_at_random(place: Place, server: RedisServer | None, folder: Path, turn: int) -> float:
    """Start a run, stop it in one of the ways after up to three seconds, and look around.

    Returns:
        How long it took to stop, seconds.
    """
    rng = random.Random(turn)
    lines = folder / f"{turn}.jsonl"
    arguments = [*RUN, "--output", str(lines), "--output", str(folder / f"{turn}.mp4")]
    if server is not None:
        arguments += ["--redis", server.url]
    way = WAYS[turn % len(WAYS)]
    with streamdet(*arguments, env=place.env) as process:
        time.sleep(rng.uniform(0.02, 3))
        place.note(process)
        is_idle = place.is_idle()
        started_s = time.monotonic()
        for number in way:
            process.send_signal(number)
            time.sleep(rng.uniform(0, 0.3) if len(way) > 1 else 0)
        text, _ = process.communicate(timeout=10)
        took_s = time.monotonic() - started_s
    # Before our own code has begun to run, a signal ends Python in the system's way.
    codes = {130} | ({-number for number in way} if is_idle else set())
    assert process.returncode in codes, (process.returncode, text)
    assert "Traceback" not in text or process.returncode != 130, text
    place.assert_clean(None if server is None else server.client())
    if lines.exists():
        messages = lines_of(lines)
        assert_each_once_in_order(messages, {"street": len(messages)} if messages else {})
    return took_s


@pytest.mark.parametrize("turn", range(8))
def test_a_run_stops_in_time_and_leaves_nothing(
    place: Place, server: RedisServer, tmp_path: Path, turn: int
) -> None:
    stop_at_random(place, server if turn % 2 else None, tmp_path, turn)


@pytest.mark.nightly
@pytest.mark.timeout(900)
def test_fifty_stops_leave_nothing(place: Place, server: RedisServer, tmp_path: Path) -> None:
    took_s = [
        stop_at_random(place, server if turn % 2 else None, tmp_path, turn)
        for turn in range(100, 150)
    ]
    print(f"50 stops: at most {max(took_s):.2f} s, {sorted(took_s)[25]:.2f} s in the middle")


def test_what_was_under_way_is_finished_after_one_signal(place: Place, tmp_path: Path) -> None:
    lines = tmp_path / "o.jsonl"
    with streamdet(*RUN, "--output", str(lines), env=place.env) as process:
        wait_for_lines(lines, 50, process)
        process.terminate()
        text = output_of(process, 10)
    count = len(lines_of(lines))
    assert process.returncode == 130
    assert f"{count} decoded, {count} published" in text
    assert "unfinished" not in text


def test_a_signal_that_was_ignored_from_the_start_stays_ignored(
    place: Place, tmp_path: Path
) -> None:
    lines = tmp_path / "o.jsonl"
    arguments = (*RUN, "--output", str(lines))
    with streamdet(*arguments, env=place.env, is_hangup_ignored=True) as process:
        wait_for_lines(lines, 1, process)
        process.send_signal(signal.SIGHUP)  # what nohup is for
        wait_for_lines(lines, len(lines_of(lines)) + 100, process)
        process.terminate()
        output_of(process, 10)
    assert process.returncode == 130


def test_a_killed_supervisor_takes_everything_with_it_and_the_next_start_sweeps(
    place: Place, server: RedisServer, tmp_path: Path
) -> None:
    lines = tmp_path / "o.jsonl"
    arguments = [*RUN, "--redis", server.url]
    with streamdet(*arguments, "--output", str(lines), env=place.env) as process:
        wait_for_lines(lines, 20, process)
        place.note(process)
        process.kill()
        place.wait_until_dead(2.0)
    assert place.leftovers() != []
    assert list(server.client().scan_iter("streamdet:*")) != []
    short = [*RUN[:-1], "synthetic:street?frames=5&hw=240x320", "--redis", server.url]
    with streamdet(*short, env=place.env) as process:
        output_of(process, 30)
    assert process.returncode == 0
    assert place.leftovers() == []
    assert list(server.client().scan_iter("streamdet:*")) == []


def test_a_killed_supervisor_takes_its_embedded_server_with_it(
    place: Place, tmp_path: Path
) -> None:
    lines = tmp_path / "o.jsonl"
    with streamdet(*RUN, "--output", str(lines), env=place.env) as process:
        wait_for_lines(lines, 20, process)
        place.note(process)
        process.kill()
        place.wait_until_dead(2.0)
