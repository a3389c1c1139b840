"""Reads a test camera's frames with FFmpeg, as nothing of streamdet does."""

from __future__ import annotations

import itertools
from collections.abc import Generator

import av
import numpy as np
from av.video.frame import VideoFrame

from tests.cameras.frame_numbers import read_number


def frames(url: str, read_timeout_s: float = 5) -> Generator[VideoFrame]:
    """Gives the frames of a stream; FFmpeg's errors as they are."""
    options = {"rtsp_transport": "tcp", "fpsprobesize": "0"}  # no second's wait for a rate
    with av.open(url, options=options, timeout=(5, read_timeout_s)) as container:
        yield from container.decode(video=0)


def number_of(frame: VideoFrame) -> tuple[int, int]:
    """Gives (camera, number) of a frame that has one."""
    found = read_number(np.asarray(frame.to_ndarray(format="bgr24"), np.uint8))
    assert found is not None
    return found


def take(live: Generator[VideoFrame], count: int) -> list[tuple[int, int]]:
    """Gives the numbers of the next frames."""
    return [number_of(frame) for frame in itertools.islice(live, count)]


def rising(first: tuple[int, int], count: int) -> list[tuple[int, int]]:
    """Gives what so many frames carry if none is missing."""
    return [(first[0], first[1] + place) for place in range(count)]
