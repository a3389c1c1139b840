"""Turns the graph of a running run into another one: all of it, or nothing."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Final

from streamdet.errors import ConfigError, EngineError
from streamdet.graph.pipeline import Node, PipelineGraph
from streamdet.models.input_size import SizeChoice, choice_of, limited
from streamdet.models.model_config import ModelConfig
from streamdet.run.camera_changes import CameraChanges, Change, insisting, together
from streamdet.run.change_plan import START_AGAIN, ChangePlan, plan_change
from streamdet.run.choose_runtimes import choose_runtimes
from streamdet.run.missing_parts import refuse_missing
from streamdet.run.running import Running
from streamdet.worker.plan import class_names
from streamdet.worker.pool_plans import plan_pools

NOT_IN_GRAPH: Final = "it is not in the graph that was applied"


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

    Attributes:
        stated: the same, of the graph that was last applied.
    """

    def __init__(self, running: Running, cameras: CameraChanges, stated: PipelineGraph) -> None:
        self._running = running
        self._cameras = cameras
        self.stated = stated

    def check(self, wanted: PipelineGraph) -> CheckedChange:
        """Find out what has to change, and whether it can; changes nothing.

        Raises:
            StreamdetError: it cannot.
        """
        plan = plan_change(self._as_stated(), wanted)
        for node in self._running.live_nodes:
            self._check_cameras(node, wanted.nodes[node.name], plan)
        refuse_missing(wanted)
        chosen = choose_runtimes(self._sized(wanted), is_cancelled=lambda: False).graph
        self._check_pools(chosen)
        return CheckedChange(plan, wanted, chosen)

    def make(self, change: CheckedChange) -> Change[None]:
        """Make a change that was checked just before.

        Raises:
            ConfigError: a process cannot start with its new options; all is as it was.
        """
        run, plan = self._running, change.plan
        before = run.graph, run.plan
        self._take_over(change)
        groups = set(plan.names("process", "restarted"))
        consumers = [name for name, each in run.processes.plans().items() if each.group in groups]
        try:
            yield from self._restart(consumers, plan.forgotten, on_trial=True)
        except EngineError as exc:
            run.graph, run.plan = before
            yield from self._restart(consumers, ())
            raise ConfigError(f"not applied, and all is as it was: {exc}") from exc
        yield from self._change_cameras(change)
        run.tell_others()
        self.stated = change.graph

    def _change_cameras(self, change: CheckedChange) -> Change[None]:
        cameras, plan = self._cameras, change.plan
        gone = plan.names("camera", "removed")
        yield from together([cameras.remove(name, NOT_IN_GRAPH) for name in gone])
        yield from together([cameras.restart(n) for n in plan.names("camera", "restarted")])
        new = set(plan.names("camera", "added"))
        for node in change.chosen.nodes_of_role("source"):
            for item in (each for each in node.items if each.source_id in new):
                yield from cameras.add(self._running.graph.nodes[node.name], item)

    def _as_stated(self) -> PipelineGraph:
        """The graph as it was read, with the cameras that there are now."""
        now = self._running.graph.nodes
        nodes = {
            name: replace(node, items=now[name].items) for name, node in self.stated.nodes.items()
        }
        return replace(self.stated, nodes=nodes)

    def _sized(self, wanted: PipelineGraph) -> PipelineGraph:
        """Give a graph the input sizes, and what has not changed the runtimes, of the running one.

        Raises:
            ConfigError: a model does not take the size that the run's images have.
        """
        nodes = dict(wanted.nodes)
        for name, stated in self.stated.nodes.items():
            node, running = wanted.nodes[name], self._running.graph.nodes[name]
            if node.role not in ("transform", "detector"):
                continue
            if node == stated:
                nodes[name] = running
            elif node.model is not None and running.model is not None:
                is_same = node.model == stated.model
                model = running.model if is_same else _sized_like(node.model, running.model)
                nodes[name] = replace(node, model=model)
        return replace(wanted, nodes=nodes)

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

    def _take_over(self, change: CheckedChange) -> None:
        """Let the new graph be that of the run, but for cameras that come and go."""
        run, graph = self._running, change.chosen
        nodes = dict(graph.nodes)
        for node in run.live_nodes:
            wanted = {item.source_id: item for item in graph.nodes[node.name].items}
            items = tuple(wanted.get(item.source_id, item) for item in node.items)
            nodes[node.name] = replace(graph.nodes[node.name], items=items)
        run.graph = replace(graph, name=run.graph.name, nodes=nodes)
        names = {**run.plan.class_names, **class_names(graph)}
        run.plan = replace(run.plan, class_names=names)

    def _restart(
        self, consumers: Sequence[str], forgotten: Sequence[str], *, on_trial: bool = False
    ) -> Change[None]:
        """Restart workers by the graph as it is now, and wait until they work.

        Raises:
            EngineError: one that is on trial cannot start.
        """
        run = self._running
        yield from self._cameras.halted(consumers)
        for node in forgotten:
            yield from insisting(partial(run.bus.forget_states, node))
        for consumer in consumers:
            run.processes.go_on(run.worker_plan(consumer), on_trial=on_trial)
        while on_trial and not all(run.processes.has_started(name) for name in consumers):
            yield


def _sized_like(model: ModelConfig, running: ModelConfig) -> ModelConfig:
    """Give a model the input sizes of the one that runs."""
    if model.input is None or running.input is None:
        return model
    sizes = choice_of(running) or SizeChoice((running.input.hw,), running.enough)
    return limited(model, sizes)
