"""Cameras over http and udp, files played live, and nobody at all."""

from __future__ import annotations

import socket
import time
import traceback
from contextlib import closing
from itertools import islice
from pathlib import Path
from threading import Event, Thread
from typing import Any

import av
import numpy as np
import pytest

from streamdet.errors import CameraLostError, CameraRefusedError, SourceError
from streamdet.sources.live import LiveFrame, LiveOptions, LiveSource
from tests.sources.http_camera import HEAD, Handler, mjpeg_camera, serving, silent, status
from tests.sources.made_video import picture, write_video


def read(uri: str, count: int, **options: Any) -> list[tuple[float, LiveFrame]]:
    """Take frames, each with when it came."""
    connection = LiveSource(uri, LiveOptions(**options)).connect()
    with closing(connection):
        frames = islice(connection.frames(), count)
        return [(time.monotonic(), frame) for frame in frames]


def end_of(uri: str, **options: Any) -> SourceError:
    """Read until it fails."""
    with pytest.raises(SourceError) as caught:
        read(uri, 10_000, **options)
    return caught.value


# Files


def test_a_file_is_played_at_its_own_rate(tmp_path: Path) -> None:
    uri = f"file:{write_video(tmp_path / 'v.mp4', 30)}?live=1"
    frames = read(uri, 30)
    assert frames[-1][0] - frames[0][0] == pytest.approx(29 / 25, abs=0.1)
    assert [float(f.pts * f.time_base) for _, f in frames[:3]] == [0, 0.04, 0.08]  # type: ignore[operator]
    assert all(f.duration * f.time_base == pytest.approx(0.04) for _, f in frames)
    assert all(f.age_ns < 100_000_000 and f.clock == "host" for _, f in frames)


def test_the_end_of_a_file_is_a_lost_camera(tmp_path: Path) -> None:
    uri = f"file:{write_video(tmp_path / 'v.mp4', 5)}?live=1"
    assert str(end_of(uri)) == "the stream ended"


@pytest.mark.parametrize(("query", "options"), [("&loop=1", {}), ("", {"loop": True})])
def test_a_looped_file_goes_on_with_rising_times(
    tmp_path: Path, query: str, options: dict[str, bool]
) -> None:
    uri = f"file:{write_video(tmp_path / 'v.mp4', 5)}?live=1{query}"
    frames = [frame for _, frame in read(uri, 12, **options)]
    times = [float(frame.pts * frame.time_base) for frame in frames]  # type: ignore[operator]
    assert times == pytest.approx([step * 0.04 for step in range(12)])
    assert np.array_equal(frames[0].image.bgr(), frames[10].image.bgr())


def test_who_reads_a_file_slowly_gets_old_frames_and_then_goes_on_from_now(tmp_path: Path) -> None:
    uri = f"file:{write_video(tmp_path / 'v.mp4', 120)}?live=1"
    connection = LiveSource(uri, LiveOptions()).connect()
    with closing(connection):
        frames = connection.frames()
        next(frames)
        time.sleep(0.5)
        assert next(frames).age_ns / 1e9 == pytest.approx(0.46, abs=0.1)
        time.sleep(2)
        assert next(frames).age_ns == 0


def test_frames_are_sampled(tmp_path: Path) -> None:
    uri = f"file:{write_video(tmp_path / 'v.mp4', 25)}?live=1"
    frames = [frame for _, frame in read(uri, 5, fps=5)]
    assert [float(f.pts * f.time_base) for f in frames] == [0, 0.2, 0.4, 0.6, 0.8]  # type: ignore[operator]
    assert [float(f.duration * f.time_base) for f in frames] == pytest.approx([0.2] * 5)
    assert [f.skipped for f in frames] == [0, 4, 4, 4, 4]


def test_a_file_that_is_gone_or_is_no_video_is_a_lost_camera(tmp_path: Path) -> None:
    (tmp_path / "v.mp4").write_text("hello")
    assert "it is text" in str(end_of(f"file:{tmp_path}/v.mp4?live=1"))
    error = end_of(f"file:{tmp_path}/gone.mp4?live=1")
    assert isinstance(error, CameraLostError)
    assert str(tmp_path) not in str(error)


# http


def test_mjpeg_is_read_as_it_comes() -> None:
    with serving(mjpeg_camera(rate=20)) as port:
        frames = read(f"http://127.0.0.1:{port}/video", 20)
    assert frames[-1][0] - frames[5][0] == pytest.approx(14 / 20, abs=0.2)
    image = frames[7][1].image.bgr()
    assert image.shape == (48, 64, 3)
    assert frames[7][1].pts is None  # what FFmpeg says is made up
    assert all(frame.age_ns == 0 and frame.clock == "host" for _, frame in frames)


def test_an_image_arrives_as_it_was_sent() -> None:
    with serving(mjpeg_camera(rate=20)) as port:
        image = read(f"http://127.0.0.1:{port}/video", 1)[0][1].image.bgr()
    assert np.abs(image.astype(int) - picture(0).astype(int)).mean() < 12


def test_a_camera_that_hangs_up_is_lost() -> None:
    with serving(mjpeg_camera(rate=50, count=10)) as port:
        assert str(end_of(f"http://127.0.0.1:{port}/video")) == "the stream broke off"


def test_images_may_change_their_size() -> None:
    with serving(mjpeg_camera(50, 10, [(48, 64), (96, 128)])) as port:
        connection = LiveSource(f"http://127.0.0.1:{port}/video", LiveOptions()).connect()
        with closing(connection):
            sizes = [(frame.image.hw, connection.hw) for frame in islice(connection.frames(), 20)]
    assert sizes == [((48, 64),) * 2] * 10 + [((96, 128),) * 2] * 10


def test_images_of_too_many_pixels_are_refused() -> None:
    with serving(mjpeg_camera(rate=20)) as port:
        error = end_of(f"http://127.0.0.1:{port}/video", max_pixels=1000)
    assert isinstance(error, CameraRefusedError)
    assert str(error) == "its images have more pixels than max_pixels, 1000"


def test_a_camera_that_stops_sending_is_lost_in_time() -> None:
    def stalling(client: socket.socket) -> None:
        mjpeg_camera(rate=50, count=10)(client)
        time.sleep(20)

    with serving(stalling) as port:
        started_s = time.monotonic()
        error = end_of(f"http://127.0.0.1:{port}/video", read_timeout_s=0.5)
    assert str(error) == "no packet for 0.5 s"
    assert time.monotonic() - started_s < 2


def test_a_web_page_is_no_video() -> None:
    def page(client: socket.socket) -> None:
        client.recv(4096)
        client.sendall(HEAD + b"text/html\r\n\r\n<html>" + b"hello " * 1000)

    with serving(page) as port:
        assert "not video that can be read" in str(end_of(f"http://127.0.0.1:{port}/"))


# Nobody, and those who say no


@pytest.mark.parametrize("scheme", ["rtsp", "rtmp", "http"])
def test_a_dead_port_is_lost_at_once(scheme: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    error = end_of(f"{scheme}://127.0.0.1:{port}/x")
    assert isinstance(error, CameraLostError)
    assert str(error) == "nothing answers at that address and port"


@pytest.mark.parametrize("scheme", ["rtsp", "rtmp", "http", "rtsps"])
def test_a_port_that_says_nothing_is_lost_within_its_limit(scheme: str) -> None:
    with serving(silent) as port:
        started_s = time.monotonic()
        error = end_of(f"{scheme}://127.0.0.1:{port}/x", open_timeout_s=0.5)
        assert time.monotonic() - started_s < 1.5
    assert isinstance(error, CameraLostError)
    assert str(error) == "nothing answered within 0.5 s"


@pytest.mark.parametrize("scheme", ["rtsp", "http"])
@pytest.mark.parametrize(
    ("code", "kind", "words"),
    [
        (401, CameraRefusedError, "another user name or password (401)"),
        (403, CameraRefusedError, "denies this user access (403)"),
        (404, CameraRefusedError, "there is no such stream (404)"),
        (453, CameraRefusedError, "too many viewers"),
        (503, CameraLostError, "an internal error (5xx)"),
    ],
)
def test_a_camera_that_says_no_is_refused(
    scheme: str, code: int, kind: type[SourceError], words: str
) -> None:
    with serving(status(code)) as port:
        error = end_of(f"{scheme}://u:p@127.0.0.1:{port}/x")
    assert type(error) is kind
    assert words in str(error)


@pytest.mark.parametrize("scheme", ["rtsp", "http", "rtmp"])
@pytest.mark.parametrize("answer", [b"", b"\0" * 5000, b"hello\r\n\r\n" * 50], ids=len)
def test_garbage_is_a_lost_camera(scheme: str, answer: bytes) -> None:
    def handle(client: socket.socket) -> None:
        client.sendall(answer)

    with serving(handle) as port:
        error = end_of(f"{scheme}://127.0.0.1:{port}/x", open_timeout_s=1)
    assert isinstance(error, CameraLostError)


def test_a_name_that_is_not_known_is_lost() -> None:
    error = end_of("rtsp://no-such-host.invalid/x")
    assert isinstance(error, CameraLostError)
    assert str(error) == "the name of its host is not known"


def test_a_missing_device_is_lost() -> None:
    error = end_of("/dev/video63")
    assert isinstance(error, CameraLostError)
    assert str(error) == "there is no such device"


def test_srt_is_said_to_be_missing() -> None:
    assert "cannot speak this kind of address" in str(end_of("srt://127.0.0.1:9000"))


@pytest.mark.parametrize("handle", [status(401), silent], ids=["401", "silent"])
def test_no_error_shows_the_address_or_its_password(
    handle: Handler, capfd: pytest.CaptureFixture[str]
) -> None:
    with serving(handle) as port:
        error = end_of(f"rtsp://u:hunter2@127.0.0.1:{port}/x?token=hunter2", open_timeout_s=0.5)
    shown = "".join(traceback.format_exception(error)) + repr(error.__context__)
    assert "hunter2" not in shown
    assert str(port) not in str(error)
    assert capfd.readouterr() == ("", "")  # FFmpeg's own log


# udp


def send_ts(port: int, is_over: Event) -> None:
    """Send MPEG-TS to a port, 25 images a second."""
    url = f"udp://127.0.0.1:{port}?pkt_size=1316"
    with av.open(url, "w", format="mpegts") as container:
        stream = container.add_stream("libx264", rate=25)
        stream.height, stream.width, stream.pix_fmt = 48, 64, "yuv420p"
        stream.codec_context.options = {"tune": "zerolatency"}
        stream.codec_context.gop_size = 10
        number = 0
        while not is_over.is_set():
            frame = av.VideoFrame.from_ndarray(picture(number), "bgr24")
            container.mux(stream.encode(frame))
            number += 1
            time.sleep(0.04)


def test_mpeg_ts_over_udp_is_read_and_lost_when_it_stops() -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    is_over = Event()
    thread = Thread(target=send_ts, args=(port, is_over), daemon=True)
    thread.start()
    connection = LiveSource(f"udp://127.0.0.1:{port}", LiveOptions(read_timeout_s=1)).connect()
    with closing(connection):
        frames = connection.frames()
        found = list(islice(frames, 20))
        is_over.set()
        with pytest.raises(CameraLostError, match="no packet for 1 s"):
            list(frames)
    thread.join()
    assert {frame.image.hw for frame in found} == {connection.hw} == {(48, 64)}
    assert connection.codec == "h264"
