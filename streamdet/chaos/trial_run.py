"""A run of the user's graph, as the command line makes it, on a Redis server that may be hurt."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

from streamdet.chaos.descendants import Process, descendants, process, workers
from streamdet.chaos.durable_redis import DurableRedis
from streamdet.chaos.fault_proxy import FaultProxy
from streamdet.chaos.results import ResultClock
from streamdet.errors import EngineError
from streamdet.system.process import last_line
from streamdet.transport.run_folder import runs_root
from streamdet.transport.shm_pool import FOLDER

START_LIMIT_S: Final = 120.0
END_LIMIT_S: Final = 60.0
GONE_LIMIT_S: Final = 5.0


class RunOverError(EngineError):
    """The run is over, or about to be: it has no worker any more."""


class TrialRun:
    """A run under way; `stop` ends it.

    Args:
        arguments: of `streamdet run`: the graph, its sources and so on.
        folder: for its outputs, report, log and server.
        cameras: proxies before its cameras.

    Attributes:
        cameras: the same.
        redis: its server.
        process: its main process.
        results: when its results came.
    """

    def __init__(
        self, arguments: Sequence[str], folder: Path, cameras: Sequence[FaultProxy] = ()
    ) -> None:
        self.cameras = cameras
        self._folder = folder
        self._seen: dict[Process, str] = {}
        self.redis = DurableRedis(folder)
        with (folder / "log").open("wb") as log:
            self.process = subprocess.Popen(
                [
                    *(sys.executable, "-m", "streamdet.cli", "run", *arguments),
                    *("--redis", self.redis.url, "--output", str(self.frames)),
                    *("--report", str(folder / "report.json")),
                ],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
            )
        self.results = ResultClock(self.frames)
        self.results.start()

    @property
    def frames(self) -> Path:
        """The file that it writes, a line for each frame."""
        return self._folder / "frames.jsonl"

    def is_over(self) -> bool:
        """Whether it has ended."""
        return self.process.poll() is not None

    def workers(self) -> dict[str, Process]:
        """Its workers, by name."""
        return workers(self.process.pid)

    def family(self) -> dict[Process, str]:
        """Every process of it with its title, its main one too; they are remembered."""
        now = {process(self.process.pid): "streamdet run", **descendants(self.process.pid)}
        self._seen |= now
        return now

    def wait_for_results(self) -> None:
        """Wait until it works.

        Raises:
            EngineError: it ended before, or took too long.
        """
        deadline_s = time.monotonic() + START_LIMIT_S
        while not self.results.has_begun():
            if self.is_over():
                raise EngineError(f"the run ended before its first result: {self.last_line()}")
            if time.monotonic() > deadline_s:
                raise EngineError(f"the run had no result within {START_LIMIT_S:g} s")
            time.sleep(0.05)

    def stop(self) -> int:
        """End it as Ctrl-C does, if it has not ended; returns its exit code.

        Raises:
            EngineError: it does not end.
        """
        self.family()
        if not self.is_over():
            self.process.send_signal(signal.SIGTERM)
        try:
            return self.process.wait(END_LIMIT_S)
        except subprocess.TimeoutExpired:
            raise EngineError(
                f"the run has not ended {END_LIMIT_S:g} s after the signal: {self.last_line()}"
            ) from None

    def close(self) -> None:
        """End everything, whatever state it is in."""
        if not self.is_over():
            self.process.kill()
            self.process.wait()
        self.results.close()
        self.redis.stop()

    def last_line(self) -> str:
        """What it printed last."""
        return last_line((self._folder / "log").read_bytes())

    def report(self) -> dict[str, Any]:
        """Its report.

        Raises:
            EngineError: it has written none.
        """
        path = self._folder / "report.json"
        if not path.exists():
            raise EngineError(f"the run has written no report: {self.last_line()}")
        report: dict[str, Any] = json.loads(path.read_text())
        return report

    def leftovers(self, run_id: str) -> list[str]:
        """What it left behind, after a little patience; nothing if all is well."""
        deadline_s = time.monotonic() + GONE_LIMIT_S
        while (found := self._leftovers(run_id)) and time.monotonic() < deadline_s:
            time.sleep(0.1)
        return found

    def _leftovers(self, run_id: str) -> list[str]:
        folder = runs_root() / run_id
        return [
            *(
                f"process {one.pid} ({title})"
                for one, title in self._seen.items()
                if one.is_alive()
            ),
            *(f"shared memory {path}" for path in FOLDER.glob(f"streamdet-{run_id}-*")),
            *(f"folder {path}" for path in [folder] if folder.exists()),
        ]
