"""Does what the manifest says is left: has segments detected, and files joined."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Final

from streamdet.archive.folder import ArchiveFolder
from streamdet.archive.manifest import Manifest
from streamdet.archive.manifest_rows import FileRow
from streamdet.archive.planning import Request
from streamdet.archive.progress import Hooks
from streamdet.archive.standing import Standing
from streamdet.archive.store_copy import StoreCopy
from streamdet.archive.waves import Pipelines, Waves
from streamdet.sinks.segments import SUFFIX
from streamdet.sources.media_file import MediaPlace
from streamdet.system.process import stop_signals_to

POLL_S: Final = 0.1


class ArchiveWork:
    """Works through an archive.

    Args:
        manifest: of the archive, planned.
        folder: of the archive, held by this process.
        request: what is asked for.
        pipelines: who detects.
        hooks: who is told.
        copy: what lies in the archive's store, if it has one.
    """

    def __init__(
        self,
        manifest: Manifest,
        folder: ArchiveFolder,
        request: Request,
        pipelines: Pipelines,
        hooks: Hooks,
        copy: StoreCopy | None = None,
    ) -> None:
        self._manifest = manifest
        self._folder = folder
        self._request = request
        self._pipelines = pipelines
        self._hooks = hooks
        self._copy = copy

    def run(self, paths: Sequence[MediaPlace]) -> bool:
        """Work until nothing is left of these files.

        Returns:
            Whether nothing is left; False where it was stopped before.

        Raises:
            StreamdetError: a run cannot be started, or outputs cannot be written.
        """
        waves = self._begun(paths)
        with stop_signals_to(lambda *_: waves.stop()):
            try:
                for row in self.standing.rows.values():
                    waves.outcomes.join_if_ready(row.id)
                self._pipelines.work(waves)
                while not waves.is_stopped and waves.outcomes.joins_left:
                    waves.outcomes.poll(POLL_S)
                    self._hooks.show(self.standing.progress(()))
            finally:
                waves.outcomes.stop()
        waves.sweep()
        if waves.failure is not None:
            raise waves.failure
        return not waves.is_stopped

    def _begun(self, paths: Sequence[MediaPlace]) -> Waves:
        """Add up what is there, and throw away what a killed command has left."""
        wanted = set(paths)
        self._take_back_lost(row for row in self._manifest.files() if row.path in wanted)
        self.standing = Standing(self._manifest, paths)
        waves = Waves(
            self._manifest, self._folder, self._request, self.standing, self._hooks, self._copy
        )
        waves.sweep()
        return waves

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
