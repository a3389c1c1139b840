"""A real Redis server for tests, external to any run, that can be killed and started again."""

from __future__ import annotations

import os
import shutil
import subprocess
import time
from functools import partial
from pathlib import Path

import redis

from streamdet.system.process import die_with_parent
from streamdet.transport.embedded import find_server


class RedisServer:
    """A server on a unix socket, with an append-only file, so that it comes back as it was."""

    def __init__(self, folder: Path, *settings: str) -> None:
        self.folder = folder
        self.url = f"unix://{folder}/redis.sock"
        self._settings = settings
        self.start()

    def start(self) -> None:
        arguments = [
            *("--port", "0", "--unixsocket", str(self.folder / "redis.sock")),
            *("--dir", str(self.folder), "--save", "", "--appendonly", "yes"),
            *("--appendfsync", "everysec", "--logfile", str(self.folder / "redis.log")),
            *self._settings,
        ]
        self.process = subprocess.Popen(
            [find_server(), *arguments],
            preexec_fn=partial(die_with_parent, os.getpid()),  # noqa: PLW1509
        )
        deadline = time.monotonic() + 10
        while time.monotonic() < deadline and self.process.poll() is None:
            try:
                self.client().ping()
                return
            except redis.AuthenticationError:
                return
            except (redis.RedisError, OSError):
                time.sleep(0.02)
        raise AssertionError("the test's Redis server does not start")

    def client(self) -> redis.Redis:
        return redis.Redis.from_url(self.url, protocol=2)

    def kill(self) -> None:
        self.process.kill()
        self.process.wait()

    def stop(self) -> None:
        self.process.terminate()
        self.process.wait()
        shutil.rmtree(self.folder, ignore_errors=True)
