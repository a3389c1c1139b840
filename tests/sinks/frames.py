"""Frames and runs that the sink tests share."""

from __future__ import annotations

from fractions import Fraction

import cv2
import numpy as np

from streamdet.detections import Detections
from streamdet.events import Event
from streamdet.frame import Frame
from streamdet.image import ArrayImage, Pixels
from streamdet.messages import FrameMessage, Timing
from streamdet.sinks import SinkContext
from streamdet.sinks.yuv_image import YuvImage

HW = (48, 64)
EPOCH_NS = 1_700_000_000_123_456_789


def context(*source_ids: str) -> SinkContext:
    """A run with these sources and a model "toy" of two classes."""
    return SinkContext(
        "run-1", {name: f"{name}.mp4" for name in source_ids}, {"toy": ("car", "bus")}
    )


def frame(source_id: str = "cam", index: int = 0, pts: int | None = None) -> Frame:
    """A frame of a 10 fps source; pts is its index unless given."""
    return Frame(
        source_id, index, index if pts is None else pts, Fraction(1, 10), 1, HW, EPOCH_NS + index
    )


def tracked(count: int, shift: int = 0) -> Detections:
    """`count` objects with track ids from 1 that lie side by side."""
    left = np.arange(count, dtype=np.float32) * 8 + shift
    xyxy = np.stack([left, left * 0 + 20, left + 6.256, left * 0 + 40], axis=1)
    return Detections(
        xyxy,
        np.linspace(0.9, 0.5, count, dtype=np.float32),
        np.arange(count) % 2,
        np.arange(count) + 1,
    )


def one(xyxy: list[float], score: float = 0.5, track_id: int | None = None) -> Detections:
    """One object of class 0."""
    return Detections(
        np.array([xyxy], np.float32),
        np.array([score], np.float32),
        np.array([0]),
        None if track_id is None else np.array([track_id]),
    )


def message(source_id: str = "cam", index: int = 0, count: int = 2) -> FrameMessage:
    """A frame with `count` objects of model "toy", each of which enters a zone."""
    events = tuple(Event("zone_enter", "yard", n + 1, n % 2, node="zones") for n in range(count))
    timings = (Timing("detect", 1_000_000, 3_500_000), Timing("track", 4_000_000, 4_250_000))
    return FrameMessage(
        frame(source_id, index), None, tracked(count, index), "toy", None, timings, events
    )


def image(level: int = 90, hw: tuple[int, int] = HW) -> ArrayImage:
    """A plain grey image that nobody may write to."""
    pixels = np.full((*hw, 3), level, np.uint8)
    pixels.flags.writeable = False
    return ArrayImage(pixels)


def plain_yuv(level: int, hw: tuple[int, int]) -> YuvImage:
    """A plain grey image to draw on; its size is even."""
    i420 = cv2.cvtColor(np.full((*hw, 3), level, np.uint8), cv2.COLOR_BGR2YUV_I420)
    return YuvImage.of_i420(np.asarray(i420, np.uint8))


def shown(drawn: YuvImage) -> Pixels:
    """What a player shows of it: (H, W, 3) BGR."""
    height, width = drawn.hw
    planes = np.concatenate([plane.ravel() for plane in (drawn.y, drawn.u, drawn.v)])
    bgr = cv2.cvtColor(planes.reshape(height * 3 // 2, width), cv2.COLOR_YUV2BGR_I420)
    return np.asarray(bgr, np.uint8)
