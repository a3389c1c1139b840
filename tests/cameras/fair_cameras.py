"""Small videos to be played as cameras."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import av
import numpy as np

HW = (96, 128)
CLIP_S = 2


def write_clip(path: Path, fps: int) -> Path:
    """Write a video of noise-free grey images of a rate, two seconds of it.

    Args:
        path: its file.
        fps: images a second.
    """
    with av.open(str(path), "w") as container:
        stream = container.add_stream("mpeg4", rate=Fraction(fps))
        stream.width, stream.height = HW[1], HW[0]
        for number in range(fps * CLIP_S):
            image = np.full((*HW, 3), number % 256, np.uint8)
            container.mux(stream.encode(av.VideoFrame.from_ndarray(image, "bgr24")))
        container.mux(stream.encode())
    return path


def live_address(path: Path) -> str:
    """The address of a video that is played live, again and again."""
    return f"file:{path}?live=1&loop=1"
