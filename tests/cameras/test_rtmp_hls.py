"""Cameras by RTMP and HLS are played, lost when their server dies, and found again."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from functools import partial
from pathlib import Path

import av
import numpy as np
import pytest

from tests.cameras.frame_numbers import read_number
from tests.cameras.live_run import LiveRun
from tests.cameras.numbered_image import draw
from tests.cameras.stream_servers import HlsServer, RtmpServer, missing_ffmpeg
from tests.required import skip_for_want_of

HW = (240, 320)
FPS, FRAMES = 10, 200


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Numbered images of H.264, a keyframe each second."""
    if reason := missing_ffmpeg():
        skip_for_want_of("rtsp", reason)
    path = tmp_path_factory.mktemp("clip") / "clip.mp4"
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=FPS)
        stream.height, stream.width = HW
        stream.pix_fmt, stream.codec_context.gop_size = "yuv420p", FPS
        for number in range(FRAMES):
            image = np.frombuffer(draw(9, number, *HW), np.uint8).reshape(HW[0] * 3 // 2, HW[1])
            container.mux(stream.encode(av.VideoFrame.from_ndarray(image, "yuv420p")))
        container.mux(stream.encode())
    return path


@pytest.fixture
def servers(clip: Path, tmp_path: Path) -> Iterator[list[RtmpServer | HlsServer]]:
    (tmp_path / "hls").mkdir()
    with ExitStack() as stack:
        made: list[RtmpServer | HlsServer] = [RtmpServer(clip), HlsServer(clip, tmp_path / "hls")]
        for server in made:
            stack.callback(server.stop)
        yield made


def source_id(server: RtmpServer | HlsServer) -> str:
    return server.url.split("//")[1].replace(":", "-").replace("/", "_")


def test_rtmp_and_hls_are_found_again_after_their_servers_died(
    servers: list[RtmpServer | HlsServer], tmp_path: Path
) -> None:
    names = [source_id(server) for server in servers]
    more = ("--set", "camera.read_timeout_s=3", "--output", str(tmp_path / "video.mp4"))
    run = LiveRun(tmp_path, [server.url for server in servers], *more)
    try:
        for name in names:
            run.wait_for_frames(name, 10)
        for server in servers:
            server.kill()
        for name in names:
            run.wait_for(f"{name} is lost", partial(is_away, run, name))
        for server in servers:
            server.start()
        for name in names:
            run.wait_for_line(f"{name}: live", times=2)
            run.wait_for_frames(name, 10)
        run.stop()
    finally:
        run.kill()
    for name in names:
        ids = [frame["frame_id"] for frame in run.frames(name)]
        assert ids == list(range(len(ids)))
        assert {who for who, _ in numbers(tmp_path / f"video-{name}.mp4")} == {9}


def is_away(run: LiveRun, name: str) -> bool:
    return any(f"{name}: {state} (" in run.log for state in ("lost", "stalled"))


def numbers(path: Path) -> list[tuple[int, int]]:
    with av.open(str(path)) as container:
        images = [frame.to_ndarray(format="bgr24") for frame in container.decode(video=0)]
    found = [read_number(np.asarray(image, np.uint8)) for image in images]
    return [each for each in found if each is not None]
