"""Brings the manifest up to date: new files, files that have changed, graphs that have changed."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from streamdet.archive.detection_graph import SplitGraph
from streamdet.archive.digests import detect_digest, join_digest
from streamdet.archive.folder import RESERVED, ArchiveFolder
from streamdet.archive.listing import Identity
from streamdet.archive.looking import UNKNOWN, Look, looks_at
from streamdet.archive.manifest import Manifest
from streamdet.archive.manifest_rows import FileRow
from streamdet.errors import ConfigError
from streamdet.sources.cut import Cut
from streamdet.sources.keyframes import VideoFacts, read_facts
from streamdet.sources.media_file import MediaPlace
from streamdet.sources.resolve import name_items
from streamdet.system.atomic_file import file_key

_FILES_AT_ONCE: Final = 200
"""Files of one transaction."""

_GUESSED_S: Final = 1.0
"""What a file counts whose length nobody states."""


@dataclass(frozen=True, slots=True)
class Request:
    """What an archive is asked for.

    Attributes:
        parts: the graph.
        formats: of the outputs.
        segment_s: how long a segment shall be, about.
        is_redo: all is done again.
        retries_failed: files that have failed are tried again.
        fails_fast: the first file that fails ends the work.
        detect_every: of so many frames the first is looked at, the others get their boxes from it.
    """

    parts: SplitGraph
    formats: tuple[str, ...]
    segment_s: float
    is_redo: bool = False
    retries_failed: bool = False
    fails_fast: bool = False
    detect_every: int = 1


@dataclass(slots=True)
class PlanNotes:
    """What planning found that a user should know.

    Attributes:
        new: files that were not in the manifest.
        changed: files that have changed since.
        detected_again: files that are done again because source, detector or model have changed.
        joined_again: files whose outputs are made again from the same detections.
        is_stopped: planning was interrupted.
    """

    new: int = 0
    changed: list[MediaPlace] = field(default_factory=list)
    detected_again: int = 0
    joined_again: int = 0
    is_stopped: bool = False


class Planner:
    """Plans the files of one command.

    Args:
        manifest: of the archive.
        folder: of the archive.
        request: what is asked for.
        is_stopped: asked now and then whether to give up.
        on_file: called with the number of files planned so far and of all.
    """

    def __init__(
        self,
        manifest: Manifest,
        folder: ArchiveFolder,
        request: Request,
        is_stopped: Callable[[], bool] = lambda: False,
        on_file: Callable[[int, int], None] = lambda done, total: None,
    ) -> None:
        self._manifest = manifest
        self._folder = folder
        self._request = request
        self._is_stopped = is_stopped
        self._on_file = on_file
        self._notes = PlanNotes()

    def plan(self, paths: Sequence[MediaPlace]) -> PlanNotes:
        """Plan files; what is planned and has not changed is left as it is.

        Raises:
            ConfigError: an output would overwrite a source.
            EngineError: the manifest cannot be written, or a store cannot be used.
        """
        self._there = self._folder.outputs_there()
        self._compare_graph()
        rows = {row.path: row for row in self._manifest.files()}
        names = self._names(paths, rows)
        self._refuse_overwriting(paths, names)
        options, segment_s = self._request.parts.options, self._request.segment_s
        for number, some in enumerate(_batches(paths, _FILES_AT_ONCE)):
            known = {path: self._known(rows.get(path)) for path in some}
            looks = looks_at(some, known.__getitem__, lambda p: read_facts(p, options, segment_s))
            with closing(looks), self._manifest.transaction():
                for done, path in enumerate(some, number * _FILES_AT_ONCE):
                    self._on_file(done, len(paths))
                    if self._is_stopped():
                        self._notes.is_stopped = True
                        return self._notes
                    self._plan_file(path, names[path], rows.get(path), next(looks))
        return self._notes

    def _known(self, row: FileRow | None) -> Identity | None:
        """As what a file need not be read again."""
        if row is None or self._request.is_redo:
            return None
        retries = self._request.retries_failed and row.state == "failed"
        is_unread = retries and not self._manifest.segments(row.id)
        return None if is_unread else row.identity

    def _compare_graph(self) -> None:
        """Have all files detected again if what their detections depend on has changed."""
        manifest = self._manifest
        digest = detect_digest(self._request.parts, self._request.detect_every)
        before = manifest.meta("detect_digest", digest)
        if before != digest:
            with manifest.transaction():
                for row in manifest.files():
                    manifest.reset_file(row.id, is_detected_again=True)
                    self._notes.detected_again += 1
                manifest.set_meta("detect_digest", digest)

    def _names(
        self, paths: Sequence[MediaPlace], rows: dict[MediaPlace, FileRow]
    ) -> dict[MediaPlace, str]:
        new = [path for path in paths if path not in rows]
        taken = {*RESERVED, *(row.source_id for row in rows.values())}
        items = name_items([str(path) for path in new], [path.stem for path in new], taken)
        names = {path: item.source_id for path, item in zip(new, items, strict=True)}
        return names | {path: rows[path].source_id for path in paths if path in rows}

    def _refuse_overwriting(
        self, paths: Sequence[MediaPlace], names: dict[MediaPlace, str]
    ) -> None:
        keys = {file_key(path) if isinstance(path, Path) else str(path): path for path in paths}
        for path, form in itertools.product(paths, self._request.formats):
            output = self._folder.output(names[path], form)
            if output.name not in self._there:
                continue
            key = (
                file_key(output) if self._folder.store is None else self._folder.shown(output.name)
            )
            if source := keys.get(key):
                raise ConfigError(
                    f"--output {self._folder.shown()}: {output.name} would overwrite the source"
                    f" {source}: name another folder"
                )

    def _plan_file(self, path: MediaPlace, source_id: str, row: FileRow | None, look: Look) -> None:
        if look.identity is None:
            self._fail(path, source_id, row, look.error)
            return
        if row is None:
            self._notes.new += 1
        elif row.identity != look.identity:
            self._notes.changed.append(path)
        if row is not None and look.facts is None:
            self._keep(row)
            return
        assert look.facts is not None
        number = self._manifest.put_file(path, source_id, look.identity, look.facts)
        if look.error:
            self._manifest.put_segments(number, [])
            self._manifest.file_failed(number, look.error)
            return
        self._manifest.put_segments(number, segments(look.facts))

    def _fail(self, path: MediaPlace, source_id: str, row: FileRow | None, error: str) -> None:
        """Note a file that is not there; what was made of it before stays."""
        if row is None:
            number = self._manifest.put_file(path, source_id, Identity(-1, -1), UNKNOWN)
            self._notes.new += 1
        elif row.state == "done":
            return
        else:
            number = row.id
        self._manifest.file_failed(number, error)

    def _keep(self, row: FileRow) -> None:
        """Leave a file as it is, unless its outputs are to be made again."""
        if self._request.retries_failed and row.state == "failed":
            self._manifest.reset_file(row.id, is_detected_again=False)
        elif row.state == "done" and not self._has_outputs(row):
            self._manifest.reset_file(row.id, is_detected_again=False)
            self._notes.joined_again += 1

    def _has_outputs(self, row: FileRow) -> bool:
        outputs = (self._folder.output(row.source_id, form) for form in self._request.formats)
        is_same = row.join_digest == join_digest(self._request.parts)
        return is_same and all(output.name in self._there for output in outputs)


def segments(facts: VideoFacts) -> Iterator[tuple[Cut, float]]:
    """Cut a file: each part, and about how many seconds it lasts."""
    edges = [None, *facts.cuts, None]
    seconds = facts.seconds or _GUESSED_S
    for begin, end in itertools.pairwise(edges):
        yield Cut(begin, end), seconds / (len(edges) - 1)


def _batches(paths: Sequence[MediaPlace], size: int) -> Iterator[Sequence[MediaPlace]]:
    for begin in range(0, len(paths), size):
        yield paths[begin : begin + size]
