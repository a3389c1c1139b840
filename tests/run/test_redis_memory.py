"""The memory of a Redis server that is predicted for a graph, against a server that is full."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from streamdet.config.deploy import DeploySettings
from streamdet.detections import Detections
from streamdet.formats.frame_json import native_json
from streamdet.frame import Frame
from streamdet.graph import load_graph
from streamdet.messages import FrameMessage, Timing
from streamdet.run.redis_memory import most_objects, redis_memory
from tests.redis_server import RedisServer

SETTINGS = DeploySettings()


@pytest.fixture
def server() -> Iterator[RedisServer]:
    made = RedisServer(Path(tempfile.mkdtemp(prefix="sd-redis-")))
    yield made
    made.stop()


def published(number: int, objects: int) -> bytes:
    rng = np.random.default_rng(number)
    frame = Frame("street", number, number, Fraction(1, 25), 1, (480, 640), 1_700_000_000 * 10**9)
    found = Detections(
        rng.uniform(0, 640, (objects, 4)).astype(np.float32),
        rng.uniform(0, 1, objects).astype(np.float32),
        np.zeros(objects, np.int64),
        np.arange(number, number + objects),
    )
    timings = tuple(Timing(name, 10**9, 10**9 + 12_345_678) for name in ("camera", "detect"))
    message = FrameMessage(frame, detections=found, model="people", timings=timings)
    return native_json(message, "people-20261129-120000-abcdef", ("person",))


@pytest.mark.parametrize("objects", [0, 20, 60])
def test_a_full_stream_takes_no_more_than_is_predicted_and_not_much_less(
    objects: int, server: RedisServer
) -> None:
    maxlen = 500
    graph = load_graph("people", overrides=[f"publish.maxlen={maxlen}"])
    predicted = redis_memory(graph, SETTINGS, objects).streams["detections"]
    client: Any = server.client()
    before = client.info("memory")["used_memory"]
    messages = [published(number, objects) for number in range(50)]
    pipe = client.pipeline()
    for number in range(2 * maxlen):
        fields = {"metadata": messages[number % 50]}
        pipe.xadd("detections", fields, maxlen=maxlen, approximate=True)
    pipe.execute()
    taken = client.info("memory")["used_memory"] - before
    print(f"{objects} objects: {taken} bytes taken, {predicted} predicted")
    assert predicted / 2.5 < taken < predicted


def test_the_prediction_grows_with_streams_cameras_and_objects() -> None:
    cameras = ["rtsp://10.0.0.7/1", "rtsp://10.0.0.8/1"]
    people, more = load_graph("people"), load_graph("people", sources=cameras)
    assert most_objects(people) == 300
    few, many = (redis_memory(people, SETTINGS, count).total for count in (20, 300))
    assert 5 * few < many < 20 * few
    assert "events" in redis_memory(more, SETTINGS, 20).streams
    assert "events" not in redis_memory(people, SETTINGS, 20).streams
