"""What waits in an archive of one file, cut into four segments."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from streamdet.archive.detection_graph import split
from streamdet.archive.folder import ArchiveFolder
from streamdet.archive.listing import Identity
from streamdet.archive.manifest import Manifest
from streamdet.archive.planning import Request
from streamdet.archive.progress import Hooks
from streamdet.archive.standing import Standing
from streamdet.archive.waves import Waves
from streamdet.graph import load_graph
from streamdet.run.report import SourceReport
from streamdet.sources.cut import Cut
from streamdet.sources.keyframes import VideoFacts


@pytest.fixture
def waves(tmp_path: Path) -> Iterator[Waves]:
    """Those of a file of four segments: 1-0, 1-1, 1-2, 1-3."""
    clip = tmp_path / "clip.mp4"
    clip.touch()
    graph = load_graph("people", sources=[str(clip)], overrides=["detect.model=hog_people"])
    request = Request(split(graph), ("jsonl",), 60.0)
    folder = ArchiveFolder(tmp_path / "out")
    folder.make()
    with Manifest(folder.manifest) as manifest:
        file = manifest.put_file(clip, "clip", Identity.of(clip), VideoFacts(None, None, None))
        manifest.put_segments(file, [(Cut(n, n + 1), 1.0) for n in range(4)])
        yield Waves(manifest, folder, request, Standing(manifest, [clip]), Hooks(), None)


def ended(name: str, error: str | None = None) -> SourceReport:
    return SourceReport(
        name, "", decoded=9, sampled_away=0, emitted=9, dropped={}, published=9, unfinished=0,
        damaged=0, error=error, warnings=(),
    )  # fmt: skip
