"""Whoever can write to the run's streams writes what is no message: the run goes on."""

from __future__ import annotations

import json
import pickle
from collections.abc import Iterator
from contextlib import contextmanager
from fractions import Fraction
from pathlib import Path
from random import Random
from typing import Any

import msgpack
import numpy as np
import pytest

from streamdet.detections import Detections, FrameMasks
from streamdet.events import Event, Marking
from streamdet.frame import Frame, FrameRef, Geometry
from streamdet.messages import (
    MAX_BYTES,
    EndOfStream,
    FrameMessage,
    PreparedImage,
    Timing,
    decode,
    encode,
)
from streamdet.transport.bus import Commit, Step
from streamdet.transport.memory_bus import MemoryBus
from streamdet.transport.redis_bus import RUNS_KEY, run_prefix
from streamdet.worker.intake import FOREIGN
from streamdet.worker.stage_worker import StageWorker
from tests.redis_server import RedisServer
from tests.server.served import SOURCE, served
from tests.toy_run import detect_plan, make_context, make_pools, run_plan


class Opened:
    """Pickled: whoever unpickles it makes a file."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def __reduce__(self) -> tuple[Any, ...]:
        return Path.touch, (self._path,)


def message(number: int, source_id: str = "cam") -> FrameMessage:
    """A message with every field."""
    ref = FrameRef("prepare", 0, 1)
    found = Detections(
        np.ones((2, 4), np.float32),
        np.ones(2, np.float32),
        np.zeros(2, np.int64),
        np.array([1, 2]),
        FrameMasks((48, 64), (b"ab", b"cd")),
        np.zeros((2, 3, 3), np.float32),
        zones=(("yard",), ()),
        speeds=np.ones(2, np.float32),
    )
    return FrameMessage(
        Frame(source_id, number, number, Fraction(1, 25), 1, (48, 64), 5, ref),
        PreparedImage((8, 8), Geometry((1.0, 1.0)), ref),
        found,
        "model",
        None,
        (Timing("camera", 1, 2),),
        (Event("zone_enter", "yard", 1, 0, (1.0, 2.0, 3.0, 4.0), {"in": 1}, {"x": "y"}, "n"),),
        (Marking("zone", "yard", ((1.0, 2.0),), "1"),),
        (8, 8),
    )


ODD: list[Any] = [None, 0, -1, 1.5, "x", b"x", True, [], {}, "a" * 1000, 2**63, float("nan"), [[]]]


def changed_value(value: Any, rng: Random) -> Any:
    """Change, take out or add one value somewhere inside."""
    if not isinstance(value, list) or not value or rng.random() < 0.1:
        return rng.choice(ODD)
    at, way = rng.randrange(len(value)), rng.random()
    if way < 0.7:
        value[at] = changed_value(value[at], rng)
    elif way < 0.85:
        del value[at]
    else:
        value.insert(at, rng.choice(ODD))
    return value


def changed_bytes(content: bytes, rng: Random) -> bytes:
    data = bytearray(content)
    for _ in range(rng.randrange(1, 6)):
        data[rng.randrange(len(data))] = rng.randrange(256)
    return bytes(data[: rng.randrange(len(data))] if rng.random() < 0.2 else data)


@pytest.mark.parametrize("count", [4000, pytest.param(20_000, marks=pytest.mark.nightly)])
def test_mutants_of_messages_are_refused_in_one_way_or_are_messages(count: int) -> None:
    rng, contents = Random(count), [encode(message(1)), encode(EndOfStream("cam", 5))]
    refused = 0
    for number in range(count):
        content = contents[rng.random() < 0.1]
        if number % 2:
            mutant = changed_bytes(content, rng)
        else:
            mutant = msgpack.packb(changed_value(msgpack.unpackb(content), rng))
        try:
            read = decode(mutant)
        except ValueError:
            refused += 1
        else:
            assert isinstance(read.source_id, str) and read.index >= 0
            encode(read)
    assert count / 2 < refused < count


def test_what_is_larger_than_any_message_is_refused_unread() -> None:
    with pytest.raises(ValueError, match="larger than"):
        decode(msgpack.packb("x" * MAX_BYTES))


FORGED = [
    b"",
    b"hello",
    b"\x91" * 5000,  # nested
    encode(message(0, "of another run")),
    encode(EndOfStream("of another run", 0)),
    msgpack.packb(["cam", "0"]),
    msgpack.packb(["cam", -1]),
]


def test_a_worker_goes_on_and_throws_away_what_is_no_message(tmp_path: Path) -> None:
    plan = run_plan(tmp_path)
    bus = MemoryBus(plan.layout)
    bus.create()
    front = bus.take_lease("front", "front-0")
    frame = Frame("cam", 0, 0, Fraction(1, 10), 1, (8, 8), 5)
    good = [encode(FrameMessage(frame, drop_reason="none")), encode(EndOfStream("cam", 1))]
    payloads = [*FORGED, good[0], pickle.dumps(Opened(tmp_path / "opened")), good[1]]
    bus.step(Step(front, [Commit("cam", 0, outputs=[("detect", each) for each in payloads])]))
    worker = StageWorker(make_context(detect_plan(plan), bus, make_pools(plan), lambda: None))
    worker.run()
    assert bus.queue_lengths() == {"front": 0, "detect": 0, "back": 2}
    letters = [json.loads(each.fields["metadata"]) for each in bus.public["dead-letters"]]
    assert len(letters) == len(FORGED) + 1
    assert {letter["node"] for letter in letters} == {"detect"}
    assert bus.counters()[f"warning:detect: {FOREIGN}"] == len(letters)
    assert not (tmp_path / "opened").exists()


@contextmanager
def own_server(folder: Path) -> Iterator[RedisServer]:
    server = RedisServer(folder)
    try:
        yield server
    finally:
        server.stop()


def test_a_run_goes_on_while_others_write_to_its_streams(tmp_path: Path) -> None:
    graph = ("--set", "detect.model=hog_people", "--set", "prepare.shortest_edge=128")
    (tmp_path / "redis").mkdir()
    with own_server(tmp_path / "redis") as server:
        client: Any = server.client()
        with served(tmp_path, "--source", SOURCE, "--redis", server.url, *graph) as run:
            run.wait_for_frames(1)
            prefix = run_prefix(client.srandmember(RUNS_KEY).decode())
            streams = [f"{prefix}in:{group}" for group in ("detect", "back")]
            for stream in streams:
                for content in (*FORGED, pickle.dumps(Opened(tmp_path / "opened")), b"x" * 10**7):
                    client.xadd(stream, {"m": content})
                client.xadd(stream, {"m": encode(message(0, "x")), "more": "fields"})
                client.xadd(stream, {"other": "field"})
            client.xadd(f"{prefix}requests", {"sealed": b"x" * 100})
            client.xadd(f"{prefix}requests", {"other": b"{}"})
            before = run.read("/run")["sources"][0]["published"]
            run.wait_for_frames(before + 20)
            assert run.stop() == 130, run.log
        letters = client.xlen("dead-letters")
    assert letters == len(streams) * (len(FORGED) + 4)
    assert "Traceback" not in run.log and "restarted" not in run.log
    assert not (tmp_path / "opened").exists()
