"""A run of the command over live cameras, until it is stopped."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from streamdet.chaos.descendants import workers
from tests.faults.storm import heed_signals

LIMIT_S = 40.0
"""A machine that is busy with other tests takes its time to start."""


class LiveRun:
    """A run of a graph over these addresses; read `frames` and `report` after `stop`.

    Args:
        folder: where its outputs go: frames.jsonl, report.json, VIDEO-<source>.mp4 if asked.
        addresses: the cameras.
        more: further arguments.
        graph: what is run.
        wrapped_in: a command that becomes the one behind it.

    Attributes:
        limit_s: longest wait for anything.
    """

    limit_s = LIMIT_S

    def __init__(
        self,
        folder: Path,
        addresses: Sequence[str],
        *more: str,
        graph: str = "people",
        wrapped_in: Sequence[str] = (),
    ) -> None:
        self.folder = folder
        sources = [word for address in addresses for word in ("--source", address)]
        outputs = [
            "--output",
            str(folder / "frames.jsonl"),
            "--report",
            str(folder / "report.json"),
        ]
        self._log = (folder / "log").open("w+")
        command = [sys.executable, "-m", "streamdet.cli", "run", graph]
        self.process = subprocess.Popen(
            [*wrapped_in, *command, *sources, *outputs, *more],
            stdin=subprocess.DEVNULL,
            stdout=self._log,
            stderr=self._log,
            env=os.environ | {"PYTHONUNBUFFERED": "1"},
            preexec_fn=heed_signals,  # noqa: PLW1509
        )

    @property
    def log(self) -> str:
        """What it has printed so far."""
        return (self.folder / "log").read_text()

    def wait_for(self, what: str, is_there: Callable[[], bool]) -> float:
        """Wait until something is so; returns how long that took, seconds."""
        started_s = time.monotonic()
        while not is_there():
            passed_s = time.monotonic() - started_s
            assert passed_s < self.limit_s, (
                f"{what}: not within {self.limit_s} s; it printed:\n{self.log}"
            )
            assert self.process.poll() is None, f"{what}: it has ended:\n{self.log}"
            time.sleep(0.05)
        return time.monotonic() - started_s

    def wait_for_line(self, line: str, times: int = 1) -> float:
        """Wait until it has printed a line so many times; returns seconds."""
        return self.wait_for(line, lambda: self.log.count(line) >= times)

    def wait_for_frames(self, source_id: str, more: int) -> float:
        """Wait for so many frames more with a result of one camera; returns seconds."""
        count = len(self.results(source_id))
        return self.wait_for(
            f"{more} frames of {source_id}", lambda: len(self.results(source_id)) >= count + more
        )

    def stop(self) -> None:
        """End it by Ctrl-C."""
        self.process.send_signal(signal.SIGINT)
        assert self.process.wait(self.limit_s) == 130, self.log
        self._log.close()

    def kill(self) -> None:
        """End it at once, if it has not ended."""
        self.process.kill()
        self.process.wait()
        self._log.close()

    @property
    def text(self) -> str:
        """The frames that have been written, dropped ones too, as they stand in the file."""
        path = self.folder / "frames.jsonl"
        return path.read_text() if path.exists() else ""

    def frames(self, source_id: str) -> list[dict[str, Any]]:
        """The frames of a camera that have been written, dropped ones too."""
        text = self.text
        lines = text[: text.rfind("\n") + 1].splitlines()  # the last one may be being written
        frames = [json.loads(line) for line in lines]
        return [frame for frame in frames if frame["source_id"] == source_id]

    def results(self, source_id: str) -> list[dict[str, Any]]:
        """The frames of a camera that were not dropped."""
        return [frame for frame in self.frames(source_id) if "dropped" not in frame]

    @property
    def report(self) -> dict[str, dict[str, Any]]:
        """Source id -> its part of the report."""
        report = json.loads((self.folder / "report.json").read_text())
        return {source["source_id"]: source for source in report["sources"]}

    def worker_pids(self, name: str) -> list[int]:
        """Process ids of this run's workers of a name, such as "detect-0"."""
        return [pid for worker, pid in self.workers().items() if worker == name]

    def workers(self) -> dict[str, int]:
        """The workers of this run: name, such as "detect-0" -> process id."""
        return {name: found.pid for name, found in workers(self.process.pid).items()}
