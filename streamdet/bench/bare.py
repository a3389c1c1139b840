"""The bare cost of each stage: one frame after the other, none of the machinery between stages.

`python -m streamdet.bench.bare CLIP REDIS_URL` prints, as JSON, the CPU milliseconds per frame of
the stages of pipelines/people.yaml with YOLOX-nano, threads and the Redis server included.
"""

from __future__ import annotations

import json
import sys
import time
from collections import defaultdict
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any, Final

import numpy as np

from streamdet.assemble import make_detector
from streamdet.detections import Detections
from streamdet.frame import Frame
from streamdet.graph import PipelineGraph, load_graph
from streamdet.messages import FrameMessage
from streamdet.plan import NodePlan
from streamdet.public_json import native_json
from streamdet.registry import load
from streamdet.sources import DecodedFrame, Position
from streamdet.stages.detect import to_source
from streamdet.transport.connection import connect

FRAMES: Final = 300
ROUNDS: Final = 3


def main(arguments: Sequence[str]) -> None:
    """Measure and print the least of some rounds."""
    clip, url = arguments
    graph = load_graph("people", sources=[clip], overrides=["detect.model=yolox_nano"])
    stages = _Stages(graph, url)
    rounds = [stages.costs_ms() for _ in range(ROUNDS)]
    json.dump({name: min(one[name] for one in rounds) for name in rounds[0]}, sys.stdout)


class _Stages:
    """The stages' arithmetic, called in turn."""

    def __init__(self, graph: PipelineGraph, url: str) -> None:
        self._nodes = graph.nodes
        self._client: Any = connect(url)
        self._detector = make_detector(NodePlan(graph.nodes["detect"], None, (), 0))
        model = graph.nodes["detect"].model
        self._class_names = () if model is None else model.classes

    def costs_ms(self) -> dict[str, float]:
        """Take the clip's first frames through; CPU milliseconds per frame, by stage."""
        costs_s: dict[str, float] = defaultdict(float)
        source, transform = self._made("camera"), self._made("prepare")
        tracker = self._made("track")
        decoded_frames = iter(source.frames(Position()))
        server_before_s = self._server_s()
        for _ in range(FRAMES):
            with _timed(costs_s, "decode"):
                decoded = next(decoded_frames)
            with _timed(costs_s, "prepare"):
                prepared = np.empty((*transform.output_hw(decoded.image.hw), 3), np.uint8)
                geometry = transform(decoded.image, prepared)
            with _timed(costs_s, "detect"):
                found = to_source(self._detector([prepared])[0], geometry, decoded.image.hw)
            with _timed(costs_s, "track"):
                tracked = tracker.update(found)
            with _timed(costs_s, "publish"):
                self._publish(decoded, tracked)
        costs_s["publish"] += self._server_s() - server_before_s
        return {name: 1000 * cost_s / FRAMES for name, cost_s in costs_s.items()}

    def _made(self, name: str) -> Any:
        node = self._nodes[name]
        kind = load(node.role, node.kind)
        return kind(node.items[0].uri, node.options) if node.items else kind(node.options)

    def _publish(self, decoded: DecodedFrame, tracked: Detections) -> None:
        frame = Frame(
            source_id="bare",
            index=decoded.position.index - 1,
            pts=decoded.pts,
            time_base=decoded.time_base,
            duration=decoded.duration,
            hw=decoded.image.hw,
            captured_ns=decoded.captured_ns,
        )
        message = FrameMessage(frame, detections=tracked)
        metadata = native_json(message, "bare", self._class_names)
        self._client.xadd("bare", {"metadata": metadata}, maxlen=10_000, approximate=True)

    def _server_s(self) -> float:
        info = self._client.info("cpu")
        return float(info["used_cpu_user"]) + float(info["used_cpu_sys"])


@contextmanager
def _timed(costs_s: dict[str, float], name: str) -> Iterator[None]:
    started_s = time.process_time()
    yield
    costs_s[name] += time.process_time() - started_s


if __name__ == "__main__":
    main(sys.argv[1:])
