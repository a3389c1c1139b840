"""Recorded files: whole or not there; only our own are removed."""

from __future__ import annotations

import os
import time
from pathlib import Path

import pytest

from streamdet.errors import ConfigError
from streamdet.sinks.recorded_files import INDEX, RecordedFiles


def write(files: RecordedFiles, name: str, size: int = 100) -> None:
    def fill(path: Path) -> None:
        path.write_bytes(b"x" * size)

    files.write(name, fill)


def age(path: Path, days: float) -> None:
    then_s = time.time() - days * 86_400
    os.utime(path, (then_s, then_s))


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.rglob("*") if path.is_file())


def test_the_oldest_are_removed_when_they_are_too_large_together(tmp_path: Path) -> None:
    files = RecordedFiles(tmp_path, None, 250)
    (tmp_path / "mine.mp4").write_bytes(b"x" * 1000)
    for number, name in enumerate(("c/1.mp4", "b/2.mp4", "a/3.mp4")):
        write(files, name)
        age(tmp_path / name, 3 - number)
    files.clean()
    assert names(tmp_path) == [INDEX, "2.mp4", "3.mp4", "mine.mp4"]


def test_one_that_was_just_written_stays_whatever_its_size(tmp_path: Path) -> None:
    files = RecordedFiles(tmp_path, None, 250)
    write(files, "1.mp4")
    age(tmp_path / "1.mp4", 1)
    write(files, "2.mp4", 1000)
    assert names(tmp_path) == [INDEX, "2.mp4"]


def test_those_that_are_too_old_are_removed_and_nobody_else_s(tmp_path: Path) -> None:
    files = RecordedFiles(tmp_path, 1, None)
    for name in ("old.mp4", "new.mp4"):
        write(files, name)
    (tmp_path / "mine.mp4").touch()
    age(tmp_path / "old.mp4", 1.1)
    age(tmp_path / "mine.mp4", 9)
    age(tmp_path / "new.mp4", 0.9)
    files.clean()
    assert names(tmp_path) == [INDEX, "mine.mp4", "new.mp4"]
    assert (tmp_path / INDEX).read_text() == "new.mp4\n"


@pytest.mark.parametrize("name", ["../outside.mp4", "/outside.mp4"])
def test_a_list_that_somebody_has_changed_leads_nowhere_else(tmp_path: Path, name: str) -> None:
    folder, outside = tmp_path / "folder", tmp_path / "outside.mp4"
    files = RecordedFiles(folder, 1, None)
    folder.mkdir()
    outside.touch()
    age(outside, 9)
    place = str(outside) if name.startswith("/") else name
    (folder / INDEX).write_text(f"{place}\n")
    files.clean()
    assert outside.exists()


def test_what_fails_leaves_no_file(tmp_path: Path) -> None:
    def fail(path: Path) -> None:
        path.write_bytes(b"half")
        raise OSError(28, "No space left on device")

    with pytest.raises(OSError, match="No space left"):
        RecordedFiles(tmp_path, None, None).write("1.mp4", fail)
    assert names(tmp_path) == []


def test_opening_removes_what_a_killed_writer_left_but_not_what_is_being_written(
    tmp_path: Path,
) -> None:
    files = RecordedFiles(tmp_path, None, None)
    (tmp_path / ".1.mp4.0.part").touch()

    def open_meanwhile(path: Path) -> None:
        path.touch()
        files.open()
        assert names(tmp_path) == [path.name]

    files.write("2.mp4", open_meanwhile)
    assert names(tmp_path) == [INDEX, "2.mp4"]


def test_a_folder_that_is_a_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "taken").touch()
    with pytest.raises(ConfigError, match=r"^cannot record into .*taken: it is no folder$"):
        RecordedFiles(tmp_path / "taken", None, None).open()
