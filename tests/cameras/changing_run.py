"""A run over files that are played like cameras, whose cameras and graph are changed."""

from __future__ import annotations

import fcntl
import os
import subprocess
import sys
import termios
from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path

from streamdet.run.control import RunControl, find_run
from tests.cameras.live_run import LiveRun
from tests.commands.constant_model import write_constant_model
from tests.sources.made_video import write_video


def _take_terminal(terminal: int) -> None:
    """Make a terminal that of this session."""
    fcntl.ioctl(terminal, termios.TIOCSCTTY, 0)


GRAPH = """\
version: 1
name: yard
nodes:
  camera:
    kind: source
    process: front
    every: 3
    cameras:
      door: {address}
  prepare: {{kind: transform, reads: camera, process: front}}
  detect: {{kind: detector, reads: prepare, model: {model}}}
  track: {{kind: sort, max_age: 2, reads: detect, process: back}}
  publish: {{kind: redis_stream, reads: track, process: back, stream: yard-frames}}
"""


class ChangingRun(LiveRun):
    """`streamdet run g.yaml`, with one camera, `door`; one person in each of its images.

    Args:
        folder: gets the graph and the outputs.
        runs: a short path where the run's folder goes, apart from those of other tests.
        more: further arguments.
        environ: more variables.
        terminal: the terminal that it runs in; None: none.
    """

    def __init__(
        self,
        folder: Path,
        runs: Path,
        *more: str,
        environ: Mapping[str, str] | None = None,
        terminal: int | None = None,
    ) -> None:
        self.folder = folder
        self.graph = folder / "g.yaml"
        video = write_video(folder / "seen.mp4", 50)
        self.address = f"file:{video}?live=1&loop=1"
        model = write_constant_model(folder)
        self.graph.write_text(GRAPH.format(address=self.address, model=model))
        outputs = {"--output": "frames.jsonl", "--report": "report.json"}
        words = [word for name, file in outputs.items() for word in (name, str(folder / file))]
        own = {"TMPDIR": str(runs), "PYTHONUNBUFFERED": "1", **(environ or {})}
        self.environ = os.environ | own
        self._log = (folder / "log").open("w+")
        self.process = subprocess.Popen(
            [sys.executable, "-m", "streamdet.cli", "run", str(self.graph), *words, *more],
            stdin=subprocess.DEVNULL,
            stdout=self._log,
            stderr=self._log,
            env=self.environ,
            start_new_session=True,
            preexec_fn=None if terminal is None else partial(_take_terminal, terminal),  # noqa: PLW1509
        )
        self.wait_for_frames("door", 3)

    @property
    def control(self) -> RunControl:
        """The run as its commands see it; TMPDIR must be that of the run."""
        return find_run()

    def rewrite(self, old: str, new: str) -> str:
        """Change the graph's file; returns its path."""
        text = self.graph.read_text()
        assert text.count(old) == 1
        self.graph.write_text(text.replace(old, new))
        return str(self.graph)

    def states(self) -> dict[str, tuple[str, str]]:
        """Camera -> state and reason."""
        return {each.name: (each.state, each.reason) for each in self.control.cameras()}

    def say(self, *words: str, code: int = 0) -> str:
        """Run another command beside it; returns what it printed."""
        done = subprocess.run(
            [sys.executable, "-m", "streamdet.cli", *words],
            check=False,
            capture_output=True,
            text=True,
            stdin=subprocess.DEVNULL,
            env=self.environ,
            timeout=60,
        )
        assert done.returncode == code, done.stdout + done.stderr
        return done.stdout + done.stderr

    def check_accounts(self, names: Sequence[str]) -> None:
        """Every frame of each camera is there once, in order, as a result or dropped."""
        assert set(self.report) == set(names)
        for name in names:
            ids = [frame["frame_id"] for frame in self.frames(name)]
            assert ids == list(range(len(ids))), name
            report = self.report[name]
            accounted = report["published"] + sum(report["dropped"].values())
            assert report["emitted"] == len(ids) == accounted, name
