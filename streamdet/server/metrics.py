"""The run's metrics in the text format of Prometheus."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final, get_args

from prometheus_client.core import (
    CollectorRegistry,
    CounterMetricFamily,
    GaugeMetricFamily,
    HistogramMetricFamily,
    Metric,
)
from prometheus_client.exposition import CONTENT_TYPE_LATEST, generate_latest
from prometheus_client.registry import Collector

from streamdet.formats.event_json import State
from streamdet.run.report import SourceReport
from streamdet.run.status import RunStatus, StageStatus
from streamdet.worker.stage_stats import Measure

CONTENT_TYPE: Final = CONTENT_TYPE_LATEST
STATES: Final = get_args(State)
_TIMES: Final[dict[Measure, str]] = {
    "latency": "Of a frame, from the end of the stage before to the end of this one.",
    "waiting": "Its part before the work on the frame's batch begins.",
    "work": "Its part that is work on the frame's batch; frames of one batch share it.",
}


def metrics_text(status: RunStatus) -> bytes:
    """Write a run's status for Prometheus."""
    registry = CollectorRegistry(auto_describe=False)
    registry.register(_StatusCollector(status))
    return generate_latest(registry)


class _StatusCollector(Collector):
    """One status as metric families."""

    def __init__(self, status: RunStatus) -> None:
        self._status = status

    def collect(self) -> Iterator[Metric]:
        """Yield every family."""
        restarts = CounterMetricFamily("streamdet_restarts", "Workers that were started again.")
        restarts.add_metric([], self._status.restarts)
        yield restarts
        yield from _frames(self._status.sources)
        yield from _cameras(self._status.sources)
        yield from _stages(self._status.stages)
        yield from _held(self._status)


def _frames(sources: tuple[SourceReport, ...]) -> Iterator[Metric]:
    emitted = CounterMetricFamily(
        "streamdet_frames_emitted", "Frames that entered the graph.", labels=["source"]
    )
    published = CounterMetricFamily(
        "streamdet_frames_published", "Frames that every sink has committed.", labels=["source"]
    )
    dropped = CounterMetricFamily(
        "streamdet_frames_dropped", "Frames dropped, by reason.", labels=["source", "reason"]
    )
    objects = CounterMetricFamily(
        "streamdet_objects", "Objects in the published frames.", labels=["source"]
    )
    in_flight = GaugeMetricFamily(
        "streamdet_frames_in_flight", "Frames emitted and not yet committed.", labels=["source"]
    )
    for source in sources:
        name = [source.source_id]
        emitted.add_metric(name, source.emitted)
        published.add_metric(name, source.published)
        objects.add_metric(name, source.objects)
        in_flight.add_metric(name, source.unfinished)
        for reason, count in source.dropped.items():
            dropped.add_metric([*name, reason], count)
    yield from (emitted, published, dropped, objects, in_flight)


def _cameras(sources: tuple[SourceReport, ...]) -> Iterator[Metric]:
    family = GaugeMetricFamily(
        "streamdet_camera_state", "1 for the state that a camera is in.", labels=["source", "state"]
    )
    for source in sources:
        if source.camera is not None:
            for state in STATES:
                family.add_metric([source.source_id, state], source.camera.state == state)
    yield family


def _stages(stages: tuple[StageStatus, ...]) -> Iterator[Metric]:
    frames = CounterMetricFamily(
        "streamdet_stage_frames", "Frames that a stage worked on.", labels=["stage"]
    )
    queue = GaugeMetricFamily(
        "streamdet_stage_queue", "Entries that wait or are being worked on.", labels=["stage"]
    )
    for stage in stages:
        report = stage.report
        frames.add_metric([report.node], report.frames)
        if stage.queue is not None:
            queue.add_metric([report.node], stage.queue)
    yield from (frames, queue)
    for measure, about in _TIMES.items():
        yield _times(stages, measure, about)


def _held(status: RunStatus) -> Iterator[Metric]:
    slots = GaugeMetricFamily(
        "streamdet_pool_slots", "Slots for images that others read.", labels=["pool"]
    )
    free = GaugeMetricFamily(
        "streamdet_pool_free_slots", "Slots that nobody holds.", labels=["pool"]
    )
    for pool in status.pools:
        slots.add_metric([pool.name], pool.slots)
        free.add_metric([pool.name], pool.free)
    yield from (slots, free)
    if status.redis_bytes is not None:
        about = "What the run's Redis holds, of other programs too."
        yield GaugeMetricFamily("streamdet_redis_memory_bytes", about, value=status.redis_bytes)


def _times(stages: tuple[StageStatus, ...], measure: Measure, about: str) -> Metric:
    family = HistogramMetricFamily(f"streamdet_stage_{measure}_seconds", about, labels=["stage"])
    for stage in stages:
        if (times := stage.times.get(measure)) is not None:
            buckets = [(str(bound_s), count) for bound_s, count in times.buckets]
            family.add_metric([stage.report.node], [*buckets, ("+Inf", times.count)], times.sum_s)
    return family
