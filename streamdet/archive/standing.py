"""How far a command is with the files of an archive, added up as it goes."""

from __future__ import annotations

import time
from collections.abc import Sequence

from streamdet.archive.manifest import Manifest
from streamdet.archive.manifest_rows import FileRow, SegmentRow
from streamdet.archive.progress import Progress
from streamdet.run.report import SourceReport
from streamdet.sources.media_file import MediaPlace


class Standing:
    """Counts files, segments and seconds of video.

    Args:
        manifest: of the archive, planned.
        paths: the files of the command.

    Attributes:
        rows: the files by number, as they were when the command began.
        over: numbers of those that are done or have failed.
    """

    def __init__(self, manifest: Manifest, paths: Sequence[MediaPlace]) -> None:
        wanted = set(paths)
        self.rows: dict[int, FileRow] = {
            row.id: row for row in manifest.files() if row.path in wanted
        }
        self.over = {id_ for id_, row in self.rows.items() if row.state != "waiting"}
        self._failed = {id_ for id_, row in self.rows.items() if row.state == "failed"}
        segments = [s for id_ in self.rows for s in manifest.segments(id_)]
        done = [segment for segment in segments if segment.state == "done"]
        self._segments, self._segments_done = len(segments), len(done)
        self._seconds = sum(segment.seconds for segment in segments)
        self._seconds_before = sum(segment.seconds for segment in done)
        self._seconds_now = 0.0
        self._started_s = time.monotonic()

    def segment_done(self, segment: SegmentRow) -> None:
        """Count a segment that is done now."""
        self._segments_done += 1
        self._seconds_now += segment.seconds

    def made_whole(self, parts: Sequence[SegmentRow]) -> None:
        """Take the parts of a file back that is begun again as one."""
        done = [part for part in parts if part.state == "done"]
        self._segments -= len(parts) - 1
        self._segments_done -= len(done)
        self._seconds_now -= sum(part.seconds for part in done)

    def file_done(self, file: int) -> None:
        """Count a file that is done."""
        self.over.add(file)

    def file_failed(self, file: int) -> None:
        """Count a file that has failed."""
        self.over.add(file)
        self._failed.add(file)

    def progress(self, sources: Sequence[SourceReport]) -> Progress:
        """Say how far it is.

        Args:
            sources: the segments of the running run.
        """
        now = self._seconds_now + sum(self._partly(source) for source in sources)
        return Progress(
            files=len(self.rows),
            files_done=len(self.over),
            failed=len(self._failed),
            segments=self._segments,
            segments_done=self._segments_done,
            seconds=self._seconds,
            seconds_done=self._seconds_before + now,
            seconds_now=now,
            elapsed_s=time.monotonic() - self._started_s,
        )

    def _partly(self, source: SourceReport) -> float:
        """Seconds of video of a running segment that are done."""
        rate = self.rows[int(source.source_id.partition("-")[0])].rate
        return 0.0 if rate is None else source.published / rate
