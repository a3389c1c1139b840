"""The bus on Redis Streams: one stream per group, one Lua script per step.

The names of the keys stand at the head of step.lua.
"""

from __future__ import annotations

import hashlib
import time
from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager, suppress
from importlib.resources import files
from typing import Any, Final

import msgpack
import redis

from streamdet.errors import EngineError, TransportError
from streamdet.frame import FrameRef
from streamdet.system.redaction import redacted
from streamdet.transport.bus import (
    Commit,
    Entry,
    FencedError,
    GroupLayout,
    Lease,
    PublicEntry,
    RunLayout,
    RunLostError,
    SourceResult,
    Step,
    StepResult,
)
from streamdet.transport.connection import ask, ask_all
from streamdet.transport.redis_turns import TURN_SCRIPT, pack_turn
from streamdet.transport.refusals import explained
from streamdet.transport.turns import Answer, Share, Turn

CONSUMER_GROUP: Final = "workers"
RUNS_KEY: Final = "streamdet:runs"
"""A set of the runs on a server, in which the next start finds dead ones."""
_LOST: Final = ("RUNLOST", "NOGROUP", "UNBLOCKED")
"""Errors because the run's keys are gone (UNBLOCKED: while a read was waiting on one of them)."""
_TRANSIENT: Final = ("OOM", "READONLY", "BUSY", "LOADING", "MISCONF", "TRYAGAIN", "MASTERDOWN")
"""Errors that may pass."""
SILENCE_S: Final = 600.0
"""A run whose supervisor was silent for this long is dead."""
STEP_SCRIPT: Final = files("streamdet.transport").joinpath("step.lua").read_text()
_SHAS: Final = {
    script: hashlib.sha1(script.encode(), usedforsecurity=False).hexdigest()
    for script in (STEP_SCRIPT, TURN_SCRIPT)
}


def run_prefix(run_id: str) -> str:
    """The beginning of every key of a run."""
    return f"streamdet:{{{run_id}}}:"


_UNTOLD: Final[set[str]] = set()
"""Runs whose user may not ask what the server holds: each refusal would stand in its log."""


class RedisBus:
    """Bus and RunAdmin over one connection; see bus.py for the promises.

    Args:
        client: a connection made by `connection.connect`.
        layout: the run's groups and pools.
    """

    def __init__(self, client: redis.Redis, layout: RunLayout) -> None:
        self._redis: Any = client  # its stubs mix str and bytes
        self._layout = layout
        self._prefix = run_prefix(layout.run_id)

    # What a worker asks (Bus).

    def take_lease(self, group: str, consumer: str) -> Lease:
        """Take a consumer's name over: see bus.Bus."""
        with translated():
            self._require_run()
            epoch = self._redis.hincrby(self._key("leases"), consumer, 1)
        return Lease(group, consumer, int(epoch))

    def read(self, lease: Lease, count: int, wait_s: float) -> list[Entry]:
        """Take new entries: see bus.Bus."""
        block_ms = max(1, round(wait_s * 1000)) if wait_s > 0 else None
        return self._read_group(lease, ">", count, block_ms)

    def read_pending(self, lease: Lease, after_id: str, count: int) -> list[Entry]:
        """Page through uncommitted entries: see bus.Bus."""
        return self._read_group(lease, after_id, count, None)

    def step(self, step: Step) -> StepResult:
        """Commit: see bus.Bus."""
        group = self._layout.groups[step.lease.group]
        payload = pack_step(step, group)
        with translated():
            accepted, in_flight, stop, order = self._run_script(STEP_SCRIPT, payload)
        return StepResult(accepted, in_flight, bool(stop), order.decode())

    def in_flight(self, lease: Lease, source_id: str) -> int:
        """Count the frames under way: see bus.Bus."""
        sinks = self._layout.groups[lease.group].sinks_downstream
        with translated():
            commands = [
                ("HGET", self._key("group", group), f"done:{source_id}")
                for group in (lease.group, *sinks)
            ]
            emitted, *done = (int(count or 0) for count in ask_all(self._redis, commands))
        return emitted - min(done, default=emitted)

    def take_turn(self, lease: Lease, share: Share, turn: Turn) -> Answer:
        """Ask whether a camera's next frame may go on: see bus.Bus."""
        payload = pack_turn(lease, self._layout.groups[lease.group], share, turn)
        with translated():
            answer: Answer = self._run_script(TURN_SCRIPT, payload).decode()
        return answer

    def take_slots(self, lease: Lease, pool: str, count: int, wait_s: float) -> list[FrameRef]:
        """Take free slots: see bus.Bus."""
        free, held = self._key("free", pool), self._key("held", pool, lease.consumer)
        with translated():
            moves = [("LMOVE", free, held, "LEFT", "RIGHT")] * count
            tokens = [token for token in ask_all(self._redis, moves) if token is not None]
            if not tokens and wait_s > 0:
                limit_s = max(0.001, wait_s)
                token = ask(self._redis, "BLMOVE", free, held, "LEFT", "RIGHT", limit_s)
                tokens = [] if token is None else [token]
        return [_slot_ref(pool, token) for token in tokens]

    def return_slots(self, lease: Lease, pool: str) -> None:
        """Give unpublished slots back: see bus.Bus."""
        free, held = self._key("free", pool), self._key("held", pool, lease.consumer)
        with translated():
            commands: list[tuple[str | bytes | int, ...]] = [("MULTI",)]
            for token in self._redis.lrange(held, 0, -1):
                ref = _slot_ref(pool, token)
                commands.append(("LREM", held, 1, token))
                commands.append(("RPUSH", free, f"{ref.slot}:{ref.generation + 1}"))
            ask_all(self._redis, [*commands, ("EXEC",)])

    def states(self, node: str) -> dict[str, bytes]:
        """Read a node's snapshots: see bus.Bus."""
        with translated():
            return _text_keys(self._redis.hgetall(self._key("state", node)))

    def done_counts(self, group: str) -> dict[str, int]:
        """Count committed frames by source: see bus.Bus."""
        return {name: int(n) for name, n in self._group_fields(group, "done:").items()}

    def ended_sources(self, group: str) -> set[str]:
        """Name the sources that are through: see bus.Bus."""
        return set(self._group_fields(group, "ended:"))

    def positions(self) -> dict[str, bytes]:
        """Read the sources' positions: see bus.Bus."""
        with translated():
            return _text_keys(self._redis.hgetall(self._key("positions")))

    def claim_source(self, lease: Lease, source_id: str) -> bool:
        """Claim a source: see bus.Bus."""
        claims = self._key("claims")
        with translated():
            self._require_run()
            commands = [("HSETNX", claims, source_id, lease.consumer), ("HGET", claims, source_id)]
            _, owner = ask_all(self._redis, commands)
        return bool(owner == lease.consumer.encode())

    def is_stopping(self) -> bool:
        """Whether sources must end: see bus.Bus."""
        with translated():
            return bool(self._redis.hexists(self._key("run"), "stop"))

    def close(self) -> None:
        """Drop the connection."""
        self._redis.close()

    # What the supervisor asks (RunAdmin).

    def create(self) -> None:
        """Make the run's keys: see bus.RunAdmin."""
        with translated():
            pipe = self._redis.pipeline(transaction=True)
            for group in self._layout.groups:
                pipe.xgroup_create(self._key("in", group), CONSUMER_GROUP, id="0", mkstream=True)
            for pool, slots in self._layout.pools.items():
                pipe.rpush(self._key("free", pool), *(f"{slot}:1" for slot in range(slots)))
            pipe.hset(self._key("run"), "beat", time.time())
            pipe.sadd(RUNS_KEY, self._layout.run_id)
            pipe.execute()

    def keep_alive(self) -> None:
        """Record that the supervisor is alive: see bus.RunAdmin."""
        with translated():
            self._require_run()
            self._redis.hset(self._key("run"), "beat", time.time())

    def request_stop(self) -> None:
        """Ask all sources to end."""
        with translated():
            self._redis.hset(self._key("run"), "stop", 1)

    def tell(self, consumer: str, order: str) -> None:
        """Tell a consumer what to do: see bus.RunAdmin."""
        with translated():
            if order:
                self._redis.hset(self._key("orders"), consumer, order)
            else:
                self._redis.hdel(self._key("orders"), consumer)

    def reopen(self, source_id: str) -> None:
        """Let a source begin again: see bus.RunAdmin."""
        marks = [f"{mark}:{source_id}" for mark in ("end", "last", "ended")]
        with translated():
            pipe = self._redis.pipeline(transaction=True)
            for group in self._layout.groups:
                pipe.hdel(self._key("group", group), *marks)
                pipe.hdel(self._key("finished"), f"{group}/{source_id}")
            pipe.execute()

    def forget_states(self, node: str) -> None:
        """Delete a node's snapshots: see bus.RunAdmin."""
        with translated():
            self._redis.unlink(self._key("state", node))

    def finished(self) -> int:
        """Count what has ended: see bus.RunAdmin."""
        with translated():
            self._require_run()
            return int(self._redis.hlen(self._key("finished")))

    def drops(self) -> dict[tuple[str, str, str], int]:
        """Count dropped frames: see bus.RunAdmin."""
        with translated():
            fields = _text_keys(self._redis.hgetall(self._key("drops")))
        return {_drop_key(name): int(count) for name, count in fields.items()}

    def results(self, group: str) -> dict[str, SourceResult]:
        """Read what has come of the sources: see bus.RunAdmin."""
        fields = self._group_fields(group, "")
        return {
            source_id: SourceResult(
                int(fields[f"done:{source_id}"]),
                int(fields.get(f"objects:{source_id}", 0)),
                int(fields[name]) if (name := f"tracks:{source_id}") in fields else None,
            )
            for source_id in (n.removeprefix("done:") for n in fields if n.startswith("done:"))
        }

    def queue_lengths(self) -> dict[str, int]:
        """Count uncommitted entries by group: see bus.RunAdmin."""
        groups = list(self._layout.groups)
        with translated():  # a committed entry is deleted: see step.lua
            lengths = ask_all(self._redis, [("XLEN", self._key("in", name)) for name in groups])
        return dict(zip(groups, map(int, lengths), strict=True))

    def free_slots(self) -> dict[str, int]:
        """Count the slots that nobody holds: see bus.RunAdmin."""
        pools = list(self._layout.pools)
        with translated():
            counts = ask_all(self._redis, [("LLEN", self._key("free", name)) for name in pools])
        return dict(zip(pools, map(int, counts), strict=True))

    def memory_bytes(self) -> int | None:
        """Ask what the server holds in memory: see bus.RunAdmin."""
        run_id = self._layout.run_id
        if run_id not in _UNTOLD:
            with translated(), suppress(redis.ResponseError):
                return int(self._redis.info("memory")["used_memory"])
            _UNTOLD.add(run_id)
        return None

    def counters(self) -> dict[str, int]:
        """Read the statistics that steps added up."""
        with translated():
            fields = _text_keys(self._redis.hgetall(self._key("counters")))
        return {name: int(amount) for name, amount in fields.items()}

    def delete(self) -> None:
        """Delete the run's keys; public streams stay."""
        delete_run(self._redis, self._layout.run_id)

    def _read_group(
        self, lease: Lease, after_id: str, count: int, block_ms: int | None
    ) -> list[Entry]:
        reader = ("GROUP", CONSUMER_GROUP, lease.consumer)
        limits = ("COUNT", count) if block_ms is None else ("COUNT", count, "BLOCK", block_ms)
        streams = ("STREAMS", self._key("in", lease.group), after_id)
        with translated():
            answer = ask(self._redis, "XREADGROUP", *reader, *limits, *streams)
        entries = _entries_of(answer)
        return [Entry(id_.decode(), _payload_of(fields)) for id_, fields in entries if fields]

    def _run_script(self, script: str, payload: bytes) -> Any:
        call = (1, self._prefix, payload)
        try:
            return ask(self._redis, "EVALSHA", _SHAS[script], *call)
        except redis.exceptions.NoScriptError:
            return ask(self._redis, "EVAL", script, *call)

    def _group_fields(self, group: str, prefix: str) -> dict[str, bytes]:
        with translated():
            fields = _text_keys(self._redis.hgetall(self._key("group", group)))
        return {n.removeprefix(prefix): v for n, v in fields.items() if n.startswith(prefix)}

    def _require_run(self) -> None:
        if not self._redis.exists(self._key("run")):
            raise RunLostError("the Redis server answers, but this run's keys are gone from it")

    def _key(self, *parts: str) -> str:
        return self._prefix + ":".join(parts)


def delete_run(client: redis.Redis, run_id: str) -> None:
    """Delete all keys of a run, alive or dead."""
    with translated():
        keys = list(client.scan_iter(match=run_prefix(run_id) + "*", count=1000))
        if keys:
            client.unlink(*keys)
        client.srem(RUNS_KEY, run_id)


def delete_dead_runs(client: redis.Redis, known_dead: Collection[str]) -> None:
    """Delete the keys of runs that were killed.

    Args:
        client: the server.
        known_dead: ids of runs that are known to be dead; any other is dead when its supervisor has
            been silent for `SILENCE_S`.
    """
    with translated():
        members: Any = client.smembers(RUNS_KEY)
        for run_id in (member.decode() for member in members):
            beat: Any = client.hget(run_prefix(run_id) + "run", "beat")
            is_silent = time.time() - float(beat or 0) > SILENCE_S
            if run_id in known_dead or is_silent:
                delete_run(client, run_id)


def pack_step(step: Step, group: GroupLayout) -> bytes:
    """Pack a step of a group for step.lua."""
    values: dict[str, Any] = {
        "group": step.lease.group,
        "consumer": step.lease.consumer,
        "epoch": step.lease.epoch,
        "readers": group.outputs,
        "has_sink": group.has_sink,
        "sinks_downstream": group.sinks_downstream,
        "commits": [_pack_commit(commit) for commit in step.commits],
        "counters": step.counters,
        "public": _pack_public(step.public),
    }
    if step.states:
        values["states"] = [(node, key, blob) for (node, key), blob in step.states.items()]
    if step.discarded:
        values["discarded"] = step.discarded
    if step.positions:
        values["positions"] = step.positions
    # The old raw type: the MessagePack inside Redis 7 knows neither bin nor str8.
    packed: bytes = msgpack.packb(values, use_bin_type=False)
    return packed


def _pack_commit(commit: Commit) -> dict[str, Any]:
    values: dict[str, Any] = {
        "source": commit.source_id,
        "index": commit.index,
        "outputs": commit.outputs,
        "filled": [(ref.pool, ref.slot, ref.generation, n) for ref, n in commit.filled],
        "released": [(ref.pool, ref.slot, ref.generation) for ref in commit.released],
        "public": _pack_public(commit.public),
    }
    optional = {
        "id": commit.entry_id,
        "last": commit.end_payload,
        "drop": commit.drop_reason,
        "objects": commit.objects or None,
        "track": commit.last_track,
    }
    return values | {name: value for name, value in optional.items() if value is not None}


def _pack_public(entries: Sequence[PublicEntry]) -> list[tuple[str, int, list[str | bytes]]]:
    return [
        (entry.stream, entry.maxlen, [part for pair in entry.fields.items() for part in pair])
        for entry in entries
    ]


def _entries_of(answer: Any) -> list[Any]:
    """The entries of an XREADGROUP on one stream (RESP 2 gives a list, RESP 3 a mapping)."""
    if not answer:
        return []
    ((_, entries),) = answer.items() if isinstance(answer, dict) else answer
    return list(entries)


def _payload_of(fields: list[bytes]) -> bytes:
    """The message in an entry; b"" where whoever wrote it did not write one."""
    return fields[1] if len(fields) == 2 and fields[0] == b"m" else b""


def _slot_ref(pool: str, token: bytes) -> FrameRef:
    slot, _, generation = token.partition(b":")
    return FrameRef(pool, int(slot), int(generation))


def _drop_key(name: str) -> tuple[str, str, str]:
    group, source_id, reason = name.split("\n", 2)
    return group, source_id, reason


def _text_keys(fields: dict[bytes, bytes]) -> dict[str, bytes]:
    return {name.decode(): value for name, value in fields.items()}


@contextmanager
def translated() -> Iterator[None]:
    """Turn the client's errors into ours."""
    try:
        yield
    except (redis.OutOfMemoryError, redis.ReadOnlyError) as exc:
        raise TransportError(f"Redis refuses for now: {explained(str(exc))}") from exc
    except redis.ResponseError as exc:
        text = str(exc)
        if text.startswith(_LOST):
            raise RunLostError("the Redis server answers, but this run's keys are gone") from exc
        if text.startswith("FENCED"):
            raise FencedError(text.removeprefix("FENCED ")) from exc
        if text.startswith(_TRANSIENT):
            raise TransportError(f"Redis refuses for now: {explained(text)}") from exc
        raise EngineError(f"redis: {explained(text)}") from exc
    except (redis.RedisError, OSError) as exc:
        reason = redacted(str(exc)) or type(exc).__name__
        raise TransportError(f"Redis does not answer: {reason}") from exc
