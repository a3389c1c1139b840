"""A private Redis server with an append-only file: it can be killed and come back as it was."""

from __future__ import annotations

import os
import signal
from pathlib import Path
from typing import Any

from streamdet.transport.connection import connect
from streamdet.transport.embedded import EmbeddedRedis


class DurableRedis:
    """A server with an append-only file (fsync each second); `url` stays the same.

    Args:
        folder: of its socket and files.

    Raises:
        ConfigError: there is no server to start.
        TransportError: it does not start.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._server = EmbeddedRedis(folder, is_durable=True)
        self.url = self._server.url

    def kill(self) -> None:
        """Kill the server; what it had written to its file is there after `start`."""
        self._server.process.kill()
        self._server.process.wait()

    def start(self) -> None:
        """Start it again, with what it held."""
        self._server = EmbeddedRedis(self._folder, is_durable=True)

    def pause(self) -> None:
        """Freeze the server: it answers nothing."""
        os.kill(self._server.process.pid, signal.SIGSTOP)

    def resume(self) -> None:
        """Go on."""
        os.kill(self._server.process.pid, signal.SIGCONT)

    def reset_connections(self) -> None:
        """Close every client's connection."""
        client: Any = connect(self.url)
        client.client_kill_filter(_type="normal", skipme=True)
        client.close()

    def stop(self) -> None:
        """End the server."""
        self.resume()
        self._server.stop()
