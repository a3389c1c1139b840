"""Notes what became of segments and files, and has files joined when their segments are done.

Who has detected a segment does not matter here, nor where: its file of detections lies in the
archive's folder, whole, and a report says how it went.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

from streamdet.archive.digests import join_digest
from streamdet.archive.folder import ArchiveFolder
from streamdet.archive.join import JoinTask
from streamdet.archive.joiner import Joined, Joiner
from streamdet.archive.manifest import Manifest
from streamdet.archive.manifest_rows import SegmentRow
from streamdet.archive.planning import Request
from streamdet.archive.progress import Hooks
from streamdet.archive.standing import Standing
from streamdet.errors import EngineError
from streamdet.run.report import SourceReport
from streamdet.sinks.segments import SUFFIX
from streamdet.sources.cut import is_not_exact
from streamdet.stores.store import is_store_out
from streamdet.system.atomic_file import sync_folder
from streamdet.worker.plan import class_names


class Outcomes:
    """Settles segments and files.

    Args:
        manifest: of the archive, planned.
        folder: of the archive, held by this process.
        request: what is asked for.
        hooks: who is told of a failed file.
        standing: counts what is done.
        on_failure: called with an error after which nothing can go on, for which no file is to
            blame; and without one after a failed file.
    """

    def __init__(
        self,
        manifest: Manifest,
        folder: ArchiveFolder,
        request: Request,
        hooks: Hooks,
        standing: Standing,
        on_failure: Callable[[EngineError | None], None],
    ) -> None:
        self._manifest = manifest
        self._folder = folder
        self._request = request
        self._hooks = hooks
        self._standing = standing
        self._on_failure = on_failure
        self._joiner = Joiner(folder)
        self._join_digest = join_digest(request.parts)
        self._run_id = manifest.meta("archive_id", "")

    @property
    def joins_left(self) -> int:
        """How many files are being joined, or wait for it."""
        return len(self._joiner)

    def stop(self) -> None:
        """End the joins that are running: the next command makes them again."""
        self._joiner.stop()

    def settle(self, segment: SegmentRow, source: SourceReport) -> Sequence[SegmentRow]:
        """Note what came of a segment that has ended.

        Returns:
            The file's segments where none of them is wanted any more, since it is read as a whole.
        """
        path = self.detections(segment.name)
        if source.is_stopped or segment.file in self._standing.over:
            path.unlink()
        elif is_store_out(source.error):
            path.unlink()
            self._on_failure(EngineError(source.error or ""))
        elif is_not_exact(source.error):
            return self._make_whole(segment, source.error or "")
        elif source.failure is not None:
            self.fail(segment.file, source.failure)
            path.unlink()
        else:
            self._done(segment, source)
        return ()

    def fail(self, file: int, error: str) -> None:
        """Note a file as failed."""
        with self._manifest.transaction():
            self._manifest.file_failed(file, error)
        self._standing.file_failed(file)
        self._hooks.failed(self._standing.rows[file], error)
        self._on_failure(None)

    def join_if_ready(self, file: int) -> None:
        """Have a file joined if all of its segments are done.

        Raises:
            EngineError: the store that it lies in cannot be used.
        """
        if file in self._standing.over:
            return
        segments = self._manifest.segments(file)
        if not segments or any(segment.state != "done" for segment in segments):
            return
        parts, row = self._request.parts, self._standing.rows[file]
        if not row.identity.is_of(row.path):
            text = f"{row.path}: it has changed while it was read: the next command reads it again"
            self.fail(file, text)
            return
        task = JoinTask(
            archive=self._folder,
            source_id=row.source_id,
            path=row.path,
            segments=tuple(self.detections(segment.name) for segment in segments),
            nodes=parts.join,
            formats=self._request.formats,
            run_id=self._run_id,
            class_names=class_names(parts.graph),
            options=parts.options,
        )
        self._joiner.submit(file, task)

    def poll(self, wait_s: float) -> None:
        """Start joins, and note those that have ended."""
        for joined in self._joiner.poll(wait_s):
            self._joined(joined)

    def detections(self, name: str) -> Path:
        """The file of detections of a segment."""
        return self._folder.segments / f"{name}{SUFFIX}"

    def _joined(self, joined: Joined) -> None:
        if joined.result is not None:
            with self._manifest.transaction():
                self._manifest.file_done(joined.file, joined.result, self._join_digest)
            self._standing.file_done(joined.file)
            return
        error = joined.error or "it could not be joined"
        if self._folder.is_to_blame(error) or is_store_out(error):
            self._on_failure(EngineError(error))
        else:
            self.fail(joined.file, error)

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
        self._standing.segment_done(segment)
        self.join_if_ready(segment.file)

    def _make_whole(self, segment: SegmentRow, error: str) -> Sequence[SegmentRow]:
        """Begin a file again in one part; its other segments are thrown away."""
        row = self._standing.rows[segment.file]
        parts = self._manifest.segments(row.id)
        why = error.partition(": ")[2]
        with self._manifest.transaction():
            self._manifest.make_whole(row.id, why, sum(part.seconds for part in parts))
        self._standing.made_whole(parts)
        for part in parts:
            self.detections(part.name).unlink(missing_ok=True)
        return parts
