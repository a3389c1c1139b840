"""A run's report: metrics per source and per stage that add up.

decoded = sampled_away + emitted
emitted = published + dropped (all reasons) + unfinished
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field
from typing import Any, Protocol

from streamdet.worker.stage_stats import FRAMES, quantile_ms


@dataclass(frozen=True, slots=True)
class CameraReport:
    """The state of a live source.

    Attributes:
        state: "connecting", "live", "stalled", "lost", "refused", "paused" or "removed"; see
            formats/event_json.py.
        reason: why, in a sentence; "" where there is none.
        since_ns: wall clock of the last change, nanoseconds since the epoch.
    """

    state: str
    reason: str
    since_ns: int

    def __str__(self) -> str:
        """Say it in a line, e.g. `lost (nobody answers)`."""
        return state_text(self.state, self.reason)


def state_text(state: str, reason: str) -> str:
    """Say a camera's state in a line, with the reason where there is one."""
    return f"{state} ({reason})" if reason else state


@dataclass(frozen=True, slots=True)
class SourceReport:
    """One source.

    Attributes:
        source_id: its name.
        address: of the source, without secrets.
        decoded: frames decoded.
        sampled_away: of these, frames that sampling skipped.
        emitted: frames that got an index.
        dropped: reason -> frames dropped.
        published: frames that every sink has committed with a result.
        unfinished: frames in flight when the run was stopped at once (0 in a run that ended by
            itself).
        damaged: packets or images that could not be decoded.
        error: why the source ended before its end; None if it did not.
        warnings: one sentence for each thing wrong that did not end it.
        camera: its state, if it is live; None if it is not.
        objects: objects in the published frames.
        tracks: how many tracks they belong to; None without a tracker (and of still images).
        expected: frames that it will have emitted in the end; None where nobody knows.
        is_stopped: whether it ended because the run was asked to stop.
        added_s: seconds from the run's start until it was added; None: it was there from the start.
    """

    source_id: str
    address: str
    decoded: int
    sampled_away: int
    emitted: int
    dropped: dict[str, int]
    published: int
    unfinished: int
    damaged: int
    error: str | None
    warnings: tuple[str, ...]
    camera: CameraReport | None = None
    objects: int = 0
    tracks: int | None = None
    expected: int | None = None
    is_stopped: bool = False
    added_s: float | None = None

    @property
    def failure(self) -> str | None:
        """Why it failed, in a sentence: its error, or that every frame was dropped."""
        is_file = self.camera is None  # a camera may drop every frame and still work
        if is_file and self.error is None and 0 < self.emitted == sum(self.dropped.values()):
            return f"{self.source_id}: every frame was dropped ({'; '.join(sorted(self.dropped))})"
        return self.error


class Expecting(Protocol):
    """A source of which it may be known how many frames it will have emitted."""

    @property
    def expected(self) -> int | None:
        """How many; None where nobody knows."""
        ...


def total_expected(sources: Iterable[Expecting]) -> int | None:
    """Add up how many frames sources will have emitted; None where nobody knows it of one."""
    counts = [source.expected for source in sources]
    known = [count for count in counts if count is not None]
    return sum(known) if len(known) == len(counts) else None


@dataclass(frozen=True, slots=True)
class Snapshot:
    """The progress of a run.

    Attributes:
        sources: every source, as of now.
        expected: number of frames at the end of the run; None where unknown.
        elapsed_s: seconds since the first worker's start.
    """

    sources: tuple[SourceReport, ...]
    expected: int | None
    elapsed_s: float

    @property
    def emitted(self) -> int:
        """Frames that have entered the graph."""
        return sum(source.emitted for source in self.sources)

    @property
    def published(self) -> int:
        """Frames that every sink has committed with a result."""
        return sum(source.published for source in self.sources)

    @property
    def dropped(self) -> int:
        """Frames dropped."""
        return sum(sum(source.dropped.values()) for source in self.sources)


@dataclass(frozen=True, slots=True)
class StageReport:
    """One node.

    A frame's latency runs from the end of the stage before to the end of this one: waiting time,
    then work on its batch. Times are milliseconds; None before the first frame.

    Attributes:
        node: its name.
        kind: its kind.
        frames: frames it worked on.
        work_ms: work per frame: a batch's work divided by its frames.
        latency_p50_ms: median latency of a frame.
        latency_p95_ms: 95th percentile of it.
        waiting_p50_ms: median waiting time of a frame.
        waiting_p95_ms: 95th percentile of it.
        work_p50_ms: median time of the work on a frame's batch.
        work_p95_ms: 95th percentile of it.
    """

    node: str
    kind: str
    frames: int
    work_ms: float
    latency_p50_ms: float | None
    latency_p95_ms: float | None
    waiting_p50_ms: float | None = None
    waiting_p95_ms: float | None = None
    work_p50_ms: float | None = None
    work_p95_ms: float | None = None


@dataclass(frozen=True, slots=True)
class Report:
    """A run from its start to its end.

    Attributes:
        run_id: names the run.
        graph: the graph's name.
        outcome: "done", "stopped" (by a signal) or "failed".
        failure: why it failed, in a sentence.
        wall_s: seconds from the first worker's start to the end.
        fps: published frames per second of wall time, over all sources.
        restarts: how often a worker was restarted.
        runtimes: node -> what runs it, where its kind does not say that: a detector's runtime, and
            the measurement that chose it; the GPU of a source or transform.
        warnings: what is unsafe about the server, unknown about the sources, or could not be kept.
        tracebacks: of unexpected errors in workers.
        sources: one entry a source.
        stages: one entry a node.
        inputs: detector -> sizes at which its network sees images, and why; those with a choice.
    """

    run_id: str
    graph: str
    outcome: str
    failure: str | None
    wall_s: float
    fps: float
    restarts: int
    runtimes: dict[str, str]
    warnings: tuple[str, ...]
    tracebacks: tuple[str, ...]
    sources: tuple[SourceReport, ...]
    stages: tuple[StageReport, ...]
    inputs: dict[str, str] = field(default_factory=dict)

    @property
    def is_good(self) -> bool:
        """Whether the run and every source of it succeeded."""
        return self.outcome == "done" and not any(source.failure for source in self.sources)

    def as_dict(self) -> dict[str, Any]:
        """The report as plain values, for JSON; a source's error is its `failure`."""
        sources = [asdict(source) | {"error": source.failure} for source in self.sources]
        return asdict(self) | {"sources": sources}


def stage_reports(kinds: Mapping[str, str], counters: Mapping[str, int]) -> tuple[StageReport, ...]:
    """Read the stages' metrics off a run's counters.

    Args:
        kinds: node -> kind, in the graph's order.
        counters: see stage_stats.stage_metrics.
    """
    reports = []
    for node, kind in kinds.items():
        frames = counters.get(FRAMES + node, 0)
        reports.append(
            StageReport(
                node=node,
                kind=kind,
                frames=frames,
                work_ms=counters.get(f"work_ns:{node}", 0) / max(1, frames) / 1e6,
                latency_p50_ms=quantile_ms(counters, "latency", node, 0.5),
                latency_p95_ms=quantile_ms(counters, "latency", node, 0.95),
                waiting_p50_ms=quantile_ms(counters, "waiting", node, 0.5),
                waiting_p95_ms=quantile_ms(counters, "waiting", node, 0.95),
                work_p50_ms=quantile_ms(counters, "work", node, 0.5),
                work_p95_ms=quantile_ms(counters, "work", node, 0.95),
            )
        )
    return tuple(reports)
