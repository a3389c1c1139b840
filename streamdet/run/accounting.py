"""Where every frame of a run is, read off the bus: for the progress line and the report."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass

from streamdet.graph import PipelineGraph
from streamdet.run.report import SourceReport
from streamdet.transport.redis_bus import RedisBus
from streamdet.worker.plan import RunPlan
from streamdet.worker.run_files import unpack_position


class Accounting:
    """Reads a run's metrics.

    Args:
        bus: the run's bus.
        graph: the graph.
        run: the plan.
    """

    def __init__(self, bus: RedisBus, graph: PipelineGraph, run: RunPlan) -> None:
        self._bus = bus
        self._run = run
        self._final = [group.name for group in graph.groups if _has_sink(run, group.name)]
        self._sinks_of = {
            source_id: [
                name
                for name in self._final
                if source_id in graph.sources_reaching(_entry(graph, name))
            ]
            for source_id in run.source_names
        }

    @property
    def ends_expected(self) -> int:
        """How many (group with a sink, source) pairs must end."""
        return sum(len(sinks) for sinks in self._sinks_of.values())

    def source_reports(self) -> tuple[SourceReport, ...]:
        """Account for every frame of every source.

        Read against the frames' way, so that nothing seems to be further than it has come.
        """
        dropped: dict[tuple[str, str], dict[str, int]] = defaultdict(dict)
        for (group, source_id, reason), count in self._bus.drops().items():
            dropped[group, source_id][reason] = count
        done = {group: self._bus.done_counts(group) for group in self._final}
        positions = self._bus.positions()
        reports = []
        for source_id, address in self._run.source_names.items():
            ends = [
                _End(done[group].get(source_id, 0), dropped[group, source_id])
                for group in self._sinks_of[source_id]
            ]
            slowest = min(ends, key=lambda end: end.published)
            reports.append(_source_report(source_id, address, positions.get(source_id), slowest))
        return tuple(reports)


@dataclass(frozen=True, slots=True)
class _End:
    """What a group with a sink has made of a source: frames committed, of these dropped."""

    committed: int
    dropped: Mapping[str, int]

    @property
    def published(self) -> int:
        return self.committed - sum(self.dropped.values())


def _source_report(source_id: str, address: str, packed: bytes | None, end: _End) -> SourceReport:
    position, notes = unpack_position(packed)
    return SourceReport(
        source_id=source_id,
        address=address,
        decoded=position.decoded,
        sampled_away=position.decoded - position.index,
        emitted=position.index,
        dropped=dict(end.dropped),
        published=end.published,
        unfinished=position.index - end.committed,
        damaged=position.damaged,
        error=notes.get("error"),
        warnings=tuple(notes.get("warnings", ())),
    )


def _has_sink(run: RunPlan, group: str) -> bool:
    return run.layout.groups[group].has_sink


def _entry(graph: PipelineGraph, group: str) -> str:
    return next(one.entry.name for one in graph.groups if one.name == group)
