"""Requests to a running run and its answers, through Redis.

Keys of a run, see redis_bus.run_prefix: `control` (hash: graph, key: the public key of sealing.py),
`requests` (stream, one entry a request, field `sealed`), `answer:<entry id>` (list of one, taken
by who asked or deleted after a minute). The run takes an entry by deleting it; so does who gives up
waiting, and whoever deletes it first has it: a request is carried out or given up, never both.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Final

import redis

from streamdet.errors import ConfigError, EngineError, TransportError
from streamdet.system.redaction import redacted
from streamdet.transport.connection import connect
from streamdet.transport.redis_bus import RUNS_KEY, SILENCE_S, run_prefix, translated
from streamdet.transport.sealing import Unsealer, sealed

_ANSWER_KEPT_S: Final = 60.0
_GROUP: Final = "run"
_LOOK_S: Final = 1.0
"""Longest single wait for an answer, below connection.ANSWER_LIMIT_S."""
_AWAY_S: Final = 5.0
"""A server that is started again is back in this time; that of a run that has ended never is."""


@dataclass(frozen=True, slots=True)
class Request:
    """What somebody asks of a run: an entry's id, and what was asked."""

    id: str
    body: bytes


class Inbox:
    """The run's side.

    Args:
        client: a connection to the run's server.
        run_id: the run.
        graph: name of its graph, by which it may be asked for.
    """

    def __init__(self, client: redis.Redis, run_id: str, graph: str) -> None:
        self._redis: Any = client
        self._prefix = run_prefix(run_id)
        self._keys = Unsealer()
        self._answers: deque[tuple[float, str]] = deque()
        with translated():
            control = self._prefix + "control"
            self._redis.hset(control, "graph", graph)
            self._redis.hset(control, "key", self._keys.public_key)
            self._redis.xgroup_create(self._prefix + "requests", _GROUP, id="0", mkstream=True)

    def take(self) -> Request | None:
        """Take the oldest request; None while there is none.

        Raises:
            TransportError: the server does not answer.
        """
        with translated():
            key = self._prefix + "requests"
            for _, entries in self._redis.xreadgroup(_GROUP, _GROUP, {key: ">"}, count=1):
                for id_, fields in entries:
                    self._redis.xack(key, _GROUP, id_)
                    if self._redis.xdel(key, id_):
                        return self._read(id_.decode(), fields)
        return None

    def _read(self, id_: str, fields: dict[bytes, bytes]) -> Request | None:
        try:
            return Request(id_, self._keys.unsealed(fields.get(b"sealed", b"")))
        except TransportError:
            return None  # whoever wrote it waits in vain, and is told so by the time limit

    def answer(self, request: Request, body: bytes) -> None:
        """Answer a request.

        Raises:
            TransportError: the server does not answer.
        """
        key = f"{self._prefix}answer:{request.id}"
        with translated():
            while self._answers and time.monotonic() - self._answers[0][0] > _ANSWER_KEPT_S:
                self._redis.unlink(self._answers.popleft()[1])
            self._redis.rpush(key, body)
        self._answers.append((time.monotonic(), key))


@dataclass(frozen=True, slots=True)
class ListeningRun:
    """A run that takes requests.

    Attributes:
        run_id: names it.
        graph: name of its graph.
    """

    run_id: str
    graph: str


def listening_runs(url: str, among: Collection[str] | None = None) -> list[ListeningRun]:
    """List the runs on a server that take requests, by id.

    Args:
        url: the server.
        among: ids to look at; None: all runs of the server.

    Raises:
        ConfigError: the server refuses us.
        TransportError: it does not answer.
    """
    with _connection(url) as client:
        ids = among
        if ids is None:
            ids = [member.decode() for member in client.smembers(RUNS_KEY)]
        runs = []
        for run_id in sorted(ids):
            beat = client.hget(run_prefix(run_id) + "run", "beat")
            graph = client.hget(run_prefix(run_id) + "control", "graph")
            if graph is not None and time.time() - float(beat or 0) < SILENCE_S:
                runs.append(ListeningRun(run_id, graph.decode()))
        return runs


def ask(url: str, run_id: str, body: bytes, limit_s: float) -> bytes:
    """Send a request and wait for the answer.

    Args:
        url: the server.
        run_id: the run.
        body: what is asked, readable for the run alone.
        limit_s: longest wait, seconds.

    Raises:
        ConfigError: the server refuses us.
        TransportError: the server does not answer, or the run does not.
    """
    prefix = run_prefix(run_id)
    with _connection(url) as client:
        key = client.hget(prefix + "control", "key")
        if key is None:
            raise ConfigError(f"run {run_id} has ended, or has no live cameras")
        entry = {"sealed": sealed(body, key)}
        id_ = client.xadd(prefix + "requests", entry, nomkstream=True)
        if id_ is None:
            raise ConfigError(f"run {run_id} has ended")
        answer = _answer(client, prefix, id_.decode(), limit_s)
        if answer is not None:
            return answer
        given_up = client.xdel(prefix + "requests", id_)
    what = "nothing was changed" if given_up else "it may still do it: look at its cameras"
    raise TransportError(f"run {run_id} has not answered for {limit_s:g} s; {what}")


def _answer(client: Any, prefix: str, id_: str, limit_s: float) -> bytes | None:
    """Wait for an answer; a server that goes away may come back with it.

    Raises:
        ConfigError: the run has ended.
        redis.RedisError: the server has been away for too long.
    """
    now_s = time.monotonic()
    end_s, away_s = now_s + limit_s, now_s + _AWAY_S
    while now_s < end_s:
        try:
            found = client.blpop([f"{prefix}answer:{id_}"], timeout=_LOOK_S)
            has_ended = found is None and client.hget(prefix + "control", "key") is None
            away_s = time.monotonic() + _AWAY_S
        except (redis.ConnectionError, redis.TimeoutError):
            if now_s > away_s:
                raise
            found, has_ended = None, False
            time.sleep(_LOOK_S / 4)
        if found is not None:
            return bytes(found[1])
        if has_ended:
            raise ConfigError("the run has ended, before it answered")
        now_s = time.monotonic()
    return None


@contextmanager
def _connection(url: str) -> Iterator[Any]:
    """A client of the server; its errors become ours."""
    client: Any = connect(url)
    try:
        with translated():
            yield client
    except EngineError as exc:
        reason = str(exc).removeprefix("redis: ")
        raise ConfigError(f"redis: {redacted(url)} refuses: {reason}") from exc
    finally:
        client.close()
