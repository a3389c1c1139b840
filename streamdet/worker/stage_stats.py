"""Work and latency of the stages, as counters that add up across workers."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Final, Literal

from streamdet.messages import FrameMessage

Measure = Literal["latency", "waiting", "work"]

FRAMES: Final = "frames:"
SKIPPED: Final = "skipped:"
"""Counters, by node: frames that it worked on, and frames that a source decoded and skipped."""

WARNING: Final = "warning:"
"""Counters, by sentence: how often a worker has said it. There are few different ones."""

_BUCKETS_PER_OCTAVE: Final = 4


def stage_metrics(results: Mapping[str, Sequence[FrameMessage]]) -> dict[str, int]:
    """Count work and latency of nodes.

    A node's latency runs from the end of the stage before it to its own end: waiting, then work.
    Frames with the same timing were one batch: `work_ns` counts its work once, the histogram of
    work counts it for each frame.

    Args:
        results: node -> the messages as it left them, of one batch; the last timing is its own.
    """
    metrics: Counter[str] = Counter()
    for node, messages in results.items():
        for message in messages:
            *before, own = message.timings
            since_ns = before[-1].end_ns if before else own.start_ns
            metrics[f"latency:{node}:{_bucket(own.end_ns - since_ns)}"] += 1
            metrics[f"waiting:{node}:{_bucket(own.start_ns - since_ns)}"] += 1
            metrics[f"work:{node}:{_bucket(own.end_ns - own.start_ns)}"] += 1
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
    prefix = f"{measure}:{node}:"
    buckets = sorted(
        (int(name.removeprefix(prefix)), count)
        for name, count in counters.items()
        if name.startswith(prefix)
    )
    rank = quantile * sum(count for _, count in buckets)
    for bucket, count in buckets:
        rank -= count
        if rank <= 0:
            return float(2 ** ((bucket + 0.5) / _BUCKETS_PER_OCTAVE) / 1000)
    return None


def _bucket(latency_ns: int) -> int:
    return math.floor(_BUCKETS_PER_OCTAVE * math.log2(max(1.0, latency_ns / 1000)))


def progress(counters: Mapping[str, int]) -> int:
    """A number that grows whenever a run commits frames, or a source skips some."""
    return sum(n for name, n in counters.items() if name.startswith((FRAMES, SKIPPED)))
