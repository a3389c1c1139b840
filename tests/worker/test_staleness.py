from __future__ import annotations

import time
from fractions import Fraction

import pytest

from streamdet.frame import Frame
from streamdet.messages import FrameMessage, Timing
from streamdet.worker.staleness import WAITED, fresh_or_dropped


def message(waited_ms: int, drop_reason: str | None = None) -> FrameMessage:
    start_ns = time.monotonic_ns() - waited_ms * 1_000_000
    frame = Frame("door", 0, 0, Fraction(1), 1, (4, 4), 0)
    return FrameMessage(
        frame, drop_reason=drop_reason, timings=(Timing("cam", start_ns, start_ns),)
    )


@pytest.mark.parametrize(
    ("waited_ms", "before", "after"),
    [(0, None, None), (60_000, None, WAITED), (60_000, "busy", "busy")],
)
def test_a_frame_that_waited_too_long_is_dropped(
    waited_ms: int, before: str | None, after: str | None
) -> None:
    made = fresh_or_dropped(message(waited_ms, before), {"door": 10_000_000_000})
    assert made.drop_reason == after


def test_frames_of_files_may_wait_as_long_as_they_like() -> None:
    waited = message(60_000)
    assert fresh_or_dropped(waited, {"yard": 1}) is waited
