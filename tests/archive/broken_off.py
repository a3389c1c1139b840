"""Archives that are broken off: begun in the background, watched, compared with unbroken ones."""

from __future__ import annotations

import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from streamdet.archive.folder import ArchiveFolder
from tests.archive.scenes import LIMIT_S, times_done, write_scene

FORMATS = ("--format", "jsonl,csv,mot")
SUFFIXES = (".mp4", ".mkv", ".avi", ".mov")


def write_clips(folder: Path, count: int, frames: int) -> Path:
    folder.mkdir()
    for number in range(count):
        suffix = SUFFIXES[number % len(SUFFIXES)]
        write_scene(folder / f"clip-{number:02d}{suffix}", number % 5, frames + 7 * (number % 4))
    return folder


@contextmanager
def begun(arguments: list[str]) -> Iterator[subprocess.Popen[bytes]]:
    with subprocess.Popen(
        arguments, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    ) as process:
        try:
            yield process
        finally:
            process.kill()


def done_count(output: Path) -> int:
    return sum(count > 0 for count in times_done(output))


def wait_for(process: subprocess.Popen[bytes], output: Path, count: int) -> None:
    """Wait until so many segments are done, or the process has ended."""
    deadline = time.monotonic() + LIMIT_S
    while process.poll() is None and done_count(output) < count:
        assert time.monotonic() < deadline
        time.sleep(0.02)


def assert_once_and_clean(output: Path, segments: int) -> None:
    folder = ArchiveFolder(output)
    assert times_done(output) == [1] * segments
    assert list(folder.temporary.iterdir()) == []
    assert {path.suffix for path in folder.segments.iterdir()} == {".seg"}
    assert len(list(folder.segments.iterdir())) == segments
    assert {path.name for path in folder.own.iterdir()} <= {
        "manifest.sqlite", "segments", "summaries", "tmp", "lock", "join.log",
    }  # fmt: skip
    assert [path for path in output.iterdir() if path.name.startswith(".")] == [folder.own]
