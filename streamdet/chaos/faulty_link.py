"""One connection through the fault proxy: passes bytes on, late, in pieces or not at all."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass

CHUNK = 16 * 1024
WAITING_CHUNKS = 32  # half a mebibyte on its way; then the sender feels a slow receiver
STEPS_PER_S = 50  # so finely a limited bandwidth is spread
POLL_S = 0.005


@dataclass
class Faults:
    """What happens to the bytes of every connection; may be set at any time, from any thread.

    Args:
        latency_s: so much later each byte arrives, both ways.
        bytes_per_s: the bandwidth of each connection, each way.
        piece_bytes: no more than so many bytes of the server at once. Requests pass whole:
            GStreamer's server answers one that comes byte by byte with "400 Bad Request".
        piece_gap_s: so long after one piece comes the next; only with `piece_bytes`.
        slow_close_s: so much later than all bytes one side's end of the connection arrives.
        is_frozen: nothing arrives, either way.
        bytes_until_stall: so many bytes of the server arrive, then the proxy is frozen.
    """

    latency_s: float = 0.0
    bytes_per_s: float | None = None
    piece_bytes: int | None = None
    piece_gap_s: float = 0.0
    slow_close_s: float = 0.0
    is_frozen: bool = False
    bytes_until_stall: int | None = None

    def until_stall(self, count: int) -> int:
        """Gives how many of so many bytes may still pass, and freezes after the last."""
        if self.bytes_until_stall is None:
            return count
        passed = min(count, self.bytes_until_stall)
        self.bytes_until_stall -= passed
        if self.bytes_until_stall == 0:
            self.is_frozen, self.bytes_until_stall = True, None
        return passed


Stream = tuple[asyncio.StreamReader, asyncio.StreamWriter]


async def join(client: Stream, server: Stream, faults: Faults) -> None:
    """Passes on what each side sends until both have ended, or one broke off (OSError)."""
    async with asyncio.TaskGroup() as ways:
        for source, target, is_server in ((client, server, False), (server, client, True)):
            waiting: asyncio.Queue[tuple[float, bytes]] = asyncio.Queue(WAITING_CHUNKS)
            ways.create_task(_take(source[0], waiting))
            ways.create_task(_give(waiting, target[1], faults, is_server=is_server))


async def _take(reader: asyncio.StreamReader, waiting: asyncio.Queue[tuple[float, bytes]]) -> None:
    """Notes what came when; no bytes for the end."""
    data = b"?"
    while data:
        data = await reader.read(CHUNK)
        await waiting.put((asyncio.get_running_loop().time(), data))


async def _give(
    waiting: asyncio.Queue[tuple[float, bytes]],
    writer: asyncio.StreamWriter,
    faults: Faults,
    *,
    is_server: bool,
) -> None:
    came, data = await waiting.get()
    while data:
        await _sleep_until(came + faults.latency_s)
        async for piece in _pieces(data, faults, is_server=is_server):
            writer.write(piece)
            await writer.drain()
        came, data = await waiting.get()
    await _sleep_until(came + faults.latency_s + faults.slow_close_s)
    await _thawed(faults)
    writer.write_eof()


async def _pieces(data: bytes, faults: Faults, *, is_server: bool) -> AsyncIterator[bytes]:
    """Cuts bytes as the faults say, each piece when it may pass."""
    free = asyncio.get_running_loop().time()
    while data:
        await _thawed(faults)
        count = len(data)
        rate = faults.bytes_per_s
        if rate is not None:
            count = max(1, min(count, int(rate / STEPS_PER_S)))
        if is_server:
            count = faults.until_stall(min(count, faults.piece_bytes or CHUNK))
        yield data[:count]
        data = data[count:]
        free += count / rate if rate else 0
        await _sleep_until(free)
        if is_server and faults.piece_bytes:
            await asyncio.sleep(faults.piece_gap_s)


async def _thawed(faults: Faults) -> None:
    while faults.is_frozen:
        await asyncio.sleep(POLL_S)


async def _sleep_until(time: float) -> None:
    await asyncio.sleep(max(0.0, time - asyncio.get_running_loop().time()))
