"""`streamdet serve` as a process, with the address it has printed."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

LIMIT_S = 60.0
NOTHING: Mapping[str, str] = {}
LISTEN = ("--listen", "127.0.0.1:0")
SOURCE = "synthetic:street?frames=1000000&hw=240x320&fps=10&realtime=1"


class Served:
    """A run that is being served; `url` has no slash at its end."""

    def __init__(self, process: subprocess.Popen[str], log: Path) -> None:
        self.process = process
        self._log = log
        self.url = ""

    @property
    def log(self) -> str:
        return self._log.read_text()

    def wait_for_address(self) -> None:
        deadline_s = time.monotonic() + LIMIT_S
        while not (found := re.search(r"http://\S+(?=/)", self.log)):
            assert self.process.poll() is None, self.log
            assert time.monotonic() < deadline_s, self.log
            time.sleep(0.05)
        self.url = found.group()

    def get(self, path: str) -> tuple[bytes, dict[str, str]]:
        """The body and the headers (lower case) of an answer that is no error."""
        with urllib.request.urlopen(self.url + path, timeout=20) as answer:
            return answer.read(), {name.lower(): value for name, value in answer.headers.items()}

    def read(self, path: str) -> Any:
        return json.loads(self.get(f"/api/v1{path}")[0])

    def wait_for_frames(self, count: int) -> dict[str, Any]:
        """Wait until so many frames of the first source have been published; returns the run."""
        deadline_s = time.monotonic() + LIMIT_S
        while True:
            run: dict[str, Any] = self.read("/run")
            if run["sources"] and run["sources"][0]["published"] >= count:
                return run
            assert time.monotonic() < deadline_s, (run, self.log)
            time.sleep(0.2)

    def stop(self) -> int:
        self.process.send_signal(signal.SIGINT)
        return self.process.wait(LIMIT_S)


@contextmanager
def served(
    folder: Path, *arguments: str, graph: str = "people", environ: Mapping[str, str] = NOTHING
) -> Iterator[Served]:
    """Serve a graph in this block."""
    log = folder / "serve.log"
    with log.open("w") as stream:
        process = subprocess.Popen(
            [sys.executable, "-m", "streamdet.cli", "serve", graph, *LISTEN, *arguments],
            stdin=subprocess.DEVNULL,
            stdout=stream,
            stderr=stream,
            text=True,
            env={**os.environ, "PYTHONUNBUFFERED": "1", **environ},
        )
    run = Served(process, log)
    try:
        run.wait_for_address()
        yield run
    finally:
        if process.poll() is None:
            process.kill()
        process.wait()
