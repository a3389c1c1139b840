"""Media that would make FFmpeg read other files or hosts, or fill the memory."""

from __future__ import annotations

import os
import resource
import struct
import zlib
from pathlib import Path
from random import Random

import av
import cv2
import numpy as np
import pytest

from streamdet.cli import main
from streamdet.errors import CameraLostError, CameraRefusedError, StreamdetError
from streamdet.sources.live_address import parse_live
from streamdet.sources.live_opening import CameraLimits, open_camera
from streamdet.sources.safe_open import open_media, open_plain_file
from tests.sources.http_camera import HEAD, answering, serving
from tests.sources.made_video import write_video

LIMITS = CameraLimits("tcp", open_s=2, read_s=2, max_pixels=1 << 24)
TRICKS = [
    "concat:{video}|{video}",
    "concatf:{list}",
    "subfile,,start,0,end,0,,:{video}",
    "subfile:{video}",
    "cache:{video}",
    "async:{video}",
    "file:{video}",
    "file://{video}",
    "crypto:{video}",
    "data:text/plain;base64,AAAA",
    "pipe:0",
    "fd:0",
    "lavfi:testsrc",
    "gopher://127.0.0.1/x",
    "unix:{video}",
    "async:http://127.0.0.1:9/x",
    "rtp://127.0.0.1:9",
    "sdp://127.0.0.1",
    "ftp://127.0.0.1/x.mp4",
]


@pytest.fixture(scope="module")
def video(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_video(tmp_path_factory.mktemp("secret") / "v.mp4", 5)


def complaint(capsys: pytest.CaptureFixture[str], *words: str) -> str:
    """What the command says; it must refuse, in words."""
    assert main([*words]) in (1, 2)
    said = capsys.readouterr().err
    assert "is not a source" in said and "Traceback" not in said
    return said


@pytest.mark.parametrize("trick", TRICKS)
def test_no_protocol_of_ffmpeg_is_a_source(
    trick: str, video: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "list").write_text(f"{video}\n")
    uri = trick.format(video=video, list=tmp_path / "list")
    output = tmp_path / "out.jsonl"
    complaint(capsys, "check", "people", "--source", uri, "--output", str(output))
    assert not output.exists()


@pytest.mark.parametrize("name", ["pipe", "/dev/zero", "/dev/stdin", "/proc/self/mem", "folder"])
def test_what_is_no_plain_file_is_not_read(name: str, tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "folder").mkdir()
    wanted = r"plain file|cannot be opened|corrupt"
    with (
        pytest.raises(StreamdetError, match=wanted),
        open_plain_file(tmp_path / name) as file,
    ):
        open_media(file, name, 1 << 24)


PLAYLISTS = {
    "hls": "#EXTM3U\n#EXT-X-TARGETDURATION:9\n#EXTINF:9,\n{place}\n#EXT-X-ENDLIST\n",
    "map": '#EXTM3U\n#EXT-X-TARGETDURATION:9\n#EXT-X-MAP:URI="{place}"\n#EXTINF:9,\n{place}\n',
    "key": '#EXTM3U\n#EXT-X-TARGETDURATION:9\n#EXT-X-KEY:METHOD=AES-128,URI="{place}"\n'
    "#EXTINF:9,\n{place}\n#EXT-X-ENDLIST\n",
    "concat": "ffconcat version 1.0\nfile '{place}'\n",
    "sdp": "v=0\no=- 0 0 IN IP4 127.0.0.1\ns=x\nc=IN IP4 127.0.0.1\nm=video 5004 RTP/AVP 96\n",
    "dash": '<?xml version="1.0"?><MPD><Period><AdaptationSet><Representation><BaseURL>{place}'
    "</BaseURL></Representation></AdaptationSet></Period></MPD>",
}


@pytest.mark.parametrize("kind", PLAYLISTS)
@pytest.mark.parametrize("ending", [".mp4", ".m3u8", ".ts"])
def test_a_file_that_lists_files_is_refused(
    kind: str, ending: str, video: Path, tmp_path: Path
) -> None:
    path = tmp_path / f"x{ending}"
    path.write_text(PLAYLISTS[kind].format(place=video))
    with open_plain_file(path) as file, pytest.raises(StreamdetError, match="not video"):
        open_media(file, path, 1 << 24)


PLACES = ["{video}", "file://{video}", "concat:{video}", "subfile,,:{video}"]


@pytest.mark.parametrize("kind", ["hls", "map", "concat", "dash"])
@pytest.mark.parametrize("place", PLACES)
def test_a_camera_cannot_lead_to_a_file_of_this_machine(kind: str, place: str, video: Path) -> None:
    body = PLAYLISTS[kind].format(place=place.format(video=video)).encode()
    with (
        serving(answering(HEAD + b"application/vnd.apple.mpegurl", body)) as port,
        pytest.raises((CameraLostError, CameraRefusedError)),
    ):
        open_camera(parse_live(f"http://127.0.0.1:{port}/x.m3u8"), LIMITS)


@pytest.mark.parametrize("place", ["file://{video}", "{video}", "concat:{video}", "gopher://x/"])
def test_a_camera_cannot_redirect_to_a_file(place: str, video: Path) -> None:
    head = b"HTTP/1.1 302 Found\r\nLocation: " + place.format(video=video).encode()
    with (
        serving(answering(head, b"")) as port,
        pytest.raises((CameraLostError, CameraRefusedError)),
    ):
        open_camera(parse_live(f"http://127.0.0.1:{port}/x"), LIMITS)


def test_an_image_that_states_a_huge_size_is_not_decoded(tmp_path: Path) -> None:
    content = bytearray(cv2.imencode(".png", np.zeros((8, 8, 3), np.uint8))[1].tobytes())
    content[16:24] = struct.pack(">II", 60_000, 60_000)  # 10.8 GB
    content[29:33] = struct.pack(">I", zlib.crc32(content[12:29]))
    (tmp_path / "x.png").write_bytes(content)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    with (
        open_plain_file(tmp_path / "x.png") as file,
        pytest.raises((StreamdetError, av.FFmpegError)),
        open_media(file, "x.png", 1 << 24) as container,
    ):
        list(container.decode(video=0))
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss < before + 500_000  # kB


@pytest.mark.parametrize("count", [150, pytest.param(20_000, marks=pytest.mark.nightly)])
def test_mutants_of_a_video_are_read_or_refused_in_words(
    count: int, video: Path, tmp_path: Path
) -> None:
    rng, content = Random(count), video.read_bytes()
    path, opened = tmp_path / "m.mp4", 0
    for _ in range(count):
        data = bytearray(content)
        for _ in range(rng.choice([1, 5, 50])):
            data[rng.randrange(len(data))] = rng.randrange(256)
        path.write_bytes(data[: rng.randrange(len(data))] if rng.random() < 0.2 else data)
        with open_plain_file(path) as file:
            try:
                with open_media(file, path, 1 << 20):
                    opened += 1
            except StreamdetError as exc:
                assert str(exc).startswith(f"{path}: ")
    assert 0 < opened < count
