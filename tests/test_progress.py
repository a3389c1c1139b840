"""Figures that workers add up."""

from __future__ import annotations

from fractions import Fraction

from streamdet.frame import Frame
from streamdet.messages import FrameMessage, Timing
from streamdet.progress import latency_ms, stage_figures


def message(index: int, start_ms: int, end_ms: int) -> FrameMessage:
    frame = Frame("a", index, None, Fraction(1, 25), 1, (2, 2), 0)
    timing = Timing("detect", start_ms * 1_000_000, end_ms * 1_000_000)
    return FrameMessage(frame, timings=(Timing("camera", 0, 0), timing))


def test_the_work_of_a_batch_counts_once() -> None:
    figures = stage_figures({"detect": [message(0, 10, 18), message(1, 10, 18)]})
    assert figures["frames:detect"] == 2
    assert figures["work_ns:detect"] == 8_000_000


def test_the_work_of_frames_done_one_by_one_adds_up() -> None:
    figures = stage_figures({"detect": [message(0, 10, 13), message(1, 13, 18)]})
    assert figures["work_ns:detect"] == 8_000_000


def test_latency_runs_from_the_end_of_the_stage_before() -> None:
    figures = stage_figures({"detect": [message(0, 10, 18)]})
    latency = latency_ms(figures, "detect", 0.5)
    assert latency is not None
    assert 18 / 1.2 < latency < 18 * 1.2


def test_there_is_no_latency_without_frames() -> None:
    assert latency_ms({}, "detect", 0.5) is None
