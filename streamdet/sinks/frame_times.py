"""When frames were taken, for sinks that wait for what comes later."""

from __future__ import annotations

from streamdet.messages import FrameMessage
from streamdet.sinks import SinkContext


def is_live(context: SinkContext, source_id: str) -> bool:
    """Whether a source is live; those that come to a run that has begun are."""
    return source_id in context.live_sources or source_id not in context.sources


def taken_s(message: FrameMessage, *, live: bool) -> float:
    """When a frame was taken: of a live source on the monotonic clock, else its place in time.

    So that a file that is read faster than it plays gives the same results.
    """
    frame = message.frame
    if live:
        return message.timings[0].start_ns / 1e9
    if frame.pts_ns is None:
        return float(frame.index * frame.duration * frame.time_base)
    return frame.pts_ns / 1e9
