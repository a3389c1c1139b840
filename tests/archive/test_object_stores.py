"""Videos in an S3 bucket: results are those of the disk, few bytes are read, no key is shown."""

from __future__ import annotations

from pathlib import Path

import av
import numpy as np
import pytest
from av.video.stream import VideoStream

from streamdet.sources import Position
from streamdet.sources.file import FileOptions, FileSource
from streamdet.sources.keyframes import read_facts
from streamdet.sources.media_file import media_place
from tests.archive.scenes import OPTIONS, archive_command, command, done, frames_of, write_scene
from tests.s3_server import BUCKET, SECRET, S3Server, is_object

FRAMES = {"a.mp4": 75, "c.avi": 40}


@pytest.fixture(scope="module")
def clips(tmp_path_factory: pytest.TempPathFactory, s3: S3Server) -> Path:
    folder = tmp_path_factory.mktemp("clips")
    for seed, (name, frames) in enumerate(FRAMES.items()):
        s3.put(write_scene(folder / name, seed, frames), f"clips/{name}")
    return folder


@pytest.fixture(autouse=True)
def environment(s3: S3Server, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in s3.environment.items():
        monkeypatch.setenv(name, value)


def write_noise(path: Path, frames: int) -> None:
    """Encode noise, of which every frame is large, with its index at the end of the file."""
    rng = np.random.default_rng(0)
    with av.open(str(path), "w") as container:
        options = {"g": "15", "qp": "10", "preset": "ultrafast"}
        stream = container.add_stream("libx264", rate=25, options=options)
        assert isinstance(stream, VideoStream)
        stream.height, stream.width, stream.pix_fmt = 240, 320, "yuv420p"
        for _ in range(frames):
            image = rng.integers(0, 256, (240, 320, 3), np.uint8)
            container.mux(stream.encode(av.VideoFrame.from_ndarray(image, "bgr24")))
        container.mux(stream.encode(None))


def assert_without_secret(folder: Path, *texts: str) -> None:
    assert not [text for text in texts if SECRET in text or "canary" in text]
    files = (path for path in folder.rglob("*") if path.is_file())
    assert not [path for path in files if b"canary" in path.read_bytes()]


@pytest.mark.nightly
def test_an_archive_of_a_bucket_is_that_of_a_folder(
    clips: Path, s3: S3Server, tmp_path: Path
) -> None:
    said = done(archive_command(f"s3://{BUCKET}/clips/*", tmp_path / "out"))
    done(archive_command(clips, tmp_path / "local"))
    for name in ("a", "c"):
        stored, local = (frames_of(tmp_path / of / f"{name}.jsonl") for of in ("out", "local"))
        assert stored == local
    assert f"s3://{BUCKET}/clips/a.mp4" in (tmp_path / "out" / "files.csv").read_text()
    assert_without_secret(tmp_path / "out", said)
    again = done(archive_command(f"s3://{BUCKET}/clips/*", tmp_path / "out"))
    assert "2 done, 2 of them before" in again


@pytest.mark.nightly
def test_a_run_reads_an_object(clips: Path, tmp_path: Path) -> None:
    wanted = ("--output", str(tmp_path / "a.jsonl"), *OPTIONS)
    said = done(command("run", "people", "--source", f"s3://{BUCKET}/clips/a.mp4", *wanted))
    assert len(frames_of(tmp_path / "a.jsonl")) == 75
    assert_without_secret(tmp_path, said)


@pytest.mark.nightly
@pytest.mark.parametrize("kind", ["busy", "expired", "cut"])
def test_a_store_that_fails_fails_no_file_and_the_same_command_goes_on(
    clips: Path, s3: S3Server, tmp_path: Path, kind: str
) -> None:
    wanted = archive_command(f"s3://{BUCKET}/clips/*", tmp_path / "out")
    reads = 0

    def fault(method: str, path: str) -> str | None:
        nonlocal reads
        reads += is_object(path) and method == "GET"
        return kind if is_object(path) and reads > 3 else None

    with s3.failing(fault):
        said = done(wanted, code=1)
    assert "the object store cannot be used (" in said
    assert "2 files: 2 done" in done(wanted)
    assert_without_secret(tmp_path / "out", said)


def test_decoding_reads_hardly_more_bytes_than_there_are_and_planning_few(
    s3: S3Server, tmp_path: Path
) -> None:
    path = tmp_path / "long.mp4"
    write_noise(path, 60)
    size = path.stat().st_size
    assert size > 6_000_000
    uri, key = s3.put(path, "long.mp4"), f"/{BUCKET}/long.mp4"
    s3.sent.clear()
    read_facts(media_place(uri), FileOptions(), 1.0)
    assert s3.sent[key] < size / 4
    frames = FileSource(uri, FileOptions()).frames(Position())
    assert sum(1 for _ in frames) == 60
    assert size < s3.sent[key] < 1.2 * size
