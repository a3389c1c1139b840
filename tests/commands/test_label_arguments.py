"""The arguments of `streamdet label`."""

from __future__ import annotations

import pytest

from streamdet.cli import main


def test_its_help_says_when_labels_are_written(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["label", "--help"]) == 0
    said = " ".join(capsys.readouterr().out.split())
    assert "a SIGKILL leaves its images without labels." in said
