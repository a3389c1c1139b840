"""The latency histograms that Prometheus reads, added up by hand."""

from __future__ import annotations

from collections import Counter
from fractions import Fraction

from streamdet.frame import Frame
from streamdet.messages import FrameMessage, Timing
from streamdet.run.report import stage_reports
from streamdet.run.status import RunStatus, StageStatus
from streamdet.server.metrics import metrics_text
from streamdet.worker.stage_stats import MEASURES, histogram, stage_metrics

US = 1000


def message(camera_end_us: int, start_us: int, end_us: int) -> FrameMessage:
    frame = Frame("cam", 0, 0, Fraction(1), 1, (4, 4), 0)
    camera = Timing("camera", 0, camera_end_us * US)
    return FrameMessage(frame, timings=(camera, Timing("detect", start_us * US, end_us * US)))


def lines_of(*batches: list[FrameMessage]) -> dict[str, float]:
    """What Prometheus reads once workers have committed these batches."""
    counters: Counter[str] = Counter()
    for batch in batches:
        counters.update(stage_metrics({"detect": batch}))
    (report,) = stage_reports({"detect": "detector"}, counters)
    times = {each: histogram(counters, each, "detect") for each in MEASURES}
    status = RunStatus("run", stages=(StageStatus(report, 1.0, 0, "toy", times),))
    lines = (line for line in metrics_text(status).decode().splitlines() if line[0] != "#")
    return {name: float(value) for name, value in (line.rsplit(" ", 1) for line in lines)}


def bucket(measure: str, le: str) -> str:
    return f'streamdet_stage_{measure}_seconds_bucket{{le="{le}",stage="detect"}}'


def test_the_times_of_frames_fall_into_buckets_and_add_up() -> None:
    together = [message(0, 1_000, 4_000), message(500, 1_000, 4_000)]  # waited 1 ms and 0.5 ms
    slow = [message(0, 100, 40_000_100)]  # waited 0.1 ms, worked 40 s
    lines = lines_of(together, slow)

    waiting = {le: lines[bucket("waiting", le)] for le in ("0.000128", "0.000512", "0.001024")}
    assert waiting == {"0.000128": 1, "0.000512": 2, "0.001024": 3}
    assert lines['streamdet_stage_waiting_seconds_sum{stage="detect"}'] == 0.0016

    work = {le: lines[bucket("work", le)] for le in ("0.002048", "0.004096", "33.554432", "+Inf")}
    assert work == {"0.002048": 0, "0.004096": 2, "33.554432": 2, "+Inf": 3}
    assert lines['streamdet_stage_work_seconds_count{stage="detect"}'] == 3
    assert lines['streamdet_stage_work_seconds_sum{stage="detect"}'] == 40.006

    latency = {le: lines[bucket("latency", le)] for le in ("0.002048", "0.004096", "+Inf")}
    assert latency == {"0.002048": 0, "0.004096": 2, "+Inf": 3}
    assert lines['streamdet_stage_latency_seconds_sum{stage="detect"}'] == 40.0076


def test_a_stage_without_frames_has_empty_buckets() -> None:
    lines = lines_of([])
    assert lines[bucket("latency", "+Inf")] == 0
    assert lines['streamdet_stage_latency_seconds_sum{stage="detect"}'] == 0
