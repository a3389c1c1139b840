"""Where every frame of a run is, read off the bus: for the progress line and the report."""

from __future__ import annotations

from collections.abc import Mapping

from streamdet.graph import PipelineGraph
from streamdet.plan import RunPlan
from streamdet.report import SourceReport
from streamdet.source_worker import unpack_position
from streamdet.transport.redis_bus import RedisBus


class Ledger:
    """Reads a run's figures.

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
        """Account for every frame of every source."""
        positions, drops = self._bus.positions(), self._bus.drops()
        finished = self._finished_by_source()
        return tuple(
            _source_report(
                source_id,
                address,
                positions.get(source_id),
                {reason: n for (source, reason), n in drops.items() if source == source_id},
                finished[source_id],
            )
            for source_id, address in self._run.source_names.items()
        )

    def _finished_by_source(self) -> dict[str, int]:
        done = {group: self._bus.done_counts(group) for group in self._final}
        return {
            source_id: min((done[group].get(source_id, 0) for group in sinks), default=0)
            for source_id, sinks in self._sinks_of.items()
        }


def _source_report(
    source_id: str,
    address: str,
    packed: bytes | None,
    drops: Mapping[str, int],
    finished: int,
) -> SourceReport:
    position, notes = unpack_position(packed)
    # A dropped frame travels on to the sinks, which commit it as such.
    published = max(0, finished - sum(drops.values()))
    return SourceReport(
        source_id=source_id,
        address=address,
        decoded=position.decoded,
        sampled_away=position.decoded - position.index,
        emitted=position.index,
        dropped=dict(drops),
        published=published,
        unfinished=position.index - published - sum(drops.values()),
        damaged=position.damaged,
        error=notes.get("error"),
        warnings=tuple(notes.get("warnings", ())),
    )


def _has_sink(run: RunPlan, group: str) -> bool:
    return run.layout.groups[group].has_sink


def _entry(graph: PipelineGraph, group: str) -> str:
    return next(one.entry.name for one in graph.groups if one.name == group)
