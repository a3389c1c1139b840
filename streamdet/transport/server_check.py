"""Whether a server can be trusted with a run: what it is, and that it lets a run do all it does."""

from __future__ import annotations

import re
import secrets
from collections.abc import Iterable
from contextlib import suppress
from typing import Any, Final

import redis

from streamdet.errors import ConfigError, EngineError, StreamdetError, TransportError
from streamdet.system.redaction import redacted
from streamdet.transport.bus import Commit, GroupLayout, RunLayout, Step
from streamdet.transport.redis_bus import RedisBus, delete_dead_runs, run_prefix, translated
from streamdet.transport.refusals import IS_CLUSTER, explained, is_not_allowed, unanswered

OLDEST_VERSION: Final = [6, 2]
_LAYOUT: Final = {"front": GroupLayout(("back",)), "back": GroupLayout(has_sink=True)}


def check_server(client: redis.Redis, url: str) -> list[str]:
    """Look at a server before a run is entrusted to it.

    Returns:
        One sentence for each thing that is unsafe.

    Raises:
        ConfigError: the server is too old, of a kind that cannot hold a run, or refuses us.
        TransportError: it does not answer, or not yet.
    """
    shown = f"redis: {redacted(url)}"
    try:
        info = _facts(client)
    except (redis.AuthenticationError, redis.ResponseError) as exc:
        raise ConfigError(f"{shown} refuses us: {explained(redacted(str(exc)))}") from exc
    except (redis.RedisError, OSError) as exc:
        raise TransportError(f"{shown} {unanswered(url, exc)}") from exc
    if int(info.get("loading", 0)):
        raise TransportError(f"{shown} is still loading its data: try again when it is through")
    if unfit := _unfit(info):
        raise ConfigError(f"{shown} {unfit}")
    return [f"{shown} {warning}" for warning in _unsafe(info)]


def rehearse(client: redis.Redis, url: str, streams: Iterable[str]) -> None:
    """Play a run of one frame on a server and forget it, so that what it denies shows before a run.

    Args:
        client: the server.
        url: its address.
        streams: keys of the public streams that the run will write; they are left as they are.

    Raises:
        ConfigError: the server does not allow what a run needs.
        TransportError: it does not answer, or refuses for now.
    """
    layout = RunLayout(f"check-{secrets.token_hex(6)}", _LAYOUT, {"pool": 1})
    bus = RedisBus(client, layout)
    try:
        bus.delete()  # first: what cannot be deleted must not be made
        with translated():
            client.unlink(run_prefix(layout.run_id) + "run")
            _try_turns(client, run_prefix(layout.run_id) + "turns")
        _play(bus)
        for stream in streams:
            _check_public(client, stream)
        delete_dead_runs(client, [layout.run_id])
    except EngineError as exc:
        with suppress(StreamdetError):
            bus.delete()
        reason = str(exc).removeprefix("redis: ")
        raise ConfigError(f"redis: {redacted(url)} cannot hold a run: {reason}") from exc


def _play(bus: RedisBus) -> None:
    """Do each thing once that the processes of a run do."""
    bus.create()
    bus.keep_alive()
    front, back = bus.take_lease("front", "front-0"), bus.take_lease("back", "back-0")
    bus.claim_source(front, "check")
    (slot,) = bus.take_slots(front, "pool", 1, 0)
    bus.return_slots(front, "pool")
    (slot,) = bus.take_slots(front, "pool", 1, 0)
    bus.take_slots(front, "pool", 1, 0.001)  # waits
    frame = Commit("check", 0, outputs=[("back", b"frame")], filled=[(slot, 1)])
    end = Commit("check", 1, end_payload=b"end")
    bus.step(Step(front, [frame, end], positions={"check": b""}))
    for index, entry in enumerate(bus.read(back, 2, 0.1)):
        released, last = ([slot], None) if index == 0 else ([], b"end")
        commit = Commit("check", index, entry.id, last, released=released)
        bus.step(Step(back, [commit], states={("node", "check"): bytes(index)}))
    bus.tell("front-0", "restart")
    bus.tell("front-0", "")
    bus.reopen("check")
    bus.forget_states("node")
    bus.request_stop()
    looks = (bus.is_stopping, bus.finished, bus.drops, bus.counters, bus.queue_lengths)
    for look in (*looks, bus.free_slots):
        look()


def _try_turns(client: Any, key: str) -> None:
    """Run each command of the turns of cameras (turn.lua), on a key that is gone after it."""
    client.zadd(key, {"check": 0})
    client.zcard(key)
    client.zrange(key, 0, 0)
    client.zscore(key, "check")
    client.zrem(key, "check")


def _check_public(client: Any, stream: str) -> None:
    """Check that a stream can be written to, without a change to it."""
    with translated():
        kind = client.type(stream).decode()
        if kind not in ("stream", "none"):
            raise EngineError(f"the key {stream} holds a {kind}, wanted a stream")
        client.xdel(stream, "0-0")


def _facts(client: Any) -> dict[str, Any]:
    """What a server says of itself: INFO, or where that is not allowed what HELLO tells of it."""
    try:
        found: dict[str, Any] = client.info()
    except redis.ResponseError as exc:
        if not is_not_allowed(exc):
            raise
        found = {"is_hidden": True}
        with suppress(redis.ResponseError):
            told = client.execute_command("HELLO")
            hello = dict(zip(told[::2], told[1::2], strict=True))
            found["redis_version"] = hello[b"version"].decode()
            found["server_mode"] = hello[b"mode"].decode()
            found["role"] = "slave" if hello[b"role"] != b"master" else "master"
    return found


def _unfit(info: dict[str, Any]) -> str:
    """Why a server of this kind cannot hold a run; "" if it can."""
    mode = info.get("redis_mode", info.get("server_mode"))
    version = str(info.get("redis_version", ""))
    if mode == "sentinel":
        return (
            "is a Sentinel, which holds no data: name the server that it watches"
            " (SENTINEL GET-MASTER-ADDR-BY-NAME tells it)"
        )
    if mode == "cluster" or int(info.get("cluster_enabled", 0)):
        return IS_CLUSTER
    if version and [int(part) for part in re.findall(r"\d+", version)[:2]] < OLDEST_VERSION:
        return f"is version {version}, wanted 6.2 or newer"
    if info.get("role") == "slave" and int(info.get("slave_read_only", 1)):
        host, port = info.get("master_host"), info.get("master_port")
        primary = f", redis://{host}:{port}" if host else ""
        return f"is a replica that cannot be written to: name its primary{primary}"
    return ""


def _unsafe(info: dict[str, Any]) -> list[str]:
    if info.get("is_hidden"):
        return [
            "does not allow INFO: whether it keeps an append-only file, and whether it may evict"
            " the run's keys, is not known"
        ]
    warnings = []
    policy = info.get("maxmemory_policy", "noeviction")
    if int(info.get("maxmemory", 0)) and policy != "noeviction":
        warnings.append(
            f"may evict the run's keys (maxmemory-policy {policy}); set it to noeviction"
        )
    if not int(info.get("aof_enabled", 0)):
        warnings.append(
            "keeps no append-only file: if it stops, a run cannot go on; set `appendonly yes`"
        )
    if info.get("role") == "slave":
        warnings.append("is a replica: what is written to it is lost when it copies its primary")
    return warnings
