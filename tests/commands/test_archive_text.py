"""What `streamdet archive` says at its end tells how to go on."""

from __future__ import annotations

from pathlib import Path

import pytest

from streamdet.archive.folder import ArchiveFolder
from streamdet.archive.listing import Identity
from streamdet.archive.manifest_rows import FileRow, State
from streamdet.archive.progress import Progress
from streamdet.archive.report import FileReport
from streamdet.commands.archive_text import report_lines

RESULT = {"frames": 1, "dropped": 0, "objects": 1, "tracks": 1}


@pytest.mark.parametrize(("state", "is_told"), [("waiting", True), ("done", False)])
def test_who_has_stopped_an_archive_is_told_how_to_go_on(state: State, is_told: bool) -> None:
    row = FileRow(
        1, Path("a.mp4"), "a", Identity(1, 1), None, 2.0, None, "", state, None, RESULT, None
    )
    report = FileReport(row, was_done=False, segments=1, damaged=0, warnings=())
    lines = report_lines(
        [report], Progress(1, 0, 0, 1, 0, 2.0, 0.0, 0.0, 1.0), ArchiveFolder(Path("out"))
    )
    assert any("the same command goes on" in line for line in lines) == is_told
