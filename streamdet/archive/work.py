"""Does what the manifest says is left: detects segments in one run after another, joins files.

A run takes up to `WAVE` segments, so that models are loaded once for hours of video; its source
workers take one segment after another. After a run that failed, each segment that was under way is
tried in a run of its own, so that the one to blame is found.
"""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from streamdet.archive.digests import join_digest
from streamdet.archive.folder import ArchiveFolder
from streamdet.archive.join import JoinTask
from streamdet.archive.joiner import Joiner
from streamdet.archive.manifest import Manifest
from streamdet.archive.manifest_rows import SegmentRow
from streamdet.archive.planning import Request
from streamdet.archive.progress import Hooks, Progress
from streamdet.config.deploy import DeploySettings
from streamdet.errors import EngineError
from streamdet.run.report import Report, Snapshot, SourceReport
from streamdet.run.supervisor import Supervisor
from streamdet.sinks.segments import SUFFIX
from streamdet.sources.cut import is_not_exact
from streamdet.sources.file import SegmentOptions
from streamdet.sources.media_file import MediaPlace
from streamdet.sources.resolve import SourceItem
from streamdet.stores.store import is_store_out
from streamdet.system.atomic_file import sync_folder
from streamdet.system.process import stop_signals_to
from streamdet.worker.plan import class_names

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
        fails_fast: whether the first failed file ends the work.
    """

    def __init__(
        self,
        manifest: Manifest,
        folder: ArchiveFolder,
        request: Request,
        settings: DeploySettings,
        hooks: Hooks,
        *,
        fails_fast: bool = False,
    ) -> None:
        self._manifest = manifest
        self._folder = folder
        self._request = request
        self._settings = settings
        self._hooks = hooks
        self._fails_fast = fails_fast
        self._joiner = Joiner(folder)
        self._join_digest = join_digest(request.parts)
        self._run_id = manifest.meta("archive_id", "")
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
                for row in self._rows.values():
                    self._join_if_ready(row.id)
                while not self._stops and (wave := self._next_wave()):
                    self._run_wave(wave)
                while not self._stops and len(self._joiner):
                    self._poll(POLL_S)
                    self._hooks.show(self.progress(()))
            finally:
                self._joiner.stop()
        self._sweep()
        if self._failure is not None:
            raise self._failure
        return not self._stops

    def progress(self, sources: Sequence[SourceReport]) -> Progress:
        """Say how far it is.

        Args:
            sources: the segments of the running run.
        """
        partly = sum(self._partly(source) for source in sources)
        now = self._seconds_now + partly
        return Progress(
            files=len(self._rows),
            files_done=len(self._files_over),
            failed=len(self._failed),
            segments=self._segments,
            segments_done=self._segments_done,
            seconds=self._seconds,
            seconds_done=self._seconds_before + now,
            seconds_now=now,
            elapsed_s=time.monotonic() - self._started_s,
        )

    def _begin(self, paths: Sequence[MediaPlace]) -> None:
        """Add up what is there, and throw away what a killed command has left."""
        wanted = set(paths)
        self._rows = {row.id: row for row in self._manifest.files() if row.path in wanted}
        self._files_over = {id_ for id_, row in self._rows.items() if row.state != "waiting"}
        self._failed = {id_ for id_, row in self._rows.items() if row.state == "failed"}
        self._take_back_lost()
        segments = [s for id_ in self._rows for s in self._manifest.segments(id_)]
        done = [segment for segment in segments if segment.state == "done"]
        self._segments, self._segments_done = len(segments), len(done)
        self._seconds = sum(segment.seconds for segment in segments)
        self._seconds_before = sum(segment.seconds for segment in done)
        self._seconds_now = 0.0
        self._started_s = time.monotonic()
        self._sweep()

    def _take_back_lost(self) -> None:
        """Have segments detected again whose files of detections are needed and gone."""
        there = {path.stem for path in self._folder.segments.glob(f"*{SUFFIX}")}
        needed = (id_ for id_, row in self._rows.items() if row.state == "waiting")
        segments = (s for id_ in needed for s in self._manifest.segments(id_))
        lost = [s for s in segments if s.state == "done" and s.name not in there]
        with self._manifest.transaction():
            for segment in lost:
                self._manifest.segment_lost(segment)

    def _sweep(self) -> None:
        """Remove detections that the manifest does not count: of killed and of refused segments."""
        done = self._manifest.done_names()
        for path in self._folder.segments.glob(f"*{SUFFIX}"):
            if path.stem not in done:
                path.unlink()

    def _next_wave(self) -> _Wave | None:
        waiting = [s for s in self._manifest.waiting() if s.file in self._rows]
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
        supervisor.on_progress = lambda snapshot: self._look(wave, snapshot)
        self._supervisor = supervisor
        try:
            report = supervisor.run()
        finally:
            self._supervisor = None
        self._end_wave(wave, report)

    def _item(self, segment: SegmentRow) -> SourceItem:
        options = self._request.parts.options.model_dump()
        own = SegmentOptions(**options, begin=segment.cut.begin, end=segment.cut.end)
        return SourceItem(segment.name, str(self._rows[segment.file].path), own)

    def _stored_hw(self, wave: _Wave) -> Mapping[str, tuple[int, int]]:
        """How large the slots for images must be; which input an image gets, it decides itself."""
        return {name: self._rows[segment.file].hw or (1, 1) for name, segment in wave.open.items()}

    def _look(self, wave: _Wave, snapshot: Snapshot) -> None:
        """Do what a change of the metrics asks for; an error of our own is no segment's fault."""
        try:
            self._tick(wave, snapshot)
        except EngineError as exc:
            self._failure = exc
            self._stop()
        running = [source for source in snapshot.sources if source.source_id in wave.open]
        self._hooks.show(self.progress(running))

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
                if self._file_of(source.source_id).exists():
                    wave.seen[source.source_id] = snapshot.sources
            elif before is not snapshot.sources:
                self._settle(wave, source)
        self._poll(0.0)

    def _end_wave(self, wave: _Wave, report: Report) -> None:
        for source in report.sources:
            if source.source_id in wave.open and self._file_of(source.source_id).exists():
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
        if not under_way or str(self._folder.own) in failure:
            raise EngineError(failure)
        for segment in under_way:
            with self._manifest.transaction():
                self._manifest.count_attempt(segment)
            if segment.attempts + 1 >= ATTEMPTS and len(under_way) == 1:
                name = self._rows[segment.file].path
                text = f"{name}: {ATTEMPTS} runs ended while it was worked on: {failure}"
                self._fail(segment.file, text)

    def _settle(self, wave: _Wave, source: SourceReport) -> None:
        """Note what came of a segment that has ended."""
        segment = wave.open.pop(source.source_id)
        path = self._file_of(segment.name)
        if source.is_stopped or segment.file in self._files_over:
            path.unlink()
        elif is_store_out(source.error):
            self._failure = EngineError(source.error or "")
            self._stop()
            path.unlink()
        elif is_not_exact(source.error):
            self._make_whole(wave, segment, source.error or "")
        elif source.failure is not None:
            self._fail(segment.file, source.failure)
            path.unlink()
        else:
            self._done(segment, source)

    def _done(self, segment: SegmentRow, source: SourceReport) -> None:
        result = {
            "frames": source.emitted,
            "decoded": source.decoded,
            "damaged": source.damaged,
            "warnings": source.warnings,
        }
        sync_folder(self._folder.segments)
        with self._manifest.transaction():
            self._manifest.segment_done(segment, result)
        self._segments_done += 1
        self._seconds_now += segment.seconds
        self._join_if_ready(segment.file)

    def _make_whole(self, wave: _Wave, segment: SegmentRow, error: str) -> None:
        """Begin a file again in one part; its other segments are thrown away."""
        row = self._rows[segment.file]
        parts = self._manifest.segments(row.id)
        why = error.partition(": ")[2]
        with self._manifest.transaction():
            self._manifest.make_whole(row.id, why, sum(part.seconds for part in parts))
        done = [part for part in parts if part.state == "done"]
        self._segments -= len(parts) - 1
        self._segments_done -= len(done)
        self._seconds_now -= sum(part.seconds for part in done)
        for part in parts:
            wave.open.pop(part.name, None)
            self._file_of(part.name).unlink(missing_ok=True)

    def _fail(self, file: int, error: str) -> None:
        with self._manifest.transaction():
            self._manifest.file_failed(file, error)
        self._files_over.add(file)
        self._failed.add(file)
        self._hooks.failed(self._rows[file], error)
        if self._fails_fast:
            self._stop()

    def _join_if_ready(self, file: int) -> None:
        if file in self._files_over:
            return
        segments = self._manifest.segments(file)
        if not segments or any(segment.state != "done" for segment in segments):
            return
        parts, row = self._request.parts, self._rows[file]
        if not row.identity.is_of(row.path):
            text = f"{row.path}: it has changed while it was read: the next command reads it again"
            self._fail(file, text)
            return
        task = JoinTask(
            archive=self._folder,
            source_id=row.source_id,
            path=row.path,
            segments=tuple(self._file_of(segment.name) for segment in segments),
            nodes=parts.join,
            formats=self._request.formats,
            run_id=self._run_id,
            class_names=class_names(parts.graph),
            options=parts.options,
        )
        self._joiner.submit(file, task)

    def _poll(self, wait_s: float) -> None:
        for joined in self._joiner.poll(wait_s):
            if joined.result is None:
                error = joined.error or "it could not be joined"
                if str(self._folder.own) in error:
                    self._failure = EngineError(error)
                    self._stop()
                    return
                self._fail(joined.file, error)
                continue
            with self._manifest.transaction():
                self._manifest.file_done(joined.file, joined.result, self._join_digest)
            self._files_over.add(joined.file)

    def _partly(self, source: SourceReport) -> float:
        """Seconds of video of a running segment that are done."""
        rate = self._rows[int(source.source_id.partition("-")[0])].rate
        return 0.0 if rate is None else source.published / rate

    def _stop(self) -> None:
        self._stops += 1
        if self._supervisor is not None:
            self._supervisor.stop()

    def _file_of(self, name: str) -> Path:
        return self._folder.segments / f"{name}{SUFFIX}"
