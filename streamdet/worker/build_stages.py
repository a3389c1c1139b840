"""Makes the stages of one process from its plan."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from streamdet.analytics import AnalyticsContext
from streamdet.detectors.make import make_detector
from streamdet.detectors.parts.network import OnGpu
from streamdet.detectors.parts.options import DetectorOptions
from streamdet.graph import Node
from streamdet.registry import load
from streamdet.sinks import SinkContext
from streamdet.stages import Stage
from streamdet.stages.analytics import AnalyticsStage, EventStream
from streamdet.stages.cuda_transform import CudaTransform, StageTransform
from streamdet.stages.detect import DetectStage
from streamdet.stages.detect_crops import DetectCropsStage
from streamdet.stages.group import Member, StageGroup
from streamdet.stages.pixels import PixelStore
from streamdet.stages.sink import SinkStage
from streamdet.stages.track import TrackStage
from streamdet.stages.transform import TransformStage
from streamdet.trackers.options import TrackerOptions
from streamdet.transforms import KernelTransform, Transform
from streamdet.worker.plan import NodePlan, WorkerPlan


def build_stages(plan: WorkerPlan, pixels: PixelStore) -> tuple[StageGroup, dict[str, str]]:
    """Make the stages of a worker; a source is not among them (its worker reads it).

    Returns:
        The group, and what runs a node where that is not its kind alone: node -> the runtime of a
        detector, the GPU of another node.

    Raises:
        ConfigError: weights are missing, a class is unknown.
        EngineError: a runtime cannot be used.
    """
    members: list[Member] = []
    runtimes: dict[str, str] = {}
    group = StageGroup(members, pixels.take_waited_ns)
    for node_plan in plan.nodes:
        node = node_plan.node
        if node.device != "cpu" and node.role != "detector":
            runtimes[node.name] = _on_gpu(node, pixels)
        if node.role == "source":
            continue
        if node.role == "detector":
            assert node.model is not None
            assert isinstance(node.options, DetectorOptions)
            where = None
            if node.device != "cpu":
                where = OnGpu(pixels.device(node.device), plan.batch)
            detector, runtimes[node.name] = make_detector(node.options, node.model, where)
            if node.on_crops:
                names = plan.run.class_names
                stage: Stage = DetectCropsStage(node.model, detector, pixels, names)
            else:
                stage = DetectStage(node.model.name, detector, pixels, device=node.device)
        else:
            stage = _make_stage(plan, node_plan, pixels, group.warnings.append)
        members.append(Member(node.name, node_plan.parent, stage))
    return group, runtimes


def _make_stage(
    plan: WorkerPlan, node_plan: NodePlan, pixels: PixelStore, warn: Callable[[str], None]
) -> Stage:
    node = node_plan.node
    kind: Any = load(node.role, node.kind)
    if node.role == "transform":
        return _transform_stage(node_plan, kind(node.options), pixels)
    if node.role == "tracker":
        assert isinstance(node.options, TrackerOptions)
        return TrackStage(kind, node.options, node.tracking_by_hw, pixels)
    if node.role == "analytics":
        return AnalyticsStage(
            node.name,
            lambda source_id: kind(node.options, _analytics_context(plan, node.name, source_id)),
            EventStream(plan.run.events, plan.run.layout.run_id, plan.run.class_names),
            pixels,
        )
    context = SinkContext(
        run_id=plan.run.layout.run_id,
        sources={name: plan.run.source_names[name] for name in plan.source_ids},
        class_names=plan.run.class_names,
        folder=plan.run.folder,
        on_wait=pixels.on_wait,
        node=node.name,
        events=plan.run.events,
        live_sources=plan.run.live_sources.intersection(plan.source_ids),
        warn=warn,
        gpu=None if node.device == "cpu" else pixels.device(node.device),
        places=node_plan.places,
    )
    return SinkStage(kind(node.options, context), pixels, device=node.device)


def _transform_stage(node_plan: NodePlan, transform: Transform, pixels: PixelStore) -> Stage:
    node = node_plan.node
    work: StageTransform = transform
    if node.device != "cpu":
        assert isinstance(transform, KernelTransform)
        work = CudaTransform(transform, pixels.device(node.device))
    publishes = node_plan.slot_readers > 0
    return TransformStage(node.name, work, pixels, publishes=publishes, device=node.device)


def _on_gpu(node: Node, pixels: PixelStore) -> str:
    gpu = f"{node.device} ({pixels.device(node.device).model})"
    if node.role == "source":
        return f"{node.kind}, decoded on the CPU, each image copied to {gpu} once"
    if node.role == "sink":
        return f"{node.kind}, drawn on {gpu}, encoded on the CPU"
    return f"{node.kind} on {gpu}"


def _analytics_context(plan: WorkerPlan, node: str, source_id: str) -> AnalyticsContext:
    # Only cameras can come to a run that has begun.
    is_live = source_id in plan.run.live_sources or source_id not in plan.run.source_names
    return AnalyticsContext(source_id, plan.run.class_names, is_live, node)
