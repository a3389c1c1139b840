"""Rings of packets as a camera's worker leaves them, and frames of the same moments."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from fractions import Fraction
from functools import cache
from pathlib import Path

import av
import numpy as np

from streamdet.detections import Detections
from streamdet.messages import FrameMessage, Timing
from streamdet.sinks import SinkContext
from streamdet.transport.packet_ring import (
    CLOCK_HZ,
    CodedFormat,
    EncodedPacket,
    RingPlan,
    RingWriter,
    ring_folder,
)
from tests.sinks.frames import context, message

S = 1_000_000_000
START_S = 1000
"""Where the monotonic clock of these tests begins."""
WALL_S = 1_764_400_000
"""Wall clock at that moment: 2025-11-29 07:06:40 UTC."""
FPS = 10
MJPEG = CodedFormat("mjpeg", b"", (48, 64))


def at_ns(second: float) -> int:
    """The monotonic clock so many seconds after the start."""
    return round((START_S + second) * S)


@cache
def jpeg(level: int, hw: tuple[int, int] = (48, 64)) -> bytes:
    """A plain grey image, encoded."""
    codec = av.CodecContext.create("mjpeg", "w")
    codec.height, codec.width = hw
    codec.pix_fmt, codec.time_base = "yuvj420p", Fraction(1, FPS)
    grey = np.full((*hw, 3), level, np.uint8)
    (packet,) = codec.encode(av.VideoFrame.from_ndarray(grey, "bgr24"))
    return bytes(packet)


def packet(number: int, *, keyframe_every: int = 1, coded: CodedFormat = MJPEG) -> EncodedPacket:
    """The packet of a frame: its grey level is its number."""
    return EncodedPacket(
        jpeg(number % 256, coded.hw),
        number % keyframe_every == 0,
        number * CLOCK_HZ // FPS,
        at_ns(number / FPS),
        (WALL_S * FPS + number) * S // FPS,
        coded,
    )


def fill_ring(run: Path, packets: Iterable[EncodedPacket], source_id: str = "cam") -> None:
    """Write packets as a camera's worker does; nothing is ever too old."""
    ring = RingWriter(RingPlan(ring_folder(run), 3600, 2**30), source_id, lambda problem: None)
    for each in packets:
        ring.add(each)


def seen(second: float, *, count: int = 1, source_id: str = "cam") -> FrameMessage:
    """A frame taken then, with objects of the tracks 1, 2 ... (car, bus by turns)."""
    index = round(second * FPS)
    found = message(source_id, index, count)
    taken = Timing("camera", at_ns(second), at_ns(second))
    return replace(found, timings=(taken, *found.timings))


def untracked(found: FrameMessage) -> FrameMessage:
    """The same frame of a graph without a tracker."""
    objects = found.detections
    assert objects is not None
    return replace(found, detections=Detections(objects.xyxy, objects.scores, objects.class_ids))


def run_context(run: Path, *source_ids: str) -> SinkContext:
    """A run over live sources that has this folder."""
    names = source_ids or ("cam",)
    return replace(context(*names), folder=run, node="record", live_sources=frozenset(names))
