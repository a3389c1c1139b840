"""The arguments of `streamdet label`."""

from __future__ import annotations

from pathlib import Path

import pytest

from streamdet.cli import main


def test_its_help_says_when_labels_are_written(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["label", "--help"]) == 0
    said = " ".join(capsys.readouterr().out.split())
    assert "a SIGKILL leaves its images without labels." in said


def test_a_camera_has_no_end_to_label(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    assert main(["label", "rtsp://u:hunter2@cam/x", "--output", str(tmp_path / "out")]) == 2
    said = capsys.readouterr().err
    assert said.startswith("error: rtsp://u:***@cam/x: label reads what ends, not a live source")
