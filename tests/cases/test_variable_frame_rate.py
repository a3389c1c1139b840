"""A phone's video: uneven frame times, a gap, a start that is not 0, turned by 90 degrees."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import av
import pytest
from av.video.stream import VideoStream

from streamdet.frame import Frame
from streamdet.messages import FrameMessage
from streamdet.sinks.video import VideoOptions, VideoSink
from streamdet.sources import DecodedFrame, Position
from streamdet.sources.file import FileOptions, FileSource
from tests.sinks.frames import context
from tests.sources.made_video import picture, turn

MS = Fraction(1, 1000)
STARTS = [500, 533, 566, 583, 600, 667, 734, 1934, 1967, 2000, 2033]
"""Milliseconds; 1.2 s pass before the eighth frame."""

STEPS = [33, 33, 17, 17, 67, 67, 1200, 33, 33, 33]


def write(path: Path, starts: list[int] = STARTS, bframes: int = 2) -> Path:
    """Encode a frame at each time."""
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=25)
        assert isinstance(stream, VideoStream)
        stream.height, stream.width, stream.pix_fmt = 48, 64, "yuv420p"
        stream.time_base = stream.codec_context.time_base = MS
        stream.codec_context.max_b_frames = bframes
        for number, start in enumerate(starts):
            frame = av.VideoFrame.from_ndarray(picture(number), "bgr24")
            frame.pts, frame.time_base = start, MS
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    return path


def read(path: Path, **options: object) -> list[DecodedFrame]:
    return list(FileSource(str(path), FileOptions.model_validate(options)).frames(Position()))


def in_ms(frames: list[DecodedFrame]) -> tuple[list[int], list[int]]:
    """When the frames start and how long they last."""
    starts = [round((frame.pts or 0) * frame.time_base / MS) for frame in frames]
    return starts, [round(frame.duration * frame.time_base / MS) for frame in frames]


@pytest.mark.parametrize("bframes", [0, 3])
@pytest.mark.parametrize("suffix", [".mp4", ".mov", ".mkv", ".ts"])
def test_each_frame_lasts_until_the_next_one(tmp_path: Path, suffix: str, bframes: int) -> None:
    starts, durations = in_ms(read(write(tmp_path / f"v{suffix}", bframes=bframes)))
    assert [start - starts[0] for start in starts] == [start - 500 for start in STARTS]
    assert durations[:-1] == STEPS
    assert 1 <= durations[-1] <= 67  # nothing says how long the last one lasts; not through the gap


def test_a_sampled_frame_lasts_until_the_next_sampled_one(tmp_path: Path) -> None:
    starts, durations = in_ms(read(write(tmp_path / "v.mp4"), every=4))
    assert starts == [500, 600, 1967]
    assert durations[:-1] == [100, 1367]
    assert 67 <= durations[-1] <= 67 + 66


def test_a_gap_before_the_last_frame_is_not_repeated_behind_it(tmp_path: Path) -> None:
    _, durations = in_ms(read(write(tmp_path / "v.mp4", [0, 40, 80, 120, 160, 2000], bframes=3)))
    assert durations[:-1] == [40, 40, 40, 40, 1840]
    assert durations[-1] < 100


def test_the_last_frame_lasts_as_long_as_the_header_says(tmp_path: Path) -> None:
    path = write(tmp_path / "v.mp4")
    with av.open(str(path), "r") as container:
        stream = container.streams.video[0]
        assert stream.duration and stream.start_time and stream.time_base
        end = (stream.start_time + stream.duration) * stream.time_base
    last = read(path)[-1]
    assert last.pts is not None
    assert (last.pts + last.duration) * last.time_base == end


def test_the_annotated_video_is_turned_and_lasts_as_long(tmp_path: Path) -> None:
    frames = read(turn(write(tmp_path / "v.mp4"), (0, 1, -1, 0)))
    sink = VideoSink(VideoOptions(path=tmp_path / "seen.mp4"), context("cam"))
    sink.restore({})
    for index, each in enumerate(frames):
        hw, now = each.image.hw, each.captured_ns
        frame = Frame("cam", index, each.pts, each.time_base, each.duration, hw, now)
        sink.write([FrameMessage(frame)], [each.image])
    sink.committed()
    sink.close()
    with av.open(str(tmp_path / "seen.mp4"), "r") as container:
        stream = container.streams.video[0]
        shown = list(container.decode(stream))
        assert {(each.width, each.height) for each in shown} == {(48, 64)}
        assert [round(each.time * 1000) for each in shown] == [start - 500 for start in STARTS]
        assert container.duration is not None
        assert 1.533e6 <= container.duration <= 1.6e6
