"""Whatever dies, every frame of every source comes out once, in order, as in an unbroken run."""

from __future__ import annotations

import os
import re
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import uuid4

import av
import psutil
import pytest

from tests.faults.storm import (
    FORK_SERVER,
    StreamReader,
    assert_each_once_in_order,
    errors_in,
    kill_at_random,
    lines_of,
    output_of,
    results_of,
    streamdet,
    wait_for_lines,
)
from tests.redis_server import RedisServer

SOURCES = ("street", "street-2", "street-3")
HOG = (
    *("--set", "detect.model=hog_people", "--set", "prepare.shortest_edge=240"),
    *("--set", "detect.score_thresh=0.05"),
)
YOLOX = ("--set", "detect.model=yolox_nano")
Hurt = Callable[[subprocess.Popen[str], Path], None]


@dataclass(frozen=True)
class Outcome:
    """What came out of a run, by every way: results are source -> frame by frame."""

    stream: dict[str, list[Any]]
    jsonl: dict[str, list[Any]]
    mot: list[str]
    shown: list[list[int | None]]
    text: str


@dataclass(frozen=True)
class Job:
    """A run of three sources that can be repeated."""

    server: RedisServer
    folder: Path
    frames: int
    options: tuple[str, ...]
    env: dict[str, str]
    limit_s: float

    def run(self, hurt: Hurt) -> Outcome:
        """Run once; `hurt` may do what it likes to it."""
        name = uuid4().hex[:8]
        folder = self.folder / name
        folder.mkdir()
        arguments = ["run", "people", *self.options, "--redis", self.server.url]
        arguments += ["--set", f"publish.stream={name}"]
        for seed in range(3):
            scene = f"synthetic:street?seed={seed}&frames={self.frames}&hw=240x320"
            arguments += ["--source", scene]
        for ending in ("jsonl", "mp4", "txt"):
            arguments += ["--output", str(folder / f"o.{ending}")]
        reader = StreamReader(self.server.url, name)
        reader.start()
        with streamdet(*arguments, env=self.env) as process:
            hurt(process, folder / "o.jsonl")
            text = output_of(process, self.limit_s)
        messages, lines = reader.finish(), lines_of(folder / "o.jsonl")
        assert (process.returncode, errors_in(text)) == (0, []), text
        counts = dict.fromkeys(SOURCES, self.frames)
        assert_each_once_in_order(messages, counts)
        assert_each_once_in_order(lines, counts)
        return Outcome(
            results_of(messages),
            results_of(lines),
            [(folder / f"o-{source}.txt").read_text() for source in SOURCES],
            [shown_at(folder / f"o-{source}.mp4") for source in SOURCES],
            text,
        )


def shown_at(path: Path) -> list[int | None]:
    """When the frames of a video are shown."""
    with av.open(path) as video:
        return [frame.pts for frame in video.decode(video=0)]


def assert_equal(hurt: Outcome, calm: Outcome, frames: int) -> None:
    assert hurt.stream == hurt.jsonl == calm.stream == calm.jsonl
    assert hurt.mot == calm.mot
    assert hurt.shown == calm.shown
    assert [len(shown) for shown in hurt.shown] == [frames] * len(SOURCES)
    objects = [each for source in hurt.stream.values() for frame in source for each in frame[3]]
    assert counted_in(hurt.text) == counted_in(calm.text) == len(objects), hurt.text


def counted_in(text: str) -> int:
    """How many objects the report says there were."""
    (count,) = re.findall(r"^people: .*?(\d+) objects", text, re.M)
    return int(count)


def leave_alone(process: subprocess.Popen[str], lines: Path) -> None:
    """An unbroken run."""


@pytest.fixture(scope="module")
def job(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Job]:
    server = RedisServer(Path(tempfile.mkdtemp(prefix="sd-redis-")))
    yield Job(server, tmp_path_factory.mktemp("once"), 250, HOG, {}, 200)
    server.stop()


@pytest.fixture(scope="module")
def calm(job: Job) -> Outcome:
    outcome = job.run(leave_alone)
    objects = [frame[3] for frames in outcome.stream.values() for frame in frames]
    assert sum(map(len, objects)) > 200  # enough of them for a comparison to mean something
    return outcome


def test_killed_stages_lose_and_double_nothing(job: Job, calm: Outcome) -> None:
    kills = []

    def storm(process: subprocess.Popen[str], lines: Path) -> None:
        wait_for_lines(lines, 1, process)
        kills.append(kill_at_random(process, every_s=0.15, for_s=8, seed=1))

    outcome = job.run(storm)
    assert_equal(outcome, calm, job.frames)
    assert kills[0] > 10


def test_a_killed_fork_server_loses_and_doubles_nothing(job: Job, calm: Outcome) -> None:
    def kill_it_three_times(process: subprocess.Popen[str], lines: Path) -> None:
        for count in (1, 150, 300):
            wait_for_lines(lines, count, process)
            children = psutil.Process(process.pid).children()
            (fork_server,) = [child for child in children if child.name() == FORK_SERVER]
            fork_server.kill()

    assert_equal(job.run(kill_it_three_times), calm, job.frames)


def test_a_server_that_comes_back_loses_and_doubles_nothing(job: Job, calm: Outcome) -> None:
    def kill_it_three_times(process: subprocess.Popen[str], lines: Path) -> None:
        for count in (1, 150, 300):
            wait_for_lines(lines, count, process)
            job.server.kill()
            time.sleep(0.7)
            job.server.start()

    assert_equal(job.run(kill_it_three_times), calm, job.frames)


def test_a_stage_that_lost_its_name_to_another_process_starts_afresh(
    job: Job, calm: Outcome
) -> None:
    def take_the_name(process: subprocess.Popen[str], lines: Path) -> None:
        wait_for_lines(lines, 50, process)
        client = job.server.client()
        (leases,) = client.scan_iter("streamdet:*:leases")
        client.hincrby(leases, "back-0", 1)

    outcome = job.run(take_the_name)
    assert_equal(outcome, calm, job.frames)
    assert ", 1 restart\n" in outcome.text


@pytest.mark.nightly
@pytest.mark.data
@pytest.mark.timeout(1800)
@pytest.mark.parametrize(("every_s", "for_s"), [(0.2, 40.0), (0.2, 240.0)])
def test_three_sources_of_1500_frames_survive_a_storm(
    data: Path, tmp_path: Path, server: RedisServer, every_s: float, for_s: float
) -> None:
    env = {"STREAMDET_MODELS": os.fspath(data / "weights")}
    job = Job(server, tmp_path, 1500, YOLOX, env, 900)
    calm = job.run(leave_alone)
    kills = []
    outcome = job.run(
        lambda process, _: kills.append(
            kill_at_random(process, every_s=every_s, for_s=for_s, seed=int(for_s))
        )
    )
    assert_equal(outcome, calm, job.frames)
    print(f"{kills[0]} kills: {[t for t in outcome.text.splitlines() if 'restarts' in t]}")
