"""Sets the thresholds of trackers, and of the detectors that they read.

A detector that only trackers read uses its model's `tracking.low_thresh` as score threshold; the
trackers publish objects without a track from the model's own `score_thresh` on (see
trackers/options.py). A detector with other readers keeps its `score_thresh`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from streamdet.detectors.parts.options import DetectorOptions
from streamdet.graph.pipeline import Node
from streamdet.graph.problems import Problems
from streamdet.models.input_size import at_size
from streamdet.models.model_config import Hw
from streamdet.trackers.options import TrackerOptions


def with_thresholds(nodes: Mapping[str, Node], problems: Problems) -> dict[str, Node]:
    """Set thresholds that trackers and their detectors do not state; report conflicts.

    Args:
        nodes: of a whole graph.
        problems: collects trackers whose models need different thresholds.
    """
    return {name: _filled_in(node, nodes, problems) for name, node in nodes.items()}


def _filled_in(node: Node, nodes: Mapping[str, Node], problems: Problems) -> Node:
    if isinstance(node.options, TrackerOptions):
        options = _of_tracker(node, node.options, nodes, problems)
        return replace(node, options=options, tracking_by_hw=_by_hw(node, options, nodes, problems))
    if isinstance(node.options, DetectorOptions):
        return replace(node, options=_of_detector(node, node.options, nodes))
    return node


def _by_hw(
    node: Node, options: TrackerOptions, nodes: Mapping[str, Node], problems: Problems
) -> dict[Hw, TrackerOptions]:
    """The options at each size that a detector's model may have, where they are others."""
    assert isinstance(node.options, TrackerOptions)
    models = (nodes[name].model for name in _detectors(node, nodes))
    hws = dict.fromkeys(hw for model in models if model is not None for hw in model.hws)
    found = {hw: _of_tracker(node, node.options, nodes, problems, hw) for hw in hws}
    return {hw: each for hw, each in found.items() if each != options}


def _of_tracker(
    node: Node,
    options: TrackerOptions,
    nodes: Mapping[str, Node],
    problems: Problems,
    hw: Hw | None = None,
) -> TrackerOptions:
    """Fill in what is not stated, at a size of the models that have it."""
    choices: dict[str, TrackerOptions] = {}
    for name in _detectors(node, nodes):
        detector = nodes[name]
        model = detector.model
        assert model is not None
        assert isinstance(detector.options, DetectorOptions)
        if hw in model.hws and hw is not None:
            model = at_size(model, hw)
        choices[name] = options.fed_by(model, detector.options.score_thresh)
    (first, chosen), *others = choices.items()
    for name, choice in others:
        for key, value in choice:
            if value != getattr(chosen, key):
                problems.add(
                    ("nodes", node.name, key),
                    f"must be stated: {first!r} wants {getattr(chosen, key)}, {name!r} {value}",
                )
    return chosen


def _detectors(tracker: Node, nodes: Mapping[str, Node]) -> list[str]:
    """Name the detectors that a tracker reads, or that its objects' vectors come by."""
    direct = (nodes[name] for name in tracker.reads)
    names = [name for each in direct
             for name in ((each.name,) if each.role == "detector" else each.reads)]  # fmt: skip
    return list(dict.fromkeys(names))


def _readers(node: Node, nodes: Mapping[str, Node]) -> list[Node]:
    return [other for other in nodes.values() if node.name in other.reads]


def _of_detector(
    node: Node, options: DetectorOptions, nodes: Mapping[str, Node]
) -> DetectorOptions:
    assert node.model is not None
    points = [at_size(node.model, hw) for hw in node.model.hws] or [node.model]
    readers = _readers(node, nodes)
    readers += [far for near in readers if near.kind == "embed" for far in _readers(near, nodes)]
    feeds_trackers_only = all(
        other.role == "tracker" or (other.kind == "embed" and _readers(other, nodes))
        for other in readers
    )
    stated = [(each.tracking, each.score_thresh) for each in points]
    if node.model.tracking is None or options.score_thresh is not None or not feeds_trackers_only:
        return options
    lowest = min(
        min(score_thresh, score_thresh if tracking is None else tracking.low_thresh)
        for tracking, score_thresh in stated
    )
    return options.model_copy(update={"score_thresh": lowest})
