"""Turns the graph of a running run into another one: all of it, or nothing."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import partial

from streamdet.errors import ConfigError
from streamdet.graph.pipeline import Node, PipelineGraph
from streamdet.run.camera_changes import CameraChanges, Change, insisting, together
from streamdet.run.change_plan import START_AGAIN, ChangePlan, plan_change
from streamdet.run.choose_runtimes import choose_runtimes
from streamdet.run.missing_parts import refuse_missing
from streamdet.run.running import Running
from streamdet.sources.resolve import SourceItem
from streamdet.worker.plan import class_names
from streamdet.worker.pool_plans import plan_pools


@dataclass(frozen=True, slots=True)
class CheckedChange:
    """A change that can be made.

    Attributes:
        plan: what has to be done.
        graph: as it was read.
        chosen: the same with all runtimes chosen.
    """

    plan: ChangePlan
    graph: PipelineGraph
    chosen: PipelineGraph


class GraphChanges:
    """Changes the graph of one run.

    Args:
        running: the run.
        cameras: of the same run.
        stated: its graph as it was read, before runtimes were chosen.
    """

    def __init__(self, running: Running, cameras: CameraChanges, stated: PipelineGraph) -> None:
        self._running = running
        self._cameras = cameras
        self._stated = stated

    def check(self, wanted: PipelineGraph) -> CheckedChange:
        """Find out what has to change, and whether it can; changes nothing.

        Raises:
            StreamdetError: it cannot.
        """
        plan = plan_change(self._as_stated(), wanted)
        for node in self._running.live_nodes:
            self._check_cameras(node, wanted.nodes[node.name], plan)
        refuse_missing(wanted)
        chosen = choose_runtimes(wanted, is_cancelled=lambda: False).graph
        self._check_pools(chosen)
        return CheckedChange(plan, wanted, chosen)

    def make(self, change: CheckedChange) -> Change[None]:
        """Make a change that was checked just before."""
        run, plan = self._running, change.plan
        yield from together(
            [self._cameras.remove(n, "it is not in the graph that was applied")
             for n in plan.names("camera", "removed")]
        )  # fmt: skip
        added = self._take_over(change)
        yield from self._restart_processes(plan)
        yield from together([self._cameras.restart(n) for n in plan.names("camera", "restarted")])
        for node, item in added:
            yield from self._cameras.add(run.graph.nodes[node.name], item)
        run.tell_others()
        self._stated = change.graph

    def _as_stated(self) -> PipelineGraph:
        """The graph as it was read, with the cameras that there are now."""
        now = self._running.graph.nodes
        nodes = {
            name: replace(node, items=now[name].items) for name, node in self._stated.nodes.items()
        }
        return replace(self._stated, nodes=nodes)

    def _check_cameras(self, node: Node, wanted: Node, plan: ChangePlan) -> None:
        new = plan.names("camera", "added")
        added = [item.source_id for item in wanted.items if item.source_id in new]
        for name in added:
            self._cameras.check_addable(node, name)
        if added or plan.names("camera", "removed"):
            self._running.check_sinks(node, added)
        self._running.check_room(node, len(wanted.items))

    def _check_pools(self, graph: PipelineGraph) -> None:
        run = self._running
        needed = plan_pools(graph, run.settings, lambda name: run.plan.pools[name].path, {})
        for name, pool in run.plan.pools.items():
            if (
                needed[name].pixel_format != pool.pixel_format
                or needed[name].slot_bytes > pool.slot_bytes
            ):
                raise ConfigError(f"{name} makes images that do not fit its pool: {START_AGAIN}")

    def _take_over(self, change: CheckedChange) -> list[tuple[Node, SourceItem]]:
        """Let the new graph be that of the run; returns the cameras that are to be added."""
        run = self._running
        new_names = set(change.plan.names("camera", "added"))
        graph, added = change.chosen, []
        nodes = dict(graph.nodes)
        for node in graph.nodes_of_role("source"):
            added += [(node, item) for item in node.items if item.source_id in new_names]
            kept = tuple(item for item in node.items if item.source_id not in new_names)
            nodes[node.name] = replace(node, items=kept)
        run.graph = replace(graph, name=run.graph.name, nodes=nodes)
        names = {**run.plan.class_names, **class_names(graph)}
        run.plan = replace(run.plan, class_names=names)
        return added

    def _restart_processes(self, plan: ChangePlan) -> Change[None]:
        run = self._running
        groups = set(plan.names("process", "restarted"))
        consumers = [name for name, each in run.processes.plans().items() if each.group in groups]
        yield from self._cameras.halted(consumers)
        for node in plan.forgotten:
            yield from insisting(partial(run.bus.forget_states, node))
        for consumer in consumers:
            run.processes.go_on(run.worker_plan(consumer))
