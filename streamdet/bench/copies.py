"""Full-frame copies at 1080p: the real stages in one process, full-size writes counted and timed.

Decoding writes a frame once, as YUV. "Converted" is that frame written as BGR, which whoever reads
pixels needs; "copied" is BGR written to yet another place. The video sink turns a slot's BGR back
into YUV, which an encoder needs, and hands that over by copying it into the encoder's own frame;
both are writes of half a BGR frame.
"""

from __future__ import annotations

import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from itertools import islice
from pathlib import Path
from typing import Any, Final
from unittest.mock import patch

import numpy as np

from streamdet.bench.material import Material
from streamdet.bench.metrics import Aim, Metric, Outcome
from streamdet.frame import FrameRef
from streamdet.graph import load_graph
from streamdet.image import BGR24, Image, Pixels
from streamdet.registry import load
from streamdet.sinks import SinkContext
from streamdet.sinks.canvas import Canvas
from streamdet.sources import Position
from streamdet.sources.decoded_image import FrameConverter
from streamdet.stages.pixels import PixelStore
from streamdet.stages.sink import SinkStage
from streamdet.stages.source import SourceStage
from streamdet.stages.transform import TransformStage
from streamdet.transport.array_pool import ArrayPool
from streamdet.transport.bus import GroupLayout, RunLayout
from streamdet.transport.memory_bus import MemoryBus

HW: Final = (1080, 1920)
FRAME_BYTES: Final = HW[0] * HW[1] * 3
FRAMES: Final = 24


def run(material: Material, *, frames: int = FRAMES) -> Outcome:
    """Take frames through decoding, preparing and (once) the video sink."""
    plain, recorded = _Trace(frames), _Trace(frames)
    for trace, has_video in ((plain, False), (recorded, True)):
        _take_through(material.large_clip, trace, has_video=has_video)
    copied = plain.per_frame("copied into a slot") + plain.per_frame("read by the sink")
    steps = ("decode", "convert to BGR", "prepare", "copy into a slot", "video sink")
    return Outcome(
        metrics=[
            Metric("copies per frame, no video sink", copied, "", Aim("<", 1)),
            Metric("conversions per frame, no video sink", plain.per_frame("converted")),
            Metric("conversions per frame, video sink", recorded.per_frame("converted")),
            Metric("copies into a slot per frame, video sink",
                   recorded.per_frame("copied into a slot")),
            Metric("slots read by the video sink per frame",
                   recorded.per_frame("read by the sink")),
            Metric("BGR copies made by the video sink per frame",
                   recorded.per_frame("copied by the sink"), "", Aim("<", 1)),
            Metric("conversions to YUV by the video sink per frame",
                   recorded.per_frame("converted to YUV by the sink")),
            Metric("one copy of a 1080p frame", _copy_ms(), "ms"),
            *(Metric(f"  {step}", recorded.ms_per_frame(step), "ms") for step in steps),
        ],
        details={"no video sink": dict(plain.counts), "video sink": dict(recorded.counts)},
        notes=[
            "PyAV cannot convert into memory that is not its own: a slot is filled by a copy",
            "the video sink converts a slot to YUV (half a BGR frame) from where it lies, and"
            " copies that into the encoder's own YUV frame, on which it draws",
        ],
    )  # fmt: skip


class _Trace:
    """Full-size writes and the time of steps."""

    def __init__(self, frames: int) -> None:
        self.frames = frames
        self.counts: Counter[str] = Counter()
        self._spent_ns: Counter[str] = Counter()

    def per_frame(self, what: str) -> float:
        return self.counts[what] / self.frames

    def ms_per_frame(self, step: str) -> float:
        return self._spent_ns[step] / self.frames / 1e6

    @contextmanager
    def timed(self, step: str) -> Iterator[None]:
        started_ns = time.perf_counter_ns()
        yield
        self._spent_ns[step] += time.perf_counter_ns() - started_ns


class _TracedPixels(np.ndarray[Any, np.dtype[np.uint8]]):
    """A slot that counts full-size writes."""

    seam: _Trace

    def __setitem__(self, key: Any, value: Any) -> None:
        if self.nbytes >= FRAME_BYTES:
            self.seam.counts["copied into a slot"] += 1
            with self.seam.timed("copy into a slot"):
                super().__setitem__(key, value)
        else:
            super().__setitem__(key, value)


class _TracedPool(ArrayPool):
    """A pool whose slots count."""

    def __init__(self, trace: _Trace, hw: tuple[int, int]) -> None:
        # Ones: fresh pages would be paid for by the first write.
        memory = np.ones((trace.frames, hw[0] * hw[1] * 3), np.uint8)
        super().__init__(BGR24, np.zeros(trace.frames, np.uint64), memory)
        self._trace = trace

    def claim(self, ref: FrameRef, hw: tuple[int, int]) -> Pixels:
        pixels = super().claim(ref, hw).view(_TracedPixels)
        pixels.seam = self._trace
        return pixels

    def view(self, ref: FrameRef, hw: tuple[int, int]) -> Pixels:
        if hw == HW:
            self._trace.counts["read by the sink"] += 1
        return super().view(ref, hw)


class _TracedCanvas(Canvas):
    """A canvas that counts full-size images in the way of a slot to the encoder."""

    trace: _Trace

    def _convert(self, image: Image) -> None:
        self.trace.counts["converted to YUV by the sink"] += 1
        super()._convert(image)

    def _fitted(self, image: Image) -> Pixels:
        self.trace.counts["copied by the sink"] += 1
        return super()._fitted(image)


class _TracedConverter(FrameConverter):
    """A converter that counts full-size results."""

    trace: _Trace

    def to_bgr(self, frame: Any, hw: tuple[int, int]) -> Pixels:
        self.trace.counts["converted"] += hw == HW
        with self.trace.timed("convert to BGR"):
            return super().to_bgr(frame, hw)


def _take_through(clip: Path, trace: _Trace, *, has_video: bool) -> None:
    graph = load_graph("people", sources=[str(clip)], overrides=["detect.model=yolox_nano"])
    camera, prepare = graph.nodes["camera"], graph.nodes["prepare"]
    source = load("source", camera.kind)(camera.items[0].uri, camera.options)
    transform = load("transform", prepare.kind)(prepare.options)
    pixels = _pixel_store(trace, transform.max_output_hw)
    source_stage = SourceStage("camera", pixels, publishes_image=has_video)
    transform_stage = TransformStage("prepare", transform, pixels, publishes=True)
    converter = type("Converter", (_TracedConverter,), {"trace": trace})
    canvas = type("Canvas", (_TracedCanvas,), {"trace": trace})
    with (
        tempfile.TemporaryDirectory() as folder,
        patch("streamdet.sources.file.FrameConverter", converter),
        patch("streamdet.sinks.recording.Canvas", canvas),
    ):
        sink = _video_stage(Path(folder), pixels)
        frames = islice(source.frames(Position()), trace.frames)
        while True:
            with trace.timed("decode"):
                decoded = next(frames, None)
            if decoded is None:
                return
            job = source_stage.job("clip", decoded, time.monotonic_ns())
            with trace.timed("prepare"):
                [job] = transform_stage.process([job])
            if has_video:
                with trace.timed("video sink"):
                    sink.process([replace(job, image=None)])


def _pixel_store(trace: _Trace, prepared_hw: tuple[int, int]) -> PixelStore:
    pools = {"camera": _TracedPool(trace, HW), "prepare": _TracedPool(trace, prepared_hw)}
    bus = MemoryBus(
        RunLayout("copies", {"front": GroupLayout()}, dict.fromkeys(pools, trace.frames))
    )
    bus.create()
    pixels = PixelStore(bus, pools, lambda: None)
    pixels.attach(bus.take_lease("front", "front-0"), tuple(pools))
    return pixels


def _video_stage(folder: Path, pixels: PixelStore) -> SinkStage:
    kind = load("sink", "video")
    context = SinkContext("copies", {"clip": "clip"}, {})
    sink = kind(kind.Options(path=str(folder / "copies.mp4")), context)
    sink.restore({})
    return SinkStage(sink, pixels)


def _copy_ms() -> float:
    """The least time of a plain copy of a 1080p frame."""
    image, place = np.ones((*HW, 3), np.uint8), np.ones((*HW, 3), np.uint8)
    times_ns = []
    for _ in range(50):
        started_ns = time.perf_counter_ns()
        place[:] = image
        times_ns.append(time.perf_counter_ns() - started_ns)
    return min(times_ns) / 1e6
