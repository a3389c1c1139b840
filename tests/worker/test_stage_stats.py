"""Beats and metrics."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import pytest

from streamdet.frame import Frame
from streamdet.messages import FrameMessage, Timing
from streamdet.worker.heartbeat import Beats
from streamdet.worker.stage_stats import progress, quantile_ms, stage_metrics


def message(*timings: tuple[str, int, int]) -> FrameMessage:
    frame = Frame("cam", 0, 0, Fraction(1), 1, (4, 4), 0)
    return FrameMessage(frame, timings=tuple(Timing(*timing) for timing in timings))


def test_a_beat_is_seen_through_another_mapping(tmp_path: Path) -> None:
    supervisor = Beats.create(tmp_path / "beats", workers=2)
    Beats(tmp_path / "beats").beat(1)
    assert supervisor.silence_s(1) < 5
    assert supervisor.silence_s(0) > supervisor.silence_s(1)


def test_work_of_a_batch_is_shared_by_its_frames() -> None:
    batch = [message(("camera", 0, 1), ("detect", 100, 900)) for _ in range(4)]
    metrics = stage_metrics({"detect": batch})
    assert (metrics["frames:detect"], metrics["work_ns:detect"]) == (4, 800)


def test_the_work_of_frames_done_one_by_one_adds_up() -> None:
    batch = [message(("detect", 0, 300)), message(("detect", 300, 800))]
    assert stage_metrics({"detect": batch})["work_ns:detect"] == 800


def test_latency_begins_where_the_stage_before_ended() -> None:
    waited = message(("camera", 0, 1_000_000), ("detect", 8_000_000, 9_000_000))
    metrics = stage_metrics({"detect": [waited]})
    assert quantile_ms(metrics, "latency", "detect", 0.5) == pytest.approx(8, rel=0.2)


def test_latency_is_parted_into_waiting_and_working() -> None:
    waited = message(("camera", 0, 1_000_000), ("detect", 8_000_000, 9_000_000))
    metrics = stage_metrics({"detect": [waited] * 2})
    assert quantile_ms(metrics, "waiting", "detect", 0.5) == pytest.approx(7, rel=0.2)
    assert quantile_ms(metrics, "work", "detect", 0.95) == pytest.approx(1, rel=0.2)


def test_the_first_stage_counts_its_own_work() -> None:
    metrics = stage_metrics({"camera": [message(("camera", 1_000_000, 3_000_000))]})
    assert quantile_ms(metrics, "latency", "camera", 0.5) == pytest.approx(2, rel=0.2)


def test_metrics_of_workers_add_up_to_quantiles() -> None:
    counters: dict[str, int] = {}
    for latency_ms_ in (1, 1, 1, 100):
        metrics = stage_metrics({"x": [message(("x", 0, latency_ms_ * 1_000_000))]})
        counters = {n: counters.get(n, 0) + metrics.get(n, 0) for n in counters | metrics}
    assert quantile_ms(counters, "latency", "x", 0.5) == pytest.approx(1, rel=0.2)
    assert quantile_ms(counters, "latency", "x", 0.95) == pytest.approx(100, rel=0.2)


def test_a_run_moves_when_frames_are_committed_or_skipped() -> None:
    assert progress({"frames:x": 2, "skipped:camera": 3, "work_ns:x": 9, "steps": 4}) == 5


def test_no_frames_have_no_latency() -> None:
    assert quantile_ms({"latency:xy:3": 1}, "latency", "x", 0.5) is None
    assert not any(stage_metrics({"x": []}).values())
