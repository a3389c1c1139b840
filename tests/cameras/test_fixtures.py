"""The live cameras that other tests rely on: numbers, times, logins and changes."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from contextlib import closing

import av
import pytest
from av.video.frame import PictureType

from tests.cameras.live_frames import frames, number_of, rising, take
from tests.cameras.rtsp_server import Mount, RtspServer

LOCKED = Mount("/locked", "mjpeg", user="viewer", password="p:w@1")
PATHS = ["/h264", "/h265", "/mjpeg"]
TICKS = 90_000 // 15  # of RTP's clock, between frames


@pytest.mark.parametrize(("path", "camera"), [("/h264", 1), ("/h265", 2), ("/mjpeg", 3)])
def test_every_frame_carries_the_next_number_and_time(
    rtsp_server: RtspServer, path: str, camera: int
) -> None:
    with closing(frames(rtsp_server.url(path))) as live:
        taken = list(itertools.islice(live, 18))

    numbers = [number_of(frame) for frame in taken]
    assert numbers == rising((camera, numbers[0][1]), 18)
    times = [frame.pts for frame in taken][1:]  # FFmpeg gives the first of some streams none
    assert times == [place * TICKS for place in range(1, 18)]


@pytest.mark.parametrize("path", PATHS)
def test_frames_come_when_they_are_taken(rtsp_server: RtspServer, path: str) -> None:
    with closing(frames(rtsp_server.url(path))) as live:
        (_, last) = take(live, 15)[-1]

        assert 0 <= rtsp_server.age_s(path, last) < 1


@pytest.mark.parametrize("codec", ["h264", "h265"])
@pytest.mark.parametrize("b_frames", [True, False])
def test_a_stream_has_b_frames_where_they_are_on(
    start_rtsp_server: Callable[..., RtspServer], codec: str, b_frames: bool
) -> None:
    server = start_rtsp_server([Mount("/cam", codec, fps=25, b_frames=b_frames)])

    with closing(frames(server.url("/cam"))) as live:
        taken = list(itertools.islice(live, 12))

    assert (PictureType.B in {frame.pict_type for frame in taken}) == b_frames
    assert [number_of(frame) for frame in taken] == rising(number_of(taken[0]), 12)


@pytest.mark.parametrize("auth", ["digest", "basic"])
def test_a_locked_camera_wants_its_user(
    start_rtsp_server: Callable[..., RtspServer], auth: str
) -> None:
    server = start_rtsp_server([LOCKED], auth=auth)

    with closing(frames(server.url("/locked", "viewer", "p:w@1"))) as live:
        assert len(take(live, 2)) == 2
    for login in ((), ("viewer", "wrong"), ("other", "p:w@1")):
        with pytest.raises(av.HTTPUnauthorizedError):
            next(frames(server.url("/locked", *login)))


def test_an_unknown_camera_is_not_found(rtsp_server: RtspServer) -> None:
    with pytest.raises(av.HTTPNotFoundError):
        next(frames(rtsp_server.url("/none")))


@pytest.mark.parametrize("path", PATHS)
def test_another_size_reaches_who_watches(rtsp_server: RtspServer, path: str) -> None:
    with closing(frames(rtsp_server.url(path))) as live:
        before = next(live)
        rtsp_server.change(path, width=480, height=360)
        after = list(itertools.islice(live, 20))

    assert (before.height, before.width) == (240, 320)
    assert (after[-1].height, after[-1].width) == (360, 480)
    assert [number_of(frame) for frame in after] == rising(number_of(after[0]), 20)
    assert number_of(after[0])[1] == number_of(before)[1] + 1


def test_another_codec_hangs_up_and_is_there_again(rtsp_server: RtspServer) -> None:
    with closing(frames(rtsp_server.url("/h264"))) as live:
        next(live)
        rtsp_server.change("/h264", codec="mjpeg", b_frames=False)
        assert len(list(itertools.islice(live, 100))) < 100

    with av.open(rtsp_server.url("/h264"), options={"rtsp_transport": "tcp"}) as container:
        assert container.streams.video[0].codec_context.name == "mjpeg"


def test_two_who_watch_get_the_same_frames(rtsp_server: RtspServer) -> None:
    url = rtsp_server.url("/h264")
    with closing(frames(url)) as one, closing(frames(url)) as other:
        next(one)
        second = take(other, 5)[1:]  # one who joins between two keyframes may miss the first
        assert set(second) <= set(take(one, 30))
