"""Programs measured from outside."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from streamdet.bench import measured
from streamdet.bench.material import Material
from streamdet.errors import StreamdetError

MATERIAL = Material(Path("/nowhere"))
PUBLISHES = """
import redis, sys, time
client = redis.Redis.from_url(sys.argv[1])
for _ in range(3):
    client.xadd("toy", {"metadata": "{}"})
    time.sleep(0.1)
"""


@pytest.fixture
def url() -> Iterator[str]:
    with measured.private_redis() as url:
        yield url


def test_fps_runs_from_the_first_entry_to_the_last(url: str) -> None:
    one = measured.run_once([sys.executable, "-c", PUBLISHES, url], MATERIAL, url, "toy")
    assert one["frames"] == 3
    assert 5 < one["fps"] < 10.1
    assert one["wall_s"] > 0.3
    assert one["cpu_s"] > 0.02
    assert one["others_cores"] >= 0


def test_a_program_that_fails_or_is_silent_is_an_error(url: str) -> None:
    with pytest.raises(StreamdetError, match="failed: oops"):
        measured.run_once([sys.executable, "-c", "exit('oops')"], MATERIAL, url, "toy")
    with pytest.raises(StreamdetError, match="has published nothing"):
        measured.run_once(["true"], MATERIAL, url, "toy")


def test_a_disturbed_run_is_repeated_and_the_quietest_counts() -> None:
    attempts = ({"others_cores": cores} for cores in (0.9, 0.5, 0.0))
    assert measured.quietest(lambda: next(attempts))["others_cores"] == 0.5
    assert measured.quietest(lambda: next(attempts))["others_cores"] == 0.0


def test_the_pipeline_s_command_sets_model_and_stream() -> None:
    command = measured.pipeline_command(Path("a.avi"), "unix://s", "b", "detect.batch=2")
    assert command[3:] == [
        *("run", "people", "--source", "a.avi", "--redis", "unix://s"),
        *("--set", "detect.model=yolox_nano", "--set", "publish.stream=b"),
        *("--set", "detect.batch=2"),
    ]
