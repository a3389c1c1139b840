"""Work and latency of the stages, as counters that add up across workers."""

from __future__ import annotations

import math
from bisect import bisect_left
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import accumulate
from typing import Final, Literal, get_args

from streamdet.messages import FrameMessage

Measure = Literal["latency", "waiting", "work"]
MEASURES: Final[tuple[Measure, ...]] = get_args(Measure)

FRAMES: Final = "frames:"
SKIPPED: Final = "skipped:"
"""Counters, by node: frames that it worked on, and frames that a source decoded and skipped."""

WARNING: Final = "warning:"
"""Counters, by sentence: how often a worker has said it. There are few different ones."""

_BUCKETS_PER_OCTAVE: Final = 4
_BOUNDS: Final = range(7, 26)
"""Of a histogram, powers of two of a microsecond: 128 us to 33.6 s."""


@dataclass(frozen=True, slots=True)
class Histogram:
    """How often which time was taken, as Prometheus wants it.

    Attributes:
        buckets: (seconds, how many took less than that), in order.
        count: how many there are; the rest took longer.
        sum_s: what they took together, seconds.
    """

    buckets: tuple[tuple[float, int], ...]
    count: int
    sum_s: float


def stage_metrics(results: Mapping[str, Sequence[FrameMessage]]) -> dict[str, int]:
    """Count work and latency of nodes.

    A node's latency runs from the end of the stage before it to its own end: waiting, then work.
    Frames with the same timing were one batch: `work_ns` counts its work once, the histogram of
    work and `work_sum_ns` count it for each frame.

    Args:
        results: node -> the messages as it left them, of one batch; the last timing is its own.
    """
    metrics: Counter[str] = Counter()
    for node, messages in results.items():
        for message in messages:
            *before, own = message.timings
            since_ns = before[-1].end_ns if before else own.start_ns
            spans = own.end_ns - since_ns, own.start_ns - since_ns, own.end_ns - own.start_ns
            for measure, span_ns in zip(MEASURES, spans, strict=True):
                metrics[f"{measure}:{node}:{_bucket(span_ns)}"] += 1
                metrics[f"{measure}_sum_ns:{node}"] += span_ns
        spans_ns = {
            message.timings[-1].end_ns: message.timings[-1].start_ns for message in messages
        }
        metrics[f"work_ns:{node}"] += sum(
            end_ns - start_ns for end_ns, start_ns in spans_ns.items()
        )
        metrics[f"{FRAMES}{node}"] += len(messages)
    return dict(metrics)


def quantile_ms(
    counters: Mapping[str, int], measure: Measure, node: str, quantile: float
) -> float | None:
    """Compute a quantile of a node's times from its counters: milliseconds, to about 20 %.

    Args:
        counters: see `stage_metrics`.
        measure: latency, or one of its parts, waiting and work.
        node: the node.
        quantile: 0..1.
    """
    buckets = sorted(_buckets(counters, measure, node))
    rank = quantile * sum(count for _, count in buckets)
    for bucket, count in buckets:
        rank -= count
        if rank <= 0:
            return float(2 ** ((bucket + 0.5) / _BUCKETS_PER_OCTAVE) / 1000)
    return None


def histogram(counters: Mapping[str, int], measure: Measure, node: str) -> Histogram:
    """Add up a node's times from its counters.

    Args:
        counters: see `stage_metrics`.
        measure: latency, or one of its parts, waiting and work.
        node: the node.
    """
    buckets = sorted(_buckets(counters, measure, node))
    numbers = [number for number, _ in buckets]
    totals = [0, *accumulate(count for _, count in buckets)]
    below = tuple(
        (2**bound / 1e6, totals[bisect_left(numbers, bound * _BUCKETS_PER_OCTAVE)])
        for bound in _BOUNDS
    )
    return Histogram(below, totals[-1], counters.get(f"{measure}_sum_ns:{node}", 0) / 1e9)


def _buckets(counters: Mapping[str, int], measure: Measure, node: str) -> Iterator[tuple[int, int]]:
    """Yield (bucket, count): bucket b holds 2**(b / 4) to 2**((b + 1) / 4) microseconds."""
    prefix = f"{measure}:{node}:"
    for name, count in counters.items():
        if name.startswith(prefix):
            yield int(name.removeprefix(prefix)), count


def _bucket(latency_ns: int) -> int:
    return math.floor(_BUCKETS_PER_OCTAVE * math.log2(max(1.0, latency_ns / 1000)))


def progress(counters: Mapping[str, int]) -> int:
    """A number that grows whenever a run commits frames, or a source skips some."""
    return sum(n for name, n in counters.items() if name.startswith((FRAMES, SKIPPED)))
