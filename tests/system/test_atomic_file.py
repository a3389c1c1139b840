"""Files are whole or not there."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from streamdet.errors import ConfigError, EngineError
from streamdet.system.atomic_file import checked_output, write_whole, written_whole


def test_a_file_takes_its_place_when_all_of_it_is_written(tmp_path: Path) -> None:
    path = tmp_path / "new" / "file.txt"
    with written_whole(path) as file:
        file.write(b"all")
        assert not path.exists()
    assert path.read_text() == "all"
    assert [*path.parent.iterdir()] == [path]


def test_a_write_that_breaks_off_leaves_what_was_there(tmp_path: Path) -> None:
    path = tmp_path / "file.txt"
    path.write_text("before")
    with pytest.raises(KeyboardInterrupt), written_whole(path) as file:
        file.write(b"half")
        raise KeyboardInterrupt
    assert path.read_text() == "before"
    assert [*tmp_path.iterdir()] == [path]


def test_a_link_stays_and_what_it_leads_to_is_replaced(tmp_path: Path) -> None:
    target, link = tmp_path / "file.txt", tmp_path / "link.txt"
    target.write_text("before")
    link.symlink_to(target)
    with written_whole(link) as file:
        file.write(b"all")
    assert link.is_symlink()
    assert target.read_text() == "all"


def test_what_is_no_plain_file_is_written_itself() -> None:
    read, write = os.pipe()
    with os.fdopen(read, "rb") as reader:
        with written_whole(Path(f"/dev/fd/{write}")) as file:
            os.close(write)
            file.write(b"all")
        assert reader.read() == b"all"


def test_a_file_whose_folder_takes_no_other_is_written_itself(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "file.txt"
    path.write_text("before")
    number = path.stat().st_ino
    monkeypatch.setattr(os, "access", lambda path, mode: path != tmp_path)
    write_whole(path, b"all")
    assert (path.read_text(), path.stat().st_ino) == ("all", number)


def test_a_full_disk_is_told_with_the_file() -> None:
    with pytest.raises(EngineError, match=r"^/dev/full cannot be written: No space left on device"):
        write_whole(Path("/dev/full"), b"all")


def test_a_place_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    (tmp_path / "taken").touch()
    with (
        pytest.raises(EngineError, match=r"taken/file\.txt cannot be written: "),
        written_whole(tmp_path / "taken" / "file.txt"),
    ):
        pass


@pytest.mark.parametrize("text", ["s3://bucket/x.csv", "gs:/bucket/x", "https://host/x"])
def test_an_address_is_no_output(text: str) -> None:
    for path in (text, Path(text)):
        with pytest.raises(ConfigError, match="that is an address, wanted a path on the disk"):
            checked_output(path)


def test_a_folder_may_have_a_colon_in_its_name(tmp_path: Path) -> None:
    assert checked_output(tmp_path / "12:30/x.csv") == tmp_path / "12:30/x.csv"
    assert checked_output("a:/x.csv") == Path("a:/x.csv")
