"""Clips of a rendered street, and `streamdet archive` on them."""

from __future__ import annotations

import json
import sqlite3
import subprocess
import sys
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path
from typing import Any

import av
from av.video.stream import VideoStream

from streamdet.archive.folder import ArchiveFolder
from streamdet.sources import Position
from streamdet.sources.synthetic import SyntheticSource

OPTIONS = (
    *("--set", "detect.model=hog_people", "--set", "prepare.shortest_edge=240"),
    *("--set", "detect.score_thresh=0.05"),
)
"""A detector without a network, that finds much and wrong: the trackers have something to do."""

LIMIT_S = 240

CHANGING = frozenset({"run", "captured_at", "latency_ms", "id", "at"})
"""What differs between two runs over the same file, of a frame and of an event."""


def write_scene(
    path: Path, seed: int, frames: int, *, gop: int = 15, codec: str = "libx264"
) -> Path:
    """Encode a rendered scene with a keyframe every `gop` frames; returns the path."""
    source = SyntheticSource(
        f"synthetic:street?seed={seed}&frames={frames}&hw=240x320", SyntheticSource.Options()
    )
    with av.open(str(path), "w") as container:
        stream = container.add_stream(codec, rate=25, options={"g": str(gop), "bf": "2"})
        assert isinstance(stream, VideoStream)
        stream.height, stream.width, stream.pix_fmt = 240, 320, "yuv420p"
        for decoded in source.frames(Position()):
            image = av.VideoFrame.from_ndarray(decoded.image.bgr(), "bgr24")
            container.mux(stream.encode(image))
        container.mux(stream.encode(None))
    return path


def command(*arguments: str) -> list[str]:
    return [sys.executable, "-m", "streamdet", *arguments]


def archive_command(
    source: Path | str, output: Path, *more: str, options: Sequence[str] = OPTIONS
) -> list[str]:
    arguments = ("--source", str(source), "--output", str(output), "--segment-s", "0.6")
    return command("archive", "people", *arguments, *options, *more)


def done(arguments: Sequence[str], code: int = 0) -> str:
    """Run a command to its end, which has that exit code; returns all that it said."""
    ended = subprocess.run(
        arguments,
        check=False,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=LIMIT_S,
    )
    assert ended.returncode == code, ended.stdout
    return ended.stdout


def frames_of(path: Path) -> list[dict[str, Any]]:
    """Read JSON lines without what differs between two runs."""
    lines = map(json.loads, path.read_text().splitlines())
    return [{key: value for key, value in line.items() if key not in CHANGING} for line in lines]


def results(output: Path) -> dict[str, Any]:
    """Name -> content, without what differs between two runs, of all that lies in an archive."""
    files = (path for path in sorted(output.iterdir()) if path.is_file())
    return {
        path.name: frames_of(path) if path.suffix == ".jsonl" else path.read_bytes()
        for path in files
    }


def times_done(output: Path) -> list[int]:
    """How often each segment was computed since it was planned; [] before there is a manifest."""
    manifest = ArchiveFolder(output).manifest
    if not manifest.exists():
        return []
    query = "SELECT times_done FROM segments ORDER BY file, number"
    with closing(sqlite3.connect(manifest)) as database:
        try:
            return [count for (count,) in database.execute(query)]
        except sqlite3.OperationalError:  # it has no tables yet
            return []
