"""Does what the manifest says is left: detects segments in one run after another, joins files.

A run takes up to `WAVE` segments, so that models are loaded once for hours of video; its source
workers take one segment after another. After a run that failed, each segment that was under way is
tried in a run of its own, so that the one to blame is found.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from streamdet.archive.folder import ArchiveFolder
from streamdet.archive.manifest import Manifest
from streamdet.archive.manifest_rows import FileRow, SegmentRow
from streamdet.archive.outcomes import Outcomes
from streamdet.archive.planning import Request
from streamdet.archive.progress import Hooks
from streamdet.archive.standing import Standing
from streamdet.archive.store_copy import StoreCopy
from streamdet.config.deploy import DeploySettings
from streamdet.errors import EngineError
from streamdet.run.report import Report, Snapshot, SourceReport
from streamdet.run.supervisor import Supervisor
from streamdet.sinks.segments import SUFFIX
from streamdet.sources.file import SegmentOptions
from streamdet.sources.media_file import MediaPlace
from streamdet.sources.resolve import SourceItem
from streamdet.system.process import stop_signals_to

WAVE: Final = 1000
"""Segments of one run."""

ATTEMPTS: Final = 3
"""A file on which a process of a run has ended so often fails; so does one that ends whole runs."""

POLL_S: Final = 0.1


@dataclass(slots=True)
class _Wave:
    """The segments of a run that are not settled yet, by name.

    Attributes:
        open: these.
        under_way: names of those of which frames have come.
        seen: name -> the metrics as they were when its file was first seen.
    """

    open: dict[str, SegmentRow]
    under_way: set[str] = field(default_factory=set)
    seen: dict[str, object] = field(default_factory=dict)


class ArchiveWork:
    """Works through an archive.

    Args:
        manifest: of the archive, planned.
        folder: of the archive, held by this process.
        request: what is asked for.
        settings: of this machine.
        hooks: who is told.
        copy: what lies in the archive's store, if it has one.
    """

    def __init__(
        self,
        manifest: Manifest,
        folder: ArchiveFolder,
        request: Request,
        settings: DeploySettings,
        hooks: Hooks,
        copy: StoreCopy | None = None,
    ) -> None:
        self._manifest = manifest
        self._folder = folder
        self._request = request
        self._settings = settings
        self._hooks = hooks
        self._copy = copy
        self._said: set[str] = set()
        self._stops = 0
        self._failure: EngineError | None = None
        self._supervisor: Supervisor | None = None

    def run(self, paths: Sequence[MediaPlace]) -> bool:
        """Work until nothing is left of these files.

        Returns:
            Whether nothing is left; False where it was stopped before.

        Raises:
            StreamdetError: a run cannot be started, or outputs cannot be written.
        """
        self._begin(paths)
        with stop_signals_to(lambda *_: self._stop()):
            try:
                for row in self.standing.rows.values():
                    self._outcomes.join_if_ready(row.id)
                while not self._stops and (wave := self._next_wave()):
                    self._run_wave(wave)
                while not self._stops and self._outcomes.joins_left:
                    self._outcomes.poll(POLL_S)
                    self._hooks.show(self.standing.progress(()))
            finally:
                self._outcomes.stop()
        self._sweep()
        if self._failure is not None:
            raise self._failure
        return not self._stops

    def _begin(self, paths: Sequence[MediaPlace]) -> None:
        """Add up what is there, and throw away what a killed command has left."""
        wanted = set(paths)
        self._take_back_lost(row for row in self._manifest.files() if row.path in wanted)
        self.standing = Standing(self._manifest, paths)
        self._outcomes = Outcomes(
            self._manifest,
            self._folder,
            self._request,
            self._hooks,
            self.standing,
            self._on_failure,
        )
        self._sweep()

    def _take_back_lost(self, files: Iterable[FileRow]) -> None:
        """Fetch detections that files need, or have them made again where they are gone."""
        there = {path.stem for path in self._folder.segments.glob(f"*{SUFFIX}")}
        needed = (row.id for row in files if row.state == "waiting")
        segments = (s for id_ in needed for s in self._manifest.segments(id_))
        gone = {s.name: s for s in segments if s.state == "done" and s.name not in there}
        if self._copy is not None and gone:
            known = self._manifest.stored_names()
            for name in self._copy.fetch_segments([name for name in gone if name in known]):
                del gone[name]
        with self._manifest.transaction():
            for segment in gone.values():
                self._manifest.segment_lost(segment)

    def _sweep(self) -> None:
        """Remove detections that the manifest does not count: of killed and of refused segments."""
        done = self._manifest.done_names()
        for path in self._folder.segments.glob(f"*{SUFFIX}"):
            if path.stem not in done:
                path.unlink()

    def _next_wave(self) -> _Wave | None:
        waiting = [s for s in self._manifest.waiting() if s.file in self.standing.rows]
        suspects = [segment for segment in waiting if segment.attempts]
        chosen = suspects[:1] or waiting[:WAVE]
        return _Wave({segment.name: segment for segment in chosen}) if chosen else None

    def _run_wave(self, wave: _Wave) -> None:
        self._sweep()
        items = [self._item(segment) for segment in wave.open.values()]
        lanes = 1 if len(items) == 1 else None
        graph = self._request.parts.detection_graph(items, self._folder.segments, lanes)
        supervisor = Supervisor(graph, self._settings, self._hooks.warn)
        supervisor.stored_hw = self._stored_hw(wave)
        supervisor.read_attempts = ATTEMPTS
        supervisor.on_note = self._note
        supervisor.on_progress = lambda snapshot: self._look(wave, snapshot)
        self._supervisor = supervisor
        try:
            report = supervisor.run()
        finally:
            self._supervisor = None
        self._end_wave(wave, report)

    def _note(self, note: str) -> None:
        """Tell what was chosen for a run, once for all runs."""
        if note not in self._said:
            self._said.add(note)
            self._hooks.note(note)

    def _item(self, segment: SegmentRow) -> SourceItem:
        options = self._request.parts.options.model_dump()
        own = SegmentOptions(
            **options,
            begin=segment.cut.begin,
            end=segment.cut.end,
            detect_every=self._request.detect_every,
        )
        return SourceItem(segment.name, str(self.standing.rows[segment.file].path), own)

    def _stored_hw(self, wave: _Wave) -> Mapping[str, tuple[int, int]]:
        """How large the slots for images must be; which input an image gets, it decides itself."""
        rows = self.standing.rows
        return {name: rows[segment.file].hw or (1, 1) for name, segment in wave.open.items()}

    def _look(self, wave: _Wave, snapshot: Snapshot) -> None:
        """Do what a change of the metrics asks for; an error of our own is no segment's fault."""
        try:
            self._tick(wave, snapshot)
            if self._copy is not None and self._copy.failure is not None:
                raise self._copy.failure
        except EngineError as exc:
            self._on_failure(exc)
        running = [source for source in snapshot.sources if source.source_id in wave.open]
        self._hooks.show(self.standing.progress(running))

    def _tick(self, wave: _Wave, snapshot: Snapshot) -> None:
        """Settle the segments whose file of detections has been there since before these metrics.

        A source's end is committed, with its warnings, before its file appears: what the metrics
        say of it is final then.
        """
        for source in snapshot.sources:
            if source.source_id not in wave.open or not (source.emitted or source.error):
                continue
            wave.under_way.add(source.source_id)
            before = wave.seen.get(source.source_id)
            if before is None:
                if self._outcomes.detections(source.source_id).exists():
                    wave.seen[source.source_id] = snapshot.sources
            elif before is not snapshot.sources:
                self._settle(wave, source)
        self._outcomes.poll(0.0)

    def _end_wave(self, wave: _Wave, report: Report) -> None:
        for source in report.sources:
            if (
                source.source_id in wave.open
                and self._outcomes.detections(source.source_id).exists()
            ):
                self._settle(wave, source)
        if report.outcome == "stopped":
            self._stops = max(1, self._stops)
        elif report.outcome == "failed":
            self._blame(wave, report.failure or "the run failed")

    def _blame(self, wave: _Wave, failure: str) -> None:
        """Count a failed run against the segments that were under way.

        Raises:
            EngineError: there are none, or outputs cannot be written: it is no segment's fault.
        """
        under_way = [wave.open[name] for name in wave.under_way if name in wave.open]
        if not under_way or self._folder.is_to_blame(failure):
            raise EngineError(failure)
        for segment in under_way:
            with self._manifest.transaction():
                self._manifest.count_attempt(segment)
            if segment.attempts + 1 >= ATTEMPTS and len(under_way) == 1:
                name = self.standing.rows[segment.file].path
                text = f"{name}: {ATTEMPTS} runs ended while it was worked on: {failure}"
                self._outcomes.fail(segment.file, text)

    def _settle(self, wave: _Wave, source: SourceReport) -> None:
        for part in self._outcomes.settle(wave.open.pop(source.source_id), source):
            wave.open.pop(part.name, None)

    def _on_failure(self, failure: EngineError | None) -> None:
        """Stop because of an error of the archive, or of a file if one is enough."""
        self._failure = self._failure or failure
        if failure is not None or self._request.fails_fast:
            self._stop()

    def _stop(self) -> None:
        self._stops += 1
        if self._supervisor is not None:
            self._supervisor.stop()
