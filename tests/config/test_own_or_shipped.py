"""A user's own files come before shipped ones, and only files do."""

from __future__ import annotations

from pathlib import Path

import pytest

from streamdet.config.files import find_own_or_shipped, shipped


def test_a_folder_does_not_hide_the_shipped_file_of_its_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "people").mkdir()  # the result of a training, say
    monkeypatch.chdir(tmp_path)
    found = find_own_or_shipped(Path("people"), "pipelines", "graph")
    assert found == shipped("pipelines") / "people.yaml"
