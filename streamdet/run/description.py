"""The file in a run's folder that tells another process how to read the run's metrics.

The supervisor writes it, `streamdet status` reads it. It holds the server's address with its
password: only the user of the run may read it.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final

from streamdet.graph import PipelineGraph
from streamdet.sources import SourceInfo
from streamdet.system.atomic_file import replaced_whole
from streamdet.transport.bus import GroupLayout, RunLayout
from streamdet.worker.plan import RunPlan, WorkerPlan

DESCRIPTION_FILE: Final = "run.json"
RESTARTS_FILE: Final = "restarts"


@dataclass(frozen=True, slots=True)
class SourceDescription:
    """One source.

    Attributes:
        address: of the source, without secrets.
        sinks: names of the groups with a sink that its frames reach.
        expected: frames that it will have emitted in the end; None where nobody knows.
        added_s: seconds from the run's start until it was added; None: it was there from the start.
    """

    address: str
    sinks: tuple[str, ...]
    expected: int | None = None
    added_s: float | None = None


@dataclass(frozen=True, slots=True)
class StageDescription:
    """One node.

    Attributes:
        kind: its kind.
        queue: the group whose input stream it reads; None for a source, and for a node that reads
            another node of its process.
    """

    kind: str
    queue: str | None


@dataclass(frozen=True, slots=True)
class RunDescription:
    """One run.

    Attributes:
        run_id: names the run.
        graph: the graph's name.
        pid: the supervisor's process id.
        started_s: start of the workers, seconds of this machine's monotonic clock.
        redis_url: the server's address, with its password: never shown.
        groups: the names of the process groups.
        consumers: the names of the workers.
        sources: source id -> source.
        stages: node -> stage, in the graph's order.
    """

    run_id: str
    graph: str
    pid: int
    started_s: float
    redis_url: str
    groups: tuple[str, ...]
    consumers: tuple[str, ...]
    sources: Mapping[str, SourceDescription]
    stages: Mapping[str, StageDescription]

    @property
    def layout(self) -> RunLayout:
        """The part of the run's layout that reading its metrics needs."""
        return RunLayout(self.run_id, {group: GroupLayout() for group in self.groups}, {})

    def write(self, folder: Path) -> None:
        """Write it into the run's folder; a reader finds the whole file or none."""
        with replaced_whole(folder / DESCRIPTION_FILE) as part:
            part.touch(mode=0o600)
            part.write_text(json.dumps(asdict(self)))


def describe_run(
    graph: PipelineGraph,
    run: RunPlan,
    plans: list[WorkerPlan],
    *,
    pid: int,
    started_s: float,
    infos: Mapping[str, SourceInfo],
) -> RunDescription:
    """Describe a run that is about to start.

    Args:
        graph: the graph.
        run: the plan.
        plans: its workers.
        pid: the supervisor's process id.
        started_s: now, monotonic.
        infos: what is known of the sources.
    """
    return RunDescription(
        run_id=run.layout.run_id,
        graph=graph.name,
        pid=pid,
        started_s=started_s,
        redis_url=run.redis_url,
        groups=tuple(run.layout.groups),
        consumers=tuple(plan.consumer for plan in plans),
        sources=_sources(graph, run, infos),
        stages=describe_stages(graph),
    )


def read_description(folder: Path) -> RunDescription | None:
    """Read a run's description; None if it is not written yet, or the run has just ended."""
    try:
        values: dict[str, Any] = json.loads((folder / DESCRIPTION_FILE).read_text())
    except FileNotFoundError:
        return None
    return RunDescription(
        **values
        | {
            "groups": tuple(values["groups"]),
            "consumers": tuple(values["consumers"]),
            "sources": {
                name: SourceDescription(**source | {"sinks": tuple(source["sinks"])})
                for name, source in values["sources"].items()
            },
            "stages": {name: StageDescription(**stage) for name, stage in values["stages"].items()},
        }
    )


def write_restarts(folder: Path, count: int) -> None:
    """Write how often a worker was restarted."""
    with replaced_whole(folder / RESTARTS_FILE) as part:
        part.write_text(str(count))


def read_restarts(folder: Path) -> int:
    """Read how often a worker was restarted; 0 if nothing is written yet."""
    try:
        return int((folder / RESTARTS_FILE).read_text())
    except FileNotFoundError:
        return 0


def _sources(
    graph: PipelineGraph, run: RunPlan, infos: Mapping[str, SourceInfo]
) -> dict[str, SourceDescription]:
    final = [group for group in graph.groups if run.layout.groups[group.name].has_sink]
    reaching = {group.name: graph.sources_reaching(group.first.name) for group in final}
    return {
        source_id: SourceDescription(
            address,
            tuple(name for name, sources in reaching.items() if source_id in sources),
            infos[source_id].frame_count if source_id in infos else None,
        )
        for source_id, address in run.source_names.items()
    }


def describe_stages(graph: PipelineGraph) -> dict[str, StageDescription]:
    """Describe the nodes of a graph."""
    queues = {
        group.first.name: group.name for group in graph.groups if group.first.role != "source"
    }
    return {
        node.name: StageDescription(node.kind, queues.get(node.name))
        for node in graph.nodes.values()
    }
