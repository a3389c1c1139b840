"""Whatever is killed whenever: the same command again, and the results are those of one run."""

from __future__ import annotations

import csv
import random
import signal
import subprocess
import time
from contextlib import suppress
from pathlib import Path

import psutil
import pytest

from tests.archive.broken_off import (
    FORMATS,
    assert_once_and_clean,
    begun,
    done_count,
    wait_for,
    write_clips,
)
from tests.archive.scenes import LIMIT_S, archive_command, done, results, write_scene


def kill_all(process: subprocess.Popen[bytes], rng: random.Random) -> None:
    """SIGKILL the command and all its processes, in any order."""
    root = psutil.Process(process.pid)
    everyone = [root, *root.children(recursive=True)]
    rng.shuffle(everyone)
    for one in everyone:
        try:
            one.send_signal(signal.SIGKILL)
        except psutil.NoSuchProcess:
            continue
    process.wait()
    psutil.wait_procs(everyone, timeout=10)


def survive(clips: Path, folder: Path, kills: int, seed: int) -> None:
    """Kill an archive at random moments, finish it, and compare it with an unbroken one."""
    rng = random.Random(seed)
    unbroken, killed = folder / "unbroken", folder / "killed"
    done(archive_command(clips, unbroken, *FORMATS))
    segments = done_count(unbroken)
    for number in range(kills):
        with begun(archive_command(clips, killed, *FORMATS)) as process:
            wait_for(process, killed, segments * number // kills + 1)
            time.sleep(rng.uniform(0.0, 0.7))
            if process.poll() is None:
                kill_all(process, rng)
    done(archive_command(clips, killed, *FORMATS))
    assert results(killed) == results(unbroken)
    assert_once_and_clean(killed, segments)


def test_an_archive_survives_kills_of_everything(tmp_path: Path) -> None:
    survive(write_clips(tmp_path / "clips", 3, 40), tmp_path, kills=2, seed=1)


@pytest.mark.nightly
@pytest.mark.timeout(3600)
def test_40_videos_survive_20_kills_of_everything(tmp_path: Path) -> None:
    survive(write_clips(tmp_path / "clips", 40, 40), tmp_path, kills=20, seed=2)


@pytest.mark.nightly
def test_an_archive_goes_on_after_ctrl_c(tmp_path: Path) -> None:
    clips = write_clips(tmp_path / "clips", 2, 60)
    unbroken, stopped = tmp_path / "unbroken", tmp_path / "stopped"
    done(archive_command(clips, unbroken, *FORMATS))
    with begun(archive_command(clips, stopped, *FORMATS)) as process:
        wait_for(process, stopped, 2)
        process.send_signal(signal.SIGINT)
        assert process.wait(LIMIT_S) == 130
    assert done_count(stopped) < done_count(unbroken)
    said = done(archive_command(clips, stopped, *FORMATS))
    assert "2 files: 2 done" in said
    assert results(stopped) == results(unbroken)
    assert_once_and_clean(stopped, done_count(unbroken))


@pytest.mark.nightly
def test_a_killed_worker_costs_nothing_but_time(tmp_path: Path) -> None:
    clips = write_clips(tmp_path / "clips", 2, 60)
    unbroken, killed = tmp_path / "unbroken", tmp_path / "killed"
    done(archive_command(clips, unbroken, *FORMATS))
    with begun(archive_command(clips, killed, *FORMATS)) as process:
        for name, count in (("archive-segments", 1), ("front", 3), ("detect", 4)):
            wait_for(process, killed, count)
            kill_worker(process, name)
        assert process.wait(LIMIT_S) == 0
    assert results(killed) == results(unbroken)
    assert_once_and_clean(killed, done_count(unbroken))


def kill_worker(process: subprocess.Popen[bytes], group: str) -> None:
    if process.poll() is not None:
        return
    for one in psutil.Process(process.pid).children(recursive=True):
        if f"streamdet worker {group}-" in " ".join(one.cmdline()):
            one.kill()
            return


@pytest.mark.nightly
def test_a_file_that_ends_every_run_fails_and_says_why(tmp_path: Path) -> None:
    output = tmp_path / "out"
    clip = write_scene(tmp_path / "clip.mp4", 1, 200)
    deadline = time.monotonic() + LIMIT_S
    with begun(archive_command(clip, output, "--segment-s", "60")) as process:
        while process.poll() is None and time.monotonic() < deadline:
            with suppress(psutil.Error):
                kill_worker(process, "detect")
            time.sleep(0.02)
        assert process.wait(LIMIT_S) == 1
    (row,) = csv.DictReader((output / "files.csv").read_text().splitlines())
    assert row["state"] == "failed"
    assert row["error"].startswith(f"{clip}: 3 runs ended while it was worked on: detect-")
    assert not (output / "clip.jsonl").exists()
    done(archive_command(clip, output, "--segment-s", "60"), code=1)
    done(archive_command(clip, output, "--segment-s", "60", "--retry-failed"))
    assert len((output / "clip.jsonl").read_text().splitlines()) == 200
