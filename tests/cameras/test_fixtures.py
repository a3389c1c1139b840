"""The live cameras that other tests rely on: numbers, logins, changes and ends."""

from __future__ import annotations

import itertools
import sys
import time
from collections.abc import Callable, Generator
from contextlib import closing

import av
import numpy as np
import pytest
from av.video.frame import PictureType, VideoFrame

from tests.cameras.fault_proxy import FaultProxy
from tests.cameras.frame_numbers import read_number
from tests.cameras.rtsp_server import Mount, RtspServer, missing_packages

LOCKED = Mount("/locked", "mjpeg", user="viewer", password="p:w@1")
PATHS = ["/h264", "/h265", "/mjpeg"]
TICKS = 90_000 // 15  # of RTP's clock, between frames
TIMED_OUT = (av.ExitError, av.OSError)  # between two packets, in the middle of one


def frames(url: str, read_timeout_s: float = 5) -> Generator[VideoFrame]:
    options = {"rtsp_transport": "tcp", "fpsprobesize": "0"}  # no second's wait for a rate
    with av.open(url, options=options, timeout=(5, read_timeout_s)) as container:
        yield from container.decode(video=0)


def number_of(frame: VideoFrame) -> tuple[int, int]:
    found = read_number(np.asarray(frame.to_ndarray(format="bgr24"), np.uint8))
    assert found is not None
    return found


def take(live: Generator[VideoFrame], count: int) -> list[tuple[int, int]]:
    """Gives the numbers of the next frames."""
    return [number_of(frame) for frame in itertools.islice(live, count)]


def rising(first: tuple[int, int], count: int) -> list[tuple[int, int]]:
    return [(first[0], first[1] + place) for place in range(count)]


@pytest.mark.parametrize(("path", "camera"), [("/h264", 1), ("/h265", 2), ("/mjpeg", 3)])
def test_every_frame_carries_the_next_number_and_time(
    rtsp_server: RtspServer, path: str, camera: int
) -> None:
    with closing(frames(rtsp_server.url(path))) as live:
        taken = list(itertools.islice(live, 15))

    numbers = [number_of(frame) for frame in taken]
    assert numbers == rising((camera, numbers[0][1]), 15)
    times = [frame.pts for frame in taken][1:]  # FFmpeg gives the first of some streams none
    assert times == [place * TICKS for place in range(1, 15)]


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


def test_a_killed_server_is_refused_and_comes_back_on_its_port(rtsp_server: RtspServer) -> None:
    url = rtsp_server.url("/mjpeg")
    with closing(frames(url)) as live:
        take(live, 20)
        rtsp_server.kill()
        assert len(list(itertools.islice(live, 100))) < 100

    with pytest.raises(av.ConnectionRefusedError):
        next(frames(url))
    rtsp_server.start()
    with closing(frames(url)) as live:
        assert take(live, 1)[0][1] < 20


def test_a_frozen_server_sends_nothing_and_goes_on_at_the_present(rtsp_server: RtspServer) -> None:
    with closing(frames(rtsp_server.url("/mjpeg"))) as live:
        before = take(live, 5)[-1][1]
        rtsp_server.freeze()
        time.sleep(1.5)
        rtsp_server.thaw()
        after = [number for _, number in take(live, 10)]

    jump = max(second - first for first, second in itertools.pairwise([before, *after]))
    assert jump > 15
    assert 0 <= rtsp_server.age_s("/mjpeg", after[-1]) < 1


def test_a_frozen_server_lets_a_reader_time_out(rtsp_server: RtspServer) -> None:
    with closing(frames(rtsp_server.url("/mjpeg"), read_timeout_s=0.5)) as live:
        next(live)
        rtsp_server.freeze()
        with pytest.raises(TIMED_OUT):
            take(live, 100)


def test_a_machine_without_the_packages_is_told_what_to_install() -> None:
    for python in (sys.executable, "/no/python3"):  # neither has gi
        reason = missing_packages(python)

        assert reason is not None
        assert "apt-get install gir1.2-gst-rtsp-server-1.0 python3-gi" in reason


def test_a_server_ends_frozen_or_not(start_rtsp_server: Callable[..., RtspServer]) -> None:
    server = start_rtsp_server()
    server.freeze()

    server.stop()

    assert server.process.returncode is not None


def test_a_camera_is_read_through_a_proxy_byte_by_byte(
    rtsp_server: RtspServer, start_fault_proxy: Callable[[int], FaultProxy]
) -> None:
    proxy = start_fault_proxy(rtsp_server.port)
    proxy.faults.piece_bytes = 1

    with closing(frames(proxy.url(rtsp_server.url("/h264")))) as live:
        numbers = take(live, 5)

    assert numbers == rising(numbers[0], 5)
    assert proxy.connections == 1


def test_a_stalled_proxy_lets_a_reader_time_out(
    rtsp_server: RtspServer, start_fault_proxy: Callable[[int], FaultProxy]
) -> None:
    proxy = start_fault_proxy(rtsp_server.port)

    with closing(frames(proxy.url(rtsp_server.url("/mjpeg")), read_timeout_s=0.5)) as live:
        next(live)
        proxy.stall_after(10_000)
        with pytest.raises(TIMED_OUT):
            take(live, 100)


def test_a_reset_reaches_a_reader(
    rtsp_server: RtspServer, start_fault_proxy: Callable[[int], FaultProxy]
) -> None:
    proxy = start_fault_proxy(rtsp_server.port)

    with closing(frames(proxy.url(rtsp_server.url("/mjpeg")))) as live:
        next(live)
        proxy.reset()
        with pytest.raises(ConnectionResetError):
            take(live, 100)
