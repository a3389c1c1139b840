"""Frames of cameras that have waited too long for a detector: they are dropped, the newest wins.

A camera holds back frames while enough of them are under way, but with many cameras even these few
may be seconds of work. Dropping costs next to nothing, so that the detector soon works on frames
that are new enough, whatever it can do in a second.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import replace
from typing import Final

from streamdet.graph.pipeline import PipelineGraph, ProcessGroup
from streamdet.messages import FrameMessage
from streamdet.sources.live import LiveOptions

WAITED: Final = "stale: the frame waited too long for the detector"


def longest_waits_ns(graph: PipelineGraph, group: ProcessGroup) -> dict[str, int]:
    """List how long frames of live sources may have been under way: source id -> nanoseconds.

    Only groups with a detector, which is what takes time, drop frames.
    """
    if not any(node.role == "detector" for node in group.nodes):
        return {}
    reaching = set(graph.sources_reaching(group.first.name))
    return {
        item.source_id: longest_wait_ns(options)
        for node in graph.nodes_of_role("source")
        for item in node.items
        if isinstance(options := item.options or node.options, LiveOptions)
        and item.source_id in reaching
    }


def longest_wait_ns(options: LiveOptions) -> int:
    """How long a camera's frame may have been under way, nanoseconds."""
    return round(options.max_staleness_ms * 1e6)


def fresh_or_dropped(message: FrameMessage, longest_ns: Mapping[str, int]) -> FrameMessage:
    """Return a frame as it is, or as dropped if it has been under way for too long."""
    limit_ns = longest_ns.get(message.source_id)
    if limit_ns is None or message.drop_reason is not None or not message.timings:
        return message
    waited_ns = time.monotonic_ns() - message.timings[0].start_ns
    return message if waited_ns <= limit_ns else replace(message, drop_reason=WAITED)
