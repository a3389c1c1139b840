"""One run of a pipeline over segments: says of each when it has ended, and how.

Its source workers take one segment after another.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Final

from streamdet.archive.detection_graph import SplitGraph
from streamdet.config.deploy import DeploySettings
from streamdet.run.report import Report, Snapshot, SourceReport
from streamdet.run.supervisor import Supervisor
from streamdet.sinks.segments import SUFFIX
from streamdet.sources.resolve import SourceItem

ATTEMPTS: Final = 3
"""A file on which a process of a run has ended so often fails; so does one that ends whole runs."""


class SegmentRun:
    """A run over segments.

    Args:
        parts: of the graph; only what detects is used.
        items: the segments.
        stored_hw: segment -> how large the slots for its images must be.
        settings: of this machine.
        folder: where their detections appear, each file whole.
        lanes: how many segments are read at once; None: as the graph says.

    Attributes:
        on_ended: called with a segment that has ended, once what is said of it is final, and its
            detections are there; to be replaced.
        on_look: called about ten times a second with the segments that have not ended.
        on_warning: called with a sentence.
        on_note: called with a sentence for each thing that was chosen.
        under_way: names of the segments of which frames have come.
    """

    def __init__(
        self,
        parts: SplitGraph,
        items: Sequence[SourceItem],
        stored_hw: Mapping[str, tuple[int, int]],
        settings: DeploySettings,
        folder: Path,
        lanes: int | None = None,
    ) -> None:
        graph = parts.detection_graph(items, folder, 1 if len(items) == 1 else lanes)
        self._folder = folder
        self._supervisor = Supervisor(graph, settings)
        self._supervisor.stored_hw = stored_hw
        self._supervisor.read_attempts = ATTEMPTS
        self._supervisor.on_progress = self._look
        self.on_ended: Callable[[SourceReport], None] = lambda source: None
        self.on_look: Callable[[Sequence[SourceReport]], None] = lambda running: None
        self.on_warning: Callable[[str], None] = lambda warning: None
        self.on_note: Callable[[str], None] = lambda note: None
        self.under_way: set[str] = set()
        self._seen: dict[str, object] = {}
        self._ended: set[str] = set()

    def run(self) -> Report:
        """Run to the end.

        Raises:
            StreamdetError: it cannot be started.
        """
        self._supervisor.on_warning, self._supervisor.on_note = self.on_warning, self.on_note
        report = self._supervisor.run()
        for source in report.sources:
            if source.source_id not in self._ended and self._detections(source).exists():
                self._end(source)
        return report

    def stop(self, *, at_once: bool = False) -> None:
        """Stop the run; any thread may call this."""
        self._supervisor.stop(at_once=at_once)

    def _look(self, snapshot: Snapshot) -> None:
        """Find the segments whose detections have been there since before these metrics.

        A source's end is committed, with its warnings, before its file appears: what the metrics
        say of it is final then.
        """
        for source in snapshot.sources:
            if source.source_id in self._ended or not (source.emitted or source.error):
                continue
            self.under_way.add(source.source_id)
            before = self._seen.get(source.source_id)
            if before is None:
                if self._detections(source).exists():
                    self._seen[source.source_id] = snapshot.sources
            elif before is not snapshot.sources:
                self._end(source)
        self.on_look([each for each in snapshot.sources if each.source_id not in self._ended])

    def _end(self, source: SourceReport) -> None:
        self._ended.add(source.source_id)
        self.on_ended(source)

    def _detections(self, source: SourceReport) -> Path:
        return self._folder / f"{source.source_id}{SUFFIX}"
