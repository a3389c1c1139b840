"""An archive in a bucket: another machine goes on where one has stopped, and only one works."""

from __future__ import annotations

import signal
import subprocess
import time
from pathlib import Path

import pytest

from streamdet.archive.folder import archive_folder
from streamdet.archive.lease import Lease
from streamdet.archive.manifest import Manifest
from streamdet.errors import ConfigError, EngineError
from streamdet.stores.address import parse_store_address
from streamdet.stores.store import Store
from tests.archive.scenes import archive_command, command, done, frames_of, write_scene
from tests.s3_server import BUCKET, S3Server

FRAMES = {"a.mp4": 45, "b.mkv": 30}


@pytest.fixture(scope="module")
def clips(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("clips")
    for seed, (name, frames) in enumerate(FRAMES.items()):
        write_scene(folder / name, seed, frames)
    return folder


@pytest.fixture(autouse=True)
def environment(s3: S3Server, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in s3.environment.items():
        monkeypatch.setenv(name, value)


def on_machine(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Work as another machine does: with none of the folders of this one."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(path))


def archive_in_bucket(clips: Path, name: str, *more: str) -> list[str]:
    arguments = ("--source", str(clips), "--output", f"s3://{BUCKET}/{name}", *more)
    wanted = archive_command(clips, Path("unused"))
    return [*wanted[: wanted.index("--source")], *arguments, *wanted[wanted.index("--segment-s") :]]


def test_another_machine_goes_on_with_what_the_store_has(
    clips: Path, s3: S3Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    on_machine(tmp_path / "one", monkeypatch)
    said = done(archive_in_bucket(clips, "shared"))
    assert f"written: s3://{BUCKET}/shared/files.csv" in said
    done(archive_command(clips, tmp_path / "local", "--format", "jsonl,mot"))
    for name in ("a.jsonl", "b.jsonl"):
        (tmp_path / name).write_bytes(s3.get(f"shared/{name}"))
        assert frames_of(tmp_path / name) == frames_of(tmp_path / "local" / name)
    on_machine(tmp_path / "two", monkeypatch)
    said = done(archive_in_bucket(clips, "shared", "--format", "mot"))
    assert "0.0 s of video in" in said
    assert s3.get("shared/a.txt") == (tmp_path / "local" / "a.txt").read_bytes()
    assert "2 files: 2 done" in done(command("archive", "status", f"s3://{BUCKET}/shared"))
    assert not [key for key in s3.keys("shared") if key.endswith("/lock")]


@pytest.mark.nightly
def test_a_machine_that_comes_back_begins_with_what_another_has_done(
    clips: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    on_machine(tmp_path / "one", monkeypatch)
    wanted = archive_in_bucket(clips, "back")
    done(wanted)
    mine = archive_folder(f"s3://{BUCKET}/back").manifest
    with Manifest(mine) as manifest:
        before = manifest.saves()
    on_machine(tmp_path / "two", monkeypatch)
    done([*wanted, "--redo"])
    on_machine(tmp_path / "one", monkeypatch)
    assert "2 done, 2 of them before" in done(wanted)
    with Manifest(mine) as manifest:
        after = manifest.saves()
    assert after[: len(before)] == before
    assert len(after) == len(before) + 4


@pytest.mark.nightly
def test_a_machine_that_was_lost_costs_what_was_not_saved(
    clips: Path, s3: S3Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    on_machine(tmp_path / "one", monkeypatch)
    wanted = archive_in_bucket(clips, "lost")
    with subprocess.Popen(wanted, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
        while not [key for key in s3.keys("lost") if key.endswith(".sqlite")]:
            time.sleep(0.1)
        time.sleep(4)
        process.send_signal(signal.SIGKILL)
    on_machine(tmp_path / "two", monkeypatch)
    said = done(wanted)
    assert "may be at work there: watching it" in said
    assert "2 files: 2 done" in said
    done(archive_command(clips, tmp_path / "local"))
    for name in ("a.jsonl", "b.jsonl"):
        (tmp_path / name).write_bytes(s3.get(f"lost/{name}"))
        assert frames_of(tmp_path / name) == frames_of(tmp_path / "local" / name)


def leases(folder: Path, name: str) -> tuple[Lease, Lease]:
    """Leases of two machines on one archive."""
    lock = parse_store_address(f"s3://{BUCKET}/{name}/lock")
    waited: list[str] = []
    one, two = (
        Lease(Store("s3"), lock, folder / f"{number}.owner", waited.append) for number in (1, 2)
    )
    return one, two


def test_a_lock_that_nobody_renews_is_taken_over_and_its_owner_hears_of_it(tmp_path: Path) -> None:
    one, two = leases(tmp_path, "stale")
    one.take()
    one.take()  # the next command of a machine that was killed
    two.take(watch_s=0.2)
    with pytest.raises(EngineError, match="has taken this archive over"):
        one.renew()
    two.renew()


def test_a_lock_that_is_renewed_is_respected(tmp_path: Path) -> None:
    one, two = leases(tmp_path, "held")
    one.take()
    two_says: list[str] = []

    def renew(sentence: str) -> None:
        two_says.append(sentence)
        one.renew()

    lock = parse_store_address(f"s3://{BUCKET}/held/lock")
    two = Lease(Store("s3"), lock, tmp_path / "2.owner", renew)
    with pytest.raises(ConfigError, match="another streamdet archive is at work there, on "):
        two.take(watch_s=0.2)
    assert "may be at work there" in two_says[0]
    one.release()
    two.take()
