"""Makes the stages of one process from its plan."""

from __future__ import annotations

from typing import Any

from streamdet.analytics import AnalyticsContext
from streamdet.detectors.make import make_detector
from streamdet.detectors.parts.options import DetectorOptions
from streamdet.registry import load
from streamdet.sinks import SinkContext
from streamdet.stages import Stage
from streamdet.stages.analytics import AnalyticsStage, EventStream
from streamdet.stages.detect import DetectStage
from streamdet.stages.group import Member, StageGroup
from streamdet.stages.pixels import PixelStore
from streamdet.stages.sink import SinkStage
from streamdet.stages.track import TrackStage
from streamdet.stages.transform import TransformStage
from streamdet.trackers.options import TrackerOptions
from streamdet.worker.plan import NodePlan, WorkerPlan


def build_stages(plan: WorkerPlan, pixels: PixelStore) -> tuple[StageGroup, dict[str, str]]:
    """Make the stages of a worker; a source is not among them (its worker reads it).

    Returns:
        The group, and the runtime of each detector: node -> runtime name.

    Raises:
        ConfigError: weights are missing, a class is unknown.
        EngineError: a runtime cannot be used.
    """
    members, runtimes = [], {}
    for node_plan in plan.nodes:
        node = node_plan.node
        if node.role == "source":
            continue
        if node.role == "detector":
            assert node.model is not None
            assert isinstance(node.options, DetectorOptions)
            detector, runtimes[node.name] = make_detector(node.options, node.model)
            stage: Stage = DetectStage(node.model.name, detector, pixels)
        else:
            stage = _make_stage(plan, node_plan, pixels)
        members.append(Member(node.name, node_plan.parent, stage))
    return StageGroup(members, pixels.take_waited_ns), runtimes


def _make_stage(plan: WorkerPlan, node_plan: NodePlan, pixels: PixelStore) -> Stage:
    node = node_plan.node
    kind: Any = load(node.role, node.kind)
    if node.role == "transform":
        publishes = node_plan.slot_readers > 0
        return TransformStage(node.name, kind(node.options), pixels, publishes=publishes)
    if node.role == "tracker":
        assert isinstance(node.options, TrackerOptions)
        return TrackStage(lambda: kind(node.options), node.options)
    if node.role == "analytics":
        return AnalyticsStage(
            node.name,
            lambda source_id: kind(node.options, _analytics_context(plan, source_id)),
            EventStream(plan.run.events, plan.run.layout.run_id, plan.run.class_names),
        )
    context = SinkContext(
        run_id=plan.run.layout.run_id,
        sources={name: plan.run.source_names[name] for name in plan.source_ids},
        class_names=plan.run.class_names,
        folder=plan.run.folder,
        on_wait=pixels.on_wait,
    )
    return SinkStage(kind(node.options, context), pixels)


def _analytics_context(plan: WorkerPlan, source_id: str) -> AnalyticsContext:
    is_live = source_id in plan.run.live_sources
    return AnalyticsContext(source_id, plan.run.class_names, is_live)
