"""Hangs up on clients that neither send nor take anything, and on addresses that call too often.

Uvicorn waits for ever. A client that opens connections and sends a byte now and then, asks for
previews and never reads them, or keeps all connections busy, would otherwise take all of
`listen.MOST_CONNECTIONS` away from the others.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from typing import Any

from uvicorn.protocols.http.h11_impl import H11Protocol


class _Impatient(H11Protocol):
    limit_s: float
    most_of_one: int
    by_address: Counter[str]
    _timer: asyncio.TimerHandle | None = None
    _address = ""
    _taking: asyncio.TimerHandle | None = None

    def connection_made(self, transport: Any) -> None:
        super().connection_made(transport)
        self._address = str((transport.get_extra_info("peername") or [""])[0])
        self.by_address[self._address] += 1
        if self.by_address[self._address] > self.most_of_one:
            transport.abort()
        else:
            self._watch()

    def data_received(self, data: bytes) -> None:
        super().data_received(data)
        self._watch()

    def on_response_complete(self) -> None:
        super().on_response_complete()
        self._watch()

    def connection_lost(self, exc: Exception | None) -> None:
        super().connection_lost(exc)
        self.by_address[self._address] -= 1
        if not self.by_address[self._address]:
            del self.by_address[self._address]
        self._forget()
        self._forget_taking()

    def pause_writing(self) -> None:
        super().pause_writing()
        self._taking = self.loop.call_later(self.limit_s, self.transport.abort)

    def resume_writing(self) -> None:
        super().resume_writing()
        self._forget_taking()

    def _watch(self) -> None:
        cycle = self.cycle
        is_waiting = cycle is None or cycle.response_complete or cycle.more_body
        if not is_waiting:
            self._forget()
        elif self._timer is None:
            self._timer = self.loop.call_later(self.limit_s, self.transport.abort)

    def _forget(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _forget_taking(self) -> None:
        if self._taking is not None:
            self._taking.cancel()
            self._taking = None


def impatient_protocol(limit_s: float, most_of_one: int) -> type[asyncio.Protocol]:
    """Make uvicorn's HTTP protocol with limits.

    Args:
        limit_s: seconds for a request to arrive, and for the next part of an answer to be taken.
        most_of_one: how many connections one address may have at a time.
    """
    limits = {"limit_s": limit_s, "most_of_one": most_of_one, "by_address": Counter()}
    return type("Impatient", (_Impatient,), limits)
