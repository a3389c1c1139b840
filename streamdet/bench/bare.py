"""The bare cost of each stage: alone, one after the other, none of the machinery between them.

`python -m streamdet.bench.bare CLIP REDIS_URL [NODE.KEY=VALUE...]` prints, as JSON, the CPU
milliseconds per frame of the stages of pipelines/people.yaml with YOLOX-nano, threads and the Redis
server included.
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from itertools import islice
from typing import Any, Final

import numpy as np

from streamdet.detections import Detections
from streamdet.detectors.make import make_detector
from streamdet.detectors.parts.options import DetectorOptions
from streamdet.formats.frame_json import native_json
from streamdet.frame import Frame
from streamdet.graph import PipelineGraph, load_graph
from streamdet.messages import FrameMessage
from streamdet.registry import load
from streamdet.sources import DecodedFrame, Position
from streamdet.stages.detect import to_source
from streamdet.transport.connection import connect

FRAMES: Final = 150
ROUNDS: Final = 4


def main(arguments: Sequence[str], *, frames: int = FRAMES) -> None:
    """Measure and print the least of some rounds."""
    clip, url, *overrides = arguments
    overrides = ["detect.model=yolox_nano", *overrides]
    graph = load_graph("people", sources=[clip], overrides=overrides)
    stages = _Stages(graph, url)
    rounds = [stages.costs_ms(frames) for _ in range(ROUNDS)]
    json.dump({name: min(one[name] for one in rounds) for name in rounds[0]}, sys.stdout)


class _Stages:
    """The stages' arithmetic."""

    def __init__(self, graph: PipelineGraph, url: str) -> None:
        self._nodes = graph.nodes
        self._client: Any = connect(url)
        options, model = graph.nodes["detect"].options, graph.nodes["detect"].model
        assert model is not None
        assert isinstance(options, DetectorOptions)
        self._detector, _ = make_detector(options, model)
        self._class_names = model.classes

    def costs_ms(self, frames: int) -> dict[str, float]:
        """Take the clip's first frames through; CPU milliseconds per frame, by stage."""
        source, transform, tracker = map(self._made, ("camera", "prepare", "track"))
        costs_s: dict[str, float] = {}
        with _timed(costs_s, "decode"):
            decoded = list(islice(source.frames(Position()), frames))
        images = [np.empty((*transform.output_hw(one.image.hw), 3), np.uint8) for one in decoded]
        with _timed(costs_s, "prepare"):
            geometries = [
                transform(one.image, image) for one, image in zip(decoded, images, strict=True)
            ]
        with _timed(costs_s, "detect"):
            found = [
                to_source(self._detector([image])[0], geometry, one.image.hw)
                for one, image, geometry in zip(decoded, images, geometries, strict=True)
            ]
        with _timed(costs_s, "track"):
            tracked = [tracker.update(one) for one in found]
        server_before_s = self._server_s()
        with _timed(costs_s, "publish"):
            for one, objects in zip(decoded, tracked, strict=True):
                self._publish(one, objects)
        costs_s["publish"] += self._server_s() - server_before_s
        return {name: 1000 * cost_s / len(decoded) for name, cost_s in costs_s.items()}

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
    costs_s[name] = time.process_time() - started_s


if __name__ == "__main__":
    main(sys.argv[1:])
