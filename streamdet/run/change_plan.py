"""What has to change in a running graph so that it becomes another one; changes nothing."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from typing import Any, Final

from streamdet.config.options import Options
from streamdet.errors import ConfigError
from streamdet.graph.pipeline import Node, PipelineGraph
from streamdet.registry import load
from streamdet.sources.resolve import SourceItem
from streamdet.system.redaction import redacted, short
from streamdet.worker.plan import class_names

START_AGAIN: Final = "stop the run and start it again"


@dataclass(frozen=True, slots=True)
class Planned:
    """What becomes of one camera, or of one process of the graph.

    Attributes:
        what: "camera" or "process".
        name: of the camera or the process.
        action: "kept", "added", "removed" or "restarted".
        reason: why, in a few words; "" for what is kept.
    """

    what: str
    name: str
    action: str
    reason: str = ""


@dataclass(frozen=True, slots=True)
class ChangePlan:
    """The way from one graph to another.

    Attributes:
        steps: what becomes of each camera and process.
        forgotten: nodes whose states do not fit their new options, and begin anew.
    """

    steps: tuple[Planned, ...]
    forgotten: tuple[str, ...] = ()

    def names(self, what: str, action: str) -> list[str]:
        """List the cameras or processes with which this is done."""
        return [s.name for s in self.steps if (s.what, s.action) == (what, action)]

    @property
    def changes_nothing(self) -> bool:
        """Whether all is kept."""
        return all(step.action == "kept" for step in self.steps)

    def as_dict(self) -> dict[str, Any]:
        """The plan as plain values, for JSON."""
        return asdict(self)


def plan_change(now: PipelineGraph, wanted: PipelineGraph) -> ChangePlan:
    """Compare two graphs; names of graphs and files do not count.

    Args:
        now: what runs.
        wanted: what shall run.

    Raises:
        ConfigError: the change needs another start; one sentence with the first reason.
    """
    for reason in _too_much(now, wanted):
        raise ConfigError(f"{reason}, which a running graph cannot do: {START_AGAIN}")
    reasons = {name: list(_reasons(node, wanted.nodes[name])) for name, node in now.nodes.items()}
    if class_names(now) != class_names(wanted):
        for node in now.nodes.values():
            if node.role in ("sink", "analytics"):
                reasons[node.name].append("the models have other classes")
    steps = list(_cameras(now, wanted, reasons))
    for group in now.groups:
        if not group.first.is_live:
            why = "; ".join(reason for node in group.nodes for reason in reasons[node.name])
            steps.append(Planned("process", group.name, "restarted" if why else "kept", why))
    return ChangePlan(tuple(steps), tuple(_forgotten(now, wanted)))


def _too_much(now: PipelineGraph, wanted: PipelineGraph) -> Iterator[str]:
    """Say what only another start can bring about."""
    for name in now.nodes.keys() - wanted.nodes.keys():
        yield f"{name} is no longer in the graph"
    for name in wanted.nodes.keys() - now.nodes.keys():
        yield f"{name} is new in the graph"
    for name, node in now.nodes.items():
        other = wanted.nodes[name]
        for key in ("role", "reads", "process", "replicas"):
            before, after = getattr(node, key), getattr(other, key)
            if before != after:
                yield f"{name}.{key} has changed from {_shown(before)} to {_shown(after)}"
        yield from _fixed_options(node, other)


def _fixed_options(node: Node, other: Node) -> Iterator[str]:
    if node.is_live and other.is_live:
        return
    if node.role == "source" and (node.kind, node.items, node.options) != (
        other.kind,
        other.items,
        other.options,
    ):
        yield f"{node.name} reads something else or in another way"
    if node.role == "transform" and (node.kind, node.options) != (other.kind, other.options):
        yield f"{node.name} makes other images"
    if node.role == "sink" and node != other and not _may_change(node, other):
        yield f"{node.name} writes something else or in another way"


def _may_change(node: Node, other: Node) -> bool:
    may_change = getattr(load("sink", node.kind), "options_may_change", False)
    return node.kind == other.kind and bool(may_change)


def _reasons(node: Node, other: Node) -> Iterator[str]:
    """Say what has changed in a node, but for the cameras that it lists."""
    if node.kind != other.kind:
        yield f"{node.name}.kind: {node.kind} -> {other.kind}"
        return
    for key in ("batch", "max_wait_ms"):
        yield from _change(f"{node.name}.{key}", getattr(node, key), getattr(other, key))
    if not node.is_live:
        yield from _options(node.name, node.options, other.options)
    if node.model != other.model and not _model_differs_by_name(node, other):
        yield f"{node.name}: the file of its model has changed"


def _model_differs_by_name(node: Node, other: Node) -> bool:
    return getattr(node.options, "model", None) != getattr(other.options, "model", None)


def _options(name: str, before: Options, after: Options) -> Iterator[str]:
    old, new = before.model_dump(), after.model_dump()
    for key in dict.fromkeys((*old, *new)):
        yield from _change(f"{name}.{key}", old.get(key), new.get(key))


def _change(name: str, before: object, after: object) -> Iterator[str]:
    if before == after:
        return
    if isinstance(before, Mapping) and isinstance(after, Mapping):
        for key in dict.fromkeys((*before, *after)):
            yield from _change(f"{name}.{key}", before.get(key), after.get(key))
    elif isinstance(after, Mapping):
        yield f"{name} is new"
    elif isinstance(before, Mapping):
        yield f"{name} is gone"
    else:
        yield f"{name}: {_shown(before)} -> {_shown(after)}"


def _shown(value: object) -> str:
    if value is None:
        return "not stated"
    text = ", ".join(map(str, value)) if isinstance(value, list | tuple) else str(value)
    return short(redacted(text), 40)


def _cameras(
    now: PipelineGraph, wanted: PipelineGraph, reasons: Mapping[str, list[str]]
) -> Iterator[Planned]:
    for node in now.nodes_of_role("source"):
        if not node.is_live:
            continue
        other = wanted.nodes[node.name]
        members = [n for n in now.group_of(node.name).nodes if reasons[n.name]]
        shared = [reason for member in members for reason in reasons[member.name]]
        before = {item.source_id: item for item in node.items}
        after = {item.source_id: item for item in other.items}
        for name in dict.fromkeys((*before, *after)):
            if name not in after:
                yield Planned("camera", name, "removed", "it is not in the graph")
            elif name not in before:
                yield Planned("camera", name, "added", "it is new in the graph")
            else:
                own = list(_of_camera((node, before[name]), (other, after[name])))
                why = "; ".join([*own, *shared])
                yield Planned("camera", name, "restarted" if why else "kept", why)


def _of_camera(before: tuple[Node, SourceItem], after: tuple[Node, SourceItem]) -> Iterator[str]:
    (node, item), (other_node, other) = before, after
    if item.uri != other.uri:
        yield "its address has changed"
    options, others = item.options or node.options, other.options or other_node.options
    for change in _options("", options, others):
        yield change.removeprefix(".")


def _forgotten(now: PipelineGraph, wanted: PipelineGraph) -> Iterator[str]:
    """Name the nodes with a state per source that another kind, or other options, cannot read."""
    for name, node in now.nodes.items():
        other = wanted.nodes[name]
        is_other_kind = node.kind != other.kind
        is_changed = is_other_kind or node.options != other.options
        if (node.role == "tracker" and is_other_kind) or (node.role == "analytics" and is_changed):
            yield name
