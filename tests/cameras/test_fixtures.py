"""The cameras, the faults and the reader of numbers that other tests rely on."""

from __future__ import annotations

import itertools
from collections.abc import Generator
from contextlib import closing

import av
import numpy as np
import numpy.typing as npt
import pytest

from tests.cameras.frame_numbers import read_number
from tests.cameras.rtsp_server import RtspServer

FPS = 15


def images(url: str) -> Generator[npt.NDArray[np.uint8]]:
    options = {"rtsp_transport": "tcp", "analyzeduration": "200000"}
    with av.open(url, options=options, timeout=(5, 5)) as container:
        for frame in container.decode(video=0):
            yield np.asarray(frame.to_ndarray(format="bgr24"), np.uint8)


def read(url: str, count: int) -> list[tuple[int, int] | None]:
    with closing(images(url)) as frames:
        return [read_number(image) for image in itertools.islice(frames, count)]


@pytest.mark.parametrize(("path", "camera"), [("/h264", 1), ("/h265", 2), ("/mjpeg", 3)])
def test_every_frame_of_a_camera_carries_the_next_number(
    rtsp_server: RtspServer, path: str, camera: int
) -> None:
    found = read(rtsp_server.url(path), 30)

    first = found[0]
    assert first is not None
    assert found == [(camera, first[1] + place) for place in range(30)]
