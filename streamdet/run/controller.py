"""Carries out what is asked of a running run, one request after the other."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from typing import Any, Final

from streamdet.errors import ConfigError, StreamdetError
from streamdet.graph.added_camera import added_camera
from streamdet.graph.pipeline import Node, PipelineGraph
from streamdet.run.asked import (
    AddCamera,
    ApplyGraph,
    Asked,
    ListCameras,
    PauseCamera,
    PlanGraph,
    RemoveCamera,
    ResumeCamera,
    read_asked,
)
from streamdet.run.camera_changes import CameraChanges, Change
from streamdet.run.change_plan import ChangePlan
from streamdet.run.graph_change import GraphChanges
from streamdet.run.report import SourceReport
from streamdet.run.running import Running
from streamdet.sources.live_address import parse_live
from streamdet.sources.resolve import SourceItem
from streamdet.system.networks import is_number
from streamdet.system.redaction import redacted
from streamdet.transport.bus import RunLostError
from streamdet.transport.requests import Inbox, Request
from streamdet.worker.plan import RunPlan

LoadGraph = Callable[[str | None], PipelineGraph]
"""Reads a graph file with what else the run was started with; None: that of the run."""

_REFUSED: Final = "config"
_FAILED: Final = "other"


class Controller:
    """Takes requests and carries them out; to be called between other work.

    Args:
        running: the run.
        inbox: where requests come from.
        stated: the run's graph as it was read.
        load: reads graphs; None where this run's cannot be read again.
        say: told, in a line, what has been changed.

    The operations and their arguments are those of `control.RunControl`.
    """

    def __init__(
        self,
        running: Running,
        inbox: Inbox,
        stated: PipelineGraph,
        load: LoadGraph | None,
        say: Callable[[str], None],
    ) -> None:
        self._running = running
        self._inbox = inbox
        self._cameras = CameraChanges(running)
        self._graphs = GraphChanges(running, self._cameras, stated)
        self._load = load
        self._say = say
        self._work: Change[Any] | None = None
        self._request: Request | None = None
        self._is_reload_due = False
        self._operations: dict[type[Asked], Callable[[Any], Change[Any]]] = {
            ListCameras: self._list,
            AddCamera: self._add,
            RemoveCamera: self._remove,
            PauseCamera: self._pause,
            ResumeCamera: self._resume,
            PlanGraph: self._plan,
            ApplyGraph: self._apply,
        }

    @property
    def graph(self) -> PipelineGraph:
        """The run's graph as it was last applied, before runtimes were chosen."""
        return self._graphs.stated

    def reload(self) -> None:
        """Have the run's own graph file applied soon; a signal handler may call this."""
        self._is_reload_due = True

    def tick(self) -> None:
        """Go on with the request that is being carried out, or take the next.

        Raises:
            TransportError: the server does not answer.
        """
        if self._work is None:
            self._begin()
        if self._work is None:
            return
        try:
            next(self._work)
        except StopIteration as done:
            self._end({"done": done.value})
        except RunLostError:
            raise
        except StreamdetError as exc:
            kind = _REFUSED if isinstance(exc, ConfigError) else _FAILED
            self._end({"error": redacted(str(exc)), "kind": kind})

    def _begin(self) -> None:
        if self._is_reload_due:
            self._is_reload_due = False
            self._work = self._apply(ApplyGraph(graph=None, expected=None))
            return
        self._request = self._inbox.take()
        if self._request is not None:
            self._work = self._change(self._request.body)

    def _end(self, answer: dict[str, Any]) -> None:
        request, self._request, self._work = self._request, None, None
        if request is not None:
            self._inbox.answer(request, json.dumps(answer).encode())
        elif "error" in answer:
            self._say(f"the graph was not applied: {answer['error']}")

    def _change(self, body: bytes) -> Change[Any]:
        """Make the change that is asked for; it is checked when it is begun."""
        asked = read_asked(body)
        operation: Callable[[Any], Change[Any]] = self._operations[type(asked)]
        return (yield from operation(asked))

    def _list(self, asked: ListCameras) -> Change[list[dict[str, Any]]]:
        yield from ()
        cameras = self._running.cameras()
        return [
            _shown(report, cameras.get(report.source_id))
            for report in self._running.metrics.sources
            if report.source_id in cameras or report.camera is not None
        ]

    def _add(self, asked: AddCamera) -> Change[None]:
        run = self._running
        target = self._node(asked.node)
        self._cameras.check_addable(target, asked.name)
        run.check_sinks(target, [asked.name])
        item = added_camera(target, asked.name, asked.values, run.sources(), os.environ)
        _check_address(item, run.plan)
        run.check_room(target, len(target.items) + 1)
        yield from self._cameras.add(target, item)
        self._say(f"{asked.name}: added")

    def _node(self, name: str | None) -> Node:
        """Find the node that a camera joins.

        Raises:
            ConfigError: there is none of that name, or several and none was named.
        """
        nodes = {node.name: node for node in self._running.live_nodes}
        if name is None and len(nodes) == 1:
            return next(iter(nodes.values()))
        if name not in nodes:
            there_are = ", ".join(nodes)
            what = "name the node that it joins" if name is None else f"no node {name!r} of cameras"
            raise ConfigError(f"{what}: this run has {there_are}")
        return nodes[name]

    def _remove(self, asked: RemoveCamera) -> Change[dict[str, Any]]:
        self._running.check_sinks(self._running.node_of(asked.name))
        yield from self._cameras.remove(asked.name, asked.reason)
        yield from self._cameras.until_counted(asked.name)
        self._say(f"{asked.name}: removed")
        return _shown(self._cameras.report(asked.name), None)

    def _pause(self, asked: PauseCamera) -> Change[None]:
        self._running.node_of(asked.name)
        yield from self._cameras.pause(asked.name, asked.reason)

    def _resume(self, asked: ResumeCamera) -> Change[None]:
        self._running.node_of(asked.name)
        yield from self._cameras.resume(asked.name)

    def _plan(self, asked: PlanGraph) -> Change[dict[str, Any]]:
        yield from ()
        return self._graphs.check(self._read(asked.graph)).plan.as_dict()

    def _apply(self, asked: ApplyGraph) -> Change[dict[str, Any]]:
        change = self._graphs.check(self._read(asked.graph))
        plan = change.plan.as_dict()
        if asked.expected is not None and json.loads(json.dumps(plan)) != asked.expected:
            raise ConfigError("the run has changed since this plan was made: look at it again")
        yield from self._graphs.make(change)
        self._say(f"applied {asked.graph or 'its graph file again'}: {plan_text(change.plan)}")
        return plan

    def _read(self, path: str | None) -> PipelineGraph:
        if self._load is None:
            raise ConfigError("this run was started from Python: its graph cannot be read again")
        return self._load(path)


def _check_address(item: SourceItem, plan: RunPlan) -> None:
    """Refuse an address in numbers that may not be called; a name is looked up by its worker.

    Raises:
        ConfigError: it may not.
    """
    host = parse_live(item.uri).host
    if is_number(host) and (refusal := plan.networks(item).refusal(host)):
        raise ConfigError(f"camera {item.source_id}: {refusal}")


def plan_text(plan: ChangePlan) -> str:
    """Say in a few words what a plan does."""
    if plan.changes_nothing:
        return "nothing has changed"
    parts = []
    for action in ("kept", "added", "removed", "restarted"):
        names = [step.name for step in plan.steps if step.action == action]
        if names:
            shown = str(len(names)) if action == "kept" else ", ".join(names)
            parts.append(f"{action} {shown}")
    return "; ".join(parts)


def _shown(report: SourceReport, node: Node | None) -> dict[str, Any]:
    camera = report.camera
    return {
        "name": report.source_id,
        "node": None if node is None else node.name,
        "state": "connecting" if camera is None else camera.state,
        "reason": "" if camera is None else camera.reason,
        "since_ns": 0 if camera is None else camera.since_ns,
        "address": report.address,
        "emitted": report.emitted,
        "published": report.published,
        "dropped": dict(report.dropped),
        "in_flight": report.unfinished,
    }
