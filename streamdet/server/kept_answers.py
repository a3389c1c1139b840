"""Answers that many ask for at once, made once: the newest entries of a stream."""

from __future__ import annotations

import time
from collections.abc import Callable, Hashable
from typing import Any, Final

from pydantic import TypeAdapter

KEEP_S: Final = 0.25


class KeptAnswers:
    """Keeps the JSON of answers for `KEEP_S`; any thread may call it."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._kept: dict[Hashable, tuple[float, bytes]] = {}

    def json(self, key: Hashable, adapter: TypeAdapter[Any], make: Callable[[], Any]) -> bytes:
        """Return an answer as JSON; of several who ask at the same moment each may make it.

        Args:
            key: what is asked for.
            adapter: checks and writes what `make` returns.
            make: called unless the answer was made a moment ago.
        """
        until_s, body = self._kept.get(key, (0.0, b""))
        if self._clock() < until_s:
            return body
        body = adapter.dump_json(adapter.validate_python(make(), from_attributes=True))
        now_s = self._clock()
        kept = {other: each for other, each in list(self._kept.items()) if each[0] > now_s}
        self._kept = {**kept, key: (now_s + KEEP_S, body)}
        return body
