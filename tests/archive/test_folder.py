"""What lies in an archive's folder survives a power cut: names are on the disk as well as files."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest

from streamdet.archive.folder import ArchiveFolder, archive_folder
from streamdet.stores.address import StoreAddress


@pytest.fixture
def calls(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, str]]:
    """The calls that matter to a disk, in order: what was done, and to which file."""
    made: list[tuple[str, str]] = []
    fsync, replace = os.fsync, os.replace

    def note_fsync(descriptor: int) -> None:
        made.append(("fsync", str(Path(f"/proc/self/fd/{descriptor}").readlink())))
        fsync(descriptor)

    def note_replace(source: Any, target: Any, **more: Any) -> None:
        made.append(("replace", str(target)))
        replace(source, target, **more)

    monkeypatch.setattr(os, "fsync", note_fsync)
    monkeypatch.setattr(os, "replace", note_replace)
    return made


def test_an_output_is_on_the_disk_before_its_name_and_its_name_after_that(
    tmp_path: Path, calls: list[tuple[str, str]]
) -> None:
    folder = ArchiveFolder(tmp_path / "out")
    folder.make()
    part = folder.temporary / "a.jsonl"
    part.write_text("line\n")
    calls.clear()
    folder.place(part)
    output = str(folder.path / "a.jsonl")
    assert calls == [("fsync", str(part)), ("replace", output), ("fsync", str(folder.path))]


def test_new_folders_are_on_the_disk(tmp_path: Path, calls: list[tuple[str, str]]) -> None:
    folder = ArchiveFolder(tmp_path / "out")
    folder.make()
    synced = {path for what, path in calls if what == "fsync"}
    assert synced >= {str(folder.own), str(folder.path), str(tmp_path)}


def test_an_address_is_worked_at_in_the_cache(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    folder = archive_folder("s3://bucket/results/")
    assert folder.store == StoreAddress("s3", "bucket/results")
    assert folder.path.is_relative_to(tmp_path)
    assert folder.shown("files.csv") == "s3://bucket/results/files.csv"
    assert archive_folder(str(tmp_path)).shown() == str(tmp_path)


def test_an_error_of_a_source_in_the_same_bucket_is_the_source_s(tmp_path: Path) -> None:
    folder = ArchiveFolder(tmp_path, StoreAddress("s3", "bucket"))
    assert folder.is_to_blame("s3://bucket/a.jsonl: cannot be written (access is denied)")
    assert not folder.is_to_blame("s3://bucket/in/a.mp4: cannot be read (access is denied)")
