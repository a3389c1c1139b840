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
        return replace(node, options=_of_tracker(node, node.options, nodes, problems))
    if isinstance(node.options, DetectorOptions):
        return replace(node, options=_of_detector(node, node.options, nodes))
    return node


def _of_tracker(
    node: Node, options: TrackerOptions, nodes: Mapping[str, Node], problems: Problems
) -> TrackerOptions:
    choices: dict[str, TrackerOptions] = {}
    for name in node.reads:
        detector = nodes[name]
        assert detector.model is not None
        assert isinstance(detector.options, DetectorOptions)
        choices[name] = options.fed_by(detector.model, detector.options.score_thresh)
    (first, chosen), *others = choices.items()
    for name, choice in others:
        for key, value in choice:
            if value != getattr(chosen, key):
                problems.add(
                    ("nodes", node.name, key),
                    f"must be stated: {first!r} wants {getattr(chosen, key)}, {name!r} {value}",
                )
    return chosen


def _of_detector(
    node: Node, options: DetectorOptions, nodes: Mapping[str, Node]
) -> DetectorOptions:
    assert node.model is not None
    readers = [other for other in nodes.values() if node.name in other.reads]
    feeds_trackers_only = all(other.role == "tracker" for other in readers)
    if node.model.tracking is None or options.score_thresh is not None or not feeds_trackers_only:
        return options
    lowest = min(node.model.tracking.low_thresh, node.model.score_thresh)
    return options.model_copy(update={"score_thresh": lowest})
