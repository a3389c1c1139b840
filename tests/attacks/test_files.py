"""Files that lie where they may not be read, or that want more time or memory than they may."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import av
import numpy as np
import pytest

from streamdet.cli import main
from streamdet.config.source_settings import SourceSettings
from streamdet.errors import SourceError
from streamdet.image import Pixels
from streamdet.sources import Position
from streamdet.sources.file import FileOptions, FileSource
from streamdet.sources.file_limits import confine, refuse_outside
from streamdet.sources.safe_open import open_media, open_plain_file
from tests.sources.made_video import write_video


@pytest.fixture(autouse=True)
def unconfined() -> Iterator[None]:
    """What a test confines this process to ends with it."""
    yield
    confine(SourceSettings())


def read(path: Path) -> int:
    return sum(1 for _ in FileSource(str(path), FileOptions()).frames(Position()))


@pytest.fixture
def folders(tmp_path: Path) -> tuple[Path, Path]:
    """A folder that may be read with a video in it, and one that may not."""
    allowed, secret = tmp_path / "allowed", tmp_path / "secret"
    allowed.mkdir()
    secret.mkdir()
    write_video(allowed / "v.mp4", 5)
    write_video(secret / "s.mp4", 5)
    return allowed, secret


def test_links_that_lead_out_of_the_allowed_folders_are_refused(
    folders: tuple[Path, Path],
) -> None:
    allowed, secret = folders
    (allowed / "file.mp4").symlink_to(secret / "s.mp4")
    (allowed / "folder").symlink_to(secret)
    (allowed / "twice.mp4").symlink_to(allowed / "file.mp4")
    confine(SourceSettings(allowed_roots=(str(allowed),)))
    assert read(allowed / "v.mp4") == 5
    for name in ("file.mp4", "folder/s.mp4", "twice.mp4", "../secret/s.mp4"):
        with pytest.raises(SourceError, match="does not lie in a folder of allowed_roots"):
            read(allowed / name)


def test_a_folder_whose_name_begins_alike_is_another_one(tmp_path: Path) -> None:
    (tmp_path / "videos").mkdir()
    (tmp_path / "videos-secret").mkdir()
    path = write_video(tmp_path / "videos-secret" / "v.mp4", 5)
    confine(SourceSettings(allowed_roots=(str(tmp_path / "videos"),)))
    with pytest.raises(SourceError):
        read(path)


def test_links_within_the_allowed_folders_and_to_them_are_followed(
    folders: tuple[Path, Path], tmp_path: Path
) -> None:
    allowed, _ = folders
    (allowed / "link.mp4").symlink_to(allowed / "v.mp4")
    (tmp_path / "alias").symlink_to(allowed)
    confine(SourceSettings(allowed_roots=(str(tmp_path / "alias"),)))
    assert read(allowed / "link.mp4") == read(tmp_path / "alias" / "v.mp4") == 5


def test_where_a_file_lies_is_asked_of_what_was_opened(folders: tuple[Path, Path]) -> None:
    """Whoever puts another file in its place after it was opened, or before, wins nothing."""
    allowed, secret = folders
    confine(SourceSettings(allowed_roots=(str(allowed),)))
    descriptor = os.open(secret / "s.mp4", os.O_RDONLY)
    with pytest.raises(SourceError):
        refuse_outside(descriptor, allowed / "v.mp4")
    os.close(descriptor)


def test_a_run_reads_only_below_the_allowed_folders(
    folders: tuple[Path, Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    allowed, secret = folders
    (allowed / "x.mp4").symlink_to(secret / "s.mp4")
    (tmp_path / "deploy.yaml").write_text(f"sources: {{allowed_roots: [{allowed}]}}\n")
    output = tmp_path / "o.jsonl"
    arguments = ["--output", str(output), "--deploy", str(tmp_path / "deploy.yaml")]
    arguments += ["--set", "detect.model=hog_people"]
    assert main(["run", "people", "--source", str(allowed), *arguments]) == 1
    said = capsys.readouterr()
    assert f"{allowed}/x.mp4: does not lie in a folder of allowed_roots" in said.out + said.err
    lines = output.read_text().splitlines()
    assert [json.loads(line)["source_id"] for line in lines] == ["v"] * 5


def write_streams(path: Path, count: int) -> Path:
    with av.open(str(path), "w") as out:
        streams = [out.add_stream("mpeg4", 25) for _ in range(count)]
        for stream in streams:
            stream.width, stream.height, stream.pix_fmt = 64, 64, "yuv420p"
        frame = av.VideoFrame.from_ndarray(np.zeros((64, 64, 3), np.uint8), format="bgr24")
        for stream in streams:
            out.mux(stream.encode(frame))
            out.mux(stream.encode())
    return path


def test_a_file_of_too_many_streams_is_refused(tmp_path: Path) -> None:
    path = write_streams(tmp_path / "v.mp4", 3)
    confine(SourceSettings(max_streams=2))
    with pytest.raises(SourceError, match="has 3 streams, more than max_streams, 2"):
        read(path)
    confine(SourceSettings(max_streams=3))
    assert read(path) == 1


def test_a_video_that_is_too_long_by_its_header_is_refused(tmp_path: Path) -> None:
    path = write_video(tmp_path / "v.mp4", 50)
    confine(SourceSettings(max_duration_s=1.5))
    with pytest.raises(SourceError, match=r"is longer than max_duration_s .*, 1\.5 s"):
        FileSource(str(path), FileOptions()).probe()
    confine(SourceSettings(max_duration_s=2))
    assert read(path) == 50


def test_a_video_that_does_not_say_how_long_it_is_ends_there(tmp_path: Path) -> None:
    raw = write_video(tmp_path / "v.mjpeg", 50, codec="mjpeg", pixel_format="yuvj420p", bframes=0)
    confine(SourceSettings(max_duration_s=1))
    seen = []
    with pytest.raises(SourceError, match="is longer than max_duration_s"):
        for frame in FileSource(str(raw), FileOptions()).frames(Position()):
            seen.append(frame.position.index)
    assert 24 <= len(seen) <= 26


def test_only_so_much_is_read_to_find_out_what_a_file_is(tmp_path: Path) -> None:
    """Padding without any stream: FFmpeg would read all of it."""
    null_packet = bytes([0x47, 0x1F, 0xFF, 0x10]) + bytes(184)
    path = tmp_path / "v.ts"
    path.write_bytes(null_packet * 30_000)  # 5.6 MB
    confine(SourceSettings(probe_bytes=2_000_000))
    with open_plain_file(path) as file:
        with pytest.raises(SourceError, match="does not show in probe_bytes, 2000000"):
            open_media(file, path, 1 << 20)
        assert file.tell() <= 2_000_000 + 4096


def test_what_is_read_after_the_opening_has_no_limit(tmp_path: Path) -> None:
    path = write_video(tmp_path / "v.mp4", 400, codec="mjpeg", pixel_format="yuvj420p", bframes=0)
    confine(SourceSettings(probe_bytes=150_000))
    assert path.stat().st_size > 200_000
    assert read(path) == 400


HW_4K = (2160, 3840)


def dark(number: int) -> Pixels:
    return np.zeros((*HW_4K, 3), np.uint8)


READING = """
import sys
import av
from streamdet.sources import Position
from streamdet.sources.file import FileOptions, FileSource
from streamdet.sources.file_limits import confine
from streamdet.system.process import limit_memory
limit_memory(int(sys.argv[2]))
try:
    for frame in FileSource(sys.argv[1], FileOptions()).frames(Position()):
        frame.image.bgr()
except MemoryError:
    print("no memory")
else:
    print("read")
"""


@pytest.mark.parametrize(("more_mib", "said"), [(24, "no memory\n"), (2048, "read\n")])
def test_decoding_takes_no_more_memory_than_it_may(
    more_mib: int, said: str, tmp_path: Path
) -> None:
    path = write_video(tmp_path / "v.mp4", 2, hw=HW_4K, codec="mpeg4", draw=dark)
    command = [sys.executable, "-c", READING, str(path), str(more_mib)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert (done.stdout, done.returncode) == (said, 0), done.stderr


CONFINED = """
import resource, sys
from dataclasses import replace
from pathlib import Path
from streamdet.config.source_settings import SourceSettings
from streamdet.sources.resolve import SourceItem
from streamdet.worker.confinement import confine_source
from streamdet.registry import KINDS
from tests import toy_run
from tests.toy_run import front_plan, run_plan
KINDS["source"]["toy"] = toy_run.KIND
run = replace(run_plan(Path(), "cam"), sources=SourceSettings(decoder_mib=256))
confine_source(front_plan(run, SourceItem("cam", "toy:3")))
print(resource.getrlimit(resource.RLIMIT_AS)[0] >> 20)
try:
    bytearray(300 << 20)
except MemoryError:
    print("no memory")
"""


def test_a_worker_that_reads_files_has_a_limit() -> None:
    command = [sys.executable, "-c", CONFINED]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    limit, said = done.stdout.split("\n", 1)
    assert 256 < int(limit) < 8192, done.stderr
    assert said == "no memory\n"


def test_a_file_that_may_be_read_is_opened(tmp_path: Path) -> None:
    path = write_video(tmp_path / "v.mp4", 5)
    confine(SourceSettings(allowed_roots=(str(tmp_path), "/nowhere")))
    with open_plain_file(path) as file:
        assert file.read(4)
