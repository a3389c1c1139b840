"""What is found out and chosen before a run begins: sources, input sizes, runtimes, pools."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from streamdet.config.deploy import DeploySettings
from streamdet.errors import legible
from streamdet.graph import PipelineGraph
from streamdet.run.choose_inputs import choose_inputs
from streamdet.run.choose_runtimes import choose_runtimes, measured_speed
from streamdet.run.fork_server import ForkServer
from streamdet.run.source_probe import PROBE_NODE, probe, probe_path, read_probes, unprobed
from streamdet.sources import SourceInfo
from streamdet.system.redaction import redacted
from streamdet.transport.connection import is_on_this_machine
from streamdet.transport.run_folder import RunFolder
from streamdet.transport.shm_pool import free_bytes
from streamdet.worker.plan import RunPlan, class_names, live_sources, ring_plan, run_layout
from streamdet.worker.pool_plans import fitting_pools


@dataclass(frozen=True, slots=True)
class PreparedRun:
    """A run that can begin.

    Attributes:
        graph: with the input sizes and runtimes that were chosen.
        plan: the run's plan.
        infos: what is known of the sources.
        inputs: node -> which input sizes were chosen, and why.
        runtime_notes: node -> the measurement that chose its runtime.
        warnings: what is unknown, or smaller than is wanted.
    """

    graph: PipelineGraph
    plan: RunPlan
    infos: Mapping[str, SourceInfo]
    inputs: dict[str, str]
    runtime_notes: dict[str, str]
    warnings: tuple[str, ...]


class Preparation:
    """Prepares the run of a graph.

    Args:
        graph: as it was read.
        settings: of this machine.
        folder: the run's folder.
        redis_url: the run's server.
        server: forks the processes that look at the sources.

    Attributes:
        probe_limit_s: sources have so long to tell how large their images are, in seconds.
        stored_hw: source id -> height and width of its images: such a source is not probed.
        read_attempts, is_shared: see worker.plan.RunPlan.
        is_cancelled: asked whether to give up what takes long.
        on_warning: called with a sentence for each thing that is unsafe or unknown.
        on_note: called with a sentence for each thing that was chosen.
    """

    def __init__(
        self,
        graph: PipelineGraph,
        settings: DeploySettings,
        folder: RunFolder,
        redis_url: str,
        server: ForkServer,
    ) -> None:
        self._graph = graph
        self._settings = settings
        self._folder = folder
        self._redis_url = redis_url
        self._server = server
        self.probe_limit_s = 10.0
        self.stored_hw: Mapping[str, tuple[int, int]] = {}
        self.read_attempts = 0
        self.is_shared = False
        self.is_cancelled: Callable[[], bool] = lambda: False
        self.on_warning: Callable[[str], None] = lambda warning: None
        self.on_note: Callable[[str], None] = lambda note: None

    def prepare(self) -> PreparedRun:
        """Look at the sources, choose, and plan.

        Raises:
            StreamdetError: the run cannot begin.
        """
        infos, unseen = self._probe()
        inputs = self._choose_inputs(infos)
        runtime_notes, unkept = self._choose_runtimes()
        plan, small = self._plan(infos)
        return PreparedRun(
            self._graph, plan, infos, inputs, runtime_notes, (*unseen, *unkept, *small)
        )

    def _probe(self) -> tuple[dict[str, SourceInfo], tuple[str, ...]]:
        """Probe the sources; returns what is known of them, and warnings of what is not."""
        path = self._folder.path
        targets = [
            (PROBE_NODE, (node, probe_path(path, node), self._settings.sources))
            for node in self._graph.nodes_of_role("source")
            if not (node.is_live or all(item.source_id in self.stored_hw for item in node.items))
        ]
        if targets:
            probe(self._server, targets, path, self.probe_limit_s, self.is_cancelled)
        probed = read_probes(self._graph, path)
        seen = (*probed, *self.stored_hw)
        is_over = self.is_cancelled()
        warnings = () if is_over else unprobed(self._graph, seen, self._settings.slot_hw)
        for warning in warnings:
            self.on_warning(warning)
        return {name: info for name, info in probed.items() if info is not None}, warnings

    def _choose_inputs(self, infos: Mapping[str, SourceInfo]) -> dict[str, str]:
        """Choose the input sizes of the networks by the sources; returns the reasons."""
        chosen = choose_inputs(
            self._graph,
            infos,
            lambda node: measured_speed(self._graph, node, self.is_cancelled),
        )
        self._graph = chosen.graph
        for node, note in chosen.notes.items():
            self.on_note(f"{node}: {note}")
        return chosen.notes

    def _choose_runtimes(self) -> tuple[dict[str, str], tuple[str, ...]]:
        """Choose the runtimes, the same for all replicas; returns notes, and warnings."""
        chosen = choose_runtimes(self._graph, is_cancelled=self.is_cancelled)
        self._graph = chosen.graph
        for warning in chosen.warnings:
            self.on_warning(warning)
        return chosen.notes, chosen.warnings

    def _plan(self, infos: Mapping[str, SourceInfo]) -> tuple[RunPlan, tuple[str, ...]]:
        """Plan the run; returns a warning too where the machine is smaller than is wanted."""
        graph, settings, folder = self._graph, self._settings, self._folder
        source_hw = {source_id: info.hw for source_id, info in infos.items()}
        source_hw |= self.stored_hw
        pools, warning = fitting_pools(graph, settings, folder.pool_path, source_hw, free_bytes())
        if warning:
            self.on_warning(warning)
        items = [item for node in graph.nodes_of_role("source") for item in node.items]
        plan = RunPlan(
            layout=run_layout(graph, folder.run_id, pools),
            redis_url=self._redis_url,
            folder=folder.path,
            pools=pools,
            source_names={item.source_id: legible(redacted(item.uri)) for item in items},
            class_names=class_names(graph),
            max_in_flight=settings.max_in_flight,
            dead_letters=settings.dead_letters,
            events=settings.events,
            live_sources=live_sources(graph),
            rings=ring_plan(graph, folder.path),
            read_attempts=self.read_attempts,
            sources=settings.sources,
            is_shared=self.is_shared or not is_on_this_machine(self._redis_url),
        )
        return plan, (warning,) if warning else ()
