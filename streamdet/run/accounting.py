"""Counts the frames of a run from the bus: for the progress line, report and status."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from streamdet.run.description import SourceDescription
from streamdet.run.report import CameraReport, SourceReport
from streamdet.sources.positions import unpack_position
from streamdet.transport.bus import RunAdmin, SourceResult


class Accounting:
    """Reads a run's metrics, and changes nothing.

    Args:
        bus: the run's bus.
        sources: source id -> source.

    Attributes:
        sources: the same; replaced when one comes.
    """

    def __init__(self, bus: RunAdmin, sources: Mapping[str, SourceDescription]) -> None:
        self._bus = bus
        self.sources = sources

    @property
    def ends_expected(self) -> int:
        """The number of (group with a sink, source) pairs that must end."""
        return sum(len(source.sinks) for source in self.sources.values())

    def source_reports(self) -> tuple[SourceReport, ...]:
        """Account for every frame of every source.

        Counters are read from the sinks back to the sources, so no count can exceed the one before
        it.
        """
        dropped: dict[tuple[str, str], dict[str, int]] = defaultdict(dict)
        for (group, source_id, reason), count in self._bus.drops().items():
            dropped[group, source_id][reason] = count
        final = sorted({name for source in self.sources.values() for name in source.sinks})
        results = {group: self._bus.results(group) for group in final}
        positions = self._bus.positions()
        reports = []
        for source_id, source in self.sources.items():
            ends = [
                _End(results[group].get(source_id, SourceResult()), dropped[group, source_id])
                for group in source.sinks
            ]
            packed = positions.get(source_id)
            report = _source_report(source_id, source.address, packed, ends)
            reports.append(replace(report, expected=source.expected, added_s=source.added_s))
        return tuple(reports)


@dataclass(frozen=True, slots=True)
class _End:
    """What a group with a sink has committed of a source, and how many frames were dropped."""

    result: SourceResult
    dropped: Mapping[str, int]

    @property
    def published(self) -> int:
        return self.result.frames - sum(self.dropped.values())


def _source_report(
    source_id: str, address: str, packed: bytes | None, ends: Sequence[_End]
) -> SourceReport:
    """Account for a source as its slowest sink has it; of objects and tracks the most count."""
    position, notes = unpack_position(packed)
    end = min(ends, key=lambda end: end.published)
    tracks = [end.result.tracks for end in ends if end.result.tracks is not None]
    camera = notes.get("camera")
    return SourceReport(
        source_id=source_id,
        address=address,
        decoded=position.decoded,
        sampled_away=position.decoded - position.index,
        emitted=position.index,
        dropped=dict(end.dropped),
        published=end.published,
        unfinished=position.index - end.result.frames,
        damaged=position.damaged,
        error=notes.get("error"),
        warnings=tuple(notes.get("warnings", ())),
        camera=None if camera is None else CameraReport(**camera),
        objects=max(end.result.objects for end in ends),
        tracks=max(tracks, default=None),
        is_stopped=notes.get("is_stopped", False),
    )
