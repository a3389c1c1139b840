"""Videos and images that tests make for themselves."""

from __future__ import annotations

import struct
from collections.abc import Callable
from pathlib import Path
from typing import cast

import av
import cv2
import numpy as np
from av.video.stream import VideoStream

from streamdet.image import Pixels


def picture(number: int, hw: tuple[int, int] = (48, 64)) -> Pixels:
    """An image that tells its number by its colours and has four different corners."""
    rows, columns = np.indices(hw)
    blue, green = rows * 3 + number * 5, columns * 2 + number * 3
    return np.dstack([blue % 256, green % 256, (rows + columns) % 256]).astype(np.uint8)


def write_video(
    path: Path,
    count: int = 120,
    *,
    hw: tuple[int, int] = (48, 64),
    codec: str = "libx264",
    pixel_format: str = "yuv420p",
    bframes: int = 2,
    draw: Callable[[int], Pixels] | None = None,
) -> Path:
    """Encode `count` images at 25 a second, a keyframe every 30; `draw` makes others of `hw`."""
    with av.open(str(path), "w") as container:
        stream = cast(VideoStream, container.add_stream(codec, rate=25))
        stream.height, stream.width = hw
        stream.pix_fmt = pixel_format
        stream.codec_context.gop_size = 30
        if codec == "libx264":
            stream.codec_context.options = {"sc_threshold": "0"}  # no keyframes in between
        stream.codec_context.max_b_frames = bframes
        for number in range(count):
            image = picture(number, hw) if draw is None else draw(number)
            frame = av.VideoFrame.from_ndarray(image, "bgr24")
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    return path


def turn(path: Path, matrix: tuple[int, int, int, int]) -> Path:
    """Write a display matrix (a, b, c, d) into an MP4's track header."""
    content = bytearray(path.read_bytes())
    # tkhd, version 0: the matrix lies 44 bytes behind the box's type and flags word.
    at = content.index(b"tkhd") + 4 + 40
    a, b, c, d = matrix
    struct.pack_into(">9i", content, at, a << 16, b << 16, 0, c << 16, d << 16, 0, 0, 0, 1 << 30)
    path.write_bytes(content)
    return path


def damage(path: Path, share: float, length: int = 400) -> Path:
    """Overwrite `length` bytes at `share` of the file."""
    content = bytearray(path.read_bytes())
    at = int(len(content) * share)
    content[at : at + length] = b"\xff" * length
    path.write_bytes(content)
    return path


def write_images(folder: Path, count: int, hw: tuple[int, int] = (48, 64)) -> Path:
    """Write 1.png, 2.png ..."""
    folder.mkdir(parents=True, exist_ok=True)
    for number in range(count):
        cv2.imwrite(str(folder / f"{number + 1}.png"), picture(number, hw))
    return folder
