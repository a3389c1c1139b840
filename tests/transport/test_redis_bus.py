"""What only a real server can do to the bus: be full, go away, forget scripts, hold any bytes."""

from __future__ import annotations

import tempfile
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest

from streamdet.errors import EngineError, TransportError
from streamdet.transport.bus import (
    Commit,
    Entry,
    GroupLayout,
    Lease,
    PublicEntry,
    RunLayout,
    RunLostError,
    Step,
)
from streamdet.transport.connection import connect
from streamdet.transport.redis_bus import RedisBus, run_prefix
from tests.redis_server import RedisServer

ANY_BYTES = bytes(range(256)) * 300  # more than 65,535 bytes: the longest MessagePack form


@pytest.fixture
def bus(redis_server: RedisServer) -> Iterator[RedisBus]:
    made = make_bus(redis_server)
    yield made
    made.delete()
    made.close()


def make_bus(server: RedisServer) -> RedisBus:
    groups = {"front": GroupLayout(("back",)), "back": GroupLayout(has_sink=True)}
    layout = RunLayout(uuid4().hex, groups, {"prepare": 2})
    bus = RedisBus(connect(server.url), layout)
    bus.create()
    return bus


def emit(bus: RedisBus, payload: bytes = b"frame") -> tuple[Lease, Entry]:
    """Have the source commit frame 0, and the back group read it."""
    commit = Commit("cam", 0, outputs=[("back", payload)])
    bus.step(Step(bus.take_lease("front", "front-0"), [commit], positions={"cam": payload}))
    lease = bus.take_lease("back", "back-0")
    (entry,) = bus.read(lease, 10, 0.1)
    return lease, entry


def keys_of(bus: RedisBus, server: RedisServer) -> set[bytes]:
    found: list[bytes] = list(server.client().scan_iter(match=f"{bus._prefix}*"))
    return set(found)


def test_a_full_server_refuses_a_whole_step_and_nothing_half_happens(
    bus: RedisBus, redis_server: RedisServer
) -> None:
    lease, entry = emit(bus)
    step = Step(lease, [Commit("cam", 0, entry.id)], states={("track", "cam"): b"1"})
    admin = redis_server.client()
    admin.config_set("maxmemory", "1")
    try:
        with pytest.raises(TransportError, match=r"Redis refuses for now: .*maxmemory"):
            bus.step(step)
    finally:
        admin.config_set("maxmemory", "0")
    assert bus.read_pending(lease, "0", 10) == [entry]
    assert (bus.done_counts("back"), bus.states("track")) == ({}, {})
    assert bus.step(step).accepted == 1


def test_a_deleted_run_leaves_no_key_but_its_public_streams(
    bus: RedisBus, redis_server: RedisServer
) -> None:
    lease, entry = emit(bus)
    stream = f"public-{uuid4().hex}"
    public = [PublicEntry(stream, {"metadata": b"{}"}, 10)]
    bus.take_slots(lease, "prepare", 1, 0.1)
    commit = Commit("cam", 0, entry.id, public=public, drop_reason="why")
    bus.step(Step(lease, [commit], {("track", "cam"): b"1"}, counters={"frames:x": 1}))
    assert len(keys_of(bus, redis_server)) > 8
    bus.delete()
    assert keys_of(bus, redis_server) == set()
    assert redis_server.client().xlen(stream) == 1


def test_deleting_a_run_leaves_other_runs_alone(bus: RedisBus, redis_server: RedisServer) -> None:
    other = make_bus(redis_server)
    bus.delete()
    assert other.take_lease("back", "back-0").epoch == 1
    other.delete()
    other.close()


def test_a_vanished_input_stream_is_a_lost_run(bus: RedisBus, redis_server: RedisServer) -> None:
    lease = bus.take_lease("back", "back-0")
    redis_server.client().delete(f"{bus._prefix}in:back")
    with pytest.raises(RunLostError, match="keys are gone"):
        bus.read(lease, 1, 0.01)


def test_a_stream_that_vanishes_while_a_read_waits_is_a_lost_run(
    bus: RedisBus, redis_server: RedisServer
) -> None:
    lease = bus.take_lease("back", "back-0")
    vanishing = threading.Timer(0.1, lambda: redis_server.client().delete(f"{bus._prefix}in:back"))
    vanishing.start()
    with pytest.raises(RunLostError, match="keys are gone"):
        bus.read(lease, 1, 2)
    vanishing.join()


def test_any_bytes_travel_unchanged(bus: RedisBus, redis_server: RedisServer) -> None:
    lease, entry = emit(bus, ANY_BYTES)
    stream = f"public-{uuid4().hex}"
    public = [PublicEntry(stream, {"metadata": ANY_BYTES}, 10)]
    bus.step(Step(lease, [Commit("cam", 0, entry.id, public=public)], {("a", "b"): ANY_BYTES}))
    assert entry.payload == ANY_BYTES
    assert bus.positions() == {"cam": ANY_BYTES}
    assert bus.states("a") == {"b": ANY_BYTES}
    entries: Any = redis_server.client().xrange(stream)
    assert [fields for _, fields in entries] == [{b"metadata": ANY_BYTES}]


def test_text_beyond_ascii_names_a_source(bus: RedisBus) -> None:
    commit = Commit("straße-東", 0, drop_reason="zu groß")
    lease = bus.take_lease("back", "back-0")
    bus.step(Step(lease, [commit], positions={"straße-東": b"1"}))
    assert bus.drops() == {("back", "straße-東", "zu groß"): 1}
    assert bus.done_counts("back") == {"straße-東": 1}


def test_the_step_survives_a_server_that_forgot_its_scripts(
    bus: RedisBus, redis_server: RedisServer
) -> None:
    lease, entry = emit(bus)
    redis_server.client().script_flush()
    assert bus.step(Step(lease, [Commit("cam", 0, entry.id)])).accepted == 1


def test_another_refusal_is_told_in_the_servers_words(
    bus: RedisBus, redis_server: RedisServer
) -> None:
    lease = bus.take_lease("back", "back-0")
    redis_server.client().set(f"{bus._prefix}in:back", "no stream")
    with pytest.raises(EngineError, match="redis: WRONGTYPE"):
        bus.read(lease, 1, 0.01)


def test_a_public_key_that_is_no_stream_refuses_a_whole_step(
    bus: RedisBus, redis_server: RedisServer
) -> None:
    lease, entry = emit(bus)
    key = f"public-{uuid4().hex}"
    redis_server.client().set(key, "no stream")
    commit = Commit("cam", 0, entry.id, public=[PublicEntry(key, {"metadata": b"{}"}, 10)])
    with pytest.raises(EngineError, match=f"redis: the key {key} holds a string, wanted a stream"):
        bus.step(Step(lease, [commit]))
    assert bus.read_pending(lease, "0", 10) == [entry]


def test_a_server_that_is_gone_is_a_transport_error() -> None:
    server = RedisServer(Path(tempfile.mkdtemp(prefix="sd-redis-")))
    bus = make_bus(server)
    server.kill()
    with pytest.raises(TransportError, match=r"Redis does not answer: Error .*redis\.sock"):
        bus.finished()
    server.stop()
    bus.close()


def test_waiting_for_a_slot_ends_when_one_comes_free(bus: RedisBus) -> None:
    lease = bus.take_lease("front", "front-0")
    taken = bus.take_slots(lease, "prepare", 2, 0.1)
    assert bus.take_slots(lease, "prepare", 1, 0.01) == []
    bus.return_slots(lease, "prepare")
    assert [ref.slot for ref in bus.take_slots(lease, "prepare", 1, 0.1)] == [taken[0].slot]


def test_all_that_a_worker_asks_goes_over_one_connection(
    bus: RedisBus, redis_server: RedisServer
) -> None:
    worker = RedisBus(connect(redis_server.url, is_single=True), bus._layout)
    for _ in range(2):  # the second time with what the first has made
        lease = worker.take_lease("front", "front-0")
        worker.return_slots(lease, "prepare")
        worker.take_slots(lease, "prepare", 1, 0)
        worker.step(Step(lease, [Commit("cam", 0)], positions={"cam": b""}))
        assert worker.in_flight(lease, "cam") == 0
        assert worker.read(lease, 1, 0) == worker.read_pending(lease, "0", 1) == []
        assert worker.done_counts("front") == {"cam": 1}
    worker.close()


def test_both_versions_of_the_protocol_read_alike(redis_server: RedisServer) -> None:
    import redis

    bus = make_bus(redis_server)
    emit(bus)
    newer = RedisBus(redis.Redis.from_url(redis_server.url, protocol=3), bus._layout)
    lease = newer.take_lease("back", "back-0")
    assert [entry.payload for entry in newer.read_pending(lease, "0", 10)] == [b"frame"]
    assert newer.read(lease, 10, 0) == []
    newer.close()
    bus.delete()
    bus.close()


def test_every_key_of_a_run_bears_its_name() -> None:
    assert run_prefix("0a1b") == "streamdet:{0a1b}:"
