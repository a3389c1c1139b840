"""How much of a Redis server's memory a graph's runs take at most.

Public streams have a limit in entries, and what is under way has one in frames; how large an entry
is follows from the objects in it (a second detector's count, too), so the answer is given for a
number of objects in each frame. It is an upper bound for messages of boxes, tracks and what
analytics add; masks, keypoints, vectors and attributes are not counted.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction
from typing import Final

import numpy as np

from streamdet.config.deploy import DeploySettings
from streamdet.detections import Detections
from streamdet.detectors.parts.options import DetectorOptions
from streamdet.formats.frame_json import native_json
from streamdet.frame import Frame, FrameRef, Geometry
from streamdet.graph.pipeline import PipelineGraph
from streamdet.messages import FrameMessage, PreparedImage, Timing, encode
from streamdet.sinks.redis_stream import RedisStreamOptions
from streamdet.sources.live import LiveOptions
from streamdet.transport.bus import EVENTS_MAXLEN
from streamdet.worker.dead_letters import MAXLEN

EMPTY_SERVER: Final = 2 << 20
_ENTRY: Final = 96
"""Id, field and bookkeeping of an entry of a stream."""
_ALLOCATOR: Final = 1.25
"""Size classes of jemalloc lie at most a quarter apart."""
_NODE_ENTRIES: Final = 100
"""MAXLEN ~ lets so many more stay: Redis drops whole nodes (stream-node-max-entries)."""
_SMALL: Final = 700
"""JSON of an event, or of a dead letter."""
_FINDING: Final = 80
"""JSON that one node of analytics adds to an object."""
_TRACK: Final = 4096
"""Of a tracker's snapshot: one track with its covariance and its look."""
_SOURCE: Final = 4096
"""Counters, position and claim of a source."""


@dataclass(frozen=True, slots=True)
class RedisMemory:
    """What a run takes at most, bytes.

    Attributes:
        streams: key of a public stream -> its entries.
        under_way: frames under way, states and counters.
    """

    streams: Mapping[str, int]
    under_way: int

    @property
    def total(self) -> int:
        """All of it, with an empty server."""
        return EMPTY_SERVER + self.under_way + sum(self.streams.values())


def most_objects(graph: PipelineGraph) -> int:
    """How many objects a frame has at most: the largest `max_detections`."""
    options = [node.options for node in graph.nodes_of_role("detector")]
    return max((o.max_detections for o in options if isinstance(o, DetectorOptions)), default=0)


def redis_memory(graph: PipelineGraph, settings: DeploySettings, objects: int) -> RedisMemory:
    """Predict the memory of a run whose streams are full.

    Args:
        graph: what is run.
        settings: of the machine.
        objects: in each frame.
    """
    message = _message(graph, objects)
    names = _class_names(graph)
    findings = objects * _FINDING * len(graph.nodes_of_role("analytics"))
    published = len(native_json(message, "people-20261129-120000-abcdef", names)) + findings
    streams = {
        node.options.stream: _entries(node.options.maxlen, published)
        for node in graph.nodes_of_role("sink")
        if isinstance(node.options, RedisStreamOptions)
    }
    if graph.makes_events:
        streams[settings.events] = _entries(EVENTS_MAXLEN, _SMALL)
    streams[settings.dead_letters] = _entries(MAXLEN, _SMALL)
    return RedisMemory(
        streams, _under_way(graph, settings, len(encode(message)) + findings, objects)
    )


def _under_way(graph: PipelineGraph, settings: DeploySettings, message: int, objects: int) -> int:
    sources = sum(len(node.items) for node in graph.nodes_of_role("source"))
    batches = sum(group.first.batch * group.replicas for group in graph.groups)
    frames = batches + sum(_in_flight(graph, settings))
    inputs = max(1, len(graph.groups) - 1)
    trackers = len(graph.nodes_of_role("tracker")) + len(graph.nodes_of_role("analytics"))
    states = sources * trackers * objects * _TRACK
    slots = settings.slots * len(graph.groups) * _ENTRY
    return round(inputs * frames * _stored(message)) + states + sources * _SOURCE + slots


def _in_flight(graph: PipelineGraph, settings: DeploySettings) -> list[int]:
    most = []
    for node in graph.nodes_of_role("source"):
        for item in node.items:
            options = item.options or node.options
            limits = options if isinstance(options, LiveOptions) else settings
            most.append(limits.max_in_flight)
    return most


def _entries(maxlen: int, size: int) -> int:
    return round((maxlen + _NODE_ENTRIES) * _stored(size))


def _stored(size: int) -> float:
    return _ALLOCATOR * (size + _ENTRY)


def _class_names(graph: PipelineGraph) -> tuple[str, ...]:
    models = [node.model for node in graph.nodes_of_role("detector") if node.model is not None]
    longest = max((name for model in models for name in model.classes), key=len, default="")
    return (longest,)


def _message(graph: PipelineGraph, objects: int) -> FrameMessage:
    """Make a message as long as one of so many objects can be: numbers have all their digits."""
    ids = [item.source_id for node in graph.nodes_of_role("source") for item in node.items]
    frame = Frame(
        max(ids, key=len, default=""),
        10**9,
        10**15,
        Fraction(1, 1_000_000),
        10**6,
        (10_000, 10_000),
        2 * 10**18,
        FrameRef("prepare", 1000, 10**9),
    )
    found = Detections(
        np.full((objects, 4), 12345.67, np.float32),
        np.full(objects, 0.98765, np.float32),
        np.zeros(objects, np.int64),
        np.full(objects, 10**9, np.int64),
    )
    prepared = PreparedImage((10_000, 10_000), Geometry((0.123456, 0.123456)), frame.pixels)
    timings = tuple(Timing(name, 10**15, 10**15 + 123_456_789) for name in graph.nodes)
    return FrameMessage(frame, prepared, found, model="m" * 40, timings=timings)
