"""Cameras over RTSP, from a real server."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from itertools import islice, pairwise
from typing import Any

import pytest

from streamdet.errors import CameraLostError, CameraRefusedError
from streamdet.sources.live import LiveConnection, LiveFrame, LiveOptions, LiveSource
from tests.cameras.frame_numbers import read_number
from tests.cameras.rtsp_server import Mount, RtspServer

Start = Callable[..., RtspServer]


@contextmanager
def connected(url: str, **options: Any) -> Iterator[LiveConnection]:
    with closing(LiveSource(url, LiveOptions(**options)).connect()) as connection:
        yield connection


def number(frame: LiveFrame) -> int:
    found = read_number(frame.image.bgr())
    assert found is not None
    return found[1]


@pytest.mark.parametrize("transport", ["tcp", "udp"])
@pytest.mark.parametrize(
    ("path", "codec"), [("/h264", "h264"), ("/h265", "hevc"), ("/mjpeg", "mjpeg")]
)
def test_every_frame_comes_in_order_soon_after_it_was_taken(
    rtsp_server: RtspServer, path: str, codec: str, transport: str
) -> None:
    with connected(rtsp_server.url(path), transport=transport) as connection:
        frames = islice(connection.frames(), 20)
        seen = [(number(f), rtsp_server.age_s(path, number(f)), f) for f in frames]
        assert (connection.hw, connection.codec) == ((240, 320), codec)
    assert all(after[0] == before[0] + 1 for before, after in pairwise(seen))
    # FFmpeg finishes an image when the next one begins: 67 ms at 15 a second.
    assert max(age for _, age, _ in seen[8:]) < 0.2
    assert {f.duration * f.time_base * 15 for _, _, f in seen[8:]} == {1}
    assert max(f.age_ns for _, _, f in seen[8:]) < 100_000_000


def test_opening_is_quick_and_brings_few_old_frames(rtsp_server: RtspServer) -> None:
    list(islice(opened(rtsp_server.url("/h264"))[1], 1))  # the server's own start
    open_s, frames = opened(rtsp_server.url("/h264"))
    assert open_s < 0.8
    assert rtsp_server.age_s("/h264", number(next(frames))) < 0.6


def opened(url: str) -> tuple[float, Iterator[LiveFrame]]:
    started_s = time.monotonic()
    connection = LiveSource(url, LiveOptions()).connect()
    return time.monotonic() - started_s, connection.frames()


def test_images_between_others_come_in_order(start_rtsp_server: Start) -> None:
    server = start_rtsp_server([Mount("/b", "h265", b_frames=True)])
    with connected(server.url("/b")) as connection:
        frames = list(islice(connection.frames(), 30))
        numbers = [number(frame) for frame in islice(connection.frames(), 10)]
    times = [frame.pts for frame in frames[1:]]
    assert times == sorted(times)  # type: ignore[type-var]
    assert numbers == list(range(numbers[0], numbers[0] + 10))


def test_a_user_is_let_in_with_the_right_password_only(rtsp_server: RtspServer) -> None:
    with connected(rtsp_server.url("/locked", "viewer", "p:w@1")) as connection:
        number(next(connection.frames()))
    for login in [("viewer", "wrong"), ()]:
        with pytest.raises(CameraRefusedError, match=r"another user name or password \(401\)"):
            LiveSource(rtsp_server.url("/locked", *login), LiveOptions()).connect()


def test_a_path_that_is_not_there_is_refused(rtsp_server: RtspServer) -> None:
    with pytest.raises(CameraRefusedError, match="no such stream"):
        LiveSource(rtsp_server.url("/none"), LiveOptions()).connect()


def test_a_camera_whose_power_is_cut_is_lost_at_once_and_found_again(
    rtsp_server: RtspServer,
) -> None:
    with connected(rtsp_server.url("/h264")) as connection:
        frames = connection.frames()
        next(frames)
        rtsp_server.kill()
        cut_s = time.monotonic()
        with pytest.raises(CameraLostError, match="the stream ended"):
            list(frames)
        assert time.monotonic() - cut_s < 1
    with pytest.raises(CameraLostError, match="nobody answers at that address and port"):
        LiveSource(rtsp_server.url("/h264"), LiveOptions()).connect()
    rtsp_server.start()
    with connected(rtsp_server.url("/h264")) as connection:
        number(next(connection.frames()))


def test_a_frozen_camera_is_lost_within_the_limit(rtsp_server: RtspServer) -> None:
    with connected(rtsp_server.url("/h264"), read_timeout_s=1) as connection:
        frames = connection.frames()
        next(frames)
        rtsp_server.freeze()
        frozen_s = time.monotonic()
        with pytest.raises(CameraLostError, match="no packet for 1 s"):
            list(frames)
        assert time.monotonic() - frozen_s < 1.5
        connection.close()
        assert time.monotonic() - frozen_s < 1.6
    with pytest.raises(CameraLostError, match="nobody answered within 0.5 s"):
        LiveSource(rtsp_server.url("/h264"), LiveOptions(open_timeout_s=0.5)).connect()


def test_what_lay_in_a_frozen_camera_is_as_old_as_it_is(rtsp_server: RtspServer) -> None:
    with connected(rtsp_server.url("/mjpeg")) as connection:
        frames = connection.frames()
        list(islice(frames, 10))
        rtsp_server.freeze()
        thaw = threading.Timer(2, rtsp_server.thaw)
        thaw.start()
        seen = [
            (f.age_ns / 1e9, rtsp_server.age_s("/mjpeg", number(f))) for f in islice(frames, 15)
        ]
        thaw.join()
    assert max(age for age, _ in seen) > 1.5
    for age, true_age in seen:
        assert age == pytest.approx(true_age, abs=0.15)


def test_another_size_goes_on(rtsp_server: RtspServer) -> None:
    with connected(rtsp_server.url("/h264")) as connection:
        frames = connection.frames()
        next(frames)
        rtsp_server.change("/h264", width=640, height=480)
        sizes = [frame.image.hw for frame in islice(frames, 30)]
        assert sizes[-1] == connection.hw == (480, 640)


def test_another_codec_is_a_new_connection(rtsp_server: RtspServer) -> None:
    with connected(rtsp_server.url("/mjpeg")) as connection:
        frames = connection.frames()
        next(frames)
        rtsp_server.change("/mjpeg", codec="h264")
        with pytest.raises(CameraLostError, match="the stream ended"):
            list(frames)
    with connected(rtsp_server.url("/mjpeg")) as connection:
        number(next(connection.frames()))
        assert connection.codec == "h264"


def test_the_camera_says_when_its_frames_were_taken(rtsp_server: RtspServer) -> None:
    with connected(rtsp_server.url("/mjpeg")) as connection:
        for frame in connection.frames():  # its first report comes after some seconds
            if frame.clock == "camera":
                break
        true_s = rtsp_server.age_s("/mjpeg", number(frame))
        said_s = (time.time_ns() - frame.captured_ns) / 1e9
    assert said_s == pytest.approx(true_s, abs=0.15)
