"""Which files `run` says that it has written."""

from __future__ import annotations

from pathlib import Path

from streamdet.commands.output_files import OutputFiles
from streamdet.graph import load_graph


def test_a_folder_that_a_sink_adds_to_is_told_once_something_has_come_to_it(tmp_path: Path) -> None:
    folder = tmp_path / "yard.records"
    folder.mkdir()
    (folder / "2026-01-01.sqlite").write_bytes(b"of an earlier run")
    outputs = OutputFiles.of(load_graph("people", outputs=[str(folder)]))
    assert outputs.written() == []
    (folder / "2026-01-02.sqlite").write_bytes(b"of this run")
    assert outputs.written() == [folder]
