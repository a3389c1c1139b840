"""A TCP proxy that breaks connections in the ways that networks and cameras do."""

from __future__ import annotations

import asyncio
import socket
import struct
import threading
from collections.abc import Coroutine
from typing import Any
from urllib.parse import urlsplit

from streamdet.chaos.faulty_link import Faults, Stream, join
from streamdet.chaos.held_port import LOOPBACK, bound_socket

RESET_ON_CLOSE = struct.pack("ii", 1, 0)  # SO_LINGER: on, 0 seconds


class FaultProxy:
    """Passes connections to 127.0.0.1:port on to a server, with faults.

    The port is the same as long as the proxy is open, through `stop` and `start`.

    Args:
        server_port: where the server listens.
        server_host: the machine that it runs on; by default this one.

    Attributes:
        faults: set its fields; `Faults()` again for none.
        connections: how many were accepted since the proxy was made.
    """

    def __init__(self, server_port: int, server_host: str = LOOPBACK) -> None:
        self.faults = Faults()
        self.connections = 0
        self._server_host, self._server_port = server_host, server_port
        self._held = bound_socket(0)
        self.port: int = self._held.getsockname()[1]
        self._writers: set[asyncio.StreamWriter] = set()
        self._links: set[asyncio.Task[None]] = set()
        self._listening: socket.socket | None = None
        self._thread: threading.Thread | None = None
        self.start()

    def url(self, url: str) -> str:
        """Gives the same URL by way of the proxy."""
        parts = urlsplit(url)
        login, at, _ = parts.netloc.rpartition("@")
        return parts._replace(netloc=f"{login}{at}{LOOPBACK}:{self.port}").geturl()

    def start(self) -> None:
        """Starts the thread and accepts connections; `stop` first to start again."""
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="fault-proxy")
        self._thread.start()
        self.up()

    def stop(self) -> None:
        """Ends every connection and the thread; may be called twice."""
        if self._thread is None:
            return
        self.down()
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()
        self._thread = None

    def close(self) -> None:
        """Stops and gives up the port."""
        self.stop()
        self._held.close()

    def up(self) -> None:
        """Accepts connections (again)."""
        self._call(self._listen())

    def down(self) -> None:
        """Refuses connections and ends those there are."""
        self._call(self._end())

    def reset(self) -> None:
        """Breaks the connections there are by an RST to both sides; accepts new ones."""
        self._call(self._break(reset=True))

    def freeze(self) -> None:
        """Accepts connections and keeps those there are, but passes nothing on."""
        self.faults.is_frozen = True

    def stall_after(self, count: int) -> None:
        """Passes on so many bytes more of what the server sends, then freezes."""
        self.faults.bytes_until_stall = count

    def thaw(self) -> None:
        """Passes on what came since `freeze` or a stall, and what comes."""
        self.faults.bytes_until_stall = None
        self.faults.is_frozen = False

    def _call(self, job: Coroutine[Any, Any, None]) -> None:
        asyncio.run_coroutine_threadsafe(job, self._loop).result(timeout=10)

    async def _listen(self) -> None:
        if self._listening is None:
            self._listening = bound_socket(self.port)
            self._listening.listen(100)
            self._listening.setblocking(False)
            self._loop.add_reader(self._listening, self._accept, self._listening)

    async def _end(self) -> None:
        if self._listening is not None:
            self._loop.remove_reader(self._listening)
            self._listening.close()
            self._listening = None
        await self._break(reset=False)

    async def _break(self, *, reset: bool) -> None:
        for writer in self._writers:
            if reset and not writer.is_closing():
                opened = writer.get_extra_info("socket")
                opened.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET_ON_CLOSE)
            writer.transport.abort()
        for link in self._links:
            link.cancel()
        await asyncio.gather(*self._links, return_exceptions=True)

    def _accept(self, listening: socket.socket) -> None:
        client, _ = listening.accept()
        self.connections += 1
        link = self._loop.create_task(self._link(client))
        self._links.add(link)

        def forget(link: asyncio.Task[None]) -> None:
            self._links.discard(link)
            if link.cancelled():  # perhaps before it began
                client.close()

        link.add_done_callback(forget)

    async def _link(self, client: socket.socket) -> None:
        """Serves one connection to its end."""
        opened: list[asyncio.StreamWriter] = []

        async def connect(**place: Any) -> Stream:
            stream = await asyncio.open_connection(**place)
            opened.append(stream[1])
            self._writers.add(stream[1])
            return stream

        try:
            below = await connect(sock=client)
            above = await connect(host=self._server_host, port=self._server_port)
            await join(below, above, self.faults)
        except* OSError:
            pass  # one side broke off: so does the other
        finally:
            for writer in opened:
                self._writers.discard(writer)
                writer.close()
