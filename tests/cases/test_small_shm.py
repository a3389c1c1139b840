"""Shared memory as a container has it: small, not to be written to, or not there."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.cases.machine import STREET, mounted, streamdet
from tests.faults.storm import lines_of
from tests.sources.made_video import write_video

RUN = ("run", "people")


@pytest.fixture(scope="module")
def video(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_video(tmp_path_factory.mktemp("hd") / "hd.mp4", 12, hw=(1080, 1920))


def test_a_large_video_runs_in_dockers_64_mib(tmp_path: Path, video: Path) -> None:
    output = tmp_path / "seen.jsonl"
    done = streamdet(
        *(*RUN, "--source", video, "--output", output, "--output", tmp_path / "seen.mp4"),
        inside=mounted("mount -t tmpfs -o size=64m none /dev/shm"),
    )
    assert len(lines_of(output)) == 12
    (warning,) = [line for line in done.stderr.splitlines() if line]
    assert warning.startswith("warning: shared memory is small (64 MiB free in /dev/shm)")
    assert "camera 4 of 32, prepare" in warning  # a slot has 6 MiB, a prepared one 1.5


@pytest.mark.parametrize(
    ("script", "sentence"),
    [
        ("mount -t tmpfs -o size=8m none /dev/shm", "this run needs 18 MiB in /dev/shm at least"),
        ("mount -t tmpfs -o ro none /dev/shm", "cannot be used (Read-only file system)"),
        ("mount -t tmpfs none /dev; touch /dev/null", "cannot be used (No such file or directory)"),
    ],
)
def test_memory_that_cannot_be_used_is_one_sentence(
    tmp_path: Path, video: Path, script: str, sentence: str
) -> None:
    output = tmp_path / "seen.mp4"
    done = streamdet(*RUN, "--source", video, "--output", output, inside=mounted(script), code=2)
    (error,) = [line for line in done.stderr.splitlines() if line]
    assert sentence in error
    assert "docker run --tmpfs /dev/shm" in error or "--shm-size=1g" in error


def test_small_images_run_in_8_mib() -> None:
    done = streamdet(
        *(*RUN, "--source", STREET),
        inside=mounted("mount -t tmpfs -o size=8m none /dev/shm"),
    )
    assert "in 5 frames" in done.stdout


def test_doctor_warns_of_16_mib() -> None:
    done = streamdet("doctor", inside=mounted("mount -t tmpfs -o size=16m none /dev/shm"))
    assert "warning  memory" in done.stdout
