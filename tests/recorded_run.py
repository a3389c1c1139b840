"""A run that is recorded while it goes on."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from streamdet.cli import main

LIMIT_S = 60.0
SCENE = "synthetic:street?frames=100000&hw=240x320&fps=20&realtime=1"
GRAPH = f"""\
version: 1
name: zoned
nodes:
  camera: {{kind: source, uri: '{SCENE}', process: front}}
  prepare: {{kind: transform, reads: camera, process: front}}
  detect: {{kind: detector, reads: prepare, model: people, replicas: 2}}
  track: {{kind: byte_track, reads: detect, process: back}}
  zones:
    kind: zones
    reads: track
    zones: {{yard: {{polygon: [[0, 0.5], [1, 0.5], [1, 1], [0, 1]]}}}}
"""


@contextmanager
def running(graph: str, output: Path, *more: str) -> Iterator[None]:
    """A run of its own, until some frames are through; stopped at the end."""
    words = [sys.executable, "-m", "streamdet.cli", "run", graph, "--output", str(output), *more]
    with (output.parent / "run.log").open("w") as log:
        process = subprocess.Popen(words, stdout=log, stderr=log, stdin=subprocess.DEVNULL)
    try:
        deadline_s = time.monotonic() + LIMIT_S
        while not output.exists() or output.read_bytes().count(b"\n") < 10:
            assert process.poll() is None, (output.parent / "run.log").read_text()
            assert time.monotonic() < deadline_s
            time.sleep(0.1)
        yield
        process.send_signal(signal.SIGINT)
        process.wait(LIMIT_S)
    finally:
        process.kill()
        process.wait()


def record(folder: Path, graph: str, stage: str, *more: str) -> Path:
    """Have the run of this graph recorded; its name is that of no other run."""
    output = folder / f"{stage}.sdrec"
    assert main(["record", graph, "--stage", stage, "-o", str(output), *more]) == 0
    return output


def frames(text: str) -> dict[tuple[str, int], dict[str, Any]]:
    read = map(json.loads, text.splitlines())
    return {(frame["source_id"], frame["frame_id"]): frame for frame in read}
