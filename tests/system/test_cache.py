"""What is kept goes to the user's cache, or to a private temporary folder."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

import pytest

from streamdet.system.cache import cache_places, cache_warning


@pytest.fixture(autouse=True)
def temporary(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.delenv("XDG_CACHE_HOME", raising=False)
    (tmp_path / "tmp").mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "tmp"))
    return tmp_path / "tmp" / f"streamdet-{os.getuid()}-cache"


def test_xdg_cache_home_comes_before_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "home").mkdir()
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    assert cache_places() == [tmp_path / "home" / ".cache" / "streamdet"]
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "xdg"))
    assert cache_places() == [tmp_path / "xdg" / "streamdet"]
    assert cache_warning() == ""


def test_a_home_that_cannot_be_written_to_is_read_before_the_temporary_one(
    tmp_path: Path, temporary: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "home").mkdir()
    (tmp_path / "home" / ".cache").write_text("a file")
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    home = tmp_path / "home" / ".cache" / "streamdet"
    assert cache_places() == [home, temporary]
    assert cache_warning() == (
        f"{home} cannot be written to: what is measured or built is kept in {temporary};"
        " set XDG_CACHE_HOME"
    )
    assert temporary.stat().st_mode & 0o777 == 0o700


def test_a_temporary_folder_of_somebody_else_is_not_trusted(
    tmp_path: Path, temporary: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "home").mkdir()
    (tmp_path / "home" / ".cache").write_text("a file")
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    temporary.symlink_to(tmp_path)
    assert cache_places() == [tmp_path / "home" / ".cache" / "streamdet"]
    assert "nowhere" in cache_warning()


def test_a_home_that_is_a_name_only_is_none(
    tmp_path: Path, temporary: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path / "nonexistent"))
    assert cache_places() == [temporary]
    assert cache_warning().startswith("there is no home folder: ")
