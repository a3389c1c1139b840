"""Hands out the segments that wait, in waves, and takes back what came of them.

Whoever detects takes a wave, settles each of its segments when that has ended, and says at last how
the wave has ended: the pipeline of this machine (local_pipeline.py), or those of the nodes of a
cluster (cluster/). After a run that failed, each segment that was under way is handed out alone, so
that the one to blame is found.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Final, Protocol

from streamdet.archive.folder import ArchiveFolder
from streamdet.archive.manifest import Manifest
from streamdet.archive.manifest_rows import SegmentRow
from streamdet.archive.outcomes import Outcomes
from streamdet.archive.planning import Request
from streamdet.archive.progress import Hooks
from streamdet.archive.segment_run import ATTEMPTS
from streamdet.archive.standing import Standing
from streamdet.archive.store_copy import StoreCopy
from streamdet.errors import EngineError
from streamdet.run.report import SourceReport
from streamdet.sinks.segments import SUFFIX
from streamdet.sources.file import SegmentOptions
from streamdet.sources.resolve import SourceItem

WAVE: Final = 1000
"""Segments of one run, at most: models are loaded once for hours of video."""


@dataclass(slots=True)
class Wave:
    """Segments that are worked on in one run.

    Attributes:
        open: those that are not settled yet, by name.
        items: the segments, as a pipeline reads them.
        stored_hw: segment -> how large the slots for its images must be; which input an image gets,
            it decides itself.
        under_way: names of those of which frames have come.
    """

    open: dict[str, SegmentRow]
    items: tuple[SourceItem, ...]
    stored_hw: Mapping[str, tuple[int, int]]
    under_way: set[str] = field(default_factory=set)


class Pipelines(Protocol):
    """Who detects."""

    def work(self, waves: Waves) -> None:
        """Take waves until no segment waits any more, or the work is stopped.

        Raises:
            StreamdetError: it cannot be done.
        """
        ...


class Waves:
    """The segments of an archive that are not done.

    Args:
        manifest: of the archive, planned.
        folder: of the archive, held by this process.
        request: what is asked for.
        standing: counts what is done.
        hooks: who is told.
        copy: what lies in the archive's store, if it has one.

    Attributes:
        request: the same.
        folder: the same.
        standing: the same.
        hooks: the same.
        outcomes: of segments and files.
        failure: why the work ends before its end, if it does.
        on_stop: called when the work is to stop; may be replaced.
    """

    def __init__(
        self,
        manifest: Manifest,
        folder: ArchiveFolder,
        request: Request,
        standing: Standing,
        hooks: Hooks,
        copy: StoreCopy | None,
    ) -> None:
        self._manifest = manifest
        self._copy = copy
        self.folder = folder
        self.request = request
        self.standing = standing
        self.hooks = hooks
        self.outcomes = Outcomes(manifest, folder, request, hooks, standing, self._on_failure)
        self.failure: EngineError | None = None
        self.on_stop: Callable[[], None] = lambda: None
        self._out: list[Wave] = []
        self._said: set[str] = set()
        self._stops = 0

    @property
    def is_stopped(self) -> bool:
        """Whether the work is to stop."""
        return self._stops > 0

    @property
    def is_over(self) -> bool:
        """Whether nothing waits and nobody works."""
        return not self._out and not self._waiting()

    def stop(self) -> None:
        """Have the work stop."""
        self._stops += 1
        self.on_stop()

    def take(self, share: float = 1.0, least: int = 1) -> Wave | None:
        """Hand out segments; a suspect alone.

        Args:
            share: which part of those that wait.
            least: but not fewer than so many.

        Returns:
            None where none waits, or the work is stopped.
        """
        self.sweep()
        waiting = [] if self.is_stopped else self._waiting()
        suspects = [segment for segment in waiting if segment.attempts]
        count = min(WAVE, max(least, math.ceil(share * len(waiting))))
        chosen = suspects[:1] or waiting[:count]
        if not chosen:
            return None
        rows = self.standing.rows
        wave = Wave(
            open={segment.name: segment for segment in chosen},
            items=tuple(map(self._item, chosen)),
            stored_hw={segment.name: rows[segment.file].hw or (1, 1) for segment in chosen},
        )
        self._out.append(wave)
        return wave

    def settle(self, wave: Wave, source: SourceReport) -> None:
        """Note what came of a segment; its file of detections lies in the archive's folder."""
        segment = wave.open.pop(source.source_id, None)
        if segment is None:  # its file has been begun again as a whole meanwhile
            return
        with self._watched():
            for part in self.outcomes.settle(segment, source):
                for other in self._out:
                    other.open.pop(part.name, None)

    def hand_back(self, wave: Wave) -> None:
        """Have what is open of a wave wait again: its run has ended, and nobody is to blame."""
        self._out.remove(wave)

    def failed(self, wave: Wave, failure: str) -> None:
        """Hand a wave back, and count its failed run against the segments that were under way.

        Raises:
            EngineError: there are none, or outputs cannot be written: it is no segment's fault.
        """
        self.hand_back(wave)
        under_way = [wave.open[name] for name in wave.under_way if name in wave.open]
        if not under_way or self.folder.is_to_blame(failure):
            raise EngineError(failure)
        for segment in under_way:
            with self._manifest.transaction():
                self._manifest.count_attempt(segment)
            if segment.attempts + 1 >= ATTEMPTS and len(under_way) == 1:
                name = self.standing.rows[segment.file].path
                text = f"{name}: {ATTEMPTS} runs ended while it was worked on: {failure}"
                self.outcomes.fail(segment.file, text)

    def look(self, running: Sequence[SourceReport]) -> None:
        """Join what can be joined, and show how far all is; call it about ten times a second.

        Args:
            running: the segments that are worked on.
        """
        with self._watched():
            self.outcomes.poll(0.0)
            if self._copy is not None and self._copy.failure is not None:
                raise self._copy.failure
        self.hooks.show(self.standing.progress(running))

    def note(self, note: str) -> None:
        """Tell what was chosen for a run, once for all runs."""
        if note not in self._said:
            self._said.add(note)
            self.hooks.note(note)

    def sweep(self) -> None:
        """Remove detections that the manifest does not count: of killed and of refused segments."""
        done = self._manifest.done_names()
        for path in self.folder.segments.glob(f"*{SUFFIX}"):
            if path.stem not in done:
                path.unlink()

    def _waiting(self) -> list[SegmentRow]:
        """List what waits and has not been handed out."""
        out = {name for wave in self._out for name in wave.open}
        rows = self.standing.rows
        return [s for s in self._manifest.waiting() if s.file in rows and s.name not in out]

    def _item(self, segment: SegmentRow) -> SourceItem:
        options = self.request.parts.options.model_dump()
        own = SegmentOptions(
            **options,
            begin=segment.cut.begin,
            end=segment.cut.end,
            detect_every=self.request.detect_every,
        )
        return SourceItem(segment.name, str(self.standing.rows[segment.file].path), own)

    @contextmanager
    def _watched(self) -> Iterator[None]:
        """Stop all if outputs cannot be written: an error of our own is no segment's fault."""
        try:
            yield
        except EngineError as exc:
            self._on_failure(exc)

    def _on_failure(self, failure: EngineError | None) -> None:
        """Stop because of an error of the archive, or of a file if one is enough."""
        self.failure = self.failure or failure
        if failure is not None or self.request.fails_fast:
            self.stop()
