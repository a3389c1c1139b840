"""A run without processes: front (camera, prepare) -> detect (replicas) -> back (track, publish).

The kinds are toys that tell everything: each image is filled with its frame's index, the detector
reads it off, and the tracker's only id is how many frames it has seen.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import numpy as np

from streamdet.config.options import Options
from streamdet.detections import Detections
from streamdet.errors import SourceError
from streamdet.frame import Geometry
from streamdet.graph.pipeline import Node
from streamdet.image import ArrayImage, Image, Pixels
from streamdet.sinks import Sink, SinkContext
from streamdet.sinks.redis_stream import RedisStreamOptions, RedisStreamSink
from streamdet.sources import DecodedFrame, Position, SourceInfo, ignore
from streamdet.sources.resolve import SourceItem
from streamdet.stages.detect import DetectStage
from streamdet.stages.group import Member, StageGroup
from streamdet.stages.pixels import PixelStore
from streamdet.stages.sink import SinkStage
from streamdet.stages.track import TrackStage
from streamdet.stages.transform import TransformStage
from streamdet.trackers.options import TrackerOptions
from streamdet.transport.array_pool import ArrayPool
from streamdet.transport.bus import Bus, GroupLayout, RunLayout
from streamdet.transport.pool import FramePool, PoolPlan
from streamdet.worker.context import WorkerContext
from streamdet.worker.plan import NodePlan, RunPlan, WorkerPlan

HW = (8, 8)
SLOT_BYTES = 8 * 8 * 3
STREAM = "detections"
KIND = "tests.toy_run:ToySource"
"""For registry.KINDS: `toy:N` has N frames; `toy:N!` breaks then, `toy:N*` for want of memory;
`toy:N?` passes over them all. The images of `toy:N+` are larger from the second on."""


class ToyOptions(Options):
    """There are none."""


class ToySource:
    """Frames filled with their index."""

    Options = ToyOptions
    pixel_format = "bgr24"

    def __init__(self, uri: str, options: ToyOptions) -> None:
        count = uri.removeprefix("toy:")
        self._count, self._end = int(count.rstrip("!?+*")), count[-1]
        self.warnings: tuple[str, ...] = ("it is a toy",)
        self.position = Position()

    def probe(self, on_part: Callable[[SourceInfo], None] = ignore) -> SourceInfo:
        return SourceInfo(HW, self._count)

    def frames(
        self, start: Position, on_skipped: Callable[[], None] = ignore
    ) -> Iterator[DecodedFrame]:
        self.position = start
        for index in range(start.index, self._count):
            if self._end == "?":
                self.position = Position(0, index + 1)
                on_skipped()
                continue
            self.position = Position(index + 1, index + 1, pts=index)
            scale = 2 if self._end == "+" and index > 0 else 1
            hw = (scale * HW[0], scale * HW[1])
            image = ArrayImage(np.full((*hw, 3), index % 256, np.uint8))
            yield DecodedFrame(image, index, Fraction(1, 10), 1, 1_000 + index, self.position)
        if self._end == "!":
            raise SourceError("toy: broken")
        if self._end == "*":
            raise MemoryError


class ToyTransform:
    """A copy."""

    max_output_hw = HW
    pixel_format = "bgr24"

    def output_hw(self, hw: tuple[int, int]) -> tuple[int, int]:
        return hw

    def __call__(self, image: Image, out: Pixels) -> Geometry:
        out[:] = image.bgr()
        return Geometry((1.0, 1.0))


class ToyDetector:
    """One object an image; its score is the image's level / 1000."""

    runtime_name = "toy"

    def __call__(self, images: Sequence[Pixels]) -> list[Detections]:
        box = np.array([[1, 2, 3, 4]], np.float32)
        return [
            Detections(box, (image[0, 0, :1] / 1000).astype(np.float32), np.zeros(1, int))
            for image in images
        ]


class ToyTracker:
    """The id of every object is how many frames there have been."""

    def __init__(self, options: TrackerOptions) -> None:
        self._seen = 0
        self.rows = np.zeros(0, np.int64)

    def update(self, detections: Detections) -> Detections:
        self._seen += 1
        self.rows = np.arange(len(detections))
        return replace(detections, track_ids=np.full(len(detections), self._seen))

    def state(self) -> bytes:
        return b"%d" % self._seen

    def restore(self, state: bytes) -> None:
        self._seen = int(state)


def toy_node(name: str, role: str, *, items: tuple[SourceItem, ...] = ()) -> Node:
    return Node(name, role, "toy", (), ToyOptions(), process=name, items=items)


def run_plan(folder: Path, *source_ids: str, slots: int = 4, max_in_flight: int = 1000) -> RunPlan:
    """What the toy workers share."""
    groups = {
        "front": GroupLayout(("detect",), sinks_downstream=("back",)),
        "detect": GroupLayout(("back",)),
        "back": GroupLayout(has_sink=True),
    }
    return RunPlan(
        layout=RunLayout("run", groups, {"prepare": slots}),
        redis_url="",
        folder=folder,
        pools={"prepare": PoolPlan("shm", "bgr24", folder / "prepare", slots, SLOT_BYTES)},
        source_names=dict.fromkeys(source_ids or ("cam",), "toy"),
        class_names={"toy": ("thing",)},
        max_in_flight=max_in_flight,
        events="events",
    )


def worker_plan(
    run: RunPlan, group: str, nodes: Sequence[NodePlan], replica: int = 0
) -> WorkerPlan:
    return WorkerPlan(
        run=run,
        number=0,
        group=group,
        consumer=f"{group}-{replica}",
        nodes=tuple(nodes),
        batch=2,
        max_wait_s=0.0,
        is_ordered=group == "back",
        items=nodes[0].node.items,
        source_ids=tuple(run.source_names),
        reads_pools=frozenset({"prepare"} if group == "detect" else ()),
    )


def front_plan(run: RunPlan, *items: SourceItem) -> WorkerPlan:
    camera = NodePlan(toy_node("camera", "source", items=items), None, (), 0)
    prepare = NodePlan(toy_node("prepare", "transform"), "camera", ("detect",), 1)
    return worker_plan(run, "front", [camera, prepare])


def detect_plan(run: RunPlan, replica: int = 0) -> WorkerPlan:
    detect = NodePlan(toy_node("detect", "detector"), None, ("back",), 0)
    return worker_plan(run, "detect", [detect], replica)


def back_plan(run: RunPlan) -> WorkerPlan:
    track = NodePlan(toy_node("track", "tracker"), None, (), 0)
    sinks = [NodePlan(toy_node(name, "sink"), "track", (), 0) for name in ("publish", "output")]
    return worker_plan(run, "back", [track, *sinks])


def make_pools(run: RunPlan) -> dict[str, FramePool]:
    return {
        name: ArrayPool.in_memory(pool.slots, pool.slot_bytes) for name, pool in run.pools.items()
    }


def make_context(
    plan: WorkerPlan,
    bus: Bus,
    pools: Mapping[str, FramePool],
    beat: Callable[[], None],
    output: Sink | None = None,
) -> WorkerContext:
    """What assemble.py and worker.py do for real kinds."""
    pixels = PixelStore(bus, pools, beat)
    transform = TransformStage("prepare", ToyTransform(), pixels, publishes=True)
    context = SinkContext("run", plan.run.source_names, plan.run.class_names)
    published = RedisStreamSink(RedisStreamOptions(stream=STREAM), context)
    sinks: dict[str, Sink] = {"publish": published} | ({"output": output} if output else {})
    members = {
        "front": [Member("prepare", "camera", transform)],
        "detect": [Member("detect", None, DetectStage("toy", ToyDetector(), pixels))],
        "back": [
            Member("track", None, TrackStage(ToyTracker, TrackerOptions())),
            *(Member(name, "track", SinkStage(sink, pixels)) for name, sink in sinks.items()),
        ],
    }
    return WorkerContext(plan, bus, StageGroup(members[plan.group]), pixels, beat)
